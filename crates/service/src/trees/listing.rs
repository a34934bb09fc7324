use model::{Package, PackageName, Project, ProjectId, ProjectName};
use pkg::Md5;
use recipe::link::Link;
use store::{Revision, RevisionFile, Session, tree_md5};

use super::chain::{Expansion, Own, expand, link_names};
use super::texts::{link_file, link_of};
use crate::inner::Inner;
use crate::projects::existing;
use crate::{RevisionWish, Service, ServiceError};

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
    /// Whether it is a link.
    pub(crate) is_link: bool,
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
            return Ok(Listing { revision, tree, files, link });
        }
        let revision = find(&mut session, &row, wish.revision).await?;
        let own = own_files(&mut session, &project, &row, revision.as_ref()).await?;
        drop(session);
        let own = if wish.bare { bare(&self.inner, own).await? } else { own };
        let Some(expansion) = expand(&self.inner, own.clone(), wish.link_revision.as_deref()).await? else {
            return Ok(Listing { revision, tree: own.tree, files: own.files, link: None });
        };
        let mut listing = shown(revision, own, expansion, wish.expand)?;
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

/// What a link looks like, put together or not.
fn shown(revision: Option<Revision>, own: Own, found: Expansion, whole: bool) -> Result<Listing, ServiceError> {
    let link = view(&found.link.unwrap_or_default(), &own, found.target);
    match (whole, found.files, found.tree) {
        (true, Ok(files), Some(tree)) => Ok(Listing { revision, tree, files, link: Some(link) }),
        (true, Err(detail), _) => Err(ServiceError::SourceBroken { package: own.package, detail }),
        (_, files, expanded) => {
            let failure = files.err();
            let expanded = expanded.filter(|_| failure.is_none());
            let link = LinkView { expanded, failure, ..link };
            Ok(Listing { revision, tree: own.tree, files: own.files, link: Some(link) })
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
        let files = own.files.clone();
        Ok(Some(match expand(inner, own, None).await? {
            None => Self { tree: Some(revision.tree), revision, is_link: false, files: Ok(files) },
            Some(found) => Self { revision, tree: found.tree, is_link: true, files: found.files },
        }))
    }
}
