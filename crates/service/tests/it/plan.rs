//! From a submitted source to a job whose packages are all here.

use model::{BuildId, JobSpec, ProjectId, TargetAdditions, TaskState, TriggerPolicy, Verdict};
use service::{NewBuild, NewSource, User};
use testkit::http::Trouble;

use crate::kit::{World, arch, target, worker};
use crate::mirror::{archive_options, world};
use testkit::archive::Archive;

struct Bed {
    world: World,
    archive: Archive,
    user: User,
    project: ProjectId,
}

const PACKAGES: &str = "
    P: make 4.3-1 amd64 requires libc6
    P: libc6 2.36-9 amd64
    P: cc-one provides cc
    P: cc-two provides cc
";

async fn bed() -> Bed {
    let world = world().await;
    let archive = Archive::new(PACKAGES, world.now());
    let admin = world.admin().await;
    let distribution = world.service.add_distribution(&admin, "debian-12", archive_options(&archive)).await.unwrap();
    let user = world.user("alice").await;
    let project = world.project(&user, "tools").await;
    world.service.refresh_mirrors(distribution.id).await.unwrap();
    Bed { world, archive, user, project }
}

impl Bed {
    async fn submit(&self, name: &str, fields: &str) -> BuildId {
        let source = NewSource::Url(self.archive.source(name, fields));
        let new = NewBuild {
            project: self.project,
            source,
            targets: None,
            network: None,
            limits: None,
            queue: Default::default(),
        };
        let build = self.world.service.submit(&self.user, new).await.unwrap();
        self.world.service.reconcile("sources").await.unwrap();
        build
    }

    async fn plan(&self) -> u64 {
        self.world.service.reconcile("planning").await.unwrap()
    }

    async fn claim(&self) -> Option<JobSpec> {
        self.world.service.claim(&worker(), &[arch("x86_64")]).await.unwrap()
    }

    /// What the task of a build says: its verdict, or how it ended.
    async fn words(&self, build: BuildId) -> String {
        let task = self.world.task(build).await;
        let said = task.failure.map(|cause| cause.to_string()).or(task.verdict.map(|verdict| verdict.to_string()));
        let text = format!("{}: {}", task.state.as_str(), said.unwrap_or_default());
        text.replace(&self.archive.server.url(""), "")
    }

    fn downloads(&self) -> usize {
        self.archive.server.take_requests().iter().filter(|request| request.contains(".deb ")).count()
    }
}

#[tokio::test]
async fn a_build_gets_its_exact_root_and_every_package_is_here() {
    let bed = bed().await;
    let build = bed.submit("hello", "Build-Depends: make (>= 4)\n").await;
    assert!(bed.plan().await > 0);
    let job = bed.claim().await.unwrap();
    assert_eq!(job.title, "home:alice:tools/hello debian-12 x86_64");
    let names: Vec<&str> = job.root.packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names.len(), 31, "{names:?}");
    assert!(names.contains(&"build-essential") && !names.contains(&"cc-one"));
    let place = |name| names.iter().position(|known| *known == name);
    assert!(place("libc6") < place("make"));
    assert!(job.root.packages.iter().all(|package| bed.world.blobs.contains(&package.file.sha256)));
    assert!(job.root.preinstall.iter().all(|name| names.contains(&name.as_str())));
    assert_eq!(job.root.run_scripts, ["base-passwd", "base-files", "dash", "mawk"]);
    let sources: Vec<&str> = job.sources.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(sources, ["content.tar", "hello_1.0-1.dsc"]);
    assert_eq!(bed.downloads(), 31);
    // The environment is remembered, and the configuration it was derived from.
    let task = bed.world.task(build).await;
    assert_eq!(bed.world.service.environment(task.id).await.unwrap().unwrap(), job.root.packages);
    let config = bed.world.store.read().await.unwrap().plan_config(task.id).await.unwrap().unwrap();
    let config = String::from_utf8(bed.world.blobs.read(&config).unwrap()).unwrap();
    assert!(config.contains("### from Debian:12") && config.contains("build-essential"));
}

#[tokio::test]
async fn a_second_build_fetches_nothing_and_an_idle_pass_costs_next_to_nothing() {
    let bed = bed().await;
    bed.submit("hello", "").await;
    bed.plan().await;
    bed.claim().await.unwrap();
    bed.downloads();
    bed.submit("again", "").await;
    assert!(bed.plan().await > 0);
    assert!(bed.claim().await.is_some());
    assert_eq!(bed.downloads(), 0);
    assert_eq!(bed.plan().await, 0);
}

#[tokio::test]
async fn what_can_not_be_built_ends_with_its_reason() {
    let bed = bed().await;
    let missing = bed.submit("missing", "Build-Depends: nothing (>= 2), cc\n").await;
    let elsewhere = bed.submit("elsewhere", "").await;
    let foreign = bed.submit("foreign", "Build-Depends: cc-one\nFormat: 1.0\n").await;
    bed.plan().await;
    assert_eq!(
        bed.words(missing).await,
        "failed: unresolvable: nothing provides nothing >= 2, have choice for cc: cc-one cc-two"
    );
    assert_eq!(bed.words(elsewhere).await, "pending: scheduled");
    assert_eq!(bed.words(foreign).await, "pending: scheduled");
}

#[tokio::test]
async fn the_projects_configuration_and_extra_packages_count() {
    let bed = bed().await;
    let config = b"Prefer: cc-two\nSubstitute: dsc:build_cmd dpkg-buildpackage -b\nMacros:\n%deb_build_options nocheck\n:Macros\n";
    bed.world.service.set_config(&bed.user, bed.project, config.to_vec(), "").await.unwrap();
    let target = target("debian-12", "x86_64");
    let extra = vec!["make".to_owned()];
    let additions = TargetAdditions { packages: extra, ..TargetAdditions::default() };
    bed.world.service.set_additions(&bed.user, bed.project, &target, additions).await.unwrap();
    bed.submit("hello", "Build-Depends: cc\n").await;
    bed.plan().await;
    let job = bed.claim().await.unwrap();
    let has = |name: &str| job.root.packages.iter().any(|package| package.name == name);
    assert!(has("cc-two") && has("make") && has("libc6") && !has("cc-one"));
    assert_eq!(job.settings.command, ["dpkg-buildpackage", "-b"]);
    assert_eq!(job.settings.build_options, ["nocheck"]);
}

#[tokio::test]
async fn a_configuration_that_breaks_everything_is_the_projects_fault() {
    let bed = bed().await;
    bed.world.service.set_config(&bed.user, bed.project, b"%if (\n".to_vec(), "").await.unwrap();
    let build = bed.submit("hello", "").await;
    bed.plan().await;
    let words = bed.words(build).await;
    assert!(words.starts_with("failed: configuration: build configuration: line "), "{words}");
    bed.world.service.set_config(&bed.user, bed.project, b"Type: spec\n".to_vec(), "").await.unwrap();
    let build = bed.submit("other", "").await;
    bed.plan().await;
    assert_eq!(bed.words(build).await, "skipped: excluded: the configuration builds only spec recipes");
}

#[tokio::test]
async fn on_change_an_unresolvable_task_waits_for_better_times() {
    let mut bed = bed().await;
    let settings = model::ProjectSettings { trigger: TriggerPolicy::OnChange, ..model::ProjectSettings::default() };
    bed.world.service.update_project(&bed.user, bed.project, settings).await.unwrap();
    let build = bed.submit("hello", "Build-Depends: late\n").await;
    bed.plan().await;
    assert_eq!(bed.words(build).await, "pending: unresolvable: nothing provides late");
    assert_eq!(bed.plan().await, 0);
    bed.world.advance(crate::mirror::DAY);
    bed.archive.add("P: late");
    bed.archive.publish(bed.world.now());
    bed.world.service.reconcile("mirror").await.unwrap();
    bed.plan().await;
    assert_eq!(bed.words(build).await, "pending: scheduled");
}

#[tokio::test]
async fn a_mirror_that_was_never_reached_says_why_and_builds_go_on_later() {
    let world = world().await;
    let archive = Archive::new(PACKAGES, world.now());
    let release = "debian/dists/bookworm-security/InRelease";
    archive.server.misbehave(release, Trouble::Status(500), 3);
    let admin = world.admin().await;
    world.service.add_distribution(&admin, "debian-12", archive_options(&archive)).await.unwrap();
    let user = world.user("alice").await;
    let project = world.project(&user, "tools").await;
    let bed = Bed { world, archive, user, project };
    let build = bed.submit("hello", "").await;
    bed.plan().await;
    assert_eq!(bed.words(build).await, "pending: waiting for packages to be downloaded");
    bed.world.service.reconcile("mirror").await.unwrap();
    bed.plan().await;
    assert_eq!(
        bed.words(build).await,
        "pending: broken: mirror of Debian:12: debian/dists/bookworm-security/InRelease: the server answered 500"
    );
    bed.world.advance(crate::mirror::DAY);
    bed.world.service.reconcile("mirror").await.unwrap();
    bed.plan().await;
    assert_eq!(bed.words(build).await, "pending: scheduled");
}

#[tokio::test]
async fn a_package_that_can_not_be_fetched_ends_the_task_by_the_services_fault() {
    let bed = bed().await;
    let path = bed.archive.package_path("libc6");
    bed.archive.server.misbehave(&path, Trouble::Status(500), 999);
    let build = bed.submit("hello", "Build-Depends: make\n").await;
    bed.plan().await;
    let words = bed.words(build).await;
    assert!(words.starts_with("pending: broken: debian/pool/") && words.ends_with("answered 500; tried again soon"));
    for _ in 0..5 {
        bed.world.advance(crate::mirror::DAY / 24);
        bed.plan().await;
    }
    let task = bed.world.task(build).await;
    assert_eq!(task.state, TaskState::Failed);
    assert_eq!(task.failure.unwrap().fault(), model::Fault::Service);
}

#[tokio::test]
async fn a_package_that_comes_at_the_second_try_is_no_trouble() {
    let bed = bed().await;
    for (trouble, package) in [(Trouble::Status(503), "libc6"), (Trouble::Garble, "make"), (Trouble::Truncate, "bash")]
    {
        bed.archive.server.misbehave(&bed.archive.package_path(package), trouble, 2);
    }
    let build = bed.submit("hello", "Build-Depends: make\n").await;
    bed.plan().await;
    assert_eq!(bed.words(build).await, "pending: scheduled");
}

#[tokio::test]
async fn an_archive_that_replaced_its_packages_is_read_again() {
    let mut bed = bed().await;
    let build = bed.submit("hello", "Build-Depends: make\n").await;
    bed.world.advance(crate::mirror::DAY);
    bed.archive.rebuild_everything(bed.world.now());
    bed.plan().await;
    let words = bed.words(build).await;
    assert!(words.starts_with("pending: broken: debian/pool/"), "{words}");
    // Planning has asked for it.
    bed.world.service.reconcile("mirror").await.unwrap();
    bed.world.advance(std::time::Duration::from_secs(60));
    bed.plan().await;
    assert_eq!(bed.words(build).await, "pending: scheduled");
}

#[tokio::test]
async fn own_results_come_before_the_distributions_packages() {
    let bed = bed().await;
    bed.submit("first", "").await;
    bed.plan().await;
    let job = bed.claim().await.unwrap();
    let control = "Package: libc6\nVersion: 1.0-1\nArchitecture: amd64\nDescription: own\n";
    let content = testkit::deb::package(control, "own");
    bed.world.succeed_with(job.job, "libc6_1.0-1_amd64.deb", &content).await;
    bed.submit("second", "Build-Depends: make\n").await;
    bed.plan().await;
    let job = bed.claim().await.unwrap();
    let libc = job.root.packages.iter().find(|package| package.name == "libc6").unwrap();
    assert_eq!((libc.version.as_str(), libc.file.sha256), ("1.0-1", pkg::Sha256::of(&content)));
}

#[tokio::test]
async fn a_restart_between_verdict_and_download_loses_nothing() {
    let mut bed = bed().await;
    let build = bed.submit("hello", "").await;
    let mut session = bed.world.store.write().await.unwrap();
    let task = bed.world.task(build).await.id;
    assert!(session.set_verdict(task, &Verdict::Fetching).await.unwrap());
    session.commit().await.unwrap();
    bed.world = bed.world.restart().await;
    bed.plan().await;
    assert_eq!(bed.words(build).await, "pending: scheduled");
}

#[tokio::test]
async fn a_restarted_service_does_not_read_the_indices_again() {
    let mut bed = bed().await;
    let first = bed.submit("hello", "").await;
    bed.plan().await;
    assert_eq!(bed.words(first).await, "pending: scheduled");
    let kept = kept_files(&bed.world);
    assert_eq!(kept.len(), 1);

    // The index is still there by name, but can not be read any more.
    let mut session = bed.world.store.read().await.unwrap();
    let mirrored = session.mirrored_repositories().await.unwrap();
    let indices = session.mirror_indices(mirrored[0].id, Some(&arch("x86_64"))).await.unwrap();
    drop(session);
    let index = bed.world.blobs.path(&indices[0].sha256);
    let text = std::fs::read(&index).unwrap();
    std::fs::write(&index, b"garbage").unwrap();
    bed.world = bed.world.restart().await;
    let second = bed.submit("hello", "").await;
    bed.plan().await;
    assert_eq!(bed.words(second).await, "pending: scheduled");

    // A damaged file is as good as none.
    std::fs::write(&index, text).unwrap();
    std::fs::write(&kept[0], b"garbage").unwrap();
    bed.world = bed.world.restart().await;
    let third = bed.submit("hello", "").await;
    bed.plan().await;
    assert_eq!(bed.words(third).await, "pending: scheduled");
    assert!(std::fs::read(&kept[0]).unwrap() != b"garbage");
}

fn kept_files(world: &World) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(world.config.data_dir.join("worlds")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn an_architecture_the_distribution_does_not_have_is_named() {
    let bed = bed().await;
    bed.world.service.enable_target(&bed.user, bed.project, &target("debian-12", "i586"), Vec::new()).await.unwrap();
    let build = bed.submit("hello", "").await;
    bed.plan().await;
    let tasks = bed.world.tasks(build).await;
    let words: Vec<String> =
        tasks.into_iter().map(|task| task.failure.map_or_else(String::new, |c| c.to_string())).collect();
    assert_eq!(words, ["", "configuration: Debian:12/standard, which the path names, has no i586"]);
}

#[tokio::test]
async fn a_task_that_lost_its_plan_is_planned_again() {
    let bed = bed().await;
    let build = bed.submit("hello", "").await;
    bed.plan().await;
    let task = bed.world.task(build).await.id;
    for verdict in [Verdict::Scheduled, Verdict::Fetching] {
        let mut session = bed.world.store.write().await.unwrap();
        assert!(session.set_verdict(task, &verdict).await.unwrap());
        session.commit().await.unwrap();
        assert!(bed.plan().await > 0, "{verdict}");
    }
    assert!(bed.claim().await.is_some());
}
