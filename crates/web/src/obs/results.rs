//! `_result`: what became of every package of a project in every (repository, arch), and the long poll on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{PackageName, Project, Repository, RepositoryArch};
use pkg::Md5;
use service::{PackageOutline, PackageTask, TargetName};

use super::call::{Answer, Call, document};
use super::codes::{Origin, PackageState, package_state};
use super::error::ObsError;
use super::xml::Node;

/// Shortest time between two looks while a client waits.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest time without a look: some changes, a publication for instance, are not announced.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Longest a request is held; the client asks again.
const LONGEST_HOLD: Duration = Duration::from_secs(300);

/// One package in one (repository, arch).
pub(super) struct Outcome {
    /// Package.
    pub(super) package: PackageName,
    /// Its newest task there.
    pub(super) newest: Option<PackageTask>,
    /// What is said of it.
    pub(super) state: PackageState,
}

/// Everything of one (repository, arch).
pub(super) struct TargetOutcome {
    /// Which.
    pub(super) target: TargetName,
    /// What is said of the whole.
    pub(super) code: &'static str,
    /// Its packages by name.
    pub(super) packages: Vec<Outcome>,
}

/// `GET /build/P/_result`.
pub(super) async fn show(call: &Call, project: &Project) -> Answer {
    let known = call.query.get("oldstate");
    let begun = tokio::time::Instant::now();
    let mut seen = 0;
    loop {
        // Taken first, so that no change after the look is missed.
        let (state, list) = look(call, project).await?;
        if known != Some(state.as_str()) || begun.elapsed() > LONGEST_HOLD {
            return Ok(document(&list));
        }
        tokio::select! {
            now = call.app.service.wait_for_change(seen) => seen = now,
            () = tokio::time::sleep(LONGEST_PAUSE) => {}
            () = call.app.options.stop.cancelled() => return Ok(document(&list)),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn look(call: &Call, project: &Project) -> Result<(String, Node), ObsError> {
    let outcomes = select(call, outcomes(call, project).await?)?;
    if outcomes.is_empty() {
        let state = "0".repeat(32);
        return Ok((state.clone(), Node::new("resultlist").with("state", state)));
    }
    let views = Views::read(call)?;
    let results: Vec<Node> = outcomes.iter().map(|outcome| views.result(project, outcome)).collect();
    let text: String = results.iter().map(Node::render).collect();
    let state = Md5::of(text.as_bytes()).to_string();
    Ok((state.clone(), Node::new("resultlist").with("state", state).children(results)))
}

/// What a request wants to see of each (repository, arch).
struct Views {
    status: bool,
    version: bool,
    summary: bool,
}

impl Views {
    fn read(call: &Call) -> Result<Self, ObsError> {
        let mut views = Self { status: false, version: false, summary: false };
        let mut any = false;
        for view in call.query.all("view") {
            any = true;
            match view {
                "status" => views.status = true,
                "versrel" => (views.status, views.version) = (true, true),
                "summary" => views.summary = true,
                other => {
                    let other: String = other.chars().take(40).collect();
                    return Err(ObsError::not_yet(format_args!("the view {other:?} of results")));
                }
            }
        }
        views.status |= !any;
        Ok(views)
    }

    fn result(&self, project: &Project, outcome: &TargetOutcome) -> Node {
        let node = Node::new("result")
            .with("project", &project.name)
            .with("repository", &outcome.target.repository)
            .with("arch", &outcome.target.arch)
            .with("code", outcome.code)
            .with("state", outcome.code);
        let status = |one: &Outcome| {
            let version = one.newest.as_ref().and_then(|newest| newest.version.as_deref()).filter(|_| self.version);
            Node::new("status")
                .with("package", &one.package)
                .with("code", one.state.code)
                .with_maybe("versrel", version)
                .children(one.state.details.as_ref().map(|details| Node::leaf("details", details.as_str())))
        };
        let node = if self.status { node.children(outcome.packages.iter().map(status)) } else { node };
        if !self.summary {
            return node;
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for one in &outcome.packages {
            *counts.entry(one.state.code).or_default() += 1;
        }
        let count = |(code, count)| Node::new("statuscount").with("code", code).with("count", count);
        node.child(Node::new("summary").children(counts.into_iter().map(count)))
    }
}

/// Keeps what the filters of a request name.
pub(super) fn select(call: &Call, outcomes: Vec<TargetOutcome>) -> Result<Vec<TargetOutcome>, ObsError> {
    let wanted = |name: &'static str| -> Vec<&str> { call.query.all(name).collect() };
    let (packages, repositories, arches, codes) =
        (wanted("package"), wanted("repository"), wanted("arch"), wanted("code"));
    for name in &repositories {
        if !outcomes.iter().any(|outcome| outcome.target.repository.as_str() == *name) {
            return Err(ObsError::missing(format!("unknown repository '{name}'")));
        }
    }
    for name in &packages {
        let known = |outcome: &TargetOutcome| outcome.packages.iter().any(|one| one.package.as_str() == *name);
        if !outcomes.is_empty() && !outcomes.iter().any(known) {
            return Err(ObsError::missing(format!("unknown package '{name}'")));
        }
    }
    let fits = |list: &[&str], name: &str| list.is_empty() || list.contains(&name);
    let mut kept = Vec::new();
    for mut outcome in outcomes {
        if fits(&repositories, outcome.target.repository.as_str()) && fits(&arches, outcome.target.arch.as_str()) {
            outcome.packages.retain(|one| fits(&packages, one.package.as_str()) && fits(&codes, one.state.code));
            kept.push(outcome);
        }
    }
    Ok(kept)
}

/// Everything that is known of a project's packages, in the order of its repositories and architectures.
pub(super) async fn outcomes(call: &Call, project: &Project) -> Result<Vec<TargetOutcome>, ObsError> {
    let service = &call.app.service;
    let repositories = service.repositories(project.id).await?;
    let mut newest: BTreeMap<(PackageName, TargetName), PackageTask> = BTreeMap::new();
    for found in service.package_tasks(project.id, None).await? {
        let target = TargetName { repository: found.task.repository.clone(), arch: found.task.arch.clone() };
        newest.insert((found.package.clone(), target), found);
    }
    let built: BTreeSet<PackageName> = newest.keys().map(|(name, _)| name.clone()).collect();
    let packages = service.package_outlines(project.id).await?;
    let looked_at = published_until(call).await?;
    let mut outcomes = Vec::new();
    for (repository, arch) in targets(&repositories) {
        let target = TargetName { repository: repository.name.clone(), arch: arch.arch.clone() };
        let outcome = |package: &PackageOutline| {
            let name = package.name.clone();
            let newest = newest.remove(&(name.clone(), target.clone()));
            let place = Some((&target.repository, &target.arch));
            let is_on = arch.enabled && package.about.is_on(model::FlagKind::Build, place, true);
            let origin = match (package.has_revision, built.contains(&name)) {
                (true, _) => Origin::Files,
                (false, true) => Origin::Builds,
                (false, false) => Origin::Nothing,
            };
            let state = package_state(newest.as_ref(), is_on, origin);
            let state = match &package.failure {
                Some(why) if is_on && (newest.is_none() || !state.is_open()) => PackageState::broken(why),
                _ => state,
            };
            Outcome { package: name, state, newest }
        };
        let packages: Vec<Outcome> = packages.iter().map(outcome).collect();
        let code = repository_code(project, &packages, looked_at);
        outcomes.push(TargetOutcome { target, code, packages });
    }
    Ok(outcomes)
}

fn targets(repositories: &[Repository]) -> impl Iterator<Item = (&Repository, &RepositoryArch)> {
    repositories.iter().flat_map(|repository| repository.arches.iter().map(move |arch| (repository, arch)))
}

/// When the publisher last began a look at everything.
async fn published_until(call: &Call) -> Result<Option<model::Timestamp>, ObsError> {
    let status = call.app.service.status().await?;
    Ok(status.reconcilers.iter().find(|one| one.name == "publish").and_then(|one| one.last_started_at))
}

fn repository_code(project: &Project, packages: &[Outcome], looked_at: Option<model::Timestamp>) -> &'static str {
    let open: Vec<&str> = packages.iter().filter(|one| one.state.is_open()).map(|one| one.state.code).collect();
    if open.iter().any(|code| *code != "blocked") {
        return "building";
    }
    if !open.is_empty() {
        return "blocked";
    }
    if !project.settings.publish {
        return "unpublished";
    }
    let ended = packages.iter().filter_map(|one| one.newest.as_ref()?.task.ended_at).max();
    match (ended, looked_at) {
        (Some(ended), Some(looked_at)) if looked_at > ended => "published",
        (None, _) => "published",
        _ => "publishing",
    }
}
