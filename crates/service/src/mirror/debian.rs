//! Brings what we know of a Debian archive up to date.

use model::{MirrorSuite, Repository, Timestamp};
use pkg::{Arch, Sha256};
use repo::debian::{IndexFile, Release};
use repo::pgp::Keyring;
use store::{IndexKind, MirrorIndexRow, MirrorSuiteRow};

use super::archive;
use super::refresh::{INDEX_BYTES, Known, RefreshError, Refreshed, TABLE_BYTES};
use crate::ServiceError;
use crate::fetch::{FetchError, Fetched, FetchedFile, Fetcher, Validators, Wanted};
use crate::inner::{Inner, blocking};

/// What to ask.
pub(super) struct Asked<'a> {
    /// Address of the archive.
    pub(super) url: &'a str,
    pub(super) suites: &'a [MirrorSuite],
    pub(super) components: &'a [String],
    pub(super) keys: &'a Keyring,
}

/// Asks an archive for what changed.
pub(super) async fn refresh(
    inner: &Inner,
    fetcher: &Fetcher,
    repository: &Repository,
    known: &Known,
    asked: &Asked<'_>,
) -> Result<Refreshed, RefreshError> {
    let run = Run {
        inner,
        fetcher,
        known,
        components: asked.components,
        keys: asked.keys,
        arches: repository.arches.iter().map(|a| &a.arch).collect(),
    };
    let mut refreshed = Refreshed::default();
    for suite in asked.suites {
        run.suite(suite, asked.url, &mut refreshed).await?;
    }
    Ok(refreshed)
}

struct Run<'a> {
    inner: &'a Inner,
    fetcher: &'a Fetcher,
    known: &'a Known,
    components: &'a [String],
    keys: &'a Keyring,
    arches: Vec<&'a Arch>,
}

impl Run<'_> {
    async fn suite(&self, suite: &MirrorSuite, mirror_url: &str, into: &mut Refreshed) -> Result<(), RefreshError> {
        let url = suite.url.as_deref().unwrap_or(mirror_url).trim_end_matches('/').to_owned();
        let known = self.known.suites.iter().find(|known| known.suite == suite.name && known.url == url);
        let mut attempt = 1;
        loop {
            // Only the first look may trust that nothing changed.
            let (row, release) = self.release(&suite.name, &url, known.filter(|_| attempt == 1)).await?;
            match self.indices(&suite.name, &url, &release).await {
                Ok((indices, fetched)) => {
                    into.suites.push(row);
                    into.indices.extend(indices);
                    into.fetched += fetched;
                    return Ok(());
                }
                Err(error) if error.may_be_a_change() => {
                    let delay = self.inner.config.retry.delay_after(attempt);
                    let Some(delay) = delay else { return Err(error) };
                    tracing::info!(mirror.suite = suite.name, "{url} changed while it was read: {error}");
                    tokio::time::sleep(delay).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The `InRelease` of a suite: fetched if it changed, verified in any case.
    async fn release(
        &self,
        suite: &str,
        url: &str,
        known: Option<&MirrorSuiteRow>,
    ) -> Result<(MirrorSuiteRow, Release), RefreshError> {
        let address = format!("{url}/dists/{suite}/InRelease");
        let validators =
            known.map(|row| Validators { etag: row.etag.clone(), last_modified: row.last_modified.clone() });
        let has_blob = known.is_some_and(|row| self.inner.blobs.contains(&row.release));
        let wanted = Wanted {
            url: &address,
            limit_bytes: TABLE_BYTES,
            expected: None,
            known: validators.as_ref().filter(|_| has_blob),
        };
        let file = match (self.fetcher.fetch(&wanted).await?, known) {
            (Fetched::File(file), _) => file,
            (Fetched::Unchanged, Some(row)) => {
                FetchedFile { sha256: row.release, bytes: 0, validators: validators.unwrap_or_default() }
            }
            (Fetched::Unchanged, None) => return Err(FetchError::Status { url: address, status: 304 }.into()),
        };
        let release = self.read_release(&address, file.sha256).await?;
        self.check_time(&address, &release, known).await?;
        let row = MirrorSuiteRow {
            suite: suite.to_owned(),
            url: url.to_owned(),
            release: file.sha256,
            etag: file.validators.etag,
            last_modified: file.validators.last_modified,
            valid_until: release.valid_until.map(Timestamp::from_seconds),
        };
        Ok((row, release))
    }

    async fn read_release(&self, address: &str, sha256: Sha256) -> Result<Release, RefreshError> {
        let (blobs, keys, now) = (self.inner.blobs.clone(), self.keys.clone(), self.inner.now().as_seconds());
        let read = blocking(move || {
            let bytes = blobs.read(&sha256).map_err(|error| RefreshError::Service(error.into()))?;
            Ok::<_, RefreshError>(archive::read_release(&bytes, &keys, now))
        });
        let release = read.await??;
        release.map_err(|detail| RefreshError::Archive { url: address.to_owned(), detail })
    }

    /// Refuses an `InRelease` past its own term, and one older than the one we have (a replayed one).
    async fn check_time(
        &self,
        address: &str,
        release: &Release,
        known: Option<&MirrorSuiteRow>,
    ) -> Result<(), RefreshError> {
        let refused = |detail: String| RefreshError::Archive { url: address.to_owned(), detail };
        release.check_time(self.inner.now().as_seconds()).map_err(|error| refused(error.to_string()))?;
        let Some(known) = known.filter(|known| self.inner.blobs.contains(&known.release)) else { return Ok(()) };
        let before = self.read_release(address, known.release).await?;
        if release.dated_at < before.dated_at {
            return Err(refused("is older than the one fetched before; the mirror went back in time".to_owned()));
        }
        Ok(())
    }

    /// The package indices of a suite; those we have are not fetched again.
    async fn indices(
        &self,
        suite: &str,
        url: &str,
        release: &Release,
    ) -> Result<(Vec<MirrorIndexRow>, u64), RefreshError> {
        let (mut rows, mut fetched) = (Vec::new(), 0);
        for arch in &self.arches {
            for component in self.components {
                let Some(index) = release.packages_index(component, arch.debian_name()).into_iter().next() else {
                    let detail = format!("has no packages of {component} for {}", arch.debian_name());
                    return Err(RefreshError::Archive { url: format!("{url}/dists/{suite}"), detail });
                };
                if !self.inner.blobs.touch(&index.file.sha256).map_err(ServiceError::from)? {
                    self.fetch_index(&format!("{url}/dists/{suite}"), &index, release.has_by_hash).await?;
                    fetched += 1;
                }
                rows.push(MirrorIndexRow {
                    kind: IndexKind::Packages,
                    arch: (*arch).clone(),
                    suite: suite.to_owned(),
                    component: component.clone(),
                    url: url.to_owned(),
                    path: index.path,
                    bytes: index.file.bytes,
                    sha256: index.file.sha256,
                });
            }
        }
        Ok((rows, fetched))
    }

    /// By digest if the archive offers that, so that a change in between does no harm; else, or if that fails, by name.
    async fn fetch_index(&self, base: &str, index: &IndexFile, has_by_hash: bool) -> Result<(), RefreshError> {
        let expected = Some((index.file.bytes, index.file.sha256));
        if has_by_hash {
            let address = format!("{base}/{}", index.by_hash_path());
            let wanted = Wanted { url: &address, limit_bytes: INDEX_BYTES, expected, known: None };
            match self.fetcher.fetch_file(&wanted).await {
                Ok(_) => return Ok(()),
                Err(FetchError::Status { status: 404, .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let address = format!("{base}/{}", index.path);
        let wanted = Wanted { url: &address, limit_bytes: INDEX_BYTES, expected, known: None };
        self.fetcher.fetch_file(&wanted).await?;
        Ok(())
    }
}
