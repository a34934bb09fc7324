//! Makes the files of an APT archive from results.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use model::{ResultKind, Timestamp};
use pkg::{Sha256, Sha256Hasher};
use pkgfile::deb::{DebLimits, DebReader};
use repo::compress::Compression;
use repo::debian::{ChunkCache, PoolFile, Stanza, SuiteSettings, pool_path, write_suite};
use repo::pgp::SigningKey;
use store::{Blobs, PublishedFile};

use super::results::CurrentResult;
use crate::ServiceError;

/// Part of the input digest; a change of how archives are made publishes everything again.
const LAYOUT: &str = "1";
const COMPONENT: &str = "main";

/// What an archive is made from.
#[derive(Debug)]
pub(super) struct ArchiveInput {
    pub(super) project: String,
    /// Repository, which names the suite.
    pub(super) repository: String,
    /// Architectures in Debian's spelling.
    pub(super) architectures: Vec<String>,
    pub(super) results: Vec<CurrentResult>,
    /// Public key, armoured.
    pub(super) public_key: String,
}

/// What is kept between publications of one repository; only saves work.
#[derive(Default)]
pub(super) struct Memory {
    stanzas: HashMap<(Sha256, String), Arc<Stanza>>,
    chunks: ChunkCache,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("stanzas", &self.stanzas.len()).finish_non_exhaustive()
    }
}

impl ArchiveInput {
    /// Names everything that goes into the archive.
    pub(super) fn digest(&self) -> Sha256 {
        let mut hasher = Sha256Hasher::new();
        hasher.update(format!("{LAYOUT}\n{}\n{}\n", self.project, self.repository).as_bytes());
        hasher.update(format!("{:?}\n{}\n", self.architectures, self.public_key).as_bytes());
        for result in &self.results {
            let CurrentResult { package, arch, build, file, .. } = result;
            hasher.update(format!("{package} {arch} {build} {} {}\n", file.name, file.sha256).as_bytes());
        }
        hasher.finish()
    }

    /// Makes every file; their bytes are blobs afterwards. By path. Blocks.
    ///
    /// # Errors
    /// [`ServiceError`] if a blob can not be read or written, or the archive not be signed.
    pub(super) fn write(
        &self,
        blobs: &Blobs,
        memory: &mut Memory,
        signer: &SigningKey,
        now: Timestamp,
    ) -> Result<BTreeMap<String, PublishedFile>, ServiceError> {
        let mut files = BTreeMap::new();
        let mut stanzas = HashMap::new();
        for (path, result) in self.pool() {
            if result.kind == ResultKind::Package {
                let key = (result.file.sha256, path.clone());
                let stanza = match memory.stanzas.remove(&key) {
                    Some(stanza) => Some(stanza),
                    None => read_stanza(blobs, &path, result)?.map(Arc::new),
                };
                let Some(stanza) = stanza else { continue };
                stanzas.insert(key, stanza);
            }
            add(&mut files, path, result.file.bytes, result.file.sha256, now);
        }
        memory.stanzas = stanzas;
        let all: Vec<&Stanza> = memory.stanzas.values().map(|stanza| &**stanza).collect();
        let written = write_suite(&self.settings(), &all, &mut memory.chunks, signer, now.as_seconds())
            .map_err(|error| self.failed(error.into()))?;
        for output in written {
            let bytes = output.content.len() as u64;
            let sha256 = blobs.put(&output.content)?;
            for path in output.paths {
                add(&mut files, path, bytes, sha256, now);
            }
        }
        let binary = signer.public_binary().map_err(|error| self.failed(error.into()))?;
        for (name, content) in [("key.asc", self.public_key.as_bytes()), ("key.gpg", &binary)] {
            add(&mut files, name.to_owned(), content.len() as u64, blobs.put(content)?, now);
        }
        Ok(files)
    }

    /// The files of the pool with their paths. A file name counts once: packages for all architectures come from every
    /// architecture's task, and may differ; the newest build's stays, of equals the first architecture's.
    fn pool(&self) -> Vec<(String, &CurrentResult)> {
        let mut results: Vec<&CurrentResult> =
            self.results.iter().filter(|result| result.kind != ResultKind::Record).collect();
        results.sort_by(|left, right| right.build.cmp(&left.build).then_with(|| left.arch.cmp(&right.arch)));
        let mut names = HashSet::new();
        results.retain(|result| names.insert(result.file.name.as_str()));
        let path = |result: &CurrentResult| {
            let below = format!("{}/{}", result.build, result.file.name);
            pool_path(COMPONENT, result.package.as_str(), &below)
        };
        results.into_iter().map(|result| (path(result), result)).collect()
    }

    fn settings(&self) -> SuiteSettings {
        SuiteSettings {
            suite: self.repository.clone(),
            codename: self.repository.clone(),
            origin: self.project.clone(),
            label: self.project.clone(),
            description: format!("Packages of project {} for {}", self.project, self.repository),
            component: COMPONENT.to_owned(),
            architectures: self.architectures.clone(),
            valid_seconds: None,
            compressions: vec![Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd],
        }
    }

    fn failed(&self, source: Box<dyn std::error::Error + Send + Sync>) -> ServiceError {
        ServiceError::Failed { what: format!("publishing {}/{}", self.project, self.repository), source }
    }
}

fn add(files: &mut BTreeMap<String, PublishedFile>, path: String, bytes: u64, sha256: Sha256, now: Timestamp) {
    files.insert(path.clone(), PublishedFile { path, bytes, sha256, published_at: now });
}

/// The paragraph of a package; nothing, with a warning, if it can not stand in an index: it was checked when it was stored,
/// so this is a bug, but one package must not keep all others from being published.
fn read_stanza(blobs: &Blobs, path: &str, result: &CurrentResult) -> Result<Option<Stanza>, ServiceError> {
    let file = fs_err::File::open(blobs.path(&result.file.sha256))?;
    let skip = |error: &dyn std::error::Error| {
        tracing::error!(file.path = path, "{path} is left out of the publication: {error}");
        None
    };
    let control = match DebReader::open(file, DebLimits::default()) {
        Ok(reader) => reader.into_control(),
        Err(error) => return Ok(skip(&error)),
    };
    let pool_file = PoolFile { path: path.to_owned(), bytes: result.file.bytes, sha256: result.file.sha256, md5: None };
    Ok(Stanza::new(&control.fields, &pool_file).map_or_else(|error| skip(&error), Some))
}
