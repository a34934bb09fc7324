//! The file list of a header.

use std::collections::HashMap;

use super::RpmError;
use super::header::Header;
use super::tag::Tag;
use crate::cpio::CpioEntry;
use crate::tar::EntryKind;

/// Bytes all paths of a package may have together. A few long folder names and many files could make far more of a
/// small header.
const MAX_PATHS_BYTES: usize = 256 << 20;

/// A file as the header describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpmFile {
    /// Absolute path; of a source package the plain name. Not to be trusted: bytes as the header has them.
    pub path: Vec<u8>,
    /// Type and permission bits, as stat(2) has them.
    pub mode: u32,
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the last change in seconds since 1970.
    pub modified_at: u64,
    /// rpm's file flags: [`RpmFile::CONFIG`] and so on.
    pub flags: u32,
    /// Owner's name.
    pub user: String,
    /// Group's name.
    pub group: String,
    /// Digest of the content in hexadecimal; empty for all but files. Which kind says `RpmPackage::file_digest_algorithm`.
    pub digest: String,
    /// Target of a symbolic link.
    pub link: Vec<u8>,
    /// Capabilities as text; mostly empty.
    pub capabilities: String,
}

impl RpmFile {
    /// Flag: `%config`
    pub const CONFIG: u32 = 1 << 0;
    /// Flag: `%doc`
    pub const DOC: u32 = 1 << 1;
    /// Flag: the spec file of a source package.
    pub const SPEC_FILE: u32 = 1 << 5;
    /// Flag: `%ghost`, not in the payload.
    pub const GHOST: u32 = 1 << 6;
    /// Flag: `%license`
    pub const LICENSE: u32 = 1 << 7;

    /// Whether it is a folder.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    /// Whether it is `%ghost`.
    #[must_use]
    pub const fn is_ghost(&self) -> bool {
        self.flags & Self::GHOST != 0
    }
}

/// What a list of files says of each: no more than its path and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedFile<'a> {
    /// As [`RpmFile::path`].
    pub path: &'a [u8],
    /// As [`RpmFile::mode`].
    pub mode: u32,
    /// As [`RpmFile::flags`].
    pub flags: u32,
}

impl ListedFile<'_> {
    /// Whether it is a folder.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    /// Whether it is `%ghost`.
    #[must_use]
    pub const fn is_ghost(&self) -> bool {
        self.flags & RpmFile::GHOST != 0
    }
}

/// Gives the files in the order of the header; takes memory for one path only.
pub(super) fn list(header: &Header, on_file: &mut dyn FnMut(ListedFile<'_>)) -> Result<(), RpmError> {
    let narrow = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    let mut modes = header.numbers(Tag::FILE_MODES);
    let mut flags = header.numbers(Tag::FILE_FLAGS);
    for_each_path(header, &mut |path| {
        on_file(ListedFile { path, mode: narrow(modes.next()), flags: narrow(flags.next()) });
    })
}

/// The files in the order of the header.
pub(super) fn read(header: &Header) -> Result<Vec<RpmFile>, RpmError> {
    let paths = paths(header)?;
    let text =
        |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let narrow = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    let size_tag = if header.has(Tag::LONG_FILE_SIZES) { Tag::LONG_FILE_SIZES } else { Tag::FILE_SIZES };
    let mut sizes = header.numbers(size_tag);
    let mut modes = header.numbers(Tag::FILE_MODES);
    let mut times = header.numbers(Tag::FILE_MTIMES);
    let mut flags = header.numbers(Tag::FILE_FLAGS);
    let mut users = header.texts(Tag::FILE_USER_NAME);
    let mut groups = header.texts(Tag::FILE_GROUP_NAME);
    let mut digests = header.texts(Tag::FILE_DIGESTS);
    let mut links = header.texts(Tag::FILE_LINK_TOS);
    let mut capabilities = header.texts(Tag::FILE_CAPS);
    let file = |path| RpmFile {
        path,
        mode: narrow(modes.next()),
        bytes: sizes.next().unwrap_or_default(),
        modified_at: times.next().unwrap_or_default(),
        flags: narrow(flags.next()),
        user: text(users.next()),
        group: text(groups.next()),
        digest: text(digests.next()),
        link: links.next().unwrap_or_default().to_vec(),
        capabilities: text(capabilities.next()),
    };
    Ok(paths.into_iter().map(file).collect())
}

/// The files as members of an archive that names them by number.
///
/// Rule: rpm's `rpmfiArchiveReadHeader`: of several names of one file the last has the content.
pub(super) fn described(header: &Header) -> Result<Vec<CpioEntry>, RpmError> {
    let narrow = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    let mut inodes = header.numbers(Tag::FILE_INODES);
    let mut devices = header.numbers(Tag::FILE_DEVICES);
    let mut rdevs = header.numbers(Tag::FILE_RDEVS);
    let mut members: Vec<CpioEntry> = Vec::new();
    let mut names_of: HashMap<(u32, u32), Vec<usize>> = HashMap::new();
    for (place, file) in read(header)?.into_iter().enumerate() {
        let (inode, device, rdev) = (narrow(inodes.next()), narrow(devices.next()), narrow(rdevs.next()));
        let kind = kind(file.mode).ok_or(RpmError::Header { which: "header" })?;
        if kind == EntryKind::File && inode != 0 {
            names_of.entry((device, inode)).or_default().push(place);
        }
        let has_device = matches!(kind, EntryKind::CharacterDevice | EntryKind::BlockDevice);
        members.push(CpioEntry {
            path: file.path.strip_prefix(b"/").unwrap_or(&file.path).to_vec(),
            kind,
            bytes: if kind == EntryKind::File { file.bytes } else { 0 },
            mode: file.mode & 0o7777,
            uid: 0,
            gid: 0,
            modified_at: u32::try_from(file.modified_at).unwrap_or(u32::MAX),
            link_count: 1,
            inode,
            on_device: (0, device),
            link: if kind == EntryKind::SymbolicLink { file.link } else { Vec::new() },
            // 16 bits, as rpm keeps them: major above minor.
            device: if has_device { (rdev >> 8 & 0xff, rdev & 0xff) } else { (0, 0) },
        });
    }
    for names in names_of.values().filter(|names| names.len() > 1) {
        for place in names {
            let Some(member) = members.get_mut(*place) else { continue };
            member.link_count = u32::try_from(names.len()).unwrap_or(u32::MAX);
            if names.last() != Some(place) {
                member.bytes = 0;
            }
        }
    }
    Ok(members)
}

const fn kind(mode: u32) -> Option<EntryKind> {
    Some(match mode & 0o170_000 {
        0o100_000 => EntryKind::File,
        0o120_000 => EntryKind::SymbolicLink,
        0o040_000 => EntryKind::Directory,
        0o020_000 => EntryKind::CharacterDevice,
        0o060_000 => EntryKind::BlockDevice,
        0o010_000 => EntryKind::Fifo,
        _ => return None,
    })
}

fn paths(header: &Header) -> Result<Vec<Vec<u8>>, RpmError> {
    let mut paths = Vec::new();
    for_each_path(header, &mut |path| paths.push(path.to_vec()))?;
    Ok(paths)
}

fn for_each_path(header: &Header, on_path: &mut dyn FnMut(&[u8])) -> Result<(), RpmError> {
    let mut bytes = 0_usize;
    let mut count = |more: usize| {
        bytes = bytes.saturating_add(more);
        if bytes > MAX_PATHS_BYTES { Err(RpmError::PathsTooLong { limit_bytes: MAX_PATHS_BYTES }) } else { Ok(()) }
    };
    if header.has(Tag::OLD_FILE_NAMES) {
        return header.texts(Tag::OLD_FILE_NAMES).try_for_each(|path| {
            count(path.len())?;
            on_path(path);
            Ok(())
        });
    }
    let folders: Vec<&[u8]> = header.texts(Tag::DIR_NAMES).collect();
    let damaged = || RpmError::Header { which: "header" };
    let mut indexes = header.numbers(Tag::DIR_INDEXES);
    let mut path = Vec::new();
    header.texts(Tag::BASE_NAMES).try_for_each(|name| {
        let index = indexes.next().and_then(|index| usize::try_from(index).ok());
        let folder = index.and_then(|index| folders.get(index)).ok_or_else(damaged)?;
        count(folder.len().saturating_add(name.len()))?;
        path.clear();
        path.extend_from_slice(folder);
        path.extend_from_slice(name);
        on_path(&path);
        Ok(())
    })
}
