//! The packages a build can choose from, as the expander wants them, with where their files are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use expand::{PackageId, Pool, PoolBuilder};
use model::{JobFile, RootPackage};
use pkg::{Arch, PackageFormat, PackageMeta, Sha256, Sha256Hasher};
use pkgfile::deb::{DebLimits, DebReader};
use store::{Blobs, MirrorIndexRow};

use super::path::Layer;
use crate::ServiceError;
use crate::mirror::{self, PackageFile};

/// How long a world that nobody uses is kept: an idle service is to be small.
pub(super) const IDLE: Duration = Duration::from_secs(120);
/// Most worlds kept, idle or not.
const MOST: usize = 4;

/// A pool and where the file of each of its packages is. Immutable; made from stored bytes only.
#[derive(Debug)]
pub(super) struct World {
    pub(super) pool: Pool,
    /// By token of the pool.
    files: Vec<WorldFile>,
    /// Addresses of archives.
    archives: Vec<String>,
}

#[derive(Debug)]
struct WorldFile {
    /// Place in `archives`, or none for a result, which is a blob.
    archive: Option<u16>,
    /// Path below the archive's folder, or the file name.
    file: PackageFile,
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
                hasher.update(format!("\n{} {} {}", index.sha256, index.url, index.path).as_bytes());
            }
        }
        hasher.finish()
    }

    /// Reads everything. Blocks; a distribution takes about a second.
    pub(super) fn build(&self, blobs: &Blobs) -> Result<World, ServiceError> {
        let mut builder = PoolBuilder::new(self.format);
        let mut files = Vec::new();
        let mut archives: Vec<String> = Vec::new();
        let mut rank = 0;
        for layer in &self.layers {
            for result in &layer.results {
                let Some(meta) = read_result(blobs, result) else { continue };
                builder.add_repository_package(rank, &meta);
                let path = result.name.clone().into_boxed_str();
                let file = PackageFile { path, bytes: result.bytes, sha256: result.sha256 };
                files.push(WorldFile { archive: None, file });
            }
            // Suites of one archive are equals: the highest version wins, as with apt.
            rank += 1;
            for index in &layer.indices {
                let known = archives.iter().position(|url| *url == index.url);
                let place = known.unwrap_or(archives.len());
                if known.is_none() {
                    archives.push(index.url.clone());
                }
                let archive = u16::try_from(place).ok();
                mirror::read_index(blobs, index, &mut |meta, file| {
                    builder.add_repository_package(rank, meta);
                    files.push(WorldFile { archive, file });
                })?;
            }
            rank += 1;
        }
        Ok(World { pool: builder.finish(), files, archives })
    }
}

/// What a result says of itself; nothing if it can not be read, which was checked when it was stored.
fn read_result(blobs: &Blobs, result: &ResultPackage) -> Option<PackageMeta> {
    let file = std::fs::File::open(blobs.path(&result.sha256)).ok()?;
    Some(DebReader::open(file, DebLimits::default()).ok()?.into_control().meta)
}

impl World {
    fn file(&self, package: PackageId) -> Option<&WorldFile> {
        self.files.get(usize::try_from(self.pool.token(package)).ok()?)
    }

    /// Digest of a package's file.
    pub(super) fn sha256(&self, package: PackageId) -> Option<Sha256> {
        self.file(package).map(|file| file.file.sha256)
    }

    /// How to get a package's file from its archive; none for results.
    pub(super) fn download(&self, package: PackageId) -> Option<mirror::Download> {
        let WorldFile { archive, file } = self.file(package)?;
        let base = self.archives.get(usize::from((*archive)?))?;
        Some(mirror::Download { url: address(base, &file.path), bytes: file.bytes, sha256: file.sha256 })
    }

    /// A package as a root names it.
    pub(super) fn root_package(&self, package: PackageId) -> Option<RootPackage> {
        let file = &self.file(package)?.file;
        let name = file.path.rsplit('/').next()?;
        Some(RootPackage {
            name: self.pool.name(package).to_owned(),
            version: self.pool.evr(package).to_owned(),
            arch: self.pool.arch(package).to_owned(),
            file: JobFile { name: model::FileName::parse(name).ok()?, bytes: file.bytes, sha256: file.sha256 },
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

/// The worlds in memory, by digest of their inputs.
#[derive(Debug, Default)]
pub(super) struct Worlds(Mutex<HashMap<Sha256, (Arc<World>, Instant)>>);

impl Worlds {
    pub(super) fn get(&self, digest: &Sha256, now: Instant) -> Option<Arc<World>> {
        let mut worlds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (world, used) = worlds.get_mut(digest)?;
        *used = now;
        Some(Arc::clone(world))
    }

    /// Keeps a world; the one that was used longest ago goes if there are too many.
    pub(super) fn put(&self, digest: Sha256, world: &Arc<World>, now: Instant) {
        let mut worlds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        worlds.insert(digest, (Arc::clone(world), now));
        while worlds.len() > MOST {
            let oldest = worlds.iter().min_by_key(|(_, (_, used))| *used).map(|(digest, _)| *digest);
            match oldest {
                Some(oldest) => worlds.remove(&oldest),
                None => return,
            };
        }
    }

    /// Lets go of worlds nobody used for a while; says whether any is left.
    pub(super) fn evict(&self, now: Instant) -> bool {
        let mut worlds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        worlds.retain(|_, (_, used)| now.saturating_duration_since(*used) < IDLE);
        !worlds.is_empty()
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
