//! Mirrored rpm repositories, and builds whose roots come from them.

use std::time::Duration;

use model::{BuildId, JobOutcome, JobSpec, ProjectId, TargetAdditions, Verdict};
use service::{DistributionOptions, NewBuild, NewProject, NewSource, User};
use testkit::http::Trouble;
use testkit::rpm_archive::RpmArchive;
use testkit::rpm_raw::RawRpm;

use crate::kit::{World, arch, refusal, report, target, worker};
use crate::mirror::{DAY, world};

const PACKAGES: &str = "
    P: bash 5-1 x86_64 requires glibc
    P: rpm 4-1 x86_64 requires glibc, /bin/sh
    P: glibc 2-1 x86_64
    P: glibc 2-1 i686
    P: make 4-1 x86_64 requires glibc
    P: suse-tool 1-1
    P: other-tool 1-1
    P: by-file 1-1
    P: wants-file 1-1 requires /usr/share/odd/file
    P: cc-one 1-1 provides cc
    P: cc-two 1-1 provides cc
    P: generated 1-1
";
const CONFIG: &str = "Type: spec\nBinaryType: rpm\nRepotype: rpm-md\nPreinstall: bash glibc\nRequired: rpm\n\
                      Macros:\n%dist .t\n:Macros\n";
const HEAD: &str = "Name: hello\nVersion: 2.8\nRelease: 1%{?dist}\nSummary: s\nLicense: MIT\n";
const TABLE: &str = "rpm/x86_64/repodata/repomd.xml";

pub(crate) struct Bed {
    pub(crate) world: World,
    archive: RpmArchive,
    pub(crate) user: User,
    pub(crate) project: ProjectId,
    distribution: ProjectId,
}

fn options(archive: &RpmArchive) -> DistributionOptions {
    DistributionOptions {
        arches: vec![arch("x86_64")],
        keyring: Some(archive.keyring()),
        repositories: vec![("all".to_owned(), archive.url())],
        ..DistributionOptions::default()
    }
}

async fn bed_with(change: impl FnOnce(&mut RpmArchive)) -> Bed {
    let world = world().await;
    let mut archive = RpmArchive::new(PACKAGES, world.now());
    archive.add_file("bash", "/bin/sh");
    archive.add_file("by-file", "/usr/share/odd/file");
    change(&mut archive);
    archive.publish(world.now());
    let admin = world.admin().await;
    let distribution = world.service.add_distribution(&admin, "fedora-44", options(&archive)).await.unwrap().id;
    world.service.set_config(&admin, distribution, CONFIG.into(), "of the test").await.unwrap();
    let user = world.user("alice").await;
    let new = NewProject {
        name: model::ProjectName::parse("home:alice:rpms").unwrap(),
        settings: model::ProjectSettings::default(),
        targets: vec![target("fedora-44", "x86_64")],
    };
    let project = world.service.create_project(&user, new).await.unwrap().id;
    Bed { world, archive, user, project, distribution }
}

pub(crate) async fn bed() -> Bed {
    let bed = bed_with(|_| {}).await;
    bed.refresh().await;
    bed
}

impl Bed {
    async fn refresh(&self) -> (u64, u64) {
        let status = self.world.service.refresh_mirrors(self.distribution).await.unwrap();
        (status.packages, status.fetched)
    }

    /// Lets the distribution offer further packages.
    pub(crate) async fn offer(&mut self, lines: &str) {
        self.archive.add(lines);
        self.archive.publish(self.world.now());
        self.refresh().await;
    }

    async fn refusal_of_refresh(&self) -> String {
        let (kind, text) = refusal(self.world.service.refresh_mirrors(self.distribution).await);
        assert_eq!(kind, service::ErrorKind::Busy);
        text.replace(&self.archive.server.url(""), "")
    }

    async fn submit(&self, lines: &str) -> BuildId {
        let spec = format!("{HEAD}{lines}\n%description\n");
        let srpm = RawRpm::source("hello", "2.8", "1").spec("hello.spec", &spec).file("a.tar", b"a").build();
        let mut upload =
            self.world.service.upload(&self.user, crate::kit::file_name("hello-2.8-1.src.rpm")).await.unwrap();
        upload.write(&srpm).await.unwrap();
        let source = NewSource::Files(vec![upload.finish().await.unwrap()]);
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

    pub(crate) async fn plan(&self) {
        self.world.service.reconcile("planning").await.unwrap();
    }

    pub(crate) async fn claim(&self) -> Option<JobSpec> {
        self.world.service.claim(&worker(), &[arch("x86_64")]).await.unwrap()
    }

    async fn words(&self, build: BuildId) -> String {
        let task = self.world.task(build).await;
        let said = task.failure.map(|cause| cause.to_string()).or(task.verdict.map(|verdict| verdict.to_string()));
        let text = format!("{}: {}", task.state.as_str(), said.unwrap_or_default());
        text.replace(&self.archive.server.url(""), "")
    }

    /// Names of the packages in the root of a build that can run; its words, if it can not.
    async fn root_of(&self, lines: &str) -> String {
        let build = self.submit(lines).await;
        self.plan().await;
        match self.claim().await {
            Some(job) => names(&job),
            None => self.words(build).await,
        }
    }
}

fn names(job: &JobSpec) -> String {
    let mut names: Vec<&str> = job.root.packages.iter().map(|package| package.name.as_str()).collect();
    names.sort_unstable();
    names.join(" ")
}

#[tokio::test]
async fn a_source_package_gets_its_exact_root_from_an_rpm_mirror() {
    let bed = bed().await;
    bed.submit("BuildRequires: make >= 4").await;
    bed.archive.server.take_requests();
    bed.plan().await;
    let job = bed.claim().await.unwrap();
    assert_eq!(job.title, "home:alice:rpms/hello fedora-44 x86_64");
    assert_eq!(names(&job), "bash glibc make rpm");
    assert_eq!(job.root.format, pkg::PackageFormat::Rpm);
    assert_eq!((job.work.recipe().unwrap().kind, job.recipe_file()), (pkg::RecipeKind::Spec, "hello.spec"));
    let sources: Vec<&str> = job.sources.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(sources, ["a.tar", "hello.spec"]);
    let glibc = job.root.packages.iter().find(|package| package.name == "glibc").unwrap();
    assert_eq!((glibc.arch.as_str(), glibc.file.name.as_str()), ("x86_64", "glibc-2-1.x86_64.rpm"));
    assert!(job.root.packages.iter().all(|package| bed.world.blobs.contains(&package.file.sha256)));
    assert_eq!(bed.archive.server.take_requests().len(), 4);
}

#[tokio::test]
async fn requirements_follow_the_macros_of_the_target() {
    let bed = bed().await;
    let lines = "%if 0%{?suse_version} >= 1500\nBuildRequires: suse-tool\n%else\nBuildRequires: other-tool\n%endif\n\
                 %bcond_with make\n%if %{with make}\nBuildRequires: make\n%endif";
    assert_eq!(bed.root_of(lines).await, "bash glibc other-tool rpm");
    let config = "Macros:\n%suse_version 1600\n%_with_make 1\n:Macros\n";
    bed.world.service.set_config(&bed.user, bed.project, config.into(), "").await.unwrap();
    assert_eq!(bed.root_of(lines).await, "bash glibc make rpm suse-tool");
    assert_eq!(bed.root_of("BuildRequires: make\n#!BuildIgnore: make").await, "bash glibc rpm");
}

#[tokio::test]
async fn conditions_of_a_target_reach_the_recipe_and_the_job() {
    let bed = bed().await;
    let lines = "%bcond_with make\n%bcond_without tool\n%if %{with make}\nBuildRequires: make\n%endif\n\
                 %if %{with tool}\nBuildRequires: other-tool\n%endif";
    assert_eq!(bed.root_of(lines).await, "bash glibc other-tool rpm");
    let set = async |with: &str, without: &str| {
        let additions = TargetAdditions {
            with: vec![with.to_owned()],
            without: vec![without.to_owned()],
            debug_packages: true,
            packages: Vec::new(),
        };
        bed.world.service.set_additions(&bed.user, bed.project, &target("fedora-44", "x86_64"), additions).await
    };
    set("make", "tool").await.unwrap();
    bed.submit(lines).await;
    bed.plan().await;
    let job = bed.claim().await.unwrap();
    assert_eq!(names(&job), "bash glibc make rpm");
    let settings = job.settings;
    assert_eq!((settings.with, settings.without), (vec!["make".to_owned()], vec!["tool".to_owned()]));
    assert!(settings.debug_packages);
    let (kind, text) = refusal(set("make", "--eval=x").await);
    assert_eq!(kind, service::ErrorKind::Invalid);
    assert!(text.contains("\"--eval=x\" is not the name of a condition"), "{text}");
}

#[tokio::test]
async fn a_package_has_a_switch_for_packages_of_debugging_symbols_of_its_own() {
    let bed = bed().await;
    let says = async |on: Option<bool>| {
        let flag = |on| model::Flag { kind: model::FlagKind::DebugInfo, on, repository: None, arch: None };
        let about = model::About { flags: on.into_iter().map(flag).collect(), ..model::About::default() };
        let hello = model::PackageName::parse("hello").unwrap();
        bed.world.service.put_about_package(&bed.user, bed.project, &hello, (&about, "")).await.unwrap();
        bed.submit("BuildRequires: make").await;
        bed.plan().await;
        bed.claim().await.unwrap().settings.debug_packages
    };
    assert!(!says(None).await);
    assert!(says(Some(true)).await);
    let additions = TargetAdditions { debug_packages: true, ..TargetAdditions::default() };
    let target = target("fedora-44", "x86_64");
    bed.world.service.set_additions(&bed.user, bed.project, &target, additions).await.unwrap();
    assert!(says(None).await);
    assert!(!says(Some(false)).await);
}

#[tokio::test]
async fn what_is_not_built_here_or_can_not_be_says_why() {
    let bed = bed().await;
    assert_eq!(
        bed.root_of("ExclusiveArch: s390x ppc64le").await,
        "skipped: excluded: the recipe builds only for ppc64le s390x"
    );
    assert_eq!(bed.root_of("ExcludeArch: x86_64").await, "skipped: excluded: the recipe does not build for x86_64");
    assert_eq!(bed.root_of("ExclusiveArch: %{nothing}x86_64 x86_64").await, "bash glibc rpm");
    assert_eq!(
        bed.root_of("BuildRequires: nothing-at-all").await,
        "failed: unresolvable: nothing provides nothing-at-all"
    );
    assert!(bed.root_of("BuildRequires: cc").await.contains("have choice for cc: cc-one cc-two"));
}

#[tokio::test]
async fn files_are_provided_as_far_as_somebody_asks_for_them() {
    let bed = bed_with(|_| {}).await;
    // The table, the list of packages and the list of files: one package asks for a file that only the last one has.
    assert_eq!(bed.refresh().await, (11, 2));
    let requests = bed.archive.server.take_requests();
    assert!(requests.iter().any(|request| request.contains("filelists")), "{requests:?}");
    assert_eq!(bed.root_of("BuildRequires: wants-file").await, "bash by-file glibc rpm wants-file");
    assert_eq!(bed.root_of("BuildRequires: /bin/sh").await, "bash glibc rpm");
    assert_eq!(bed.refresh().await, (11, 0));
    let requests = bed.archive.server.take_requests();
    assert_eq!(requests.iter().filter(|request| request.contains("repodata")).count(), 2, "{requests:?}");
}

#[tokio::test]
async fn packages_named_by_another_digest_are_found_once_they_are_here() {
    let bed = bed_with(|archive| archive.has_sha512 = true).await;
    bed.refresh().await;
    let build = bed.submit("BuildRequires: make").await;
    bed.plan().await;
    bed.plan().await;
    assert_eq!(bed.words(build).await, "pending: scheduled");
    assert_eq!(names(&bed.claim().await.unwrap()), "bash glibc make rpm");
    bed.archive.server.take_requests();
    let world = bed.world.restart().await;
    let bed = Bed { world, ..bed };
    assert_eq!(bed.root_of("BuildRequires: make").await, "bash glibc make rpm");
    assert_eq!(bed.refresh().await.1, 0);
    let requests = bed.archive.server.take_requests();
    assert!(!requests.iter().any(|request| request.contains("Packages/")), "{requests:?}");
    // A package that is not the one the index speaks of is never taken.
    for path in bed.archive.server.paths().into_iter().filter(|path| path.contains("other-tool")) {
        bed.archive.server.misbehave(&path, Trouble::Garble, 99);
    }
    let outcome = bed.root_of("BuildRequires: other-tool").await;
    assert!(outcome.starts_with("pending: broken: ") && outcome.contains("digest is"), "{outcome}");
}

#[tokio::test]
async fn a_mirror_is_believed_only_with_a_signature_or_by_decision() {
    let bed = bed().await;
    bed.archive.server.remove("rpm/x86_64/repodata/repomd.xml.asc");
    assert_eq!(
        bed.refusal_of_refresh().await,
        format!("mirror of Fedora:44: {TABLE}: has no repomd.xml.asc beside it, which the configured keys ask for")
    );
    bed.archive.publish(bed.world.now());
    let forged = String::from_utf8(bed.archive.server.get(TABLE)).unwrap().replace("<revision>", "<revision>9");
    bed.archive.server.put(TABLE, forged);
    let text = bed.refusal_of_refresh().await;
    assert!(text.starts_with(&format!("mirror of Fedora:44: {TABLE}: repomd.xml: not signed by a key")), "{text}");
    let admin = bed.world.admin().await;
    let unsigned = DistributionOptions { keyring: None, believes_unsigned: true, ..options(&bed.archive) };
    bed.world.service.add_distribution(&admin, "fedora-44", unsigned).await.unwrap();
    assert_eq!(bed.refresh().await.0, 11);
    // What people wrote in the configuration is still there.
    assert_eq!(bed.world.service.config(bed.distribution).await.unwrap().comment, "of the test");
}

#[tokio::test]
async fn a_mirror_that_went_back_in_time_is_refused() {
    let bed = bed().await;
    let before = bed.world.now();
    bed.world.advance(DAY);
    bed.archive.publish(bed.world.now());
    bed.refresh().await;
    bed.archive.publish(before);
    assert!(bed.refusal_of_refresh().await.ends_with("the mirror went back in time"));
}

#[tokio::test]
async fn a_mirror_that_changes_while_it_is_read_is_read_again() {
    let bed = bed().await;
    let old = bed.archive.server.get(TABLE);
    let old_signature = bed.archive.server.get(&format!("{TABLE}.asc"));
    bed.world.advance(DAY);
    let Bed { world, mut archive, user, project, distribution } = bed;
    archive.add("P: more");
    archive.publish(world.now());
    let bed = Bed { world, archive, user, project, distribution };
    // The old table once more, with the signature of the new one; then the old one with its own, whose files are gone.
    bed.archive.server.misbehave(TABLE, Trouble::Replace(old.clone()), 1);
    assert_eq!(bed.refresh().await.0, 12);
    bed.world.advance(DAY);
    bed.archive.publish(bed.world.now());
    bed.archive.server.misbehave(TABLE, Trouble::Replace(old), 1);
    bed.archive.server.misbehave(&format!("{TABLE}.asc"), Trouble::Replace(old_signature), 1);
    let outcome = bed.world.service.refresh_mirrors(bed.distribution).await;
    assert!(outcome.is_err() || outcome.unwrap().packages == 12);
    assert_eq!(bed.refresh().await.0, 12);
}

#[tokio::test]
async fn troubles_of_a_mirror_pass_or_are_named_and_never_the_fault_of_a_package() {
    let bed = bed_with(|_| {}).await;
    for path in bed.archive.server.paths() {
        bed.archive.server.misbehave(&path, Trouble::Status(500), 1);
    }
    assert_eq!(bed.refresh().await.0, 11);
    let primary = bed.archive.server.paths().into_iter().find(|path| path.contains("primary")).unwrap();
    bed.world.advance(DAY);
    let bed = bed_with(|_| {}).await;
    let build = bed.submit("").await;
    for (trouble, words) in [
        (Trouble::Status(404), "the server answered 404"),
        (Trouble::Status(503), "the server answered 503"),
        (Trouble::Garble, "SHA-256"),
        (Trouble::Truncate, ""),
        (Trouble::Replace(b"short".to_vec()), "bytes"),
    ] {
        bed.archive.server.misbehave(&primary, trouble.clone(), 99);
        let text = bed.refusal_of_refresh().await;
        assert!(text.starts_with("mirror of Fedora:44: ") && text.contains(words), "{trouble:?}: {text}");
        bed.plan().await;
        let said = bed.words(build).await;
        assert!(said.starts_with("pending: broken: mirror of Fedora:44: ") && said.contains(words), "{said}");
    }
    bed.archive.server.misbehave(&primary, Trouble::Status(500), 0);
    for garbage in [&b"<html>"[..], b"", b"<!DOCTYPE x><repomd/>"] {
        let admin = bed.world.admin().await;
        let unsigned = DistributionOptions { keyring: None, believes_unsigned: true, ..options(&bed.archive) };
        bed.world.service.add_distribution(&admin, "fedora-44", unsigned).await.unwrap();
        bed.archive.server.misbehave(TABLE, Trouble::Replace(garbage.to_vec()), 99);
        let text = bed.refusal_of_refresh().await;
        assert!(text.starts_with(&format!("mirror of Fedora:44: {TABLE}: ")), "{text}");
    }
    bed.archive.server.misbehave(TABLE, Trouble::Status(500), 0);
    assert_eq!(bed.refresh().await.0, 11);
    bed.plan().await;
    assert_eq!(bed.words(build).await, "pending: scheduled");
}

#[tokio::test]
async fn a_package_that_can_not_be_had_ends_by_the_services_fault() {
    let bed = bed().await;
    let build = bed.submit("BuildRequires: make").await;
    bed.archive.server.misbehave("rpm/x86_64/Packages/make-4-1.x86_64.rpm", Trouble::Status(503), 999);
    for _ in 0..9 {
        bed.plan().await;
        bed.world.advance(Duration::from_secs(3600));
    }
    let failure = bed.world.task(build).await.failure.unwrap();
    assert_eq!(failure.fault(), model::Fault::Service);
    assert!(failure.to_string().contains("answered 503"), "{failure}");
}

#[tokio::test]
async fn what_a_recipe_asks_for_while_it_runs_comes_into_its_next_root() {
    let bed = bed().await;
    let build = bed.submit("").await;
    let ask = async |job: &JobSpec, names: &[&str]| {
        let requires = names.iter().map(ToString::to_string).collect();
        bed.world.service.finish(job.job, report(JobOutcome::NeedsPackages { requires }, Vec::new())).await.unwrap();
    };
    bed.plan().await;
    ask(&bed.claim().await.unwrap(), &["generated >= 1"]).await;
    assert!(bed.claim().await.is_none(), "not with the old root");
    assert_eq!(bed.words(build).await, format!("pending: {}", Verdict::Fetching));
    bed.plan().await;
    let job = bed.claim().await.unwrap();
    assert_eq!(names(&job), "bash generated glibc rpm");
    ask(&job, &["generated >= 1", "make"]).await;
    bed.plan().await;
    let job = bed.claim().await.unwrap();
    assert_eq!(names(&job), "bash generated glibc make rpm");
    // What it has already can not be missing: no round without an end.
    ask(&job, &["make"]).await;
    assert_eq!(bed.words(build).await, "failed: unresolvable: the recipe asks for what it was given already: make");
}

#[tokio::test]
async fn a_recipe_that_never_has_enough_is_stopped() {
    let bed = bed().await;
    let build = bed.submit("").await;
    for round in 0..model::MOST_REQUIREMENT_ROUNDS {
        bed.plan().await;
        let job = bed.claim().await.unwrap_or_else(|| panic!("{round}"));
        let requires = vec![format!("(make or nothing{round})")];
        bed.world.service.finish(job.job, report(JobOutcome::NeedsPackages { requires }, Vec::new())).await.unwrap();
    }
    bed.plan().await;
    let job = bed.claim().await.unwrap();
    let requires = vec!["bash".to_owned()];
    bed.world.service.finish(job.job, report(JobOutcome::NeedsPackages { requires }, Vec::new())).await.unwrap();
    let words = bed.words(build).await;
    assert!(words.starts_with("failed: unresolvable: the recipe asked for more packages 10 times"), "{words}");
    let build = bed.submit("").await;
    bed.plan().await;
    let job = bed.claim().await.unwrap();
    let requires = vec!["-glibc".to_owned()];
    bed.world.service.finish(job.job, report(JobOutcome::NeedsPackages { requires }, Vec::new())).await.unwrap();
    assert!(bed.words(build).await.ends_with("the recipe asks for \"-glibc\", which is no dependency"));
}

#[tokio::test]
async fn own_results_come_before_the_mirrors() {
    let bed = bed().await;
    bed.submit("").await;
    bed.plan().await;
    let job = bed.claim().await.unwrap();
    let own = RawRpm::binary("make", "1", "1", "x86_64").file("/usr/bin/own-tool", b"").build();
    bed.world.succeed_with(job.job, "make-1-1.x86_64.rpm", &own).await;
    bed.submit("BuildRequires: make").await;
    bed.plan().await;
    let job = bed.claim().await.unwrap();
    let make = job.root.packages.iter().find(|package| package.name == "make").unwrap();
    assert_eq!((make.version.as_str(), make.file.sha256), ("1-1", pkg::Sha256::of(&own)));
}

#[tokio::test]
async fn epel_builds_on_the_distribution_below_it() {
    let world = world().await;
    let archive = RpmArchive::new(PACKAGES, world.now());
    let admin = world.admin().await;
    let (kind, text) = refusal(world.service.add_distribution(&admin, "epel-9", options(&archive)).await);
    assert_eq!(kind, service::ErrorKind::Invalid);
    assert!(text.ends_with("builds on CentOS:Stream:9; add centos-stream-9 first"), "{text}");
    world.service.add_distribution(&admin, "centos-stream-9", options(&archive)).await.unwrap();
    let epel = world.service.add_distribution(&admin, "epel-9", options(&archive)).await.unwrap();
    let repositories = world.service.repositories(epel.id).await.unwrap();
    let path: Vec<String> = repositories[0].path.iter().map(ToString::to_string).collect();
    assert_eq!(path, ["CentOS:Stream:9/standard"]);
}
