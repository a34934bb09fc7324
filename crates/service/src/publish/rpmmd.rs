//! Makes the files of rpm-md repositories from results: one over everything, and one for each architecture.
//!
//! Packages lie at `ARCH/BUILD-PACKAGE/FILE`, ARCH being the task's. So `ARCH/` is a repository for the tasks of one architecture,
//! and the top one for all of them; both name the same files.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::BufReader;
use std::sync::Arc;

use model::{ResultKind, Timestamp};
use pkg::Sha256;
use pkgfile::rpm::{RpmLimits, RpmReader, Tag};
use repo::pgp::SigningKey;
use repo::rpmmd::{ChunkCache, OutputFile, PackageFile, PackageXml, RepodataSettings, write_repodata};
use repo::rpmsign::sign_package;
use store::Blobs;

use super::archive::{ArchiveInput, Files};
use super::results::CurrentResult;
use crate::ServiceError;
use crate::fetch::chain;

/// What is kept between publications of one repository; only saves work.
#[derive(Default)]
pub(super) struct Memory {
    /// What was published of a result that lies somewhere.
    packages: HashMap<(Sha256, String), Known>,
    /// Compressed pieces of the indices of each repository, by its folder.
    chunks: BTreeMap<String, ChunkCache>,
}

/// A published package.
#[derive(Clone)]
struct Known {
    /// What the index at the top and the one of its architecture say of it.
    elements: [Arc<PackageXml>; 2],
    bytes: u64,
    sha256: Sha256,
}

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
            let key = (placed.result.file.sha256, path.clone());
            let found = match known.remove(&key) {
                Some(found) => Some(found),
                None => read(blobs, &placed, &path, published_bytes(blobs, &placed, &path, signer, files)?)?,
            };
            let Some(found) = found else { continue };
            let [in_top, in_folder] = &found.elements;
            // Packages for all architectures come from every architecture's task; at the top one of them counts.
            if names.insert(placed.result.file.name.as_str()) {
                top.push(Arc::clone(in_top));
            }
            folders.entry(placed.arch).or_default().push(Arc::clone(in_folder));
            files.add(path, found.bytes, found.sha256);
            memory.packages.insert(key, found);
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
        Self { arch: result.arch.as_str(), below, result }
    }
}

/// The blob that is published for a result: its package signed with the project's key. A path never changes its content, so
/// what is published there already stays; a package that can not be signed is published as it is.
fn published_bytes(
    blobs: &Blobs,
    placed: &Placed<'_>,
    path: &str,
    signer: &SigningKey,
    files: &Files,
) -> Result<(u64, Sha256), ServiceError> {
    if let Some(before) = files.before(path).filter(|before| blobs.contains(&before.sha256)) {
        return Ok((before.bytes, before.sha256));
    }
    let file = &placed.result.file;
    let mut reader = BufReader::new(fs_err::File::open(blobs.path(&file.sha256))?);
    let mut writer = blobs.create()?;
    match sign_package(&mut reader, &mut writer, signer, files.now().as_seconds(), RpmLimits::default()) {
        Ok(signed) => {
            writer.finish()?;
            Ok((signed.bytes, signed.sha256))
        }
        Err(error) => {
            tracing::warn!(file.path = path, "{path} is published without a signature: {}", chain(&error));
            Ok((file.bytes, file.sha256))
        }
    }
}

/// What indices say of a package; nothing, with a warning, if it can not stand in one: it was checked when it was stored, so this
/// is a bug, but one package must not keep all others from being published.
fn read(
    blobs: &Blobs,
    placed: &Placed<'_>,
    path: &str,
    (bytes, sha256): (u64, Sha256),
) -> Result<Option<Known>, ServiceError> {
    let file = fs_err::File::open(blobs.path(&sha256))?;
    let skip = |error: &dyn std::error::Error| {
        tracing::error!(file.path = path, "{path} is left out of the publication: {}", chain(error));
        Ok(None)
    };
    let package = match RpmReader::open(BufReader::new(file), RpmLimits::default()) {
        Ok(reader) => reader.into_package(),
        Err(error) => return skip(&error),
    };
    let built_at = package.header().number(Tag::BUILD_TIME).and_then(|time| i64::try_from(time).ok());
    let element = |location: &str| {
        let modified_at = built_at.unwrap_or_default();
        let file = PackageFile { location: location.to_owned(), bytes, sha256, modified_at };
        PackageXml::new(&package, &file).map(Arc::new)
    };
    match (element(path), element(&placed.below)) {
        (Ok(top), Ok(below)) => Ok(Some(Known { elements: [top, below], bytes, sha256 })),
        (Err(error), _) | (_, Err(error)) => skip(&error),
    }
}
