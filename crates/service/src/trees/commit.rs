//! Edited files of a link, kept as a link.

use model::{PackageName, ProjectId};
use pkg::Md5;
use recipe::link::{FILE, Trees, Wanted, keep};
use store::{BlobError, Blobs, Revision, RevisionFile, tree_md5};

use super::chain::{Expansion, Own, expand};
use super::listing::own_files;
use super::texts::{by_name, keep as keep_files, link_file, link_of, read};
use crate::inner::blocking;
use crate::projects::existing;
use crate::{Service, ServiceError};

/// What a commit says besides its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitHow {
    /// Why.
    pub comment: String,
    /// Whether the files are what a link is to stand for: the package stays a link then.
    pub keep_link: bool,
    /// The same, if the link can not be put together as it is.
    pub repair_link: bool,
    /// The revision of the other package that the files were made from, or `base`.
    pub link_revision: Option<String>,
}

impl Service {
    /// The files a package is to have so that, as a link, it stands for wanted ones; with the revision that was looked at.
    /// The wanted ones themselves, if it is no link.
    pub(crate) async fn kept_link(
        &self,
        project: ProjectId,
        package: &PackageName,
        wanted: Vec<RevisionFile>,
        how: &CommitHow,
    ) -> Result<(Option<Revision>, Vec<RevisionFile>), ServiceError> {
        let row = self.package(project, package).await?;
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, project).await?;
        let newest = session.newest_revision(row.id).await?;
        if wanted.is_empty() || wanted.iter().any(|file| file.name.as_str() == FILE) {
            return Ok((newest, wanted));
        }
        let own = own_files(&mut session, &project, &row, newest.as_ref()).await?;
        drop(session);
        let link = match link_of(&self.inner, &own.files).await? {
            None => return Ok((newest, wanted)),
            Some(Err(detail)) => return Err(broken(package, detail)),
            Some(Ok(link)) => link,
        };
        let revision = match how.link_revision.as_deref() {
            Some("base") => link.base.clone(),
            other => other.map(str::to_owned),
        };
        let found = expand(&self.inner, own.clone(), revision.as_deref()).await?;
        let found = found.ok_or_else(|| broken(package, "it is no link".to_owned()))?;
        let target = match (&found.files, found.target) {
            (Ok(_), Some(target)) => target,
            // Whether it fits together is what is to be repaired; what it points to must be there.
            (Err(_), Some(target)) if how.repair_link => target,
            (Err(detail), _) => return Err(broken(package, detail.clone())),
            (Ok(_), None) => tree_md5(&[]),
        };
        let base = revision.filter(|text| Md5::parse(text).is_ok()).unwrap_or_else(|| target.to_string());
        let (blobs, now, repair) = (self.inner.blobs.clone(), self.inner.now(), how.repair_link);
        let kept = blocking(move || {
            let (files, kept_link) = put_down(&blobs, &link, &own, &found, (&wanted, &base, repair))?;
            Ok::<_, BlobError>(match files {
                Ok(files) => Ok((keep_files(&blobs, files, now)?, kept_link)),
                Err(detail) => Err(detail),
            })
        });
        let (mut files, link) = kept.await??.map_err(|detail| broken(package, detail))?;
        files.push(link_file(&self.inner, &link).await?);
        Ok((newest, files))
    }
}

fn broken(package: &PackageName, detail: String) -> ServiceError {
    ServiceError::SourceBroken { package: package.clone(), detail }
}

type PutDown = (Result<recipe::link::Files<recipe::link::Content<super::texts::Text>>, String>, recipe::link::Link);

fn put_down(
    blobs: &Blobs,
    link: &recipe::link::Link,
    own: &Own,
    found: &Expansion,
    (wanted, base, repair): (&[RevisionFile], &str, bool),
) -> Result<PutDown, BlobError> {
    let (target, own, wanted) = (by_name(&found.target_files), by_name(&own.files), by_name(wanted));
    let trees = Trees { target: &target, own: &own, base: None };
    let wanted = Wanted { files: &wanted, base, repair };
    let mut failure = None;
    let kept = keep(link, &trees, &wanted, &mut |text| read(blobs, text, &mut failure));
    if let Some(error) = failure {
        return Err(error);
    }
    Ok(match kept {
        Ok(kept) => (Ok(kept.files), kept.link),
        Err(conflict) => (Err(conflict.to_string()), link.clone()),
    })
}
