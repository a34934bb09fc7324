//! The packages one repository itself offers to builds, by name, with their files: its own results and what it mirrors.

use std::collections::HashMap;
use std::path::PathBuf;

use expand::PackageId;
use model::{FileName, Project, ProjectId, RepositoryId};
use pkg::{Md5, PackageFormat, Sha256};
use store::TargetName;

use super::group::{self, GroupPlan, Surroundings};
use super::local::rpm_identity;
use super::world::World;
use crate::inner::blocking;
use crate::mirror::{self, Download, DownloadError};
use crate::projects::existing;
use crate::publish::{current_results, placed_path};
use crate::{Service, ServiceError};

/// A package that a repository offers for an architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedPackage {
    /// Name.
    pub name: String,
    /// Name of its file.
    pub file: FileName,
    /// Size in bytes.
    pub bytes: u64,
    /// Package format.
    pub format: PackageFormat,
    /// What an rpm package of these bytes is called by its own header; `None` for other formats, and while the file is not here.
    pub header_md5: Option<Md5>,
    at: Place,
}

/// Where the bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Here; an rpm package lies at a path of the publication too, with the project's signature.
    Blob(Sha256, Option<(RepositoryId, String)>),
    /// In an archive.
    Archive(Download),
}

impl OfferedPackage {
    /// Whether the repository built it.
    #[must_use]
    pub fn is_result(&self) -> bool {
        matches!(self.at, Place::Blob(..))
    }
}

impl Service {
    /// The packages a repository itself offers for an architecture, by name: all of them, or those with some names. Of several
    /// versions only the one that builds would get.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::TargetMissing`], [`ServiceError::Unavailable`] if its packages are not
    /// known yet.
    pub async fn offered(
        &self,
        project: ProjectId,
        target: &TargetName,
        names: Option<Vec<String>>,
    ) -> Result<Vec<OfferedPackage>, ServiceError> {
        let inner = &*self.inner;
        let mut session = inner.store.read().await?;
        let project = existing(&mut session, project).await?;
        let key = self.key(&mut session, &project, target).await?;
        let around = match group::surroundings(inner, &mut session, &key).await? {
            Ok(around) => around,
            Err(GroupPlan::Wait(verdict) | GroupPlan::Never(verdict)) => {
                let (what, detail) = (format!("{}/{target}", project.name), verdict.to_string());
                return Err(ServiceError::Unavailable { what, detail });
            }
            Err(GroupPlan::Same | GroupPlan::Each(_)) => return Ok(Vec::new()),
        };
        let signed = published_paths(&mut session, &project, target, key.0).await?;
        drop(session);
        let Surroundings { texts, mut inputs, .. } = around;
        inputs.layers.truncate(1);
        let arch = key.1.clone();
        let config = blocking(move || texts.merge(&arch)).await?;
        let world = group::world_aside(inner, inputs.for_config(&config)).await?;
        let blobs = inner.blobs.clone();
        blocking(move || {
            let describe = |package: PackageId| {
                let mut offered = offered(&world, package, &signed)?;
                if offered.format == PackageFormat::Rpm && offered.is_result() {
                    offered.header_md5 = rpm_identity(&world, package, &blobs);
                }
                Some(offered)
            };
            match names {
                Some(names) => names.iter().filter_map(|name| describe(world.pool.find(name)?)).collect(),
                None => world.pool.packages().filter_map(describe).collect(),
            }
        })
        .await
    }

    /// Brings the files of packages here that are not yet; gives where each is and its digest, in order.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] with the first that an archive did not give.
    pub async fn fetch_offered(&self, packages: &[OfferedPackage]) -> Result<Vec<(PathBuf, Sha256)>, ServiceError> {
        let wanted: Vec<Download> = packages.iter().filter_map(download).collect();
        mirror::download(&self.inner, wanted).await.map_err(|error| match error {
            DownloadError::Service(error) => error,
            DownloadError::Fetch(error) => {
                let (what, detail) = error.parts();
                ServiceError::Unavailable { what, detail }
            }
            DownloadError::Mismatch { url, detail } => ServiceError::Unavailable { what: url, detail },
        })?;
        let mut places = Vec::with_capacity(packages.len());
        for package in packages {
            let sha256 = match &package.at {
                Place::Blob(plain, None) => Some(*plain),
                Place::Blob(plain, Some((repository, path))) => {
                    let found = self.inner.store.read().await?.published_file(*repository, path).await?;
                    Some(found.map_or(*plain, |file| file.sha256))
                }
                Place::Archive(download) => self.inner.mirror.names.blob(&download.digest),
            };
            let missing = || ServiceError::Unavailable {
                what: package.file.to_string(),
                detail: "is not here although it was fetched".to_owned(),
            };
            let sha256 = sha256.ok_or_else(missing)?;
            places.push((self.inner.blobs.path(&sha256), sha256));
        }
        Ok(places)
    }
}

fn download(package: &OfferedPackage) -> Option<Download> {
    match &package.at {
        Place::Blob(..) => None,
        Place::Archive(download) => Some(download.clone()),
    }
}

type Published = HashMap<Sha256, (RepositoryId, String)>;

fn offered(world: &World, package: PackageId, published: &Published) -> Option<OfferedPackage> {
    let (file, bytes) = world.file_name(package)?;
    let at = match world.download(package) {
        Some(download) => Place::Archive(download),
        None => {
            let sha256 = world.sha256(package)?;
            Place::Blob(sha256, published.get(&sha256).cloned())
        }
    };
    Some(OfferedPackage {
        name: world.pool.name(package).to_owned(),
        file: FileName::parse(file).ok()?,
        bytes,
        format: world.pool.format(),
        header_md5: None,
        at,
    })
}

/// Where rpm results are published, by digest of the result.
async fn published_paths(
    session: &mut store::Session,
    project: &Project,
    target: &TargetName,
    repository: RepositoryId,
) -> Result<Published, ServiceError> {
    let Some(published) = session.published_repository(&project.name, &target.repository).await? else {
        return Ok(Published::new());
    };
    let results = current_results(session, repository).await?.into_iter();
    let rpms = results.filter(|result| result.arch == target.arch && result.file.name.as_str().ends_with(".rpm"));
    Ok(rpms.map(|result| (result.file.sha256, (published, placed_path(&result)))).collect())
}
