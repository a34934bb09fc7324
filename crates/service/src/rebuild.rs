//! Builds packages from what the service keeps of them: the newest revision of their files, or their newest build's source.

use std::collections::BTreeMap;

use model::{
    About, BuildId, BuildReason, BuildSource, FileName, FlagKind, JobId, JobOutcome, Package, PackageName, Project,
};
use model::{ProjectId, Repository, RepositoryId, Timestamp};
use pkg::Arch;
use store::{NewBuildRow, PackageTask, RevisionFile, Session, TaskChange, UploadedFile};

use crate::background::Reconciler;
use crate::configurations::recipe_kinds;
use crate::inner::Inner;
use crate::permission::check_project;
use crate::projects::{existing, find_arch};
use crate::trees::{Effective, aggregate_of, constraints_of, flavor_name, main_of, with_flavor};
use crate::{Action, Service, ServiceError, TargetName, User};

/// A package in one target.
pub type PackageTarget = (PackageName, TargetName);

/// What is built where: recipes with the targets that want them.
type Recipes = BTreeMap<FileName, Vec<(RepositoryId, Arch)>>;

impl Service {
    /// Builds packages again; those without a recipe for a target, or not built there, are left out.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::PackageMissing`].
    pub async fn rebuild(&self, actor: &User, id: ProjectId, wanted: &[PackageTarget]) -> Result<(), ServiceError> {
        let project = self.check_builder(actor, id).await?;
        for (name, targets) in by_package(wanted) {
            let package = self.package(id, name).await?;
            let reason = BuildReason::Submitted { by: actor.name.clone() };
            build_package(&self.inner, &reason, &project, &package, Some(&targets)).await?;
        }
        Ok(())
    }

    /// Stops what is built of packages; what is not being built stays as it is.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::PackageMissing`].
    pub async fn abort(&self, actor: &User, id: ProjectId, wanted: &[PackageTarget]) -> Result<(), ServiceError> {
        self.check_builder(actor, id).await?;
        let now = self.inner.now();
        let mut session = self.inner.store.write().await?;
        let mut jobs = Vec::new();
        for task in chosen_tasks(&mut session, id, wanted).await? {
            jobs.extend(cancel_task(&mut session, &task, now).await?);
        }
        session.commit().await?;
        announce(&self.inner, &jobs);
        Ok(())
    }

    /// Deletes the results and logs of packages and builds them again where they are to be built.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::PackageMissing`].
    pub async fn wipe(&self, actor: &User, id: ProjectId, wanted: &[PackageTarget]) -> Result<(), ServiceError> {
        self.check_builder(actor, id).await?;
        self.abort(actor, id, wanted).await?;
        let mut session = self.edit(actor, Action::DeleteBuild, id).await?;
        let repositories = session.repositories(id).await?;
        let mut again = Vec::new();
        for (name, target) in wanted {
            let package = session.package(id, name).await?;
            let found = find_arch(&repositories, target);
            if let (Some(package), Some((repository, arch))) = (package, found) {
                // What has no revision could not be built again.
                let main = package.main.unwrap_or(package.id);
                let kept = session.newest_revision(main).await?.is_some();
                session.wipe_package(package.id, repository.id, &arch.arch).await?;
                again.extend(kept.then(|| (name.clone(), target.clone())));
            }
        }
        session.commit().await?;
        announce(&self.inner, &[]);
        self.inner.poke(Reconciler::Publish);
        self.rebuild(actor, id, &again).await
    }

    /// Takes a package away with its revisions and builds; what is being built is stopped.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::PackageMissing`],
    /// [`ServiceError::Persistent`].
    pub async fn remove_package(&self, actor: &User, id: ProjectId, name: &PackageName) -> Result<(), ServiceError> {
        let (mut session, _, package) = self.edit_package(actor, id, name).await?;
        let jobs = cancel_open(&mut session, &package, self.inner.now()).await?;
        session.commit().await?;
        announce(&self.inner, &jobs);
        self.delete_package(actor, id, name).await.map(drop)
    }

    async fn check_builder(&self, actor: &User, id: ProjectId) -> Result<Project, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, id).await?;
        check_project(&mut session, actor, Action::SubmitBuild, &project, &project.name).await?;
        Ok(project)
    }

    /// Builds every package that has a revision for targets that are new.
    pub(crate) async fn build_for(
        &self,
        actor: &User,
        project: &Project,
        targets: &[TargetName],
    ) -> Result<(), ServiceError> {
        if targets.is_empty() {
            return Ok(());
        }
        for package in self.packages(project.id, None, 0).await? {
            let kept = self.inner.store.read().await?.newest_revision(package.id).await?;
            if kept.is_some() {
                let reason = BuildReason::Submitted { by: actor.name.clone() };
                build_package(&self.inner, &reason, project, &package, Some(targets)).await?;
            }
        }
        Ok(())
    }
}

/// Builds what the newest revision of a package stands for, or the source of its newest build if it has none; for some
/// targets, or for all; and all its flavors. What is still being built of an older revision is stopped if it is built anew
/// everywhere.
pub(crate) async fn build_package(
    inner: &Inner,
    reason: &BuildReason,
    project: &Project,
    package: &Package,
    targets: Option<&[TargetName]>,
) -> Result<(), ServiceError> {
    let main = main_of(&mut inner.store.read().await?, package.clone()).await?;
    let kinds = recipe_kinds(inner, project.id).await?;
    let effective = Effective::of(inner, project, &main).await?;
    let variants = variants(inner, effective.as_ref(), &main, package).await?;
    let aggregate = match &effective {
        Some(Effective { files: Ok(files), revision, .. }) => aggregate_of(inner, files, revision.number).await?,
        _ => None,
    };
    let mut session = inner.store.write().await?;
    let newest = session.newest_revision(main.id).await?;
    if newest.map(|newest| newest.number) != effective.as_ref().map(|effective| effective.revision.number) {
        // Whoever committed meanwhile builds that.
        return Ok(());
    }
    let repositories = session.repositories(project.id).await?;
    let about = session.about_package(main.id).await?;
    let open = if about.is_locked() { Vec::new() } else { open_targets(&repositories, &about, targets) };
    let mut stopped = Vec::new();
    if main.id == package.id {
        session.set_aggregate(main.id, aggregate.as_ref()).await?;
        stopped.extend(drop_flavors(&mut session, effective.as_ref(), &main, inner.now()).await?);
    }
    for variant in variants {
        let package = match &variant.flavor {
            Some(name) => session.put_flavor(main.id, name).await?.unwrap_or_else(|| package.clone()),
            None => package.clone(),
        };
        let builds = match &effective {
            Some(effective) => of_revision(effective, (&main, &package), &variant, &open, &kinds),
            None => again(&mut session, &package, &open).await?,
        };
        // What can not be built now may wait for services, whose run is a build of its own.
        if targets.is_none() && effective.as_ref().is_none_or(|effective| effective.files.is_ok()) {
            stopped.extend(cancel_open(&mut session, &package, inner.now()).await?);
        }
        let constraints = effective.as_ref().and_then(|effective| constraints_of(effective.files.as_ref().ok()?));
        session.set_constraints(package.id, constraints.as_ref()).await?;
        add_builds(inner, &mut session, reason, (project, &package), builds).await?;
    }
    let failure = effective.as_ref().and_then(|effective| effective.files.as_ref().err().map(String::as_str));
    session.set_package_failure(main.id, failure).await?;
    if let Some(effective) =
        effective.filter(|effective| effective.is_link && targets.is_none() && main.id == package.id)
    {
        let tree = effective.tree.filter(|_| effective.files.is_ok());
        session.settle_link(main.id, tree, effective.files.as_ref().err().map(String::as_str)).await?;
    }
    session.commit().await?;
    announce(inner, &stopped);
    if aggregate.is_some() {
        inner.poke(Reconciler::Links);
    }
    Ok(())
}

/// One way to build a package's files.
struct Variant {
    /// Name of the flavor's package; none for the package itself.
    flavor: Option<PackageName>,
    /// The files, with the flavor in the recipes.
    uploads: Vec<UploadedFile>,
}

/// The ways a package is built: alone if it is a flavor, else with all its flavors.
async fn variants(
    inner: &Inner,
    effective: Option<&Effective>,
    main: &Package,
    package: &Package,
) -> Result<Vec<Variant>, ServiceError> {
    let Some(effective) = effective else { return Ok(vec![Variant { flavor: None, uploads: Vec::new() }]) };
    let Ok(files) = &effective.files else { return Ok(vec![Variant { flavor: None, uploads: Vec::new() }]) };
    let mut variants = Vec::new();
    if main.id == package.id {
        variants.push(Variant { flavor: None, uploads: with_flavor(inner, files, "").await? });
    }
    for flavor in &effective.flavors {
        let name = PackageName::parse(&flavor_name(main.name.as_str(), flavor))?;
        if main.id == package.id || name == package.name {
            variants.push(Variant { uploads: with_flavor(inner, files, flavor).await?, flavor: Some(name) });
        }
    }
    Ok(variants)
}

/// Takes flavors away that a package does not have any more; gives the jobs to stop.
async fn drop_flavors(
    session: &mut Session,
    effective: Option<&Effective>,
    main: &Package,
    now: Timestamp,
) -> Result<Vec<JobId>, ServiceError> {
    let Some(effective) = effective.filter(|effective| effective.files.is_ok()) else { return Ok(Vec::new()) };
    let wanted: Vec<String> = effective.flavors.iter().map(|flavor| flavor_name(main.name.as_str(), flavor)).collect();
    let mut stopped = Vec::new();
    for gone in session.flavors(main.id).await? {
        if !wanted.iter().any(|name| name == gone.name.as_str()) {
            stopped.extend(cancel_open(session, &gone, now).await?);
            session.delete_package(gone.id).await?;
        }
    }
    Ok(stopped)
}

async fn add_builds(
    inner: &Inner,
    session: &mut Session,
    reason: &BuildReason,
    (project, package): (&Project, &Package),
    builds: Again,
) -> Result<(), ServiceError> {
    for (source, uploads, targets) in builds {
        let row = NewBuildRow {
            project: project.id,
            uploads: recipe_first(&source, uploads),
            source,
            targets,
            reason: reason.clone(),
            network: project.settings.network,
            limits: None,
            extra_repositories: project.settings.extra_repositories.clone(),
            priority: 0,
            batch: None,
        };
        let id = session.add_build(&row, inner.now()).await?;
        session.set_build_package(id, package.id).await?;
        tracing::info!(build.id = %id, "build {id} of package {} of {} begins", package.name, project.name);
    }
    Ok(())
}

/// Stops jobs, and tells everybody that there is something to build.
pub(crate) fn announce(inner: &Inner, stopped: &[JobId]) {
    stopped.iter().for_each(|job| inner.stop_job(*job));
    inner.poke(Reconciler::Sources);
    inner.poke(Reconciler::Planning);
    inner.changed();
}

/// The targets a package is to be built for.
fn open_targets<'a>(
    repositories: &'a [Repository],
    about: &About,
    targets: Option<&[TargetName]>,
) -> Vec<(&'a Repository, &'a Arch)> {
    let is_wanted = |repository: &Repository, arch: &Arch| {
        let target = TargetName { repository: repository.name.clone(), arch: arch.clone() };
        targets.is_none_or(|targets| targets.contains(&target))
            && about.is_on(FlagKind::Build, Some((&repository.name, arch)), true)
    };
    repositories
        .iter()
        .flat_map(|repository| repository.arches.iter().map(move |arch| (repository, arch)))
        .filter(|(repository, arch)| arch.enabled && is_wanted(repository, &arch.arch))
        .map(|(repository, arch)| (repository, &arch.arch))
        .collect()
}

/// What is built of a revision: one build for each recipe; nothing if its files are not to be had.
fn of_revision(
    effective: &Effective,
    (main, package): (&Package, &Package),
    variant: &Variant,
    open: &[(&Repository, &Arch)],
    kinds: &BTreeMap<(RepositoryId, Arch), String>,
) -> Again {
    let Ok(files) = &effective.files else { return Vec::new() };
    let rows = recipes(main, files, open, kinds).into_iter().map(|(file, targets)| {
        let source = BuildSource::Revision {
            package: package.name.clone(),
            revision: effective.revision.number,
            file,
            tree: effective.tree.filter(|_| effective.is_link),
        };
        (source, variant.uploads.clone(), targets)
    });
    rows.collect()
}

fn by_package(wanted: &[PackageTarget]) -> BTreeMap<&PackageName, Vec<TargetName>> {
    let mut packages: BTreeMap<&PackageName, Vec<TargetName>> = BTreeMap::new();
    for (package, target) in wanted {
        packages.entry(package).or_default().push(target.clone());
    }
    packages
}

/// The order the store wants: the recipe first.
fn recipe_first(source: &BuildSource, mut uploads: Vec<UploadedFile>) -> Vec<UploadedFile> {
    if let BuildSource::Upload { file } | BuildSource::Revision { file, .. } = source {
        uploads.sort_by_key(|upload| upload.name != *file);
    }
    uploads
}

/// The recipe each target builds; targets without one are left out.
fn recipes(
    package: &Package,
    files: &[RevisionFile],
    targets: &[(&Repository, &Arch)],
    kinds: &BTreeMap<(RepositoryId, Arch), String>,
) -> Recipes {
    let mut recipes = Recipes::new();
    for (repository, arch) in targets {
        let key = (repository.id, (*arch).clone());
        let recipe = kinds.get(&key).and_then(|kind| recipe_of(&package.name, files, kind));
        if let Some(recipe) = recipe {
            recipes.entry(recipe).or_default().push(key);
        }
    }
    recipes
}

/// The recipe of a kind among files: the one called like the package, or the only one.
///
/// Rule: Open Build Service's source server; a recipe named after one repository is not looked for.
pub(crate) fn recipe_of(package: &PackageName, files: &[RevisionFile], kind: &str) -> Option<FileName> {
    let ending = format!(".{kind}");
    let named = format!("{package}{ending}");
    let mut found = files.iter().map(|file| &file.name).filter(|name| name.as_str().ends_with(&ending));
    if let Some(exact) = found.clone().find(|name| name.as_str() == named) {
        return Some(exact.clone());
    }
    let first = found.next()?;
    found.next().is_none().then(|| first.clone())
}

type Again = Vec<(BuildSource, Vec<UploadedFile>, Vec<(RepositoryId, Arch)>)>;

/// The newest build's source once more.
async fn again(
    session: &mut Session,
    package: &Package,
    targets: &[(&Repository, &Arch)],
) -> Result<Again, ServiceError> {
    let Some(build) = session.newest_build_of_package(package.id).await? else { return Ok(Vec::new()) };
    let uploads = session.uploads(build.id).await?;
    let targets: Vec<_> = targets.iter().map(|(repository, arch)| (repository.id, (*arch).clone())).collect();
    Ok(if targets.is_empty() { Vec::new() } else { vec![(build.source, uploads, targets)] })
}

/// Cancels every unfinished build of a package; gives the jobs to stop.
pub(crate) async fn cancel_open(
    session: &mut Session,
    package: &Package,
    now: Timestamp,
) -> Result<Vec<JobId>, ServiceError> {
    let mut stopped = Vec::new();
    for build in session.open_builds_of_package(package.id).await? {
        for job in session.active_jobs_of(build).await? {
            session.end_job(job.id, &JobOutcome::Canceled, None, now).await?;
            session.delete_results(job.id).await?;
            stopped.push(job.id);
        }
        session.cancel_build(build, now).await?;
    }
    Ok(stopped)
}

async fn chosen_tasks(
    session: &mut Session,
    project: ProjectId,
    wanted: &[PackageTarget],
) -> Result<Vec<PackageTask>, ServiceError> {
    let tasks = session.package_tasks(project, None).await?;
    let is_chosen = |found: &PackageTask| {
        let target = TargetName { repository: found.task.repository.clone(), arch: found.task.arch.clone() };
        wanted.contains(&(found.package.clone(), target))
    };
    Ok(tasks.into_iter().filter(|found| !found.task.state.is_finished() && is_chosen(found)).collect())
}

/// Cancels one task; the whole build, if nothing else of it is unfinished.
async fn cancel_task(session: &mut Session, found: &PackageTask, now: Timestamp) -> Result<Vec<JobId>, ServiceError> {
    let build: BuildId = found.task.build;
    let mut stopped = Vec::new();
    for job in session.active_jobs_of(build).await?.into_iter().filter(|job| job.task == found.task.id) {
        session.end_job(job.id, &JobOutcome::Canceled, None, now).await?;
        session.delete_results(job.id).await?;
        stopped.push(job.id);
    }
    session.change_task(found.task.id, TaskChange::Cancel, now).await?;
    let open =
        session.build(build).await?.is_some_and(|build| build.tasks.iter().any(|task| !task.state.is_finished()));
    if !open {
        session.cancel_build(build, now).await?;
    }
    Ok(stopped)
}

#[cfg(test)]
mod tests {
    use pkg::{Md5, Sha256};

    use super::*;

    #[test]
    fn the_recipe_is_the_one_called_like_the_package_or_the_only_one() {
        let find = |names: &[&str], kind| {
            let file = |name: &&str| RevisionFile {
                name: FileName::parse(name).unwrap(),
                bytes: 0,
                md5: Md5::of(b""),
                sha256: Sha256::of(b""),
                modified_at: Timestamp::from_millis(0),
            };
            let files: Vec<_> = names.iter().map(file).collect();
            recipe_of(&PackageName::parse("hello").unwrap(), &files, kind).map(|name| name.to_string())
        };
        assert_eq!(find(&["a.spec", "hello.spec"], "spec").as_deref(), Some("hello.spec"));
        assert_eq!(find(&["a.spec", "x.txt"], "spec").as_deref(), Some("a.spec"));
        assert_eq!(find(&["a.spec", "b.spec"], "spec"), None);
        assert_eq!(find(&["a.spec", "hello_1.dsc"], "dsc").as_deref(), Some("hello_1.dsc"));
        assert_eq!(find(&["a.spec"], "arch"), None);
    }
}
