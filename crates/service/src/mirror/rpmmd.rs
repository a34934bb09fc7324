//! Brings what we know of rpm-md repositories up to date.

use std::collections::HashSet;

use model::{Repository, RpmMdRepository};
use pkg::{Arch, Sha256};
use repo::pgp::Keyring;
use repo::rpmmd::{Repomd, RepomdFile};
use store::{IndexKind, MirrorIndexRow, MirrorSuiteRow};

use super::download::{DownloadError, fetch_named};
use super::index::{of_arch, unmet_paths};
use super::refresh::{Known, RefreshError, Refreshed, TABLE_BYTES};
use crate::ServiceError;
use crate::fetch::{FetchError, Fetched, FetchedFile, Fetcher, Validators, Wanted, chain};
use crate::inner::{Inner, blocking};

/// Asks repositories for what changed. Without keys what the server sends is believed.
pub(super) async fn refresh(
    inner: &Inner,
    fetcher: &Fetcher,
    repository: &Repository,
    known: &Known,
    (repositories, keys): (&[RpmMdRepository], Option<&Keyring>),
) -> Result<Refreshed, RefreshError> {
    let run = Run { inner, fetcher, known, keys };
    let mut refreshed = Refreshed::default();
    for arch in repository.arches.iter().map(|arch| &arch.arch) {
        let mut parts = Vec::new();
        for one in repositories {
            parts.push(run.part(one, arch, &mut refreshed).await?);
        }
        run.filelists(arch, &parts, &mut refreshed).await?;
    }
    Ok(refreshed)
}

struct Run<'a> {
    inner: &'a Inner,
    fetcher: &'a Fetcher,
    known: &'a Known,
    keys: Option<&'a Keyring>,
}

/// One repository for one architecture, its `primary.xml` being here.
struct Part {
    name: String,
    url: String,
    repomd: Repomd,
    /// What its `repomd.xml` said before.
    before: Repomd,
}

impl Run<'_> {
    /// Brings `repomd.xml` and `primary.xml`; from the beginning, if the repository changes in between.
    async fn part(
        &self,
        repository: &RpmMdRepository,
        arch: &Arch,
        into: &mut Refreshed,
    ) -> Result<Part, RefreshError> {
        let url = repository.url_for(arch);
        let mut attempt = 1;
        loop {
            match self.try_part(repository, &url, arch, attempt == 1, into).await {
                Err(error) if error.may_be_a_change() => {
                    let Some(delay) = self.inner.config.retry.delay_after(attempt) else { return Err(error) };
                    tracing::info!(mirror.suite = repository.name, "{url} changed while it was read: {error}");
                    tokio::time::sleep(delay).await;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    async fn try_part(
        &self,
        repository: &RpmMdRepository,
        url: &str,
        arch: &Arch,
        may_trust_known: bool,
        into: &mut Refreshed,
    ) -> Result<Part, RefreshError> {
        // One address may serve several architectures, and one name have several addresses.
        let name = format!("{}/{arch}", repository.name);
        let known = self.known.suites.iter().find(|known| known.suite == name && known.url == url);
        let (row, repomd) = self.repomd(&name, url, known.filter(|_| may_trust_known)).await?;
        let before = match known {
            // A blob that is gone only costs fetching again.
            Some(known) => self.parse_known(known.release).await.unwrap_or_default(),
            None => Repomd::default(),
        };
        self.check_time(url, &repomd, &before)?;
        let part = Part { name, url: url.to_owned(), repomd, before };
        let (index, is_new) = self.index(&part, arch, IndexKind::Primary).await?.ok_or_else(|| {
            let detail = "names no primary.xml that can be used".to_owned();
            RefreshError::Archive { url: format!("{url}/repodata/repomd.xml"), detail }
        })?;
        into.fetched += u64::from(is_new);
        into.indices.push(index);
        into.suites.push(row);
        Ok(part)
    }

    /// Brings `filelists.xml` if packages ask for files that nothing else tells of.
    async fn filelists(&self, arch: &Arch, parts: &[Part], into: &mut Refreshed) -> Result<(), RefreshError> {
        let indices = of_arch(&into.indices, arch);
        let known = of_arch(&self.known.indices, arch);
        let is_same = indices.iter().all(|index| known.contains(index));
        let needs_files = if is_same {
            known.len() > indices.len()
        } else {
            let blobs = self.inner.blobs.clone();
            let unmet: HashSet<String> = blocking(move || unmet_paths(&blobs, &indices)).await??;
            !unmet.is_empty()
        };
        if !needs_files {
            return Ok(());
        }
        for part in parts {
            if let Some((index, is_new)) = self.index(part, arch, IndexKind::Filelists).await? {
                into.fetched += u64::from(is_new);
                into.indices.push(index);
            }
        }
        Ok(())
    }

    /// The `repomd.xml`: fetched if it changed, verified in any case.
    async fn repomd(
        &self,
        name: &str,
        url: &str,
        known: Option<&MirrorSuiteRow>,
    ) -> Result<(MirrorSuiteRow, Repomd), RefreshError> {
        let address = format!("{url}/repodata/repomd.xml");
        let validators =
            known.map(|row| Validators { etag: row.etag.clone(), last_modified: row.last_modified.clone() });
        let has_blob = known.is_some_and(|row| self.inner.blobs.contains(&row.release));
        let asked = validators.as_ref().filter(|_| has_blob);
        let wanted = Wanted { url: &address, limit_bytes: TABLE_BYTES, expected: None, known: asked };
        let file = match (self.fetcher.fetch(&wanted).await?, known) {
            (Fetched::File(file), _) => file,
            (Fetched::Unchanged, Some(row)) => {
                FetchedFile { sha256: row.release, bytes: 0, validators: validators.unwrap_or_default() }
            }
            (Fetched::Unchanged, None) => return Err(FetchError::Status { url: address, status: 304 }.into()),
        };
        let repomd = self.verified(&address, file.sha256).await?;
        let row = MirrorSuiteRow {
            suite: name.to_owned(),
            url: url.to_owned(),
            release: file.sha256,
            etag: file.validators.etag,
            last_modified: file.validators.last_modified,
            valid_until: None,
        };
        Ok((row, repomd))
    }

    /// Reads a `repomd.xml`, if one of the keys has signed it.
    async fn verified(&self, address: &str, sha256: Sha256) -> Result<Repomd, RefreshError> {
        let bytes = self.inner.with_blobs(move |blobs| blobs.read(&sha256)).await?;
        let archive = |detail: String| RefreshError::Archive { url: address.to_owned(), detail };
        let Some(keys) = self.keys else {
            return Repomd::parse(&bytes).map_err(|error| archive(chain(&error)));
        };
        let signature = format!("{address}.asc");
        let wanted = Wanted { url: &signature, limit_bytes: TABLE_BYTES, expected: None, known: None };
        let signature = match self.fetcher.fetch_file(&wanted).await {
            Ok(file) => file.sha256,
            Err(FetchError::Status { status: 404, .. }) => {
                return Err(archive("has no repomd.xml.asc beside it, which the configured keys ask for".to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        let (keys, now) = (keys.clone(), self.inner.now().as_seconds());
        let signature = self.inner.with_blobs(move |blobs| blobs.read(&signature)).await?;
        let read = blocking(move || Repomd::parse_signed(&bytes, &signature, &keys, now)).await?;
        match read {
            Ok((repomd, _)) => Ok(repomd),
            // The two files are fetched one after the other: the repository may have changed in between.
            Err(error) => Err(RefreshError::Mismatch { url: address.to_owned(), detail: chain(&error) }),
        }
    }

    async fn parse_known(&self, sha256: Sha256) -> Option<Repomd> {
        let bytes = self.inner.with_blobs(move |blobs| blobs.read(&sha256)).await.ok()?;
        Repomd::parse(&bytes).ok()
    }

    /// Refuses a signed `repomd.xml` older than the one we have (a replayed one). Unsigned ones are believed anyway.
    fn check_time(&self, url: &str, repomd: &Repomd, before: &Repomd) -> Result<(), RefreshError> {
        let revision = |repomd: &Repomd| repomd.revision.parse::<i64>().ok();
        match (self.keys, revision(repomd), revision(before)) {
            (Some(_), Some(now), Some(before)) if now < before => Err(RefreshError::Archive {
                url: format!("{url}/repodata/repomd.xml"),
                detail: "is older than the one fetched before; the mirror went back in time".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// A file that `repomd.xml` names, and whether it had to be fetched; nothing, if it names none.
    async fn index(
        &self,
        part: &Part,
        arch: &Arch,
        kind: IndexKind,
    ) -> Result<Option<(MirrorIndexRow, bool)>, RefreshError> {
        let of_kind = |repomd: &Repomd| repomd.files.iter().find(|file| file.kind == kind.as_str()).cloned();
        let Some(file) = of_kind(&part.repomd) else { return Ok(None) };
        let row = |sha256, bytes| MirrorIndexRow {
            kind,
            arch: arch.clone(),
            suite: part.name.clone(),
            component: String::new(),
            url: part.url.clone(),
            path: file.path.clone(),
            bytes,
            sha256,
        };
        if let Some((sha256, bytes)) = self.is_here(&file, part, kind, of_kind(&part.before).as_ref())? {
            return Ok(Some((row(sha256, bytes), false)));
        }
        let address = format!("{}/{}", part.url, file.path);
        let fetched = fetch_named(self.inner, self.fetcher, &address, file.bytes, &file.digest).await;
        let (sha256, bytes) = fetched.map_err(|error| match error {
            DownloadError::Fetch(error) => RefreshError::Fetch(error),
            DownloadError::Mismatch { url, detail } => RefreshError::Mismatch { url, detail },
            DownloadError::Service(error) => RefreshError::Service(error),
        })?;
        Ok(Some((row(sha256, bytes), true)))
    }

    /// The blob of a file, if it has been fetched before: by its own digest, or because `repomd.xml` said the same then.
    fn is_here(
        &self,
        file: &RepomdFile,
        part: &Part,
        kind: IndexKind,
        before: Option<&RepomdFile>,
    ) -> Result<Option<(Sha256, u64)>, RefreshError> {
        let known = self.known.indices.iter().find(|known| known.kind == kind && known.suite == part.name);
        let same = known.filter(|_| before.is_some_and(|before| before.digest == file.digest));
        let sha256 = same.map(|known| known.sha256).or_else(|| self.inner.mirror.names.blob(&file.digest));
        let Some(sha256) = sha256 else { return Ok(None) };
        if !self.inner.blobs.touch(&sha256).map_err(ServiceError::from)? {
            return Ok(None);
        }
        let bytes = fs_err::metadata(self.inner.blobs.path(&sha256)).map_err(ServiceError::from)?.len();
        Ok(Some((sha256, bytes)))
    }
}
