//! Explanations of roots, and what another configuration would change.

use expect_test::expect;
use model::{BuildId, PackageName, ProjectId, Verdict};
use service::{ErrorKind, NewBuild, NewSource, User};

use crate::kit::{World, arch, refusal, target, worker};
use crate::mirror::{archive_options, world};
use testkit::archive::Archive;

const PACKAGES: &str = "
    P: make 4.3-1 amd64 requires libc6
    P: libc6 2.36-9 amd64
    P: cc-one provides cc
    P: cc-two provides cc requires libc6
    P: libicu72 72.1-3
";

struct Bed {
    world: World,
    archive: Archive,
    user: User,
}

async fn bed() -> Bed {
    let world = world().await;
    let archive = Archive::new(PACKAGES, world.now());
    let admin = world.admin().await;
    let distribution = world.service.add_distribution(&admin, "debian-12", archive_options(&archive)).await.unwrap();
    world.service.refresh_mirrors(distribution.id).await.unwrap();
    let user = world.user("alice").await;
    Bed { world, archive, user }
}

impl Bed {
    async fn submit(&self, project: ProjectId, name: &str, fields: &str) -> BuildId {
        let source = NewSource::Url(self.archive.source(name, fields));
        let new = NewBuild { project, source, targets: None, network: None, limits: None, queue: Default::default() };
        let build = self.world.service.submit(&self.user, new).await.unwrap();
        self.world.service.reconcile("sources").await.unwrap();
        build
    }

    async fn text(&self, project: ProjectId, package: &str, dependency: Option<&str>) -> String {
        let package = PackageName::parse(package).unwrap();
        let service = &self.world.service;
        let answer = service.why(project, &package, &target("debian-12", "x86_64"), dependency).await.unwrap();
        let again = service.why(project, &package, &target("debian-12", "x86_64"), dependency).await.unwrap();
        assert_eq!(answer, again);
        answer.why.map_or_else(|| answer.verdict.to_string(), |why| why.to_text())
    }

    async fn set_config(&self, project: ProjectId, text: &str) {
        self.world.service.set_config(&self.user, project, text.as_bytes().to_vec(), "").await.unwrap();
    }
}

#[tokio::test]
async fn an_explanation_names_the_project_and_line_that_decided() {
    let bed = bed().await;
    let project = bed.world.project(&bed.user, "tools").await;
    bed.set_config(project, "# own choice\n\nPrefer: cc-two\n").await;
    bed.submit(project, "hello", "Build-Depends: make (>= 4), cc\n").await;
    expect![[r#"
        cc is in the root: cc-two
        └─ the recipe
           └─ cc-two 1 (cc; Prefer: cc-two (home:alice:tools:3), not cc-one)
    "#]]
    .assert_eq(&bed.text(project, "hello", Some("cc")).await);
    expect![[r#"
        libc6 is in the root
        └─ the recipe
           ├─ cc-two 1 (cc; Prefer: cc-two (home:alice:tools:3), not cc-one)
           │  └─ libc6 2.36-9
           └─ make 4.3-1 (make >= 4)
              └─ libc6 2.36-9
    "#]]
    .assert_eq(&bed.text(project, "hello", Some("libc6")).await);
    let whole = bed.text(project, "hello", None).await;
    assert!(whole.starts_with("root of 32 packages\n") && whole.contains("Preinstall: dash (Debian:12:"), "{whole}");
}

#[tokio::test]
async fn a_problem_comes_with_what_the_server_has_elsewhere() {
    let bed = bed().await;
    let other = bed.world.project(&bed.user, "libs").await;
    let build = bed.submit(other, "hello", "").await;
    bed.world.service.reconcile("planning").await.unwrap();
    let job = bed.world.service.claim(&worker(), &[arch("x86_64")]).await.unwrap().unwrap();
    let content = testkit::deb::package("Package: hello\nVersion: 1:2.10-3\nArchitecture: amd64\n", "x");
    bed.world.succeed_with(job.job, "hello_2.10-3_amd64.deb", &content).await;
    assert_eq!(bed.world.states(build).await, "succeeded: succeeded");

    let project = bed.world.project(&bed.user, "tools").await;
    bed.submit(project, "app", "Build-Depends: hello, libicu70, cc\n").await;
    expect![[r#"
        1. nothing provides hello
           └─ asked for by the recipe
           hint: home:alice:libs/debian-12 has hello 1:2.10-3 for x86_64, which is not on the path
        2. nothing provides libicu70
           └─ asked for by the recipe
           hint: there is libicu72
           fix: Substitute: libicu70 libicu72 (tried: then 2 other problems)
        3. have choice for cc: cc-one cc-two
           └─ asked for by the recipe
           fix: Prefer: cc-one (tried: then 2 other problems)
           fix: Prefer: cc-two (tried: then 2 other problems)
    "#]]
    .assert_eq(&bed.text(project, "app", None).await);
}

#[tokio::test]
async fn what_can_not_be_explained_is_said() {
    let bed = bed().await;
    let project = bed.world.project(&bed.user, "tools").await;
    let ask = async |package: &str, arch: &str| {
        let package = PackageName::parse(package).unwrap();
        refusal(bed.world.service.why(project, &package, &target("debian-12", arch), None).await)
    };
    let (kind, text) = ask("hello", "x86_64").await;
    assert_eq!((kind, text.as_str()), (ErrorKind::Missing, "project home:alice:tools has no package hello"));
    bed.submit(project, "hello", "").await;
    assert_eq!(ask("hello", "i586").await.0, ErrorKind::Missing);
    bed.set_config(project, "Type: spec\n").await;
    assert_eq!(bed.text(project, "hello", None).await, "excluded: the configuration builds only spec recipes");
}

#[tokio::test]
async fn an_impact_is_told_before_anything_is_touched() {
    let bed = bed().await;
    let project = bed.world.project(&bed.user, "tools").await;
    bed.set_config(project, "Prefer: cc-one\n").await;
    bed.submit(project, "chooses", "Build-Depends: cc\n").await;
    bed.submit(project, "plain", "Build-Depends: make\n").await;
    bed.submit(project, "stuck", "Build-Depends: libicu70\n").await;
    let before = bed.world.service.config(project).await.unwrap();
    let impact = async |text: &str| {
        let impact = bed.world.service.config_impact(project, text.as_bytes()).await.unwrap();
        assert!(!impact.rebuilds_itself && impact.not_looked_at.is_empty());
        impact.targets.into_iter().next().unwrap()
    };
    let same = impact("# other words\nPrefer: cc-one\n").await;
    assert_eq!((same.packages, same.changes.len()), (3, 0));
    let other = impact("Prefer: cc-two\nSubstitute: libicu70 libicu72\n").await;
    assert_eq!((other.change_root, other.rebuild, other.become_resolvable, other.become_unresolvable), (1, 2, 1, 0));
    let names: Vec<&str> = other.changes.iter().map(|change| change.package.as_str()).collect();
    assert_eq!(names, ["chooses", "stuck"]);
    assert_eq!(other.changes[0].added, ["cc-two 1", "libc6 2.36-9"]);
    assert_eq!(other.changes[0].removed, ["cc-one 1"]);
    let worse = impact("").await;
    assert_eq!((worse.become_unresolvable, worse.changes[0].package.as_str()), (1, "chooses"));
    assert!(matches!(worse.changes[0].after, Verdict::Unresolvable { .. }));
    assert_eq!(bed.world.service.config(project).await.unwrap(), before);
    let (kind, _) = refusal(bed.world.service.config_impact(project, &vec![b'#'; 2 << 20]).await);
    assert_eq!(kind, ErrorKind::Invalid);
}
