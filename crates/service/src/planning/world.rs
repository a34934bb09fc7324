//! The packages a build can choose from, as the expander wants them, with where their files are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use expand::{PackageId, Pool, PoolBuilder};
use model::{JobFile, RootPackage};
use pkg::{Arch, PackageFormat, PackageMeta, Sha256, Sha256Hasher};
use repo::rpmmd::FileDigest;
use store::{Blobs, MirrorIndexRow};

use super::config::MergedConfig;
use super::group::GroupKey;
use super::path::Layer;
use crate::ServiceError;
use crate::formats::read_package;
use crate::mirror::{self, DigestNames, PackageFile};

/// How long a world that nobody uses is kept: an idle service is to be small.
pub(super) const IDLE: Duration = Duration::from_secs(120);
/// Most worlds kept, idle or not.
const MOST_WORLDS: usize = 4;
/// Most distributions kept, idle or not.
const MOST_BASES: usize = 8;

/// A pool and where the file of each of its packages is. Immutable; made from stored bytes only.
#[derive(Debug)]
pub(super) struct World {
    pub(super) pool: Pool,
    /// The packages with the first tokens of the pool.
    archives: Arc<ArchiveFiles>,
    /// The packages with the tokens after those.
    results: Vec<KnownResult>,
    /// Which blobs the archives' digests mean.
    names: Arc<DigestNames>,
}

/// What mirrors offer: read once, shared by every world that adds its results to it.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) builder: PoolBuilder,
    pub(super) files: Arc<ArchiveFiles>,
}

/// A result, and what it says of itself.
#[derive(Debug, Clone)]
struct KnownResult {
    result: ResultPackage,
    meta: Arc<PackageMeta>,
}

/// Where the files of mirrored packages are. Few large buffers: there may be a hundred thousand.
#[derive(Debug, Default)]
pub(super) struct ArchiveFiles {
    /// Addresses of archives.
    pub(super) archives: Vec<String>,
    /// Paths below the archives' folders, one after the other.
    pub(super) paths: String,
    pub(super) files: Vec<ArchiveFile>,
}

#[derive(Debug)]
pub(super) struct ArchiveFile {
    /// Place in `archives`.
    pub(super) archive: u16,
    /// Where its path begins.
    pub(super) path: u32,
    pub(super) bytes: u64,
    pub(super) digest: ArchiveDigest,
}

/// As [`FileDigest`], but small where it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ArchiveDigest {
    Sha256(Sha256),
    Other(Box<FileDigest>),
}

impl ArchiveDigest {
    pub(super) fn new(digest: FileDigest) -> Self {
        match digest {
            FileDigest::Sha256(sha256) => Self::Sha256(sha256),
            other => Self::Other(Box::new(other)),
        }
    }

    pub(super) fn get(&self) -> FileDigest {
        match self {
            Self::Sha256(sha256) => FileDigest::Sha256(*sha256),
            Self::Other(other) => **other,
        }
    }
}

/// The file of a package.
#[derive(Debug, Clone, Copy)]
struct WorldFile<'a> {
    /// Address of its archive; none for a result, which is a blob.
    archive: Option<&'a str>,
    /// Path below the archive's folder, or the file name.
    path: &'a str,
    bytes: u64,
    digest: FileDigest,
}

/// A result that builds can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResultPackage {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) sha256: Sha256,
}

/// What a world is made of, strongest layer first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WorldInputs {
    pub(super) format: PackageFormat,
    pub(super) layers: Vec<WorldLayer>,
}

/// The packages of one repository of the path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct WorldLayer {
    /// What it built.
    pub(super) results: Vec<ResultPackage>,
    /// What it mirrors.
    pub(super) indices: Vec<MirrorIndexRow>,
}

impl WorldInputs {
    /// The same in the package format of a configuration.
    pub(super) fn for_config(self, config: &MergedConfig) -> Self {
        let format = config.evaluated.config.package_format().unwrap_or(PackageFormat::Deb);
        Self { format, ..self }
    }

    /// Names the world: equal inputs, equal digest.
    pub(super) fn digest(&self) -> Sha256 {
        let mut hasher = Sha256Hasher::new();
        hasher.update(self.format.as_str().as_bytes());
        for layer in &self.layers {
            hasher.update(b"\nlayer");
            for result in &layer.results {
                hasher.update(format!("\n{} {}", result.sha256, result.name).as_bytes());
            }
            for index in &layer.indices {
                let MirrorIndexRow { kind, sha256, url, path, .. } = index;
                hasher.update(format!("\n{} {sha256} {url} {path}", kind.as_str()).as_bytes());
            }
        }
        hasher.finish()
    }

    /// Names what the mirrors of the path offer: equal for every path with the same ones in the same places.
    pub(super) fn base_digest(&self) -> Sha256 {
        let layers = self.layers.iter();
        let layers = layers.map(|layer| WorldLayer { results: Vec::new(), indices: layer.indices.clone() }).collect();
        Self { format: self.format, layers }.digest()
    }

    /// Reads the packages of all mirrors. Blocks; a distribution takes about a second.
    pub(super) fn read_base(&self, blobs: &Blobs) -> Result<Base, ServiceError> {
        let mut builder = PoolBuilder::new(self.format);
        let mut files = ArchiveFiles::default();
        for (layer, rank) in self.layers.iter().zip((1..).step_by(2)) {
            // Suites of one archive are equals: the highest version wins, as with apt.
            mirror::read_indices(blobs, &layer.indices, &mut |index, meta, file| {
                builder.add_repository_package(rank, meta);
                let archive = files.archive(&index.url);
                files.add(archive, &file);
            })?;
        }
        files.paths.shrink_to_fit();
        files.files.shrink_to_fit();
        Ok(Base { builder, files: Arc::new(files) })
    }

    /// Adds the results to what the mirrors offer. Results that `before` had as well are not read again. Blocks.
    pub(super) fn build(&self, base: &Base, before: Option<&World>, blobs: &Blobs, names: Arc<DigestNames>) -> World {
        let known: HashMap<Sha256, &KnownResult> =
            before.iter().flat_map(|world| &world.results).map(|known| (known.result.sha256, known)).collect();
        let mut builder = base.builder.clone();
        let mut results = Vec::new();
        for (layer, rank) in self.layers.iter().zip((0..).step_by(2)) {
            for result in &layer.results {
                let meta = match known.get(&result.sha256) {
                    Some(known) => Some(Arc::clone(&known.meta)),
                    None => read_result(blobs, self.format, result).map(Arc::new),
                };
                let Some(meta) = meta else { continue };
                builder.add_repository_package(rank, &meta);
                results.push(KnownResult { result: result.clone(), meta });
            }
        }
        World { pool: builder.finish(), archives: Arc::clone(&base.files), results, names }
    }
}

/// What a result says of itself; nothing if it can not be read, which was checked when it was stored.
fn read_result(blobs: &Blobs, format: PackageFormat, result: &ResultPackage) -> Option<PackageMeta> {
    let file = std::fs::File::open(blobs.path(&result.sha256)).ok()?;
    read_package(format, std::io::BufReader::new(file))
}

impl ArchiveFiles {
    /// The place of an archive.
    fn archive(&mut self, url: &str) -> u16 {
        let known = self.archives.iter().position(|known| known == url);
        let place = known.unwrap_or_else(|| {
            self.archives.push(url.to_owned());
            self.archives.len() - 1
        });
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    fn add(&mut self, archive: u16, file: &PackageFile) {
        let path = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
        self.paths.push_str(&file.path);
        self.files.push(ArchiveFile { archive, path, bytes: file.bytes, digest: ArchiveDigest::new(file.digest) });
    }

    fn get(&self, place: usize) -> Option<WorldFile<'_>> {
        let file = self.files.get(place)?;
        let end = self.files.get(place + 1).map_or(self.paths.len(), |next| next.path as usize);
        Some(WorldFile {
            archive: Some(self.archives.get(usize::from(file.archive))?),
            path: self.paths.get(file.path as usize..end)?,
            bytes: file.bytes,
            digest: file.digest.get(),
        })
    }
}

impl World {
    fn file(&self, package: PackageId) -> Option<WorldFile<'_>> {
        let place = usize::try_from(self.pool.token(package)).ok()?;
        let Some(after) = place.checked_sub(self.archives.files.len()) else { return self.archives.get(place) };
        let ResultPackage { name, bytes, sha256 } = &self.results.get(after)?.result;
        Some(WorldFile { archive: None, path: name, bytes: *bytes, digest: FileDigest::Sha256(*sha256) })
    }

    /// The blob of a package's file; nothing if that can not be told before it is fetched.
    pub(super) fn sha256(&self, package: PackageId) -> Option<Sha256> {
        self.names.blob(&self.file(package)?.digest)
    }

    /// The file name of a package that somebody built.
    pub(super) fn result(&self, package: PackageId) -> Option<&str> {
        self.file(package).filter(|file| file.archive.is_none()).map(|file| file.path)
    }

    /// Digits that name a package's content: the first of its digest.
    pub(super) fn content(&self, package: PackageId) -> String {
        let mut digits = match self.file(package).map(|file| file.digest) {
            Some(FileDigest::Sha256(sha256)) => sha256.to_string(),
            Some(FileDigest::Sha512(bytes)) => bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect(),
            None => String::new(),
        };
        digits.truncate(32);
        digits
    }

    /// How to get a package's file from its archive; none for results.
    pub(super) fn download(&self, package: PackageId) -> Option<mirror::Download> {
        let WorldFile { archive, path, bytes, digest } = self.file(package)?;
        Some(mirror::Download { url: address(archive?, path), bytes, digest })
    }

    /// The file name of a package and its size in bytes.
    pub(super) fn file_name(&self, package: PackageId) -> Option<(&str, u64)> {
        let file = self.file(package)?;
        Some((file.path.rsplit('/').next()?, file.bytes))
    }

    /// A package as a root names it.
    pub(super) fn root_package(&self, package: PackageId) -> Option<RootPackage> {
        let file = self.file(package)?;
        let name = file.path.rsplit('/').next()?;
        Some(RootPackage {
            name: self.pool.name(package).to_owned(),
            version: self.pool.evr(package).to_owned(),
            arch: self.pool.arch(package).to_owned(),
            file: JobFile {
                name: model::FileName::parse(name).ok()?,
                bytes: file.bytes,
                sha256: self.sha256(package)?,
            },
        })
    }
}

/// The address of a path below an archive; characters that mean something in addresses are escaped.
fn address(base: &str, path: &str) -> String {
    let mut address = format!("{base}/");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~+:@!$&'()*,;=".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
}

/// Things that were made from stored bytes, by digest of what they were made from.
#[derive(Debug)]
struct Kept<T>(HashMap<Sha256, (Arc<T>, Instant)>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Kept<T> {
    fn get(&mut self, digest: &Sha256, now: Instant) -> Option<Arc<T>> {
        let (kept, used) = self.0.get_mut(digest)?;
        *used = now;
        Some(Arc::clone(kept))
    }

    /// Keeps a thing; the one that was used longest ago goes if there are too many.
    fn put(&mut self, digest: Sha256, thing: &Arc<T>, now: Instant, most: usize) {
        self.0.insert(digest, (Arc::clone(thing), now));
        while self.0.len() > most {
            let oldest = self.0.iter().min_by_key(|(_, (_, used))| *used).map(|(digest, _)| *digest);
            match oldest {
                Some(oldest) => self.0.remove(&oldest),
                None => return,
            };
        }
    }

    fn evict(&mut self, now: Instant) {
        self.0.retain(|_, (_, used)| now.saturating_duration_since(*used) < IDLE);
        if self.0.is_empty() {
            self.0.shrink_to_fit();
        }
    }
}

/// The worlds in memory, and the distributions they share.
#[derive(Debug, Default)]
pub(super) struct Worlds(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    worlds: Kept<World>,
    bases: Kept<Base>,
    /// The newest world of each group.
    newest: HashMap<GroupKey, Sha256>,
}

impl Worlds {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, digest: &Sha256, now: Instant) -> Option<Arc<World>> {
        self.memory().worlds.get(digest, now)
    }

    pub(super) fn base(&self, digest: &Sha256, now: Instant) -> Option<Arc<Base>> {
        self.memory().bases.get(digest, now)
    }

    pub(super) fn put_base(&self, digest: Sha256, base: &Arc<Base>, now: Instant) {
        self.memory().bases.put(digest, base, now, MOST_BASES);
    }

    /// Takes out the last world of a group: another one is about to be put in its place.
    pub(super) fn take_newest(&self, group: &GroupKey) -> Option<Arc<World>> {
        let mut memory = self.memory();
        let digest = memory.newest.remove(group)?;
        memory.worlds.0.remove(&digest).map(|(world, _)| world)
    }

    /// Keeps a world, which is the last one of a group.
    pub(super) fn put(&self, group: &GroupKey, digest: Sha256, world: &Arc<World>, now: Instant) {
        let mut memory = self.memory();
        memory.worlds.put(digest, world, now, MOST_WORLDS);
        memory.newest.insert(group.clone(), digest);
    }

    /// Keeps a world that no group is planned with.
    pub(super) fn put_aside(&self, digest: Sha256, world: &Arc<World>, now: Instant) {
        self.memory().worlds.put(digest, world, now, MOST_WORLDS);
    }

    /// Lets go of what nobody used for a while; says whether any is left.
    pub(super) fn evict(&self, now: Instant) -> bool {
        let mut memory = self.memory();
        memory.worlds.evict(now);
        memory.bases.evict(now);
        let Memory { worlds, bases, newest } = &mut *memory;
        newest.retain(|_, digest| worlds.0.contains_key(digest));
        !worlds.0.is_empty() || !bases.0.is_empty()
    }
}

/// Gathers what the layers of a path offer to builds for an architecture.
pub(super) async fn inputs(
    session: &mut store::Session,
    layers: &[Layer],
    arch: &Arch,
    format: PackageFormat,
) -> Result<WorldInputs, ServiceError> {
    let mut found = Vec::new();
    for layer in layers {
        let results = crate::publish::current_results(session, layer.repository.id).await?;
        let results = results.into_iter().filter(|result| result.arch == *arch && result.is_package());
        found.push(WorldLayer {
            results: results
                .map(|result| ResultPackage {
                    name: result.file.name.to_string(),
                    bytes: result.file.bytes,
                    sha256: result.file.sha256,
                })
                .collect(),
            indices: session.mirror_indices(layer.repository.id, Some(arch)).await?,
        });
    }
    Ok(WorldInputs { format, layers: found })
}
