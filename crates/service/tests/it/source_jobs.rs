//! Sources that jobs make: planned, claimed, ended and read.

use std::time::Duration;

use model::{
    BuildId, CheckoutSystem, FailureCause, JobFile, JobOutcome, JobSpec, JobWork, PackageName, PackageSource,
    ResultFile, ResultKind, SourceState,
};
use pkg::Sha256;
use service::{NewBuild, NewSource, ServiceError, SourceTarget};

use crate::kit::{World, failed, file_name, refusal, report, succeeded, target};
use crate::rpm_world::{Bed, bed};

const SPEC: &str = "Name: hello\nVersion: 2.8\nRelease: 1\nSummary: s\nLicense: MIT\nSource0: a.tar\n\n%description\n";

pub(crate) fn script(packages: &str) -> PackageSource {
    PackageSource::Script {
        script: "#!/bin/sh\ntrue\n".to_owned(),
        root: String::new(),
        packages: Some(packages.to_owned()),
        folder: None,
        repositories: String::new(),
    }
}

async fn submit(bed: &Bed, package: Option<&str>, source: PackageSource) -> Result<BuildId, ServiceError> {
    let package = package.map(|name| PackageName::parse(name).unwrap());
    let new = NewBuild {
        project: bed.project,
        source: NewSource::Job(package, source),
        targets: None,
        network: None,
        limits: None,
        queue: Default::default(),
    };
    bed.world.service.submit(&bed.user, new).await
}

/// Runs what makes sources and what plans, and claims what there is.
async fn job(bed: &Bed) -> Option<JobSpec> {
    bed.world.service.reconcile("sources").await.unwrap();
    bed.plan().await;
    bed.claim().await
}

/// Hands over files and ends the job well.
async fn leave(world: &World, job: &JobSpec, files: &[(&str, &str)]) {
    let mut results = Vec::new();
    for (name, content) in files {
        let path = world.folder.path().join("left");
        std::fs::write(&path, content).unwrap();
        let (bytes, sha256) = (content.len() as u64, Sha256::of(content.as_bytes()));
        let file = JobFile { name: file_name(name), bytes, sha256 };
        let result = ResultFile { kind: ResultKind::Source, file, package: None };
        world.service.store_result(job.job, &result, &path).await.unwrap();
        results.push(result);
    }
    world.service.finish(job.job, succeeded(results)).await.unwrap();
}

async fn source_words(bed: &Bed, build: BuildId) -> String {
    bed.world.service.reconcile("sources").await.unwrap();
    let build = bed.world.service.build(build).await.unwrap();
    let failure = build.source_failure.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{} {}{failure}", build.state().as_str(), build.source_state.as_str())
}

#[tokio::test]
async fn what_a_job_leaves_is_read_as_if_somebody_had_handed_it_in() {
    let bed = bed().await;
    let build = submit(&bed, None, script("make")).await.unwrap();
    let spec = job(&bed).await.unwrap();
    assert_eq!(spec.title, format!("home:alice:rpms/source of build {build} fedora-44 x86_64"));
    assert!(spec.network && spec.sources.is_empty());
    assert!(spec.root.packages.iter().any(|package| package.name == "make"));
    let JobWork::Source(script) = &spec.work else { panic!("{:?}", spec.work) };
    assert_eq!(script.steps.len(), 2);
    assert_eq!(source_words(&bed, build).await, "importing in_job");
    assert_eq!(bed.world.states(build).await, "importing: waiting", "the job is no target of the build");
    bed.world.write_log(spec.job, "made\n");
    leave(&bed.world, &spec, &[("hello.spec", SPEC), ("a.tar", "a"), ("notes", "n")]).await;

    let recipe = job(&bed).await.unwrap();
    assert_eq!((recipe.recipe_file(), recipe.network), ("hello.spec", false));
    let sources: Vec<&str> = recipe.sources.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(sources, ["a.tar", "hello.spec", "notes"]);
    let found = bed.world.service.build(build).await.unwrap();
    assert_eq!((found.package.unwrap().as_str(), found.version.as_deref()), ("hello", Some("2.8-1")));
    let task = bed.world.service.source_task(build).await.unwrap().unwrap();
    let log = bed.world.service.log(task.id).await.unwrap();
    assert!(log.complete && std::fs::read_to_string(log.path).unwrap() == "made\n");
    assert_eq!(bed.world.service.results(task.id).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_source_of_a_package_is_built_under_its_name() {
    let bed = bed().await;
    let build = submit(&bed, Some("greeting"), script("")).await.unwrap();
    leave(&bed.world, &job(&bed).await.unwrap(), &[("hello.spec", SPEC), ("a.tar", "a")]).await;
    bed.world.service.reconcile("sources").await.unwrap();
    assert_eq!(bed.world.service.build(build).await.unwrap().package.unwrap().as_str(), "greeting");
}

#[tokio::test]
async fn a_root_that_can_not_be_is_the_reason_of_the_build() {
    let bed = bed().await;
    let build = submit(&bed, None, script("git")).await.unwrap();
    assert!(job(&bed).await.is_none());
    let words = source_words(&bed, build).await;
    assert!(words.starts_with("failed failed: ") && words.contains("nothing provides git"), "{words}");
    assert_eq!(bed.world.states(build).await, "failed: failed");
}

#[tokio::test]
async fn a_job_that_fails_or_leaves_no_recipe_fails_the_source() {
    let bed = bed().await;
    let build = submit(&bed, None, script("")).await.unwrap();
    let spec = job(&bed).await.unwrap();
    let cause = FailureCause::Recipe { step: "script".to_owned(), status: 3 };
    bed.world.service.finish(spec.job, failed(cause)).await.unwrap();
    assert_eq!(source_words(&bed, build).await, "failed failed: script ended with exit status 3");

    for (files, words) in [
        (vec![("a.tar", "a")], "what the job left: has no source package, .dsc or spec file: a.tar"),
        (vec![("a.spec", SPEC), ("b.spec", SPEC)], "what the job left: has several recipes: a.spec, b.spec"),
        (vec![("a.spec", "Name: %{nosuch}\n")], "a.spec: "),
        (vec![("a.src.rpm", "no package")], "a.src.rpm: "),
    ] {
        let build = submit(&bed, None, script("")).await.unwrap();
        leave(&bed.world, &job(&bed).await.unwrap(), &files).await;
        let found = source_words(&bed, build).await;
        assert!(found.starts_with(&format!("failed failed: {words}")), "{found}");
    }
}

#[tokio::test]
async fn a_worker_that_is_gone_costs_an_attempt_and_a_cancel_ends_it_all() {
    let mut bed = bed().await;
    let build = submit(&bed, None, script("")).await.unwrap();
    let first = job(&bed).await.unwrap();
    bed.world.advance(Duration::from_secs(3600));
    bed.world.service.reconcile("leases").await.unwrap();
    bed.world.advance(Duration::from_secs(3600));
    // The program ends and begins again: who was at work is forgotten, what there is to do is not.
    bed.world = bed.world.restart().await;
    assert_eq!(source_words(&bed, build).await, "importing in_job");
    let second = job(&bed).await.unwrap();
    assert!(second.job > first.job);
    bed.world.service.finish(first.job, report(JobOutcome::Succeeded, Vec::new())).await.unwrap();
    assert_eq!(source_words(&bed, build).await, "importing in_job", "a late report changes nothing");
    bed.world.service.cancel(&bed.user, build).await.unwrap();
    let found = bed.world.service.build(build).await.unwrap();
    assert_eq!((found.source_state, found.is_finished()), (SourceState::Canceled, true));
    bed.world.service.finish(second.job, report(JobOutcome::Succeeded, Vec::new())).await.unwrap();
    assert_eq!(source_words(&bed, build).await, "canceled canceled");
    assert!(job(&bed).await.is_none());
}

#[tokio::test]
async fn the_root_is_the_named_one_then_the_servers_then_the_builds() {
    let mut bed = bed().await;
    let named = |root: &str| match script("") {
        PackageSource::Script { script, packages, folder, repositories, .. } => {
            PackageSource::Script { script, packages, folder, repositories, root: root.to_owned() }
        }
        other => other,
    };
    let build = submit(&bed, None, named("fedora-44-x86_64")).await.unwrap();
    assert!(job(&bed).await.unwrap().title.ends_with(" standard x86_64"), "the distribution's own");
    bed.world.service.cancel(&bed.user, build).await.unwrap();
    let build = submit(&bed, None, named("suse-1-x86_64")).await.unwrap();
    let words = source_words(&bed, build).await;
    assert!(words.ends_with("there is no root of suse-1-x86_64, which the source names"), "{words}");
    // A word of old for "whatever is newest".
    let build = submit(&bed, None, named("fedora-latest-x86_64")).await.unwrap();
    assert!(job(&bed).await.unwrap().title.ends_with(" standard x86_64"));
    bed.world.service.cancel(&bed.user, build).await.unwrap();
    let build = submit(&bed, None, named("suse-latest-x86_64")).await.unwrap();
    assert!(job(&bed).await.unwrap().title.ends_with(" fedora-44 x86_64"), "none of these: as if none was named");
    bed.world.service.cancel(&bed.user, build).await.unwrap();

    bed.world.config.source_target = SourceTarget::parse("Fedora:44/standard/x86_64");
    bed.world = bed.world.restart().await;
    submit(&bed, None, script("")).await.unwrap();
    assert!(job(&bed).await.unwrap().title.ends_with(" standard x86_64"));
}

#[tokio::test]
async fn a_tool_that_nothing_provides_is_replaced_by_what_brings_it() {
    let tito = || PackageSource::Checkout {
        system: CheckoutSystem::Git,
        url: "https://example.org/hello.git".to_owned(),
        revision: String::new(),
        folder: String::new(),
        recipe: String::new(),
        method: "tito".to_owned(),
    };
    let mut bed = bed().await;
    let tools = ["git", "ca-certificates", "rpm-build", "python3", "python3-pip", "python3-rpm"];
    bed.offer(&tools.map(|name| format!("P: {name}\n")).concat()).await;
    submit(&bed, None, tito()).await.unwrap();
    let packages = |spec: &JobSpec| {
        let names = spec.root.packages.iter().map(|package| package.name.clone());
        names.filter(|name| name == "tito" || tools.contains(&name.as_str())).collect::<std::collections::BTreeSet<_>>()
    };
    let without = packages(&job(&bed).await.unwrap());
    assert_eq!(without.len(), tools.len(), "{without:?}");

    bed.offer("P: tito\n").await;
    submit(&bed, None, tito()).await.unwrap();
    let with = packages(&job(&bed).await.unwrap());
    assert_eq!(with.into_iter().collect::<Vec<_>>(), ["ca-certificates", "git", "rpm-build", "tito"]);
}

#[tokio::test]
async fn what_a_source_says_must_make_sense() {
    let bed = bed().await;
    let odd = PackageSource::Script {
        script: "true".to_owned(),
        root: String::new(),
        packages: None,
        folder: None,
        repositories: "http://example.org/repo".to_owned(),
    };
    let (_, words) = refusal(submit(&bed, None, odd).await);
    assert!(words.contains("further repositories is not possible here"), "{words}");
    let (_, words) = refusal(submit(&bed, None, script("-glibc")).await);
    assert!(words.contains("no name of a package"), "{words}");
    assert_eq!(target("fedora-44", "x86_64").to_string(), "fedora-44-x86_64");
}
