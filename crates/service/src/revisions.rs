//! Revisions of packages' files: sent one by one, committed together.

use std::collections::BTreeMap;
use std::io::Read as _;

use fs_err as fs;
use model::{BuildReason, FileName, Package, PackageName, Project, ProjectId};
use pkg::{Md5, Md5Hasher, Sha256};
use store::{Revision, RevisionFile, Session, UploadedFile, tree_md5};

use crate::background::Reconciler;
use crate::inner::{Inner, blocking};
use crate::permission::check_project;
use crate::projects::{check_size, existing};
use crate::rebuild::{announce, build_package, cancel_open};
use crate::trees::{Own, check_special, link_target, main_of, needs_services, start_services};
use crate::{Action, CommitHow, Service, ServiceError, User};

/// Most files of one revision.
const MAX_FILES: usize = 20_000;
/// Revisions of a file that are looked at.
const MOST_TEXTS: u32 = 300;
/// Most bytes of a file whose revisions are looked at.
const TEXT_BYTES: u64 = 1 << 20;
/// How often a commit is tried that others get in the way of.
const ATTEMPTS: usize = 5;

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
    /// [`ServiceError::BadValue`] if a digest is not the promised one, or a link can not be read,
    /// [`ServiceError::UploadTooLarge`], [`ServiceError::SourceBroken`] if a link to be kept can not be put together.
    pub async fn commit_files(
        &self,
        actor: &User,
        project: ProjectId,
        package: &PackageName,
        wanted: &[WantedFile],
        how: &CommitHow,
    ) -> Result<Commit, ServiceError> {
        check_names(wanted.iter().map(|file| &file.name))?;
        let package = self.check_editor(actor, project, package).await?;
        let mut session = self.inner.store.read().await?;
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
        drop(session);
        if !missing.is_empty() {
            return Ok(Commit::Missing(missing));
        }
        Ok(Commit::Done(self.commit_known(actor, (project, &package.name), files, how).await?))
    }

    /// Makes a revision of files that are kept, and builds it.
    pub(crate) async fn commit_known(
        &self,
        actor: &User,
        (project, package): (ProjectId, &PackageName),
        files: Vec<RevisionFile>,
        how: &CommitHow,
    ) -> Result<Revision, ServiceError> {
        for _ in 0..ATTEMPTS {
            let (seen, files) = if how.keep_link || how.repair_link {
                let (seen, files) = self.kept_link(project, package, files.clone(), how).await?;
                (Some(seen), files)
            } else {
                (None, files.clone())
            };
            let (mut session, project, package) = self.edit_package(actor, project, package).await?;
            let newest = session.newest_revision(package.id).await?;
            drop(session);
            // What was written down as changes was so of the revision that was seen.
            if seen.is_none_or(|seen| seen == newest) {
                let revision =
                    self.add_revision(actor, (&project, &package), files, (newest.as_ref(), &how.comment)).await?;
                if let Some(revision) = revision {
                    return Ok(revision);
                }
            }
        }
        Err(crowded(package))
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
        for _ in 0..ATTEMPTS {
            let (mut session, project, package) = self.edit_package(actor, project, package).await?;
            let newest = session.newest_revision(package.id).await?;
            let mut files = match &newest {
                Some(newest) => session.revision_files(package.id, newest.number).await?,
                None => Vec::new(),
            };
            drop(session);
            let before = files.len();
            files.retain(|known| known.name != *name);
            if file.is_none() && files.len() == before {
                return Err(ServiceError::FileMissing { package: package.name, file: name.clone() });
            }
            files.extend(file.clone());
            let revision = self.add_revision(actor, (&project, &package), files, (newest.as_ref(), comment)).await?;
            if let Some(revision) = revision {
                return Ok(revision);
            }
        }
        Err(crowded(package))
    }

    /// Adds a revision behind the one that was the newest; `None` if it is so no more.
    async fn add_revision(
        &self,
        actor: &User,
        (project, package): (&Project, &Package),
        mut files: Vec<RevisionFile>,
        (newest, comment): (Option<&Revision>, &str),
    ) -> Result<Option<Revision>, ServiceError> {
        check_size("comment", comment.len())?;
        check_names(files.iter().map(|file| &file.name))?;
        let (bytes, limit_bytes) = (files.iter().map(|file| file.bytes), self.inner.config.source_bytes);
        if bytes.fold(0_u64, u64::saturating_add) > limit_bytes {
            return Err(ServiceError::UploadTooLarge { name: package.name.to_string(), limit_bytes });
        }
        files.sort_by(|left, right| left.name.as_str().as_bytes().cmp(right.name.as_str().as_bytes()));
        let own = Own {
            project: project.name.clone(),
            package: package.name.clone(),
            id: package.id,
            tree: tree_md5(&files),
            files,
        };
        // Reads the link, so it comes before the session that writes.
        let target = link_target(&self.inner, &own).await?;
        check_special(&self.inner, &own.files).await?;
        let (mut session, project, package) = self.edit_package(actor, project.id, &package.name).await?;
        if package.id != own.id || session.newest_revision(package.id).await?.as_ref() != newest {
            return Ok(None);
        }
        let revision = session.add_revision(package.id, &own.files, comment, actor.id, self.inner.now()).await?;
        let Some(revision) = revision else {
            return Err(ServiceError::PackageMissing { project: project.name.clone(), package: package.name.clone() });
        };
        let serves = needs_services(&self.inner, &own.files).await?;
        let reason = BuildReason::Submitted { by: actor.name.clone() };
        let mut stopped = Vec::new();
        if serves {
            stopped = cancel_open(&mut session, &package, self.inner.now()).await?;
            let files = (revision.number, &own.tree, own.files.as_slice());
            start_services(&self.inner, &mut session, (&project, &package), files, reason.clone()).await?;
        }
        session.set_link(package.id, target.as_ref().map(|(project, package)| (project, package))).await?;
        let followers = session.touch_links_to(&project.name, &package.name).await?;
        session.commit().await?;
        tracing::info!(
            project.name = %project.name,
            "revision {} of package {} of project {} is committed", revision.number, package.name, project.name
        );
        self.inner.changed();
        if serves {
            announce(&self.inner, &stopped);
        } else {
            build_package(&self.inner, &reason, &project, &package, None).await?;
        }
        if followers > 0 || target.is_some() {
            self.inner.poke(Reconciler::Links);
        }
        Ok(Some(revision))
    }

    /// What a file of a package was in each revision that changed it, oldest first, at most the newest few hundred.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::PackageMissing`]; [`ServiceError::BadValue`] if it is too large to be
    /// looked into.
    pub async fn file_texts(
        &self,
        project: ProjectId,
        package: &PackageName,
        name: &FileName,
    ) -> Result<Vec<(Revision, Vec<u8>)>, ServiceError> {
        let package = self.package(project, package).await?;
        let mut session = self.inner.store.read().await?;
        let main = main_of(&mut session, package).await?;
        let mut history = session.file_history(main.id, name, MOST_TEXTS).await?;
        drop(session);
        history.reverse();
        history.dedup_by(|later, earlier| later.1 == earlier.1);
        let mut texts = Vec::new();
        for (revision, sha256) in history {
            if fs::metadata(self.inner.blobs.path(&sha256))?.len() > TEXT_BYTES {
                let detail = format!("{name} has more than {TEXT_BYTES} bytes");
                return Err(ServiceError::BadValue { field: "file", detail });
            }
            texts.push((revision, self.inner.with_blobs(move |blobs| blobs.read(&sha256)).await?));
        }
        Ok(texts)
    }

    /// A package of a project that somebody may change.
    async fn check_editor(
        &self,
        actor: &User,
        project: ProjectId,
        package: &PackageName,
    ) -> Result<Package, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, project).await?;
        check_project(&mut session, actor, Action::EditProject, &project, &project.name).await?;
        let found = session.package(project.id, package).await?;
        found.ok_or_else(|| ServiceError::PackageMissing { project: project.name, package: package.clone() })
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
            Some(package) if package.main.is_some() => Err(is_flavor(&package.name)),
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
        md5_of(&self.inner, sha256).await
    }
}

/// The MD5 digest of a kept file.
pub(crate) async fn md5_of(inner: &Inner, sha256: Sha256) -> Result<Md5, ServiceError> {
    let path = inner.blobs.path(&sha256);
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

fn is_flavor(package: &PackageName) -> ServiceError {
    let detail = format!("{package} is a flavor: its files are those of the package before the colon");
    ServiceError::BadValue { field: "package", detail }
}

fn crowded(package: &PackageName) -> ServiceError {
    let detail = "others committed at the same time, again and again".to_owned();
    ServiceError::Unavailable { what: package.to_string(), detail }
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
