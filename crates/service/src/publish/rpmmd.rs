//! Makes the files of rpm-md repositories from results: one over everything, and one for each architecture.
//!
//! Packages lie at `ARCH/BUILD-PACKAGE/FILE`, ARCH being the task's. So `ARCH/` is a repository for the tasks of one architecture,
//! and the top one for all of them; both name the same files.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, BufReader};
use std::path::Path;

use model::{ResultKind, Timestamp};
use pkg::Sha256;
use pkgfile::rpm::{RpmLimits, RpmPackage, RpmReader, Tag};
use repo::pgp::SigningKey;
use repo::rpmmd::{
    ChunkCache, OutputFile, PackageFile, PackageOutline, PackageXml, PackageXmlError, RepodataError, RepodataSettings,
    write_repodata_from,
};
use repo::rpmsign::sign_package;
use store::Blobs;

use super::archive::{ArchiveInput, Files};
use super::kept::{self, Kept, Known};
use super::results::CurrentResult;
use crate::ServiceError;
use crate::fetch::chain;

/// What is kept between publications of one repository; only saves work.
#[derive(Default)]
pub(super) struct Memory {
    /// What was published of a result that lies somewhere; nothing before the first publication of this run.
    packages: Option<HashMap<(Sha256, String), Known>>,
    /// Compressed pieces of the indices of each repository, by its folder.
    chunks: BTreeMap<String, ChunkCache>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("packages", &self.packages.as_ref().map(HashMap::len)).finish_non_exhaustive()
    }
}

impl Memory {
    /// Begins with what a publication left in a file; the chunks come from the published indices.
    fn load(blobs: &Blobs, kept: &Path) -> Self {
        let Some(Kept { packages, layouts }) = kept::read(kept) else { return Self::default() };
        let mut chunks = BTreeMap::new();
        for (folder, layout) in layouts {
            let mut cache = ChunkCache::default();
            if let Err(error) = cache.refill(&layout, &mut |digest| blobs.read(digest).ok()) {
                tracing::warn!("a kept layout can not be used: {}", chain(&error));
            }
            chunks.insert(folder, cache);
        }
        Self { packages: Some(packages), chunks }
    }

    fn keep(&self, kept: &Path) {
        let Some(packages) = &self.packages else { return };
        let layouts: Vec<_> = self.chunks.iter().map(|(folder, cache)| (folder.as_str(), cache.layout())).collect();
        if let Err(error) = kept::write(kept, packages, layouts.into_iter()) {
            tracing::warn!(error = %error, "the outlines of a repository can not be kept for later");
        }
    }
}

/// Elements that were just made, by path: an index with new packages asks for them next.
type Fresh = HashMap<String, [PackageXml; 2]>;
/// Most packages whose elements are held for that; those of others are made again.
const FRESH_PACKAGES: usize = 2000;

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
    /// Only packages that were not published before are read, and those that share a chunk of an index with them.
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
        if memory.packages.is_none() {
            *memory = Memory::load(blobs, &self.kept);
        }
        let from_scratch = memory.packages.is_none();
        let indices = match self.indices(blobs, memory, signer, now, files) {
            Err(RpmMdFailure::Outlines(error)) if !from_scratch => {
                tracing::warn!("what was kept of {}/{} is not right: {}", self.project, self.repository, chain(&error));
                *memory = Memory::default();
                self.indices(blobs, memory, signer, now, files)
            }
            indices => indices,
        };
        let indices = indices.map_err(|failure| match failure {
            RpmMdFailure::Outlines(error) => self.failed(error.into()),
            RpmMdFailure::Service(error) => error,
        })?;
        for (folder, output) in indices {
            let bytes = output.content.len() as u64;
            let sha256 = blobs.put(&output.content)?;
            for path in output.paths {
                let path = if folder.is_empty() { path } else { format!("{folder}/{path}") };
                files.add(path, bytes, sha256);
            }
        }
        memory.keep(&self.kept);
        Ok(())
    }

    /// The files of all indices with their folders; adds the packages to `files`.
    fn indices(
        &self,
        blobs: &Blobs,
        memory: &mut Memory,
        signer: &SigningKey,
        now: Timestamp,
        files: &mut Files,
    ) -> Result<Vec<(String, OutputFile)>, RpmMdFailure> {
        let mut known = memory.packages.take().unwrap_or_default();
        let mut fresh = Fresh::new();
        let mut packages = HashMap::new();
        let mut folders: BTreeMap<&str, Vec<(Sha256, String)>> =
            self.arches.iter().map(|arch| (arch.as_str(), Vec::new())).collect();
        let (mut top, mut names) = (Vec::new(), HashSet::new());
        for placed in self.placed() {
            let path = format!("{}/{}", placed.arch, placed.below);
            let key = (placed.result.file.sha256, path.clone());
            let found = match known.remove(&key) {
                Some(found) => Some(found),
                None => {
                    let published = published_bytes(blobs, &placed, &path, signer, files)?;
                    read(blobs, &placed, &path, published, &mut fresh)?
                }
            };
            let Some(found) = found else { continue };
            // Packages for all architectures come from every architecture's task; at the top one of them counts.
            if names.insert(placed.result.file.name.as_str()) {
                top.push(key.clone());
            }
            folders.entry(placed.arch).or_default().push(key.clone());
            files.add(path, found.bytes, found.sha256);
            packages.insert(key, found);
        }
        memory.chunks.retain(|folder, _| folder.is_empty() || folders.contains_key(folder.as_str()));
        folders.insert("", top);
        let mut outputs = Vec::new();
        for (folder, keys) in folders {
            let index = Index {
                packages: keys.iter().filter_map(|key| packages.get(key)).collect(),
                element: usize::from(!folder.is_empty()),
                fresh: &fresh,
                blobs,
            };
            let cache = memory.chunks.entry(folder.to_owned()).or_default();
            let written = index.write(&self.public_key, cache, signer, now)?;
            outputs.extend(written.into_iter().map(|output| (folder.to_owned(), output)));
        }
        memory.packages = Some(packages);
        Ok(outputs)
    }

    /// The packages, those of the newest builds first.
    fn placed(&self) -> Vec<Placed<'_>> {
        let is_rpm =
            |result: &&CurrentResult| result.kind != ResultKind::Record && result.file.name.as_str().ends_with(".rpm");
        let mut results: Vec<&CurrentResult> = self.results.iter().filter(is_rpm).collect();
        results.sort_by(|left, right| right.build.cmp(&left.build).then_with(|| left.arch.cmp(&right.arch)));
        results.into_iter().map(Placed::new).collect()
    }
}

/// Why indices could not be made.
enum RpmMdFailure {
    /// The writer refused; what was kept may be to blame.
    Outlines(RepodataError),
    Service(ServiceError),
}

impl<E: Into<ServiceError>> From<E> for RpmMdFailure {
    fn from(error: E) -> Self {
        Self::Service(error.into())
    }
}

/// The index of some packages.
struct Index<'a> {
    packages: Vec<&'a Known>,
    /// Which of the elements of each package stand in it.
    element: usize,
    fresh: &'a Fresh,
    blobs: &'a Blobs,
}

impl<'a> Index<'a> {
    fn write(
        &self,
        public_key: &str,
        cache: &mut ChunkCache,
        signer: &SigningKey,
        now: Timestamp,
    ) -> Result<Vec<OutputFile>, RpmMdFailure> {
        let settings = RepodataSettings { public_key: Some(public_key.to_owned()), ..RepodataSettings::default() };
        let outlines: Vec<&PackageOutline> =
            self.packages.iter().filter_map(|known| known.outlines.get(self.element)).collect();
        let mut load = |place: usize| self.load(place);
        write_repodata_from(&settings, &outlines, &mut load, cache, signer, now.as_seconds())
            .map_err(RpmMdFailure::Outlines)
    }

    /// The elements of a package: as they were just made, or made again from its file.
    fn load(&self, place: usize) -> io::Result<Cow<'a, PackageXml>> {
        let known = *self.packages.get(place).ok_or(io::ErrorKind::NotFound)?;
        let [top, _] = &known.outlines;
        if let Some(element) = self.fresh.get(top.location()).and_then(|elements| elements.get(self.element)) {
            return Ok(Cow::Borrowed(element));
        }
        let outline = known.outlines.get(self.element).ok_or(io::ErrorKind::NotFound)?;
        let file = fs_err::File::open(self.blobs.path(&known.sha256))?;
        let reader = RpmReader::open(BufReader::new(file), RpmLimits::default()).map_err(io::Error::other)?;
        let element = element(&reader.into_package(), outline.location(), (known.bytes, known.sha256));
        element.map(Cow::Owned).map_err(io::Error::other)
    }
}

impl<'a> Placed<'a> {
    fn new(result: &'a CurrentResult) -> Self {
        Self { arch: result.arch.as_str(), below: below(result), result }
    }
}

/// Where a result lies in the folder of its architecture, as Copr names the folder of a task's results.
fn below(result: &CurrentResult) -> String {
    format!("{:08}-{}/{}", result.build.get(), result.package, result.file.name)
}

/// Where a result lies in a published rpm-md repository.
pub(crate) fn placed_path(result: &CurrentResult) -> String {
    format!("{}/{}", result.arch, below(result))
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
    fresh: &mut Fresh,
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
    let element = |location: &str| element(&package, location, (bytes, sha256));
    match (element(path), element(&placed.below)) {
        (Ok(top), Ok(below)) => {
            let outlines = [top.outline().clone(), below.outline().clone()];
            if fresh.len() < FRESH_PACKAGES {
                fresh.insert(path.to_owned(), [top, below]);
            }
            Ok(Some(Known { outlines, bytes, sha256 }))
        }
        (Err(error), _) | (_, Err(error)) => skip(&error),
    }
}

/// What an index says of a package that lies at `location`.
fn element(
    package: &RpmPackage,
    location: &str,
    (bytes, sha256): (u64, Sha256),
) -> Result<PackageXml, PackageXmlError> {
    let built_at = package.header().number(Tag::BUILD_TIME).and_then(|time| i64::try_from(time).ok());
    let modified_at = built_at.unwrap_or_default();
    PackageXml::new(package, &PackageFile { location: location.to_owned(), bytes, sha256, modified_at })
}
