//! Makes the source of an rpm source package: its members become the files of the source.
//!
//! Nothing in it is believed before it was compared: the header with its digest, the content with its digest, each member
//! with the header's list of files. Members that could not lie flat in one folder are refused.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use model::{FailureCause, FileName, PackageName, SourceFile, SourceSignature, Timestamp};
use pkg::{RecipeKind, Sha256};
use pkgfile::compression::TooLong;
use pkgfile::cpio::{CpioEntry, CpioError, CpioLimits};
use pkgfile::rpm::{RpmError, RpmFile, RpmLimits, RpmPackage, RpmReader};
use pkgfile::tar::EntryKind;
use repo::pgp::Keyring;
use store::{Blobs, OpenSource, SourceTree};

use super::cause::{invalid, too_large};
use super::handed::Handed;
use super::reconcile::{Made, Making, NotMade};
use super::remote::{self, Room};
use super::{signature, target_specs};
use crate::ServiceError;
use crate::fetch::chain;
use crate::inner::{Inner, blocking};

/// Most members.
const MOST_MEMBERS: u64 = 20_000;
/// Bytes that names and headers of members may take beside their content.
const FRAME_BYTES: u64 = 64 << 20;

/// Makes the source of a source package that is here: every file is a blob afterwards.
pub(super) async fn make(inner: &Inner, open: &OpenSource, handed: Handed) -> Making {
    let unpacking = Unpacking {
        blobs: inner.blobs.clone(),
        keyring: Arc::clone(&inner.sources.keyring),
        file: handed.file,
        limit_bytes: inner.config.source_bytes,
        now: inner.now(),
    };
    let unpacked = match blocking(move || unpacking.run()).await {
        Ok(unpacked) => unpacked,
        Err(error) => return Making { signature: None, end: Err(error.into()) },
    };
    let signature = unpacked.signature;
    let end = match unpacked.content {
        Ok(content) => complete(inner, open, content).await,
        Err(not_made) => Err(not_made),
    };
    Making { signature, end }
}

/// Adds the files the package only names.
async fn complete(inner: &Inner, open: &OpenSource, content: Content) -> Result<Made, NotMade> {
    let Content { package, version, recipe, mut files, absent } = content;
    if !absent.is_empty() {
        let readings = target_specs::read(inner, open.build, &recipe, &files).await?;
        let mut room = Room::new(inner.config.source_bytes);
        for file in &files {
            room.take(&file.name, file.bytes)?;
        }
        for name in absent {
            let named = readings.named.get(name.as_str());
            let Some((named, url)) = named.and_then(|named| Some((named, named.url()?))) else {
                let detail = format!("{name} is not in the package, and the spec file has no address for it");
                return Err(invalid(recipe.as_str(), &detail).into());
            };
            files.push(remote::fetch(inner, &mut room, &name, url, named.sha256).await?);
        }
    }
    files.sort_by(|left, right| left.name.cmp(&right.name));
    let tree = SourceTree { recipe_file: recipe, recipe_kind: RecipeKind::Spec, files };
    Ok(Made { tree, package, version })
}

/// What was found in a source package.
struct Unpacked {
    /// Known if the headers could be read.
    signature: Option<SourceSignature>,
    content: Result<Content, NotMade>,
}

/// The content of a source package.
struct Content {
    package: PackageName,
    version: String,
    recipe: FileName,
    files: Vec<SourceFile>,
    /// Files that the package names, but does not have.
    absent: Vec<FileName>,
}

/// A source package that is to be unpacked.
struct Unpacking {
    blobs: Blobs,
    keyring: Arc<Keyring>,
    file: SourceFile,
    /// Of all members together.
    limit_bytes: u64,
    now: Timestamp,
}

impl Unpacking {
    /// Blocks.
    fn run(&self) -> Unpacked {
        let limits = RpmLimits {
            payload_bytes: self.limit_bytes.saturating_add(FRAME_BYTES),
            cpio: CpioLimits { members: MOST_MEMBERS, ..CpioLimits::default() },
            ..RpmLimits::default()
        };
        let opened = fs_err::File::open(self.blobs.path(&self.file.sha256)).map_err(ServiceError::from);
        let opened = opened.map_err(NotMade::from).and_then(|file| {
            RpmReader::open(io::BufReader::new(file), limits).map_err(|error| self.damaged(&error).into())
        });
        let reader = match opened {
            Ok(reader) => reader,
            Err(not_made) => return Unpacked { signature: None, content: Err(not_made) },
        };
        let signature = signature::of_rpm(reader.package(), &self.keyring, self.now);
        let refused = signature::refuse_bad(&self.file.name, &signature);
        let content = refused.map_err(NotMade::from).and_then(|()| self.read(reader));
        Unpacked { signature: Some(signature), content }
    }

    fn invalid(&self, detail: &str) -> FailureCause {
        invalid(self.file.name.as_str(), detail)
    }

    fn damaged(&self, error: &RpmError) -> FailureCause {
        match error {
            RpmError::Cpio(CpioError::Read(source)) | RpmError::Read { source, .. } if is_too_long(source) => {
                too_large(&self.file.name, self.limit_bytes)
            }
            _ => self.invalid(&chain(error)),
        }
    }

    fn read<R: io::Read>(&self, mut reader: RpmReader<R>) -> Result<Content, NotMade> {
        if !reader.package().is_source() {
            return Err(self.invalid("is a binary package; submit the source package it is built from").into());
        }
        let meta = reader.package().meta().clone();
        let package = PackageName::parse(&meta.name).map_err(|error| self.invalid(&error.to_string()))?;
        let mut listed = self.listed(reader.package())?;
        let (files, spec_files) = self.members(&mut reader, &mut listed)?;
        reader.verify_payload().map_err(|error| self.damaged(&error))?;
        let recipe = self.recipe(&files, spec_files)?;
        let mut absent = Vec::new();
        for (name, file) in listed {
            if !file.is_ghost() {
                let detail = format!("{name} is in the package's list of files, but not in its content");
                return Err(self.invalid(&detail).into());
            }
            absent.push(name);
        }
        Ok(Content { package, version: meta.evr, recipe, files, absent })
    }

    /// The header's list of files, by name.
    fn listed(&self, package: &RpmPackage) -> Result<BTreeMap<FileName, RpmFile>, NotMade> {
        let mut listed = BTreeMap::new();
        for mut file in package.files().map_err(|error| self.damaged(&error))? {
            let shown = String::from_utf8_lossy(&file.path).into_owned();
            let name = FileName::parse(shown.trim_start_matches("./"));
            let name = name.map_err(|error| self.invalid(&error.to_string()))?;
            if package.file_digest_algorithm() != Some("sha256") {
                file.digest.clear();
            }
            if listed.insert(name, file).is_some() {
                return Err(self.invalid(&format!("{shown:?} is twice in the package's list of files")).into());
            }
        }
        Ok(listed)
    }

    /// Makes a blob of every member, and takes it off the list of files. Gives those and the spec files among them.
    fn members<R: io::Read>(
        &self,
        reader: &mut RpmReader<R>,
        listed: &mut BTreeMap<FileName, RpmFile>,
    ) -> Result<(Vec<SourceFile>, Vec<FileName>), NotMade> {
        let (mut files, mut spec_files) = (Vec::<SourceFile>::new(), Vec::new());
        let mut room = Room::new(self.limit_bytes);
        let mut entries = reader.entries().map_err(|error| self.damaged(&error))?;
        let damaged = |error| self.damaged(&RpmError::Cpio(error));
        while let Some(entry) = entries.next_entry().map_err(damaged)? {
            let name = self.member_name(&entry)?;
            let Some(file) = listed.remove(&name) else {
                let is_twice = files.iter().any(|file| file.name == name);
                let what = if is_twice { "is twice in the package" } else { "is not in the package's list of files" };
                return Err(self.invalid(&format!("{name} {what}")).into());
            };
            if entry.bytes != file.bytes {
                let detail = format!("{name} has {} bytes, but the header says {}", entry.bytes, file.bytes);
                return Err(self.invalid(&detail).into());
            }
            room.take(&self.file.name, entry.bytes)?;
            let (sha256, bytes) = self.keep(&name, &mut entries, &file)?;
            if file.flags & RpmFile::SPEC_FILE != 0 {
                spec_files.push(name.clone());
            }
            files.push(SourceFile { name, bytes, sha256 });
        }
        Ok((files, spec_files))
    }

    /// The name of a member that is a plain file in no folder.
    fn member_name(&self, entry: &CpioEntry) -> Result<FileName, FailureCause> {
        let shown = String::from_utf8_lossy(&entry.path).into_owned();
        let what = match entry.kind {
            EntryKind::File if entry.link_count > 1 && entry.bytes == 0 => Some("a hard link"),
            EntryKind::File => None,
            EntryKind::Directory => Some("a folder"),
            EntryKind::SymbolicLink | EntryKind::HardLink => Some("a link"),
            EntryKind::CharacterDevice | EntryKind::BlockDevice => Some("a device"),
            EntryKind::Fifo => Some("a pipe"),
        };
        if let Some(what) = what {
            return Err(self.invalid(&format!("{shown:?} is {what}; a source package has plain files only")));
        }
        FileName::parse(&shown).map_err(|error| self.invalid(&error.to_string()))
    }

    /// Makes a blob of a member's content.
    fn keep(&self, name: &FileName, content: &mut dyn io::Read, listed: &RpmFile) -> Result<(Sha256, u64), NotMade> {
        let mut writer = self.blobs.create().map_err(ServiceError::from)?;
        let mut piece = vec![0; 64 << 10];
        loop {
            let read = content.read(&mut piece);
            let read = read.map_err(|source| self.damaged(&RpmError::Read { part: "payload", source }))?;
            let Some(part) = piece.get(..read).filter(|part| !part.is_empty()) else { break };
            io::Write::write_all(&mut writer, part).map_err(ServiceError::from)?;
        }
        if writer.bytes() != listed.bytes {
            return Err(self.invalid(&format!("{name} ends too early")).into());
        }
        let (sha256, bytes) = writer.finish().map_err(ServiceError::from)?;
        let found = sha256.to_string();
        if listed.digest.is_empty() || listed.digest.eq_ignore_ascii_case(&found) {
            return Ok((sha256, bytes));
        }
        let (what, expected) = ("SHA-256".to_owned(), listed.digest.clone());
        Err(FailureCause::SourceMismatch { file: name.to_string(), what, expected, found }.into())
    }

    /// Which member is the recipe: the one that the header says is, else the only one with that ending.
    fn recipe(&self, files: &[SourceFile], marked: Vec<FileName>) -> Result<FileName, FailureCause> {
        let by_name = || files.iter().map(|file| &file.name).filter(|name| name.as_str().ends_with(".spec"));
        let mut found = if marked.is_empty() { by_name().cloned().collect() } else { marked };
        match (found.pop(), found.is_empty()) {
            (Some(recipe), true) => Ok(recipe),
            (None, _) => Err(self.invalid("has no spec file")),
            (Some(last), false) => {
                found.push(last);
                let names: Vec<&str> = found.iter().map(FileName::as_str).collect();
                Err(self.invalid(&format!("has several spec files: {}", names.join(", "))))
            }
        }
    }
}

/// Whether a reader stopped because there was more than allowed.
fn is_too_long(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<TooLong>())
}
