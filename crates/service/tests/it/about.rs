//! Projects described at once: words, persons, switches, repositories.

use model::{About, BlockMode, Flag, FlagKind, PathElement, ProjectName, RebuildMode, RepositoryName};
use service::{WantedProject, WantedRepository};

use crate::kit::{World, arch};

fn repository(text: &str) -> RepositoryName {
    RepositoryName::parse(text).unwrap()
}

#[tokio::test]
async fn the_switch_of_debugging_information_is_a_setting_of_each_target() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let base = world.project(&alice, "base").await;
    let base = world.service.project(base).await.unwrap().name;
    let name = ProjectName::parse("home:alice:debugged").unwrap();
    let flag = |on, only: Option<&str>| Flag { kind: FlagKind::DebugInfo, on, repository: None, arch: only.map(arch) };
    let wanted = WantedProject {
        about: About { flags: vec![flag(true, None), flag(false, Some("i586"))], ..About::default() },
        repositories: vec![WantedRepository {
            name: repository("here"),
            path: vec![PathElement { project: base, repository: repository("debian-12") }],
            arches: vec![arch("x86_64"), arch("i586")],
            rebuild: RebuildMode::Direct,
            block: BlockMode::Never,
        }],
    };
    let project = world.service.put_project(&alice, &name, wanted, false).await.unwrap();
    let repositories = world.service.repositories(project.id).await.unwrap();
    assert_eq!((repositories[0].rebuild, repositories[0].block), (RebuildMode::Direct, BlockMode::Never));
    let made: Vec<bool> = repositories[0].arches.iter().map(|target| target.options.debug_packages).collect();
    let arches: Vec<&str> = repositories[0].arches.iter().map(|target| target.arch.as_str()).collect();
    let expected: Vec<bool> = arches.iter().map(|arch| *arch == "x86_64").collect();
    assert_eq!((made, arches.len()), (expected, 2), "{arches:?}");
    let about = world.service.project_view(&name).await.unwrap().about;
    let here = repository("here");
    assert!(about.is_on(FlagKind::DebugInfo, Some((&here, &arch("x86_64"))), false));
    assert!(!about.is_on(FlagKind::DebugInfo, Some((&here, &arch("i586"))), false));
}
