//! What a publication is made from, and the files it is made of, whatever its layout.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use model::{PackageGroups, Timestamp};
use pkg::{Arch, Sha256, Sha256Hasher};
use repo::pgp::SigningKey;
use store::{Blobs, PublishedFile};

use super::results::CurrentResult;
use super::{apt, rpmmd};
use crate::ServiceError;
use crate::formats::Layout;

/// Part of the input digest; a change of how archives are made publishes everything again.
const VERSION: &str = "3";

/// What an archive is made from.
#[derive(Debug)]
pub(super) struct ArchiveInput {
    pub(super) project: String,
    /// Repository, which names the suite.
    pub(super) repository: String,
    pub(super) arches: Vec<Arch>,
    pub(super) layouts: Vec<Layout>,
    pub(super) results: Vec<CurrentResult>,
    /// Groups of packages for the metadata, by architecture.
    pub(super) groups: BTreeMap<Arch, PackageGroups>,
    /// Public key, armoured.
    pub(super) public_key: String,
    /// Where what the next publication can start from is kept.
    pub(super) kept: PathBuf,
}

/// What is kept between publications of one repository; only saves work.
#[derive(Debug, Default)]
pub(super) struct Memory {
    apt: apt::Memory,
    rpmmd: rpmmd::Memory,
}

/// The files of a publication by path.
#[derive(Debug)]
pub(super) struct Files {
    files: BTreeMap<String, PublishedFile>,
    /// What is published now.
    before: HashMap<String, PublishedFile>,
    now: Timestamp,
}

impl Files {
    /// When the publication is made.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// What is published under a path now.
    pub(super) fn before(&self, path: &str) -> Option<&PublishedFile> {
        self.before.get(path)
    }

    /// Adds a file whose bytes are a blob.
    pub(super) fn add(&mut self, path: String, bytes: u64, sha256: Sha256) {
        let file = PublishedFile { path: path.clone(), bytes, sha256, published_at: self.now };
        self.files.insert(path, file);
    }
}

impl ArchiveInput {
    /// Names everything that goes into the archive.
    pub(super) fn digest(&self) -> Sha256 {
        let mut hasher = Sha256Hasher::new();
        hasher.update(format!("{VERSION}\n{}\n{}\n", self.project, self.repository).as_bytes());
        let mut arches: Vec<&str> = self.arches.iter().map(Arch::as_str).collect();
        arches.sort_unstable();
        let layouts: Vec<&str> = self.layouts.iter().map(|layout| layout.as_str()).collect();
        hasher.update(format!("{layouts:?}\n{arches:?}\n{}\n", self.public_key).as_bytes());
        for (arch, groups) in &self.groups {
            hasher.update(format!("groups {arch} {}\n", Sha256::of(groups.text.as_bytes())).as_bytes());
        }
        for result in &self.results {
            let CurrentResult { package, arch, build, file, .. } = result;
            hasher.update(format!("{package} {arch} {build} {} {}\n", file.name, file.sha256).as_bytes());
        }
        hasher.finish()
    }

    /// Makes every file; their bytes are blobs afterwards. By path; `published` is what there was before. Blocks.
    ///
    /// # Errors
    /// [`ServiceError`] if a blob can not be read or written, or the archive not be signed.
    pub(super) fn write(
        &self,
        blobs: &Blobs,
        memory: &mut Memory,
        signer: &SigningKey,
        (now, published): (Timestamp, Vec<PublishedFile>),
    ) -> Result<BTreeMap<String, PublishedFile>, ServiceError> {
        let before = published.into_iter().map(|file| (file.path.clone(), file)).collect();
        let mut files = Files { files: BTreeMap::new(), before, now };
        for layout in &self.layouts {
            match layout {
                Layout::Debian => self.write_apt(blobs, &mut memory.apt, signer, now, &mut files)?,
                Layout::RpmMd => self.write_rpmmd(blobs, &mut memory.rpmmd, signer, now, &mut files)?,
            }
        }
        let binary = signer.public_binary().map_err(|error| self.failed(error.into()))?;
        for (name, content) in [("key.asc", self.public_key.as_bytes()), ("key.gpg", &binary)] {
            files.add(name.to_owned(), content.len() as u64, blobs.put(content)?);
        }
        Ok(files.files)
    }

    /// The error for a publication that failed.
    pub(super) fn failed(&self, source: Box<dyn std::error::Error + Send + Sync>) -> ServiceError {
        ServiceError::Failed { what: format!("publishing {}/{}", self.project, self.repository), source }
    }
}
