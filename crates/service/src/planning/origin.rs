//! Where the packages of a path come from: which build left each, and what that was made from.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use expand::PackageId;
use expand::meta::MetaLine;
use model::Verdict;
use pkg::{Arch, Sha256};
use sched::{BuiltBy, Origins};
use store::{Blobs, Fingerprint, OpenTaskRow, Session};

use super::path::Layer;
use super::world::World;
use crate::ServiceError;

/// Most lines of fingerprints held in memory while packages are looked at.
const MOST_LINES: usize = 2_000_000;

/// The builds behind the packages of a path, strongest layer first.
#[derive(Debug, Default)]
pub(super) struct PathOrigins(Vec<LayerOrigins>);

#[derive(Debug, Default)]
struct LayerOrigins {
    /// By file name.
    files: HashMap<String, FileOrigin>,
    /// Packages that are being built.
    open: HashSet<String>,
}

#[derive(Debug)]
struct FileOrigin {
    package: String,
    fingerprint: Option<Fingerprint>,
    /// Names the fingerprint.
    name: String,
}

impl PathOrigins {
    pub(super) async fn read(session: &mut Session, layers: &[Layer], arch: &Arch) -> Result<Self, ServiceError> {
        let mut found = Vec::new();
        for layer in layers {
            let repository = layer.repository.id;
            if layer.repository.mirror.is_some() {
                found.push(LayerOrigins::default());
                continue;
            }
            let origins = session.result_origins(repository, arch).await?;
            let files = origins.into_iter().map(|origin| {
                let name = origin.fingerprint.map(|made| digits(&made.tree) + &digits(&made.lines));
                let file = FileOrigin {
                    package: origin.package.to_string(),
                    fingerprint: origin.fingerprint,
                    name: name.unwrap_or_default(),
                };
                (origin.file.to_string(), file)
            });
            let files = files.collect();
            let open = session.open_tasks_in(repository, arch).await?;
            let open = open.iter().filter(|task| can_run(task)).map(|task| task.package.to_string()).collect();
            found.push(LayerOrigins { files, open });
        }
        Ok(Self(found))
    }
}

/// Whether a task that has not ended runs sooner or later as things are: one that can not would be waited for in vain.
pub(super) fn can_run(task: &OpenTaskRow) -> bool {
    task.ready || is_promising(task.verdict.as_ref())
}

/// Whether a verdict lets a task run as things are; one that was not planned yet may.
pub(super) fn is_promising(verdict: Option<&Verdict>) -> bool {
    matches!(verdict, None | Some(Verdict::Scheduled | Verdict::Fetching | Verdict::Blocked { .. }))
}

/// [`PathOrigins`] of one world. Blocks when it reads fingerprints.
pub(super) struct WorldOrigins<'a> {
    world: &'a World,
    path: &'a PathOrigins,
    blobs: &'a Blobs,
    lines: RefCell<KnownLines>,
}

/// Fingerprints by blob and package.
#[derive(Default)]
struct KnownLines {
    lines: HashMap<(Sha256, Sha256, String), Arc<Vec<MetaLine>>>,
    count: usize,
}

impl<'a> WorldOrigins<'a> {
    pub(super) fn new(world: &'a World, path: &'a PathOrigins, blobs: &'a Blobs) -> Self {
        Self { world, path, blobs, lines: RefCell::default() }
    }

    fn find(&self, package: PackageId) -> Option<(usize, &'a LayerOrigins, &'a FileOrigin)> {
        // Each layer has two ranks: its results and what it mirrors.
        let layer = usize::from(self.world.pool.repository(package) / 2);
        let origins = self.path.0.get(layer)?;
        Some((layer, origins, origins.files.get(self.world.result(package)?)?))
    }
}

impl Origins for WorldOrigins<'_> {
    fn content(&self, package: PackageId) -> Cow<'_, str> {
        Cow::Owned(self.world.content(package))
    }

    fn built(&self, package: PackageId) -> Option<BuiltBy<'_>> {
        let (layer, origins, file) = self.find(package)?;
        let is_open = origins.open.contains(&file.package);
        Some(BuiltBy { layer, package: &file.package, fingerprint: &file.name, is_open })
    }

    fn fingerprint(&self, package: PackageId) -> Arc<Vec<MetaLine>> {
        let Some((_, _, file)) = self.find(package) else { return Arc::default() };
        let Some(made) = file.fingerprint else { return Arc::default() };
        let key = (made.tree, made.lines, file.package.clone());
        let mut known = self.lines.borrow_mut();
        if let Some(lines) = known.lines.get(&key) {
            return Arc::clone(lines);
        }
        let Some(mut lines) = read_lines(self.blobs, &made.lines) else { return Arc::default() };
        lines.insert(0, MetaLine { path: file.package.clone(), digest: digits(&made.tree) });
        if known.count > MOST_LINES {
            *known = KnownLines::default();
        }
        known.count += lines.len();
        let lines = Arc::new(lines);
        known.lines.insert(key, Arc::clone(&lines));
        lines
    }
}

/// The first digits of a digest, as many as an MD5 has.
fn digits(digest: &Sha256) -> String {
    let mut digits = digest.to_string();
    digits.truncate(32);
    digits
}

/// Reads a stored fingerprint; nothing if it is gone or garbled. Blocks.
pub(super) fn read_lines(blobs: &Blobs, digest: &Sha256) -> Option<Vec<MetaLine>> {
    let text = String::from_utf8(blobs.read(digest).ok()?).ok()?;
    text.lines().map(MetaLine::parse).collect()
}

/// A fingerprint as it is stored.
pub(super) fn write_lines(lines: &[MetaLine]) -> Vec<u8> {
    lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}
