//! Packages made from other packages: branches and copies.

use model::{About, Flag, FlagKind, PackageName, PathElement, Project, ProjectId, ProjectName};
use pkg::Md5;
use recipe::link::{FILE, Link, Patch};
use store::{Revision, RevisionFile, tree_md5};

use super::commit::CommitHow;
use super::listing::{Listing, TreeWish};
use super::texts::{link_file, link_of};
use crate::{Change, RevisionWish, Service, ServiceError, User, WantedProject, WantedRepository};

/// What is to be branched, and where to.
#[derive(Debug, Clone)]
pub struct BranchWish {
    /// Project of the package.
    pub project: ProjectName,
    /// The package.
    pub package: PackageName,
    /// Which revision of it; the branch stays at it. The newest, and those that follow, if nothing is said.
    pub revision: Option<String>,
    /// Project of the branch; made with the repositories of the other one if it is missing.
    pub into_project: ProjectName,
    /// Name of the branch.
    pub into_package: PackageName,
    /// Why.
    pub comment: String,
    /// Whether a package of that name is overwritten.
    pub force: bool,
    /// Whether the package need not exist.
    pub missing_ok: bool,
    /// Whether a project that exists gets those repositories that it lacks.
    pub add_repositories: bool,
}

/// What is to be copied.
#[derive(Debug, Clone)]
pub struct CopyWish {
    /// Project of the package.
    pub project: ProjectId,
    /// The package.
    pub package: PackageName,
    /// Which files of it.
    pub tree: TreeWish,
    /// Whether the copy stays a link to what it links to.
    pub keep_link: bool,
    /// Why.
    pub comment: String,
}

/// A branch that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branched {
    /// Its project.
    pub project: ProjectName,
    /// Its name.
    pub package: PackageName,
}

impl Service {
    /// Branches a package: the branch has its files, and follows what becomes of them.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`], [`ServiceError::FilesMissing`],
    /// [`ServiceError::SourceBroken`], [`ServiceError::Denied`], [`ServiceError::BranchExists`],
    /// [`ServiceError::BadValue`] for a branch of itself.
    pub async fn branch(&self, actor: &User, wish: BranchWish) -> Result<Branched, ServiceError> {
        if (&wish.project, &wish.package) == (&wish.into_project, &wish.into_package) {
            let detail = "a package can not be a branch of itself".to_owned();
            return Err(ServiceError::BadValue { field: "branch", detail });
        }
        let source = self.branch_source(&wish).await?;
        let project = self.branch_project(actor, &wish, source.as_ref().map(|(project, _)| project)).await?;
        let is_there = match self.package(project.id, &wish.into_package).await {
            Ok(_) => true,
            Err(ServiceError::PackageMissing { .. }) => false,
            Err(error) => return Err(error),
        };
        if is_there && !wish.force {
            return Err(ServiceError::BranchExists { project: project.name, package: wish.into_package });
        }
        if !is_there {
            let about = match &source {
                Some((project, _)) => self.about_package(project.id, &wish.package).await?,
                None => About::default(),
            };
            let about = About { people: Vec::new(), flags: Vec::new(), ..about };
            self.put_about_package(actor, project.id, &wish.into_package, (&about, "")).await?;
        }
        let link = Link {
            project: (wish.project != wish.into_project).then(|| wish.project.to_string()),
            package: (wish.package != wish.into_package).then(|| wish.package.to_string()),
            revision: wish.revision.clone(),
            base: Some(source.as_ref().map_or_else(|| tree_md5(&[]), |(_, files)| files.tree).to_string()),
            missing_ok: source.as_ref().is_none_or(|(_, files)| files.revision.is_none()),
            patches: vec![Patch::Branch],
            ..Link::default()
        };
        let files = source.map(|(_, listing)| listing.files).unwrap_or_default();
        self.commit_link(actor, (project.id, &wish.into_package), files, &link, &wish.comment).await?;
        Ok(Branched { project: project.name, package: wish.into_package })
    }

    /// What is branched; `None` if it is not there and need not be.
    async fn branch_source(&self, wish: &BranchWish) -> Result<Option<(Project, Listing)>, ServiceError> {
        let revision = match wish.revision.as_deref() {
            None | Some("latest") => RevisionWish::Newest,
            Some(text) => match (Md5::parse(text), text.parse()) {
                (Ok(tree), _) => RevisionWish::Tree(tree),
                (_, Ok(number)) => RevisionWish::Number(number),
                _ => {
                    let (package, revision) = (wish.package.clone(), text.to_owned());
                    return Err(ServiceError::FilesMissing { package, revision });
                }
            },
        };
        let found = async {
            let project = self.project_by_name(&wish.project).await?;
            let tree = TreeWish { revision, ..TreeWish::EXPANDED };
            let listing = self.listing(project.id, &wish.package, &tree).await?;
            Ok((project, listing))
        };
        match found.await {
            Ok((_, listing)) if listing.revision.is_none() && !wish.missing_ok => {
                Err(ServiceError::SourceBroken { package: wish.package.clone(), detail: "it has no files".to_owned() })
            }
            Ok(found) => Ok(Some(found)),
            Err(ServiceError::ProjectMissing { .. } | ServiceError::PackageMissing { .. }) if wish.missing_ok => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The project of a branch, with the repositories of the source's.
    async fn branch_project(
        &self,
        actor: &User,
        wish: &BranchWish,
        source: Option<&Project>,
    ) -> Result<Project, ServiceError> {
        let known = match self.project_view(&wish.into_project).await {
            Ok(view) if !wish.add_repositories => return Ok(view.project),
            Ok(view) => Some(view),
            Err(ServiceError::ProjectMissing { .. }) => None,
            Err(error) => return Err(error),
        };
        let mut wanted = match known {
            Some(view) => WantedProject {
                repositories: view
                    .repositories
                    .into_iter()
                    .map(|one| WantedRepository {
                        name: one.name,
                        path: one.path,
                        arches: one.arches.into_iter().map(|arch| arch.arch).collect(),
                        rebuild: one.rebuild,
                        block: one.block,
                    })
                    .collect(),
                about: view.about,
            },
            None => WantedProject { about: about_branches(wish), repositories: Vec::new() },
        };
        let Some(source) = source else {
            return self.put_project(actor, &wish.into_project, wanted, Change::default()).await;
        };
        for repository in self.repositories(source.id).await? {
            if wanted.repositories.iter().all(|known| known.name != repository.name) {
                let own = PathElement { project: source.name.clone(), repository: repository.name.clone() };
                let arches = repository.arches.into_iter().map(|arch| arch.arch).collect();
                let (name, rebuild, block) = (repository.name, repository.rebuild, repository.block);
                wanted.repositories.push(WantedRepository { name, path: vec![own], arches, rebuild, block });
            }
        }
        self.put_project(actor, &wish.into_project, wanted, Change::default()).await
    }

    /// Makes a link a branch, which has every file itself.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`], [`ServiceError::Denied`],
    /// [`ServiceError::SourceBroken`], [`ServiceError::BadValue`] if it is no link, or a branch already.
    pub async fn link_to_branch(
        &self,
        actor: &User,
        project: ProjectId,
        package: &PackageName,
        comment: &str,
    ) -> Result<Revision, ServiceError> {
        let bad = |detail: &str| Err(ServiceError::BadValue { field: "package", detail: detail.to_owned() });
        let own = self.listing(project, package, &TreeWish::NEWEST).await?;
        let Some(Ok(link)) = link_of(&self.inner, &own.files).await? else { return bad("it is not a link") };
        if link.is_branch() {
            return bad("it is already a branch");
        }
        let whole = self.listing(project, package, &TreeWish::EXPANDED).await?;
        let target = whole.link.and_then(|link| link.target).unwrap_or_else(|| tree_md5(&[]));
        let link = Link { base: Some(target.to_string()), patches: vec![Patch::Branch], ..link };
        let comment = if comment.is_empty() { "converted link to branch" } else { comment };
        self.commit_link(actor, (project, package), whole.files, &link, comment).await
    }

    /// Copies files of a package to another, or to itself, which makes them the newest again.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`], [`ServiceError::FilesMissing`],
    /// [`ServiceError::SourceBroken`], [`ServiceError::Denied`].
    pub async fn copy_package(
        &self,
        actor: &User,
        wish: CopyWish,
        into: (ProjectId, &PackageName),
    ) -> Result<Revision, ServiceError> {
        let found = self.listing(wish.project, &wish.package, &wish.tree).await?;
        match self.package(into.0, into.1).await {
            Ok(_) => {}
            Err(ServiceError::PackageMissing { .. }) => {
                let about = self.about_package(wish.project, &wish.package).await?;
                self.put_about_package(actor, into.0, into.1, (&About { people: Vec::new(), ..about }, "")).await?;
            }
            Err(error) => return Err(error),
        }
        let how = CommitHow { comment: wish.comment, keep_link: wish.keep_link, ..CommitHow::default() };
        let mut files = found.files;
        files.retain(|file| !file.name.as_str().starts_with("_service:"));
        self.commit_known(actor, into, files, &how).await
    }

    async fn commit_link(
        &self,
        actor: &User,
        into: (ProjectId, &PackageName),
        mut files: Vec<RevisionFile>,
        link: &Link,
        comment: &str,
    ) -> Result<Revision, ServiceError> {
        // What services make is made anew.
        files.retain(|file| file.name.as_str() != FILE && !file.name.as_str().starts_with("_service:"));
        files.push(link_file(&self.inner, link).await?);
        let how = CommitHow { comment: comment.to_owned(), ..CommitHow::default() };
        self.commit_known(actor, into, files, &how).await
    }
}

/// What is said of a project that is made for branches. Its results are not for others, so they are not published.
fn about_branches(wish: &BranchWish) -> About {
    let text = |what: &str| format!("{what} {} of project {}", wish.package, wish.project);
    About {
        title: text("Branch of package"),
        description: format!("{}, to change it without changing the original.", text("A branch of package")),
        flags: vec![Flag { kind: FlagKind::Publish, on: false, repository: None, arch: None }],
        ..About::default()
    }
}
