use model::{BuildReason, Package, PackageName, Project, ProjectId, ProjectName};
use pkg::Md5;
use recipe::link::Link;
use store::{Revision, RevisionFile, Session, tree_md5};

use super::chain::{Expansion, Own, expand, link_names};
use super::commit::CommitHow;
use super::services::{needs_services, plain_names, start_services, with_services};
use super::special::flavors_of;
use super::texts::{link_file, link_of};
use crate::background::Reconciler;
use crate::inner::Inner;
use crate::projects::existing;
use crate::{RevisionWish, Service, ServiceError, User};

/// Which files of a package are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeWish {
    /// Which revision.
    pub revision: RevisionWish,
    /// Whether a link is put together.
    pub expand: bool,
    /// Which revision of the other package counts for a link: its number, its tree, or `base`.
    pub link_revision: Option<String>,
    /// Whether a link's own files and changes are left out, so that it stands for what it points to.
    pub bare: bool,
}

impl TreeWish {
    /// The newest own files.
    pub const NEWEST: Self = Self { revision: RevisionWish::Newest, expand: false, link_revision: None, bare: false };

    /// The newest files, links put together.
    pub const EXPANDED: Self = Self { expand: true, ..Self::NEWEST };
}

/// The files of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The revision they belong to; `None` if there is none yet.
    pub revision: Option<Revision>,
    /// What names them.
    pub tree: Md5,
    /// They, by name.
    pub files: Vec<RevisionFile>,
    /// What is known of the link, if the package is one.
    pub link: Option<LinkView>,
    /// How its services fared, if it has some.
    pub service: Option<ServiceView>,
}

/// How the services of a package fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceView {
    /// Whether they have ended.
    pub state: ServiceState,
    /// The tree of its own files.
    pub own: Md5,
    /// The tree with what they made; `None` if the listing is that tree, or there is none.
    pub expanded: Option<Md5>,
}

/// Whether services have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceState {
    /// They go on.
    Running,
    /// They made something.
    Succeeded,
    /// They did not; why.
    Failed(String),
}

/// What is known of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkView {
    /// Project it points to.
    pub project: String,
    /// Package it points to.
    pub package: String,
    /// Which revision of it.
    pub revision: Option<String>,
    /// The tree its changes were made to.
    pub base: Option<String>,
    /// Whether the other package need not exist.
    pub missing_ok: bool,
    /// The tree it points to now.
    pub target: Option<Md5>,
    /// The tree it stands for; `None` if the listing is that tree, or it can not be put together.
    pub expanded: Option<Md5>,
    /// The tree of its own files.
    pub own: Md5,
    /// Why it can not be put together.
    pub failure: Option<String>,
    /// If it can not be, the newest tree that its own files once stood for.
    pub last_working: Option<Md5>,
}

/// What is built of a package: the files its newest revision stands for.
#[derive(Debug, Clone)]
pub(crate) struct Effective {
    /// The revision.
    pub(crate) revision: Revision,
    /// What names the files; `None` if they can not be put together.
    pub(crate) tree: Option<Md5>,
    /// Whether its files are others than the revision's own.
    pub(crate) is_link: bool,
    /// The flavors it is built in besides.
    pub(crate) flavors: Vec<String>,
    /// The files, or why there are none.
    pub(crate) files: Result<Vec<RevisionFile>, String>,
}

impl Service {
    /// The files of a package.
    ///
    /// A tree that was put together is found under its name as well, and needs no wish to be put together again.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`], [`ServiceError::FilesMissing`];
    /// [`ServiceError::SourceBroken`] if a link is to be put together that can not be.
    pub async fn listing(
        &self,
        project: ProjectId,
        package: &PackageName,
        wish: &TreeWish,
    ) -> Result<Listing, ServiceError> {
        let row = self.package(project, package).await?;
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, project).await?;
        let row = main_of(&mut session, row).await?;
        if let RevisionWish::Tree(tree) = wish.revision
            && let Some((derived, files)) = session.derived_tree(row.id, &tree).await?
        {
            let revision = session.revision_of_tree(row.id, &derived.own).await?;
            let own = own_files(&mut session, &project, &row, revision.as_ref()).await?;
            drop(session);
            if let Some(detail) = derived.failure {
                return Err(ServiceError::SourceBroken { package: package.clone(), detail });
            }
            let link = match link_of(&self.inner, &own.files).await? {
                Some(Ok(link)) => Some(view(&link, &own, derived.target)),
                _ => None,
            };
            let service = derived.target.is_none().then_some(ServiceView {
                state: ServiceState::Succeeded,
                own: derived.own,
                expanded: None,
            });
            return Ok(Listing { revision, tree, files, link, service });
        }
        let revision = find(&mut session, &row, wish.revision).await?;
        let own = own_files(&mut session, &project, &row, revision.as_ref()).await?;
        drop(session);
        let own = if wish.bare { bare(&self.inner, own).await? } else { own };
        let (service, own) = self.served(own, wish.expand).await?;
        let Some(expansion) = expand(&self.inner, own.clone(), wish.link_revision.as_deref()).await? else {
            return Ok(Listing { revision, tree: own.tree, files: own.files, link: None, service });
        };
        let mut listing = Listing { service, ..shown(revision, own, expansion, wish.expand)? };
        if let Some(link) = listing.link.as_mut().filter(|link| link.failure.is_some()) {
            link.last_working = self.inner.store.read().await?.last_derived(row.id, &link.own).await?;
        }
        Ok(listing)
    }
}

impl Service {
    /// The packages that link to one, each with its project.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn linked_by(
        &self,
        project: &ProjectName,
        package: &PackageName,
    ) -> Result<Vec<(ProjectId, PackageName)>, ServiceError> {
        let links = self.inner.store.read().await?.links_to(project, package).await?;
        Ok(links.into_iter().map(|link| (link.project, link.package)).collect())
    }
}

impl Service {
    /// How the services of own files fared; if they are wanted, the files with what they made.
    async fn served(&self, own: Own, whole: bool) -> Result<(Option<ServiceView>, Own), ServiceError> {
        if !needs_services(&self.inner, &own.files).await? {
            return Ok((None, own));
        }
        let run = self.inner.store.read().await?.service_run(own.id, &own.tree).await?;
        if run.as_ref().is_some_and(store::ServiceRun::is_running) {
            let view = ServiceView { state: ServiceState::Running, own: own.tree, expanded: None };
            let detail = "its services are still running".to_owned();
            let broken = ServiceError::SourceBroken { package: own.package.clone(), detail };
            return if whole { Err(broken) } else { Ok((Some(view), own)) };
        }
        match with_services(&self.inner, own.clone()).await? {
            Ok(served) => {
                let expanded = (!whole).then_some(served.tree);
                let view = ServiceView { state: ServiceState::Succeeded, own: own.tree, expanded };
                Ok((Some(view), if whole { served } else { own }))
            }
            Err(detail) if whole => Err(ServiceError::SourceBroken { package: own.package, detail }),
            Err(why) => {
                let view = ServiceView { state: ServiceState::Failed(why), own: own.tree, expanded: None };
                Ok((Some(view), own))
            }
        }
    }

    /// Runs the services of a package's newest files once more.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`], [`ServiceError::Denied`],
    /// [`ServiceError::BadValue`] if it has none.
    pub async fn run_services(
        &self,
        actor: &User,
        project: ProjectId,
        package: &PackageName,
    ) -> Result<(), ServiceError> {
        let own = self.listing(project, package, &TreeWish::NEWEST).await?;
        let Some(revision) = own.revision.clone().filter(|_| own.service.is_some()) else {
            let detail = format!("{package} has no services that the server runs");
            return Err(ServiceError::BadValue { field: "services", detail });
        };
        if own.service.as_ref().is_some_and(|service| service.state == ServiceState::Running) {
            return Ok(());
        }
        let (mut session, project, package) = self.edit_package(actor, project, package).await?;
        let reason = BuildReason::Submitted { by: actor.name.clone() };
        let files = (revision.number, &own.tree, own.files.as_slice());
        start_services(&self.inner, &mut session, (&project, &package), files, reason).await?;
        session.commit().await?;
        self.inner.poke(Reconciler::Sources);
        self.inner.changed();
        Ok(())
    }

    /// Makes what services made the package's own files, and takes the services away.
    ///
    /// # Errors
    /// As [`Self::run_services`]; [`ServiceError::SourceBroken`] if they have not made anything.
    pub async fn merge_services(
        &self,
        actor: &User,
        project: ProjectId,
        package: &PackageName,
        comment: &str,
    ) -> Result<Revision, ServiceError> {
        let own = self.listing(project, package, &TreeWish::NEWEST).await?;
        let detail = format!("{package} has no services that the server runs");
        let none = ServiceError::BadValue { field: "services", detail };
        let tree = match own.service {
            None => return Err(none),
            Some(ServiceView { expanded: Some(tree), .. }) => tree,
            Some(ServiceView { state, .. }) => {
                let detail = match state {
                    ServiceState::Failed(why) => why,
                    _ => "its services are still running".to_owned(),
                };
                return Err(ServiceError::SourceBroken { package: package.clone(), detail });
            }
        };
        let wish = TreeWish { revision: RevisionWish::Tree(tree), ..TreeWish::NEWEST };
        let mut files = plain_names(self.listing(project, package, &wish).await?.files);
        files.retain(|one| one.name.as_str() != recipe::special::file::SERVICES);
        let how = CommitHow { comment: comment.to_owned(), ..CommitHow::default() };
        self.commit_known(actor, (project, package), files, &how).await
    }
}

/// What a link looks like, put together or not.
fn shown(revision: Option<Revision>, own: Own, found: Expansion, whole: bool) -> Result<Listing, ServiceError> {
    let link = view(&found.link.unwrap_or_default(), &own, found.target);
    match (whole, found.files, found.tree) {
        (true, Ok(files), Some(tree)) => Ok(Listing { revision, tree, files, link: Some(link), service: None }),
        (true, Err(detail), _) => Err(ServiceError::SourceBroken { package: own.package, detail }),
        (_, files, expanded) => {
            let failure = files.err();
            let expanded = expanded.filter(|_| failure.is_none());
            let link = LinkView { expanded, failure, ..link };
            Ok(Listing { revision, tree: own.tree, files: own.files, link: Some(link), service: None })
        }
    }
}

fn view(link: &Link, own: &Own, target: Option<Md5>) -> LinkView {
    let names = link_names(link, own).ok();
    let (project, package) = names.map_or_else(
        || (link.project.clone().unwrap_or_default(), link.package.clone().unwrap_or_default()),
        |(project, package)| (project.to_string(), package.to_string()),
    );
    LinkView {
        project,
        package,
        revision: link.revision.clone(),
        base: link.base.clone(),
        missing_ok: link.missing_ok,
        target,
        expanded: None,
        own: own.tree,
        failure: None,
        last_working: None,
    }
}

/// The package whose files a package is built of.
pub(crate) async fn main_of(session: &mut Session, package: Package) -> Result<Package, ServiceError> {
    match package.main {
        Some(main) => Ok(session.package_by_id(main).await?.unwrap_or(package)),
        None => Ok(package),
    }
}

/// A link without anything of its own.
async fn bare(inner: &Inner, own: Own) -> Result<Own, ServiceError> {
    match link_of(inner, &own.files).await? {
        Some(Ok(link)) => {
            let files = vec![link_file(inner, &Link { patches: Vec::new(), ..link }).await?];
            Ok(Own { tree: tree_md5(&files), files, ..own })
        }
        _ => Ok(own),
    }
}

async fn find(session: &mut Session, package: &Package, wish: RevisionWish) -> Result<Option<Revision>, ServiceError> {
    let (found, shown) = match wish {
        RevisionWish::Newest => return Ok(session.newest_revision(package.id).await?),
        RevisionWish::Number(number) => (session.revision(package.id, number).await?, number.to_string()),
        RevisionWish::Tree(tree) => (session.revision_of_tree(package.id, &tree).await?, tree.to_string()),
    };
    match found {
        None => Err(ServiceError::FilesMissing { package: package.name.clone(), revision: shown }),
        found => Ok(found),
    }
}

pub(super) async fn own_files(
    session: &mut Session,
    project: &Project,
    package: &Package,
    revision: Option<&Revision>,
) -> Result<Own, ServiceError> {
    let files = match revision {
        Some(revision) => session.revision_files(package.id, revision.number).await?,
        None => Vec::new(),
    };
    let tree = revision.map_or_else(|| tree_md5(&[]), |revision| revision.tree);
    Ok(Own { project: project.name.clone(), package: package.name.clone(), id: package.id, tree, files })
}

impl Effective {
    /// What is built of a package now; `None` if no files of it are kept.
    pub(crate) async fn of(inner: &Inner, project: &Project, package: &Package) -> Result<Option<Self>, ServiceError> {
        let mut session = inner.store.read().await?;
        let Some(revision) = session.newest_revision(package.id).await? else { return Ok(None) };
        let own = own_files(&mut session, project, package, Some(&revision)).await?;
        drop(session);
        let own = match with_services(inner, own).await? {
            Ok(own) => own,
            Err(why) => {
                return Ok(Some(Self { revision, tree: None, is_link: false, flavors: Vec::new(), files: Err(why) }));
            }
        };
        let (own_tree, files) = (own.tree, own.files.clone());
        let (tree, is_link, files) = match expand(inner, own, None).await? {
            None => (Some(own_tree), own_tree != revision.tree, Ok(files)),
            Some(found) => (found.tree, true, found.files),
        };
        let files = files.map(plain_names);
        let flavors = match &files {
            Ok(files) => flavors_of(inner, files).await?,
            Err(_) => Ok(Vec::new()),
        };
        Ok(Some(match flavors {
            Ok(flavors) => Self { revision, tree, is_link, flavors, files },
            Err(why) => Self { revision, tree, is_link, flavors: Vec::new(), files: Err(why) },
        }))
    }
}
