//! `_result`: what became of every package of a project in every (repository, arch), and the long poll on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{PackageName, Project, Repository, RepositoryArch};
use pkg::Md5;
use service::{PackageOutline, PackageTask, ProjectView, TargetActivity, TargetName};

use super::call::{Answer, Call, document, package_name};
use super::codes::{self, Origin, PackageState, package_state};
use super::error::ObsError;
use super::xml::Node;

/// Shortest time between two looks while a client waits.
const PAUSE: Duration = Duration::from_millis(500);
/// A look takes a part of the time at most, one in so many: large projects are looked at less often.
const REST: u32 = 4;
/// Longest time without a look while a publication is awaited, which nothing announces.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Longest time without a look otherwise.
const LONGEST_QUIET: Duration = Duration::from_secs(30);
/// Longest a request is held; the client asks again.
const LONGEST_HOLD: Duration = Duration::from_secs(300);

/// Packages a request may name before all are read at once.
const MOST_NAMED: usize = 50;

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
        let looked = tokio::time::Instant::now();
        let found = look(call, project).await?;
        if known != Some(found.state.as_str()) || begun.elapsed() > LONGEST_HOLD {
            return Ok(document(&found.list));
        }
        let pause = PAUSE.max(looked.elapsed() * REST);
        let longest = if found.is_publishing { LONGEST_PAUSE } else { LONGEST_QUIET };
        tokio::select! {
            now = call.app.service.wait_for_change(seen) => seen = now,
            () = tokio::time::sleep(longest) => {}
            () = call.app.options.stop.cancelled() => return Ok(document(&found.list)),
        }
        tokio::time::sleep(pause).await;
    }
}

/// What a request is answered with.
struct Look {
    state: String,
    list: Node,
    /// Whether something that has been built is about to be published.
    is_publishing: bool,
}

async fn look(call: &Call, project: &Project) -> Result<Look, ObsError> {
    let outcomes = select(call, outcomes(call, project, &named(call)?).await?)?;
    let is_publishing = outcomes.iter().any(|outcome| outcome.code == "publishing");
    if outcomes.is_empty() {
        let state = "0".repeat(32);
        return Ok(Look { list: Node::new("resultlist").with("state", &state), state, is_publishing });
    }
    let views = Views::read(call)?;
    let results: Vec<Node> = outcomes.iter().map(|outcome| views.result(project, outcome)).collect();
    let text: String = results.iter().map(Node::render).collect();
    let state = Md5::of(text.as_bytes()).to_string();
    Ok(Look { list: Node::new("resultlist").with("state", &state).children(results), state, is_publishing })
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
    let flavors = call.flag("multibuild")?;
    let is_wanted = |name: &str| {
        let main = name.split(':').next().unwrap_or(name);
        fits(&packages, name) || (flavors && packages.contains(&main))
    };
    let mut kept = Vec::new();
    for mut outcome in outcomes {
        if fits(&repositories, outcome.target.repository.as_str()) && fits(&arches, outcome.target.arch.as_str()) {
            outcome.packages.retain(|one| is_wanted(one.package.as_str()) && fits(&codes, one.state.code));
            kept.push(outcome);
        }
    }
    Ok(kept)
}

/// The packages that the filters of a request name.
///
/// # Errors
/// If one is no name of a package.
pub(super) fn named(call: &Call) -> Result<Vec<PackageName>, ObsError> {
    call.query.all("package").map(package_name).collect()
}

/// Everything that is known of a project's packages, or of some and their flavors, in the order of its repositories and
/// architectures. What is said of a whole (repository, arch) is the same whichever packages are asked for.
pub(super) async fn outcomes(
    call: &Call,
    project: &Project,
    only: &[PackageName],
) -> Result<Vec<TargetOutcome>, ObsError> {
    let service = &call.app.service;
    let ProjectView { about, repositories, .. } = service.project_view(&project.name).await?;
    let (packages, tasks) = packages_with_tasks(call, project, only).await?;
    let mut newest: BTreeMap<(PackageName, TargetName), PackageTask> = BTreeMap::new();
    for found in tasks {
        let target = TargetName { repository: found.task.repository.clone(), arch: found.task.arch.clone() };
        newest.insert((found.package.clone(), target), found);
    }
    let built: BTreeSet<PackageName> = newest.keys().map(|(name, _)| name.clone()).collect();
    let looked_at = published_until(call).await?;
    let activity = service.target_activity(project.id).await?;
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
            let state = if about.is_locked() || package.about.is_locked() { codes::locked(state) } else { state };
            Outcome { package: name, state, newest }
        };
        let packages: Vec<Outcome> = packages.iter().map(outcome).collect();
        let publishes = about.is_on(model::FlagKind::Publish, Some((&target.repository, &target.arch)), true);
        let here = activity.iter().find(|one| one.repository == target.repository && one.arch == target.arch);
        let code = here.map_or("published", |here| repository_code(publishes, here, looked_at));
        outcomes.push(TargetOutcome { target, code, packages });
    }
    Ok(outcomes)
}

/// Packages by name, and the newest task of each in each target.
async fn packages_with_tasks(
    call: &Call,
    project: &Project,
    only: &[PackageName],
) -> Result<(Vec<PackageOutline>, Vec<PackageTask>), ObsError> {
    let service = &call.app.service;
    if only.is_empty() || only.len() > MOST_NAMED {
        return Ok((service.package_outlines(project.id, None).await?, service.package_tasks(project.id, None).await?));
    }
    let mut packages = BTreeMap::new();
    for name in only {
        let found = service.package_outlines(project.id, Some(name)).await?;
        packages.extend(found.into_iter().map(|package| (package.name.clone(), package)));
    }
    let mut tasks = Vec::new();
    for name in packages.keys() {
        tasks.extend(service.package_tasks(project.id, Some(name)).await?);
    }
    Ok((packages.into_values().collect(), tasks))
}

fn targets(repositories: &[Repository]) -> impl Iterator<Item = (&Repository, &RepositoryArch)> {
    repositories.iter().flat_map(|repository| repository.arches.iter().map(move |arch| (repository, arch)))
}

/// When the publisher last began a look at everything.
async fn published_until(call: &Call) -> Result<Option<model::Timestamp>, ObsError> {
    let status = call.app.service.status().await?;
    Ok(status.reconcilers.iter().find(|one| one.name == "publish").and_then(|one| one.last_started_at))
}

fn repository_code(publishes: bool, here: &TargetActivity, looked_at: Option<model::Timestamp>) -> &'static str {
    match (here.ended_at, looked_at) {
        _ if here.builds => "building",
        _ if here.waits => "blocked",
        _ if !publishes => "unpublished",
        (Some(ended), Some(looked_at)) if looked_at > ended => "published",
        (None, _) => "published",
        _ => "publishing",
    }
}
