//! Makes the files of an APT archive from results.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::{ResultKind, Timestamp};
use pkg::Sha256;
use pkgfile::deb::{DebLimits, DebReader};
use repo::compress::Compression;
use repo::debian::{ChunkCache, PoolFile, Stanza, SuiteSettings, pool_path, write_suite};
use repo::pgp::SigningKey;
use store::Blobs;

use super::archive::{ArchiveInput, Files};
use super::results::CurrentResult;
use crate::ServiceError;

const COMPONENT: &str = "main";

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
    /// Makes the files of an APT archive; their bytes are blobs afterwards. Blocks.
    ///
    /// # Errors
    /// [`ServiceError`] if a blob can not be read or written, or the archive not be signed.
    pub(super) fn write_apt(
        &self,
        blobs: &Blobs,
        memory: &mut Memory,
        signer: &SigningKey,
        now: Timestamp,
        files: &mut Files,
    ) -> Result<(), ServiceError> {
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
            files.add(path, result.file.bytes, result.file.sha256);
        }
        memory.stanzas = stanzas;
        let all: Vec<&Stanza> = memory.stanzas.values().map(|stanza| &**stanza).collect();
        let written = write_suite(&self.settings(), &all, &mut memory.chunks, signer, now.as_seconds())
            .map_err(|error| self.failed(error.into()))?;
        for output in written {
            let bytes = output.content.len() as u64;
            let sha256 = blobs.put(&output.content)?;
            for path in output.paths {
                files.add(path, bytes, sha256);
            }
        }
        Ok(())
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

    fn debian_architectures(&self) -> Vec<String> {
        let mut names: Vec<String> = self.arches.iter().map(|arch| arch.debian_name().to_owned()).collect();
        names.sort();
        names
    }

    fn settings(&self) -> SuiteSettings {
        SuiteSettings {
            suite: self.repository.clone(),
            codename: self.repository.clone(),
            origin: self.project.clone(),
            label: self.project.clone(),
            description: format!("Packages of project {} for {}", self.project, self.repository),
            component: COMPONENT.to_owned(),
            architectures: self.debian_architectures(),
            valid_seconds: None,
            compressions: vec![Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd],
        }
    }
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
