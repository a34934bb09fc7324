//! Prepared roots on disk, named by the digest of what they are made of.
//!
//! A root appears under its name by one rename, so it is whole or absent. Roots whose bytes may not have reached the
//! disk carry a mark with the boot they were made in; after another boot they are dropped.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use model::RootSpec;
use pkg::Sha256;

use super::ROOT_LAYOUT_VERSION;
use crate::sandbox::protocol::IdMaps;

/// Ending of a mark.
const UNSYNCED: &str = "unsynced";

/// The digest two equal roots share: packages by content, orders, format; and what of this engine shapes a root.
pub(crate) fn root_digest(root: &RootSpec, ids: &IdMaps) -> Sha256 {
    let mut text = format!("layout {ROOT_LAYOUT_VERSION}\nformat {}\n", root.format);
    for (kind, spans) in [("user", &ids.users), ("group", &ids.groups)] {
        for span in spans {
            text += &format!("{kind} {} {} {}\n", span.inside, span.outside, span.count);
        }
    }
    for (kind, names) in [("preinstall", &root.preinstall), ("script", &root.run_scripts)] {
        for name in names {
            text += &format!("{kind} {name:?}\n");
        }
    }
    for package in &root.packages {
        text += &format!("package {:?} {} {}\n", package.name, package.file.sha256, package.file.bytes);
    }
    Sha256::of(text.as_bytes())
}

/// Removes a file or a folder, whoever owns what is in it.
pub(crate) type Remove = Arc<dyn Fn(&Path) -> io::Result<()> + Send + Sync>;

/// The folder of prepared roots.
pub(crate) struct RootCache {
    folder: PathBuf,
    limit_bytes: u64,
    boot: String,
    state: Mutex<State>,
    remove: Remove,
}

impl std::fmt::Debug for RootCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RootCache").field("folder", &self.folder).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    /// Held while a root is made, so that two jobs make it once.
    makers: HashMap<Sha256, Arc<Mutex<()>>>,
    /// How many jobs use a root.
    users: HashMap<Sha256, usize>,
}

/// A prepared root in use; it is not dropped from the cache meanwhile.
#[derive(Debug)]
pub(crate) struct Lease<'a> {
    cache: &'a RootCache,
    digest: Sha256,
    /// The image or folder.
    pub path: PathBuf,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.cache.state();
        if let Some(users) = state.users.get_mut(&self.digest) {
            *users -= 1;
            if *users == 0 {
                state.users.remove(&self.digest);
            }
        }
    }
}

impl RootCache {
    /// Opens the folder and drops what a crash of the machine may have damaged.
    pub(crate) fn open(folder: PathBuf, limit_bytes: u64, boot: String, remove: Remove) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let cache = Self { folder, limit_bytes, boot, state: Mutex::default(), remove };
        for entry in fs::read_dir(&cache.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == UNSYNCED) {
                let root = path.with_extension("");
                if fs::read_to_string(&path)? == cache.boot {
                    cache.sync_later(root, path);
                } else {
                    (cache.remove)(&root)?;
                    fs::remove_file(&path)?;
                }
            }
        }
        Ok(cache)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock to hold while looking for a root that is made if missing.
    pub(crate) fn maker(&self, digest: Sha256) -> Arc<Mutex<()>> {
        Arc::clone(self.state().makers.entry(digest).or_default())
    }

    /// A prepared root, if it is there.
    pub(crate) fn find(&self, digest: Sha256) -> Option<Lease<'_>> {
        let path = self.folder.join(digest.to_string());
        let mut state = self.state();
        if !path.exists() {
            return None;
        }
        *state.users.entry(digest).or_default() += 1;
        drop(state);
        touch(&path);
        Some(Lease { cache: self, digest, path })
    }

    /// Takes a root that was made at `draft`.
    pub(crate) fn insert(&self, digest: Sha256, draft: &Path) -> io::Result<Lease<'_>> {
        let path = self.folder.join(digest.to_string());
        let mark = self.folder.join(format!("{digest}.{UNSYNCED}"));
        fs::write(&mark, &self.boot)?;
        fs::rename(draft, &path)?;
        self.sync_later(path, mark);
        self.state().makers.remove(&digest);
        let lease = self.find(digest).ok_or_else(|| io::Error::other("a prepared root vanished"))?;
        self.shrink();
        Ok(lease)
    }

    /// Writes a root to the disk and then removes its mark, in its own time.
    fn sync_later(&self, root: PathBuf, mark: PathBuf) {
        let sync = move || {
            let synced = fs::File::open(&root).and_then(|file| {
                if file.metadata()?.is_dir() { Ok(rustix::fs::syncfs(&file)?) } else { file.sync_all() }
            });
            match synced {
                Ok(()) => drop(fs::remove_file(&mark)),
                Err(error) => tracing::warn!("prepared root {} is not synced: {error}", root.display()),
            }
        };
        // Without a thread the mark stays, which is safe.
        let _ = std::thread::Builder::new().name("sync-root".to_owned()).spawn(sync);
    }

    /// Drops the least recently used roots that nobody uses until the others fit.
    fn shrink(&self) {
        let state = self.state();
        let mut roots: Vec<(SystemTime, u64, Sha256)> = Vec::new();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let digest = entry.file_name().to_str().and_then(|name| Sha256::parse(name).ok());
            if let (Some(digest), Ok(metadata)) = (digest, entry.metadata()) {
                let used_at = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                roots.push((used_at, size_on_disk(&entry.path()), digest));
            }
        }
        roots.sort_unstable();
        let mut total: u64 = roots.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, digest) in roots {
            if total <= self.limit_bytes {
                return;
            }
            if !state.users.contains_key(&digest) && (self.remove)(&self.folder.join(digest.to_string())).is_ok() {
                let _ = fs::remove_file(self.folder.join(format!("{digest}.{UNSYNCED}")));
                total -= bytes;
            }
        }
    }
}

fn touch(path: &Path) {
    // Only the order of eviction suffers if this fails.
    let _ = fs::File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
}

fn size_on_disk(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    let own = metadata.blocks().saturating_mul(512);
    if !metadata.is_dir() {
        return own;
    }
    let below = fs::read_dir(path).into_iter().flatten().flatten();
    below.map(|entry| size_on_disk(&entry.path())).sum::<u64>().saturating_add(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &Path, limit_bytes: u64, boot: &str) -> RootCache {
        RootCache::open(
            folder.join("roots"),
            limit_bytes,
            boot.to_owned(),
            Arc::new(|path: &Path| fs::remove_file(path)),
        )
        .unwrap()
    }

    fn insert(cache: &RootCache, folder: &Path, text: &str) -> Sha256 {
        let digest = Sha256::of(text.as_bytes());
        let draft = folder.join("draft");
        fs::write(&draft, vec![1; 10_000]).unwrap();
        cache.insert(digest, &draft).unwrap();
        digest
    }

    #[test]
    fn the_least_recently_used_root_goes_first_but_never_one_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path(), 30_000, "boot");
        let first = insert(&cache, folder.path(), "1");
        let lease = cache.find(first).unwrap();
        let second = insert(&cache, folder.path(), "2");
        insert(&cache, folder.path(), "3");
        assert!(cache.find(first).is_some(), "in use");
        assert!(cache.find(second).is_none());
        drop(lease);
    }

    #[test]
    fn a_root_that_may_not_be_on_the_disk_is_dropped_after_another_boot() {
        let folder = tempfile::tempdir().unwrap();
        let digest = insert(&cache(folder.path(), 1 << 20, "one"), folder.path(), "1");
        let mark = folder.path().join(format!("roots/{digest}.{UNSYNCED}"));
        // The thread that syncs may have been faster.
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(cache(folder.path(), 1 << 20, "two").find(digest).is_some(), "synced");
        fs::write(&mark, "one").unwrap();
        assert!(cache(folder.path(), 1 << 20, "two").find(digest).is_none(), "not synced");
    }
}
