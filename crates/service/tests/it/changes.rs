//! What is built with something that has changed is built again, once, where the project asks for that.

use std::collections::BTreeMap;

use model::{BuildId, BuildReason, PackageName, ProjectId, ProjectSettings, RebuildMode, TriggerPolicy};
use service::{BuildFilter, BuildOrder, Fate, NewBuild, NewSource, QueueWish, User};
use testkit::archive::Archive;

use crate::kit::{World, arch, target, worker};
use crate::mirror::{archive_options, world};

/// More jobs than any test needs: what goes round in circles ends here.
const MOST_JOBS: usize = 40;

pub(crate) struct Bed {
    pub(crate) world: World,
    pub(crate) archive: Archive,
    pub(crate) user: User,
    pub(crate) project: ProjectId,
    /// Makes every result another one, as builds that are not reproducible do.
    jobs: usize,
    /// Packages whose results differ in times alone.
    alike: &'static [&'static str],
}

pub(crate) async fn bed(packages: &str, trigger: TriggerPolicy) -> Bed {
    let world = world().await;
    let archive = Archive::new(packages, world.now());
    let admin = world.admin().await;
    let distribution = world.service.add_distribution(&admin, "debian-12", archive_options(&archive)).await.unwrap();
    let user = world.user("alice").await;
    let project = world.project(&user, "tools").await;
    world.service.refresh_mirrors(distribution.id).await.unwrap();
    let bed = Bed { world, archive, user, project, jobs: 0, alike: &[] };
    bed.follow(trigger).await;
    bed
}

impl Bed {
    async fn follow(&self, trigger: TriggerPolicy) {
        let settings = ProjectSettings { trigger, ..ProjectSettings::default() };
        self.world.service.update_project(&self.user, self.project, settings).await.unwrap();
    }

    async fn submit(&self, name: &str, fields: &str) -> BuildId {
        self.submit_in(name, fields, BuildOrder::Free).await
    }

    pub(crate) async fn submit_in(&self, name: &str, fields: &str, order: BuildOrder) -> BuildId {
        let source = NewSource::Url(self.archive.source(name, fields));
        let (project, queue) = (self.project, QueueWish { background: false, order });
        let new = NewBuild { project, source, targets: None, network: None, limits: None, queue };
        let build = self.world.service.submit(&self.user, new).await.unwrap();
        self.world.service.reconcile("sources").await.unwrap();
        build
    }

    pub(crate) async fn reconcile(&self) -> u64 {
        let mut changes = 0;
        for name in ["sources", "planning", "changes", "planning"] {
            changes += self.world.service.reconcile(name).await.unwrap();
        }
        changes
    }

    /// Lets workers build whatever there is until nothing is left; gives the packages in that order.
    pub(crate) async fn settle(&mut self) -> String {
        let mut built = Vec::new();
        loop {
            self.reconcile().await;
            let Some(job) = self.world.service.claim(&worker(), &[arch("x86_64")]).await.unwrap() else { break };
            let title = job.title.split(' ').next().unwrap();
            let name = title.rsplit('/').next().unwrap().to_owned();
            self.jobs += 1;
            assert!(self.jobs < MOST_JOBS, "no end: {built:?}");
            let words = if self.alike.contains(&name.as_str()) { 0 } else { self.jobs };
            let control = format!("Package: {name}\nVersion: 1.0-1\nArchitecture: amd64\nDescription: {words}\n");
            let mut content = testkit::deb::package(&control, "own");
            // The time of the outer archive's first member.
            content[24] = b'0' + u8::try_from(self.jobs % 10).unwrap();
            self.world.succeed_with(job.job, &format!("{name}_1.0-1_amd64.deb"), &content).await;
            built.push(name);
        }
        built.join(" ")
    }

    async fn build(&mut self, name: &str, fields: &str) -> String {
        self.submit(name, fields).await;
        self.settle().await
    }

    /// Why the newest builds of packages exist, where that is a change.
    async fn reasons(&self) -> BTreeMap<String, String> {
        let filter = BuildFilter { project: Some(self.project), ..BuildFilter::default() };
        let mut reasons = BTreeMap::new();
        for build in self.world.service.builds(&filter).await.unwrap() {
            if let BuildReason::Changed { what } = &build.reason {
                reasons.entry(build.package.unwrap().to_string()).or_insert_with(|| what.join(" "));
            }
        }
        reasons
    }

    async fn fate(&self, package: &str) -> Fate {
        let package = PackageName::parse(package).unwrap();
        let target = target("debian-12", "x86_64");
        self.world.service.why(self.project, &package, &target, None).await.unwrap().outlook.rebuild.unwrap()
    }
}

const NEEDS_A: &str = "Build-Depends: a\n";
const NEEDS_B: &str = "Build-Depends: b\n";

/// Three packages, each built with the one before.
async fn chain(trigger: TriggerPolicy) -> Bed {
    let mut bed = bed("", trigger).await;
    assert_eq!(bed.build("a", "").await, "a");
    assert_eq!(bed.build("b", NEEDS_A).await, "b");
    assert_eq!(bed.build("c", NEEDS_B).await, "c");
    assert_eq!(bed.reconcile().await, 0);
    bed
}

#[tokio::test]
async fn a_change_goes_along_a_chain_and_builds_each_package_once() {
    let mut bed = chain(TriggerPolicy::OnChange).await;
    assert_eq!(bed.build("a", "Homepage: http://example.org/\n").await, "a b c");
    let reasons = bed.reasons().await;
    assert_eq!(reasons["b"], "a");
    assert_eq!(reasons["c"], "b/a");
    assert!(matches!(bed.fate("c").await, Fate::Current { .. }));
    // The same source again is another file, but no change: nothing follows.
    assert_eq!(bed.build("a", "Homepage: http://example.org/\n").await, "a");
    assert_eq!(bed.reconcile().await, 0);
}

#[tokio::test]
async fn what_comes_out_as_before_but_for_times_is_no_change_for_others() {
    let mut bed = bed("", TriggerPolicy::OnChange).await;
    bed.alike = &["b"];
    for (name, needs) in [("a", ""), ("b", NEEDS_A), ("c", NEEDS_B)] {
        assert_eq!(bed.build(name, needs).await, name);
    }
    for address in ["one", "two"] {
        assert_eq!(bed.build("a", &format!("Homepage: http://example.org/{address}\n")).await, "a b");
        assert_eq!(bed.reasons().await["b"], "a");
        assert!(matches!(bed.fate("c").await, Fate::Current { .. }));
        assert_eq!(bed.reconcile().await, 0);
        bed.world = bed.world.restart().await;
    }
    // What follows from a change that does matter has everything that came before in it.
    bed.alike = &[];
    assert_eq!(bed.build("a", "Homepage: http://example.org/three\n").await, "a b c");
    assert_eq!(bed.reasons().await["c"], "b/a");
    assert_eq!(bed.build("a", "Homepage: http://example.org/four\n").await, "a b c");
}

#[tokio::test]
async fn another_source_whose_packages_come_out_as_before_is_no_change_either() {
    let mut bed = bed("", TriggerPolicy::OnChange).await;
    bed.alike = &["a"];
    assert_eq!(bed.build("a", "").await, "a");
    assert_eq!(bed.build("b", NEEDS_A).await, "b");
    assert_eq!(bed.build("a", "Homepage: http://example.org/\n").await, "a");
    assert!(matches!(bed.fate("b").await, Fate::Current { .. }));
    // Built afresh, it is the same thing: it does not wait for the next change to find out.
    assert_eq!(bed.build("b", NEEDS_A).await, "b");
    assert_eq!(bed.reconcile().await, 0);
}

#[tokio::test]
async fn builds_on_request_stop_at_what_comes_out_as_before() {
    let mut bed = bed("", TriggerPolicy::OnRequest).await;
    bed.alike = &["b"];
    for (name, needs) in [("a", ""), ("b", NEEDS_A), ("c", NEEDS_B)] {
        assert_eq!(bed.build(name, needs).await, name);
    }
    assert_eq!(bed.build("a", "Homepage: http://example.org/\n").await, "a");
    bed.world.service.rebuild_outdated(&bed.user, bed.project).await.unwrap();
    assert_eq!(bed.settle().await, "b");
    let refreshed = bed.world.service.rebuild_outdated(&bed.user, bed.project).await.unwrap();
    assert!(refreshed.builds.is_empty() && refreshed.packages.is_empty(), "{refreshed:?}");
}

#[tokio::test]
async fn nothing_follows_unless_the_project_asks_for_it() {
    let mut bed = chain(TriggerPolicy::OnRequest).await;
    assert_eq!(bed.build("a", "Homepage: http://example.org/\n").await, "a");
    assert!(matches!(bed.fate("b").await, Fate::Outdated { what } if what == ["a"]));
    assert!(matches!(bed.fate("c").await, Fate::Waits { by } if by == ["b"]));
    let stranger = bed.world.user("bob").await;
    assert!(bed.world.service.rebuild_outdated(&stranger, bed.project).await.is_err());
    let refreshed = bed.world.service.rebuild_outdated(&bed.user, bed.project).await.unwrap();
    assert_eq!((refreshed.builds.len(), refreshed.packages.len()), (1, 2));
    // Asked twice is once.
    let refreshed = bed.world.service.rebuild_outdated(&bed.user, bed.project).await.unwrap();
    assert!(refreshed.builds.is_empty());
    assert_eq!(bed.settle().await, "b");
    bed.follow(TriggerPolicy::OnChange).await;
    assert_eq!(bed.settle().await, "c");
}

#[tokio::test]
async fn a_package_of_the_distribution_that_has_changed_is_a_change() {
    let mut bed = bed("P: lib\nP: other\n", TriggerPolicy::OnChange).await;
    assert_eq!(bed.build("a", "Build-Depends: lib\n").await, "a");
    bed.world.advance(crate::mirror::DAY);
    bed.archive.rebuild_everything(bed.world.now());
    bed.world.service.reconcile("mirror").await.unwrap();
    assert_eq!(bed.settle().await, "a");
    let what = &bed.reasons().await["a"];
    assert!(what.split(' ').any(|name| name == "lib") && !what.contains("other"), "{what}");
}

#[tokio::test]
async fn a_configuration_that_adds_a_package_to_the_root_is_a_change() {
    let mut bed = bed("P: lib\nP: helper\n", TriggerPolicy::OnChange).await;
    assert_eq!(bed.build("a", "Build-Depends: lib\n").await, "a");
    // What only helps to build is none, as little as a macro.
    let text = b"Support: helper\nMacros:\n%x 1\n:Macros\n".to_vec();
    bed.world.service.set_config(&bed.user, bed.project, text, "").await.unwrap();
    assert_eq!(bed.settle().await, "");
    bed.world.service.set_config(&bed.user, bed.project, b"Required: helper\n".to_vec(), "").await.unwrap();
    assert_eq!(bed.settle().await, "a");
    assert_eq!(bed.reasons().await["a"], "helper");
    // What could not be built can be built now.
    bed.world.service.set_config(&bed.user, bed.project, b"Type: spec\n".to_vec(), "").await.unwrap();
    assert_eq!(bed.build("late", "").await, "");
    bed.world.service.set_config(&bed.user, bed.project, b"Required: helper\n".to_vec(), "").await.unwrap();
    assert_eq!(bed.settle().await, "late");
    assert_eq!(bed.reasons().await["late"], "it can be built now");
}

#[tokio::test]
async fn packages_that_need_each_other_come_to_rest() {
    let mut bed = bed("P: b\nP: lib\n", TriggerPolicy::OnChange).await;
    assert_eq!(bed.build("a", "Build-Depends: b, lib\n").await, "a");
    // Its own b replaces the distribution's.
    let built = bed.build("b", "Build-Depends: a, lib\n").await;
    assert!(built.starts_with("b a"), "{built}");
    assert_eq!(bed.reconcile().await, 0);
    bed.world.advance(crate::mirror::DAY);
    bed.archive.rebuild_everything(bed.world.now());
    bed.world.service.reconcile("mirror").await.unwrap();
    let built = bed.settle().await;
    assert!(built.contains('a') && built.contains('b') && built.len() < 8, "{built}");
    assert_eq!(bed.reconcile().await, 0);
}

#[tokio::test]
async fn a_death_in_the_middle_neither_loses_a_build_nor_doubles_one() {
    let mut bed = chain(TriggerPolicy::OnChange).await;
    bed.submit("a", "Homepage: http://example.org/\n").await;
    bed.reconcile().await;
    bed.world = bed.world.restart().await;
    let job = bed.world.service.claim(&worker(), &[arch("x86_64")]).await.unwrap().unwrap();
    let content = testkit::deb::package("Package: a\nVersion: 2\nArchitecture: amd64\nDescription: x\n", "");
    bed.world.succeed_with(job.job, "a_1.0-1_amd64.deb", &content).await;
    // The change was seen; whoever saw it dies before anything else happens.
    assert!(bed.world.service.reconcile("changes").await.unwrap() > 0);
    bed.world = bed.world.restart().await;
    assert_eq!(bed.world.service.reconcile("changes").await.unwrap(), 0);
    bed.world = bed.world.restart().await;
    assert_eq!(bed.settle().await, "b c");
    bed.world = bed.world.restart().await;
    assert_eq!(bed.settle().await, "");
}

#[tokio::test]
async fn modes_say_which_changes_count() {
    for (mode, expected) in [(RebuildMode::Direct, "a b"), (RebuildMode::Local, "a")] {
        let mut bed = chain(TriggerPolicy::OnChange).await;
        let mut session = bed.world.store.write().await.unwrap();
        let repository = session.repositories(bed.project).await.unwrap().remove(0).id;
        session.set_rebuild_modes(repository, (mode, Default::default())).await.unwrap();
        session.commit().await.unwrap();
        assert_eq!(bed.build("a", "Homepage: http://example.org/\n").await, expected);
    }
}

#[tokio::test]
async fn what_is_being_built_is_waited_for() {
    let mut bed = chain(TriggerPolicy::OnChange).await;
    bed.submit("a", "Homepage: http://example.org/\n").await;
    bed.reconcile().await;
    let a = bed.world.service.claim(&worker(), &[arch("x86_64")]).await.unwrap().unwrap();
    // It is planned while its dependency is at a worker.
    let b = bed.submit("b", "Build-Depends: a\nHomepage: http://example.org/\n").await;
    bed.reconcile().await;
    let verdict = bed.world.task(b).await.verdict.unwrap().to_string();
    assert_eq!(verdict, "blocked by a");
    let content = testkit::deb::package("Package: a\nVersion: 2\nArchitecture: amd64\nDescription: x\n", "");
    bed.world.succeed_with(a.job, "a_1.0-1_amd64.deb", &content).await;
    assert_eq!(bed.settle().await, "b c");
}

#[tokio::test]
async fn a_build_that_was_canceled_is_not_begun_again_before_something_changes() {
    let mut bed = chain(TriggerPolicy::OnChange).await;
    bed.submit("a", "Homepage: http://example.org/\n").await;
    bed.reconcile().await;
    let job = bed.world.service.claim(&worker(), &[arch("x86_64")]).await.unwrap().unwrap();
    let content = testkit::deb::package("Package: a\nVersion: 2\nArchitecture: amd64\nDescription: x\n", "");
    bed.world.succeed_with(job.job, "a_1.0-1_amd64.deb", &content).await;
    bed.world.service.reconcile("changes").await.unwrap();
    let filter = BuildFilter { project: Some(bed.project), limit: Some(1), ..BuildFilter::default() };
    let again = bed.world.service.builds(&filter).await.unwrap().remove(0);
    assert_eq!(again.package.unwrap().as_str(), "b");
    bed.world.service.cancel(&bed.user, again.id).await.unwrap();
    assert_eq!(bed.settle().await, "");
    assert_eq!(bed.build("a", "Homepage: http://example.net/\n").await, "a b c");
}
