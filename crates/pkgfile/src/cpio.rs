//! A reader of cpio archives in the "new ASCII" format (with or without checksums), as rpm packages have them.
//!
//! Paths come out relative to the archive's root, without `.` and `..`; anything else is an error. rpm's own variant for
//! packages with files of 4 GiB and more (magic `07070X`) only names the files by number; the descriptions come from the
//! header then. Read [`CpioReader`] first.

use std::io::{self, Read};

use crate::ar::read_whole_or_nothing;
use crate::path::{below_root, shown};
use crate::tar::EntryKind;

const HEADER_BYTES: usize = 110;
const TRAILER: &[u8] = b"TRAILER!!!";

/// What is accepted.
#[derive(Debug, Clone, Copy)]
pub struct CpioLimits {
    /// Members of the archive.
    pub members: u64,
    /// Bytes of one name or of the target of one symbolic link.
    pub name_bytes: u64,
}

impl Default for CpioLimits {
    fn default() -> Self {
        Self { members: 2_000_000, name_bytes: 64 << 10 }
    }
}

/// Why an archive could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CpioError {
    /// A header is no header, or a number in it is wrong.
    #[error("cpio member {number}: the header is damaged")]
    Header {
        /// Which one, from 1.
        number: u64,
    },
    /// A member is described by a number only, and there is no such description.
    #[error("cpio member {number}: is not described in the package's header")]
    Undescribed {
        /// Which one, from 1.
        number: u64,
    },
    /// The path is absolute, climbs with `..`, or is too long.
    #[error("cpio member {number}: {path:?} is not a path below the archive's root")]
    UnsafePath {
        /// Which one, from 1.
        number: u64,
        /// The path, made printable and shortened.
        path: String,
    },
    /// A kind of member that packages do not have (sockets and unknown ones), or content where there can be none.
    #[error("cpio member {number}: mode {mode:o} is not supported")]
    UnsupportedType {
        /// Which one, from 1.
        number: u64,
        /// The mode of the header.
        mode: u32,
    },
    /// More members than allowed.
    #[error("more than {limit} cpio members")]
    TooManyMembers {
        /// How many are allowed.
        limit: u64,
    },
    /// The caller's reader failed, or the archive ends too early.
    #[error("the cpio archive can not be read")]
    Read(#[source] io::Error),
}

/// One member's description.
///
/// Hard links are members with the same device and inode number and a link count above one; rpm puts the content into the
/// last of them, the others have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpioEntry {
    /// Path relative to the root, without `.`, `..`, doubled or trailing slashes; empty for the root itself.
    pub path: Vec<u8>,
    /// What it is; never a hard link.
    pub kind: EntryKind,
    /// Size of the content; 0 for all but files.
    pub bytes: u64,
    /// Permission bits with set-id and sticky bits (at most `0o7777`).
    pub mode: u32,
    /// Owner's number; rpm writes 0 and keeps the name in the header.
    pub uid: u32,
    /// Group's number.
    pub gid: u32,
    /// Time of the last change in seconds since 1970.
    pub modified_at: u32,
    /// How many names the file has.
    pub link_count: u32,
    /// Inode number: tells which members are the same file.
    pub inode: u32,
    /// Major and minor number of the device the file was on.
    pub on_device: (u32, u32),
    /// Target of a symbolic link, as written.
    pub link: Vec<u8>,
    /// Major and minor number of a device.
    pub device: (u32, u32),
}

/// Streams the members of an archive; reading gives the current member's content.
#[derive(Debug)]
pub struct CpioReader<R> {
    reader: R,
    /// For members that are named by number.
    described: Vec<CpioEntry>,
    /// Content bytes not yet read, and the padding behind them.
    left: u64,
    padding: u64,
    members: u64,
    limits: CpioLimits,
    is_finished: bool,
}

/// The numbers of a header, in their order.
#[derive(Debug, Clone, Copy)]
struct Fields([u32; 13]);

/// What stands in front of a member.
enum MemberHeader {
    Full(Fields),
    /// The number of a file of the package's header.
    Number(usize),
}

impl Fields {
    fn read(header: &[u8; HEADER_BYTES]) -> Option<Self> {
        let digits = header.get(6..)?;
        let mut fields = [0; 13];
        for (field, digits) in fields.iter_mut().zip(digits.chunks_exact(8)) {
            *field = hexadecimal(digits.first_chunk()?)?;
        }
        Some(Self(fields))
    }
}

fn hexadecimal(digits: &[u8; 8]) -> Option<u32> {
    let is_number = digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    u32::from_str_radix(text, 16).ok()
}

impl<R: Read> CpioReader<R> {
    /// A reader of an archive.
    pub const fn new(reader: R, limits: CpioLimits) -> Self {
        Self::with_descriptions(reader, limits, Vec::new())
    }

    /// A reader of an archive whose members may be numbers of these descriptions. Their paths are taken as from an
    /// archive: with `./` in front or without, never absolute.
    pub const fn with_descriptions(reader: R, limits: CpioLimits, described: Vec<CpioEntry>) -> Self {
        Self { reader, described, left: 0, padding: 0, members: 0, limits, is_finished: false }
    }

    /// Moves to the next member; `None` at the end of the archive.
    ///
    /// # Errors
    /// [`CpioError`] if the archive is damaged, cut off, hostile, or exceeds the limits.
    pub fn next_entry(&mut self) -> Result<Option<CpioEntry>, CpioError> {
        if self.is_finished {
            return Ok(None);
        }
        self.skip(self.left.saturating_add(self.padding))?;
        (self.left, self.padding) = (0, 0);
        let fields = match self.header()? {
            MemberHeader::Full(fields) => fields,
            MemberHeader::Number(index) => return self.described_entry(index).map(Some),
        };
        let [inode, mode, uid, gid, link_count, modified_at, bytes, on_major, on_minor, major, minor, name_bytes, _] =
            fields.0;
        let path = self.name(name_bytes)?;
        if path == TRAILER {
            self.is_finished = true;
            // To the end, so that a decompressor below gets to compare its checksums.
            io::copy(&mut self.reader, &mut io::sink()).map_err(CpioError::Read)?;
            return Ok(None);
        }
        self.check_count()?;
        self.set_content(u64::from(bytes));
        let kind = self.kind(mode, bytes)?;
        let number = self.members;
        let safe = below_root(&path).ok_or_else(|| CpioError::UnsafePath { number, path: shown(&path) })?;
        let link = if kind == EntryKind::SymbolicLink { self.link_target()? } else { Vec::new() };
        let has_device = matches!(kind, EntryKind::CharacterDevice | EntryKind::BlockDevice);
        Ok(Some(CpioEntry {
            path: safe,
            kind,
            bytes: if kind == EntryKind::File { u64::from(bytes) } else { 0 },
            mode: mode & 0o7777,
            uid,
            gid,
            modified_at,
            link_count,
            inode,
            on_device: (on_major, on_minor),
            link,
            device: if has_device { (major, minor) } else { (0, 0) },
        }))
    }

    const fn check_count(&self) -> Result<(), CpioError> {
        if self.members > self.limits.members {
            return Err(CpioError::TooManyMembers { limit: self.limits.members });
        }
        Ok(())
    }

    const fn set_content(&mut self, bytes: u64) {
        self.left = bytes;
        self.padding = (4 - bytes % 4) % 4;
    }

    /// A member that is named by number; its content follows as after any other.
    fn described_entry(&mut self, index: usize) -> Result<CpioEntry, CpioError> {
        self.check_count()?;
        let number = self.members;
        let described = self.described.get(index).cloned();
        let mut entry = described.ok_or(CpioError::Undescribed { number })?;
        entry.path =
            below_root(&entry.path).ok_or_else(|| CpioError::UnsafePath { number, path: shown(&entry.path) })?;
        if entry.kind == EntryKind::SymbolicLink {
            let target_bytes = u64::try_from(entry.link.len()).unwrap_or(u64::MAX);
            self.set_content(target_bytes);
            if self.link_target()? != entry.link {
                return Err(CpioError::Header { number });
            }
        } else {
            self.set_content(entry.bytes);
        }
        Ok(entry)
    }

    fn header(&mut self) -> Result<MemberHeader, CpioError> {
        self.members += 1;
        let number = self.members;
        let mut header = [0; HEADER_BYTES];
        let cut_off = || CpioError::Read(io::ErrorKind::UnexpectedEof.into());
        let (magic, rest) = header.split_at_mut(6);
        if !read_whole_or_nothing(&mut self.reader, magic).map_err(CpioError::Read)? {
            return Err(cut_off());
        }
        match &*magic {
            b"070701" | b"070702" => {}
            b"07070X" => {
                // Eight digits, and two bytes to the next multiple of four.
                let mut digits = [0; 10];
                self.reader.read_exact(&mut digits).map_err(CpioError::Read)?;
                let index = digits.first_chunk::<8>().and_then(hexadecimal);
                let index = index.and_then(|index| usize::try_from(index).ok());
                return index.map(MemberHeader::Number).ok_or(CpioError::Header { number });
            }
            _ => return Err(CpioError::Header { number }),
        }
        if !read_whole_or_nothing(&mut self.reader, rest).map_err(CpioError::Read)? {
            return Err(cut_off());
        }
        Fields::read(&header).map(MemberHeader::Full).ok_or(CpioError::Header { number })
    }

    /// The name behind a header, with the padding behind it.
    fn name(&mut self, bytes: u32) -> Result<Vec<u8>, CpioError> {
        let damaged = CpioError::Header { number: self.members };
        let length = u64::from(bytes);
        if length < 2 || length > self.limits.name_bytes.saturating_add(1) {
            return Err(damaged);
        }
        let mut name = self.exactly(length)?;
        self.skip((4 - (110 + length) % 4) % 4)?;
        match name.pop() {
            Some(0) => Ok(name),
            _ => Err(damaged),
        }
    }

    fn link_target(&mut self) -> Result<Vec<u8>, CpioError> {
        if self.left > self.limits.name_bytes {
            return Err(CpioError::Header { number: self.members });
        }
        let length = std::mem::take(&mut self.left);
        let target = self.exactly(length)?;
        if target.is_empty() || target.contains(&0) {
            return Err(CpioError::Header { number: self.members });
        }
        Ok(target)
    }

    fn exactly(&mut self, length: u64) -> Result<Vec<u8>, CpioError> {
        let mut bytes = Vec::new();
        let count = self.reader.by_ref().take(length).read_to_end(&mut bytes).map_err(CpioError::Read)?;
        let is_whole = u64::try_from(count) == Ok(length);
        if is_whole { Ok(bytes) } else { Err(CpioError::Read(io::ErrorKind::UnexpectedEof.into())) }
    }

    fn skip(&mut self, count: u64) -> Result<(), CpioError> {
        let skipped = io::copy(&mut self.reader.by_ref().take(count), &mut io::sink()).map_err(CpioError::Read)?;
        if skipped < count { Err(CpioError::Read(io::ErrorKind::UnexpectedEof.into())) } else { Ok(()) }
    }

    fn kind(&self, mode: u32, bytes: u32) -> Result<EntryKind, CpioError> {
        let kind = match mode & 0o170_000 {
            0o100_000 => Some(EntryKind::File),
            0o120_000 => Some(EntryKind::SymbolicLink),
            0o040_000 => Some(EntryKind::Directory),
            0o020_000 => Some(EntryKind::CharacterDevice),
            0o060_000 => Some(EntryKind::BlockDevice),
            0o010_000 => Some(EntryKind::Fifo),
            _ => None,
        };
        let may_have_content = matches!(kind, Some(EntryKind::File | EntryKind::SymbolicLink));
        kind.filter(|_| bytes == 0 || may_have_content).ok_or(CpioError::UnsupportedType { number: self.members, mode })
    }
}

impl<R: Read> Read for CpioReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let count = self.reader.by_ref().take(self.left).read(buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}
