//! Revisions of packages' files: sent one by one, committed together.

use std::collections::BTreeMap;
use std::io::Read as _;

use fs_err as fs;
use model::{FileName, Package, PackageName, Project, ProjectId};
use pkg::{Md5, Md5Hasher, Sha256};
use store::{Revision, RevisionFile, Session, UploadedFile};

use crate::inner::blocking;
use crate::projects::{check_size, existing};
use crate::{Action, Service, ServiceError, User};

/// Most files of one revision.
const MAX_FILES: usize = 20_000;

/// Which revision of a package's files is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionWish {
    /// The newest.
    Newest,
    /// The one of this number.
    Number(u64),
    /// The newest that has these files.
    Tree(Md5),
}

/// A file a revision is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedFile {
    /// Name.
    pub name: FileName,
    /// Digest of the content.
    pub md5: Md5,
    /// Another digest that the content must have, if it is known.
    pub sha256: Option<Sha256>,
}

/// What became of a wish for a new revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commit {
    /// Nothing happened: these files were never sent.
    Missing(Vec<WantedFile>),
    /// It is there.
    Done(Revision),
}

impl Service {
    /// The files of a revision by name; `None` if the newest is asked for and there is none yet.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`], [`ServiceError::FilesMissing`].
    pub async fn revision(
        &self,
        project: ProjectId,
        package: &PackageName,
        wish: RevisionWish,
    ) -> Result<Option<(Revision, Vec<RevisionFile>)>, ServiceError> {
        let package = self.package(project, package).await?;
        let mut session = self.inner.store.read().await?;
        let (found, shown) = match wish {
            RevisionWish::Newest => match session.newest_revision(package.id).await? {
                None => return Ok(None),
                found => (found, String::new()),
            },
            RevisionWish::Number(number) => (session.revision(package.id, number).await?, number.to_string()),
            RevisionWish::Tree(tree) => (session.revision_of_tree(package.id, &tree).await?, tree.to_string()),
        };
        let found = found.ok_or_else(|| ServiceError::FilesMissing { package: package.name, revision: shown })?;
        let files = session.revision_files(package.id, found.number).await?;
        Ok(Some((found, files)))
    }

    /// Every revision of a package's files, oldest first.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`].
    pub async fn revisions(&self, project: ProjectId, package: &PackageName) -> Result<Vec<Revision>, ServiceError> {
        let package = self.package(project, package).await?;
        Ok(self.inner.store.read().await?.revisions(package.id).await?)
    }

    /// Keeps a sent file for the next revision of a package; what no revision takes within a day is forgotten.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::PackageMissing`].
    pub async fn keep_file(
        &self,
        actor: &User,
        project: ProjectId,
        package: &PackageName,
        file: UploadedFile,
    ) -> Result<(), ServiceError> {
        let file = self.revision_file(file).await?;
        let (mut session, _, package) = self.edit_package(actor, project, package).await?;
        session.put_waiting_file(package.id, &file).await?;
        Ok(session.commit().await?)
    }

    /// Makes a revision of exactly these files, all of which were sent before, and builds it.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::PackageMissing`],
    /// [`ServiceError::BadValue`] if a digest is not the promised one, [`ServiceError::UploadTooLarge`].
    pub async fn commit_files(
        &self,
        actor: &User,
        project: ProjectId,
        package: &PackageName,
        wanted: &[WantedFile],
        comment: &str,
    ) -> Result<Commit, ServiceError> {
        check_names(wanted.iter().map(|file| &file.name))?;
        let (mut session, project, package) = self.edit_package(actor, project, package).await?;
        let (mut files, mut missing) = (Vec::new(), Vec::new());
        for file in wanted {
            match session.known_file(package.id, &file.name, &file.md5).await? {
                Some(known) => {
                    if file.sha256.is_some_and(|sha256| sha256 != known.sha256) {
                        let detail = format!("SHA mismatch for same md5sum in {}", file.name);
                        return Err(ServiceError::BadValue { field: "file list", detail });
                    }
                    files.push(known);
                }
                None => missing.push(file.clone()),
            }
        }
        if !missing.is_empty() {
            return Ok(Commit::Missing(missing));
        }
        let revision = self.add_revision(session, actor, (&project, &package), files, comment).await?;
        Ok(Commit::Done(revision))
    }

    /// Makes a revision of the newest one's files with one of them added, replaced or (without content) left out, and
    /// builds it.
    ///
    /// # Errors
    /// As [`Self::commit_files`]; [`ServiceError::FileMissing`] if there is nothing to leave out.
    pub async fn commit_one(
        &self,
        actor: &User,
        project: ProjectId,
        package: &PackageName,
        change: (&FileName, Option<UploadedFile>),
        comment: &str,
    ) -> Result<Revision, ServiceError> {
        let (name, upload) = change;
        let file = match upload {
            Some(upload) => Some(self.revision_file(upload).await?),
            None => None,
        };
        let (mut session, project, package) = self.edit_package(actor, project, package).await?;
        let mut files = match session.newest_revision(package.id).await? {
            Some(newest) => session.revision_files(package.id, newest.number).await?,
            None => Vec::new(),
        };
        let before = files.len();
        files.retain(|known| known.name != *name);
        if file.is_none() && files.len() == before {
            return Err(ServiceError::FileMissing { package: package.name, file: name.clone() });
        }
        files.extend(file);
        self.add_revision(session, actor, (&project, &package), files, comment).await
    }

    async fn add_revision(
        &self,
        mut session: Session,
        actor: &User,
        (project, package): (&Project, &Package),
        mut files: Vec<RevisionFile>,
        comment: &str,
    ) -> Result<Revision, ServiceError> {
        check_size("comment", comment.len())?;
        check_names(files.iter().map(|file| &file.name))?;
        let (bytes, limit_bytes) = (files.iter().map(|file| file.bytes), self.inner.config.source_bytes);
        if bytes.fold(0_u64, u64::saturating_add) > limit_bytes {
            return Err(ServiceError::UploadTooLarge { name: package.name.to_string(), limit_bytes });
        }
        files.sort_by(|left, right| left.name.as_str().as_bytes().cmp(right.name.as_str().as_bytes()));
        let revision = session.add_revision(package.id, &files, comment, actor.id, self.inner.now()).await?;
        let Some(revision) = revision else {
            return Err(ServiceError::PackageMissing { project: project.name.clone(), package: package.name.clone() });
        };
        session.commit().await?;
        tracing::info!(
            project.name = %project.name,
            "revision {} of package {} of project {} is committed", revision.number, package.name, project.name
        );
        self.inner.changed();
        self.build_package(actor, project, package, None).await?;
        Ok(revision)
    }

    /// A writing session for somebody who may change a project, and a package of it.
    pub(crate) async fn edit_package(
        &self,
        actor: &User,
        project: ProjectId,
        package: &PackageName,
    ) -> Result<(Session, Project, Package), ServiceError> {
        let mut session = self.edit(actor, Action::EditProject, project).await?;
        let project = existing(&mut session, project).await?;
        match session.package(project.id, package).await? {
            Some(package) if session.about_package(package.id).await?.is_locked() => {
                Err(ServiceError::Locked { object: format!("package {}/{}", project.name, package.name) })
            }
            Some(package) => Ok((session, project, package)),
            None => Err(ServiceError::PackageMissing { project: project.name, package: package.clone() }),
        }
    }

    async fn revision_file(&self, file: UploadedFile) -> Result<RevisionFile, ServiceError> {
        let md5 = self.md5_of(file.sha256).await?;
        let modified_at = self.inner.now();
        Ok(RevisionFile { name: file.name, bytes: file.bytes, md5, sha256: file.sha256, modified_at })
    }

    /// The MD5 digest of a kept file.
    ///
    /// # Errors
    /// If the file can not be read.
    pub async fn md5_of(&self, sha256: Sha256) -> Result<Md5, ServiceError> {
        let path = self.inner.blobs.path(&sha256);
        let digest = blocking(move || {
            let mut file = fs::File::open(path)?;
            let (mut hasher, mut piece) = (Md5Hasher::new(), vec![0; 128 * 1024]);
            loop {
                let count = file.read(&mut piece)?;
                match piece.get(..count).filter(|new| !new.is_empty()) {
                    Some(new) => hasher.update(new),
                    None => return Ok::<_, std::io::Error>(hasher.finish()),
                }
            }
        });
        Ok(digest.await??)
    }
}

fn check_names<'a>(names: impl Iterator<Item = &'a FileName>) -> Result<(), ServiceError> {
    let mut seen = BTreeMap::new();
    for (count, name) in names.enumerate() {
        let bad = |detail: String| Err(ServiceError::BadValue { field: "file list", detail });
        if count >= MAX_FILES {
            return bad(format!("more than {MAX_FILES} files"));
        }
        if name.as_str().starts_with('.') {
            return bad(format!("the name {name} begins with a dot"));
        }
        if seen.insert(name, ()).is_some() {
            return bad(format!("{name} is there twice"));
        }
    }
    Ok(())
}
