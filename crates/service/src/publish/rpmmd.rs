//! Makes the files of rpm-md repositories from results: one over everything, and one for each architecture.
//!
//! Packages lie at `ARCH/BUILD-PACKAGE/FILE`, ARCH being the task's. So `ARCH/` is a repository for the tasks of one architecture,
//! and the top one for all of them; both name the same files.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use model::{JobFile, ResultKind, Timestamp};
use pkg::Sha256;
use pkgfile::rpm::{RpmLimits, RpmReader, Tag};
use repo::pgp::SigningKey;
use repo::rpmmd::{ChunkCache, OutputFile, PackageFile, PackageXml, RepodataSettings, write_repodata};
use store::Blobs;

use super::archive::{ArchiveInput, Files};
use super::results::CurrentResult;
use crate::ServiceError;
use crate::fetch::chain;

/// What is kept between publications of one repository; only saves work.
#[derive(Default)]
pub(super) struct Memory {
    /// What indices say of a package that lies somewhere: at the top, and below its architecture.
    packages: HashMap<(Sha256, String), Elements>,
    /// Compressed pieces of the indices of each repository, by its folder.
    chunks: BTreeMap<String, ChunkCache>,
}

/// What the index at the top and the one of its architecture say of a package.
type Elements = [Arc<PackageXml>; 2];

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("packages", &self.packages.len()).finish_non_exhaustive()
    }
}

/// A package and where it lies.
struct Placed<'a> {
    /// Folder of the architecture.
    arch: &'a str,
    /// Path below that.
    below: String,
    file: JobFile,
    result: &'a CurrentResult,
}

impl ArchiveInput {
    /// Makes the files of rpm-md repositories; their bytes are blobs afterwards. Blocks.
    ///
    /// # Errors
    /// [`ServiceError`] if a blob can not be read or written, or the repository not be signed.
    pub(super) fn write_rpmmd(
        &self,
        blobs: &Blobs,
        memory: &mut Memory,
        signer: &SigningKey,
        now: Timestamp,
        files: &mut Files,
    ) -> Result<(), ServiceError> {
        let mut known = std::mem::take(&mut memory.packages);
        let mut folders: BTreeMap<&str, Vec<Arc<PackageXml>>> =
            self.arches.iter().map(|arch| (arch.as_str(), Vec::new())).collect();
        let (mut top, mut names) = (Vec::new(), HashSet::new());
        for placed in self.placed() {
            let path = format!("{}/{}", placed.arch, placed.below);
            let key = (placed.file.sha256, path.clone());
            let elements = match known.remove(&key) {
                Some(elements) => Some(elements),
                None => read_elements(blobs, &placed, &path)?,
            };
            let Some(elements) = elements else { continue };
            let [in_top, in_folder] = &elements;
            // Packages for all architectures come from every architecture's task; at the top one of them counts.
            if names.insert(placed.result.file.name.as_str()) {
                top.push(Arc::clone(in_top));
            }
            folders.entry(placed.arch).or_default().push(Arc::clone(in_folder));
            memory.packages.insert(key, elements);
            files.add(path, placed.file.bytes, placed.file.sha256);
        }
        memory.chunks.retain(|folder, _| folder.is_empty() || folders.contains_key(folder.as_str()));
        folders.insert("", top);
        for (folder, packages) in folders {
            let cache = memory.chunks.entry(folder.to_owned()).or_default();
            for output in self.index(&packages, cache, signer, now)? {
                let bytes = output.content.len() as u64;
                let sha256 = blobs.put(&output.content)?;
                for path in output.paths {
                    let path = if folder.is_empty() { path } else { format!("{folder}/{path}") };
                    files.add(path, bytes, sha256);
                }
            }
        }
        Ok(())
    }

    /// The packages, those of the newest builds first.
    fn placed(&self) -> Vec<Placed<'_>> {
        let is_rpm =
            |result: &&CurrentResult| result.kind != ResultKind::Record && result.file.name.as_str().ends_with(".rpm");
        let mut results: Vec<&CurrentResult> = self.results.iter().filter(is_rpm).collect();
        results.sort_by(|left, right| right.build.cmp(&left.build).then_with(|| left.arch.cmp(&right.arch)));
        results.into_iter().map(Placed::new).collect()
    }

    /// The index of some packages.
    fn index(
        &self,
        packages: &[Arc<PackageXml>],
        cache: &mut ChunkCache,
        signer: &SigningKey,
        now: Timestamp,
    ) -> Result<Vec<OutputFile>, ServiceError> {
        let settings = RepodataSettings { public_key: Some(self.public_key.clone()), ..RepodataSettings::default() };
        let packages: Vec<&PackageXml> = packages.iter().map(|package| &**package).collect();
        write_repodata(&settings, &packages, cache, signer, now.as_seconds()).map_err(|error| self.failed(error.into()))
    }
}

impl<'a> Placed<'a> {
    fn new(result: &'a CurrentResult) -> Self {
        // As Copr names the folder of a task's results.
        let below = format!("{:08}-{}/{}", result.build.get(), result.package, result.file.name);
        Self { arch: result.arch.as_str(), below, file: as_published(result), result }
    }
}

/// The file that is published for a result. Signing each package with the project's key would begin here: another blob.
fn as_published(result: &CurrentResult) -> JobFile {
    result.file.clone()
}

/// What indices say of a package; nothing, with a warning, if it can not stand in one: it was checked when it was stored, so this
/// is a bug, but one package must not keep all others from being published.
fn read_elements(blobs: &Blobs, placed: &Placed<'_>, path: &str) -> Result<Option<Elements>, ServiceError> {
    let file = fs_err::File::open(blobs.path(&placed.file.sha256))?;
    let skip = |error: &dyn std::error::Error| {
        tracing::error!(file.path = path, "{path} is left out of the publication: {}", chain(error));
        Ok(None)
    };
    let package = match RpmReader::open(std::io::BufReader::new(file), RpmLimits::default()) {
        Ok(reader) => reader.into_package(),
        Err(error) => return skip(&error),
    };
    let built_at = package.header().number(Tag::BUILD_TIME).and_then(|time| i64::try_from(time).ok());
    let element = |location: &str| {
        let file = PackageFile {
            location: location.to_owned(),
            bytes: placed.file.bytes,
            sha256: placed.file.sha256,
            modified_at: built_at.unwrap_or_default(),
        };
        PackageXml::new(&package, &file).map(Arc::new)
    };
    match (element(path), element(&placed.below)) {
        (Ok(top), Ok(below)) => Ok(Some([top, below])),
        (Err(error), _) | (_, Err(error)) => skip(&error),
    }
}
