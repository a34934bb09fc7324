//! A reader of tar archives (POSIX ustar and pax, GNU long names) for archives that nobody trusts.
//!
//! Paths come out relative to the archive's root, without `.` and `..`; anything else is an error and not a surprise
//! for who unpacks. Sparse files and multi-volume archives are refused. Read [`TarReader`] first.

use std::io::{self, Read};

use crate::ar::read_whole_or_nothing;
use crate::path::{below_root, shown};

const BLOCK_BYTES: u64 = 512;

/// What is accepted.
#[derive(Debug, Clone, Copy)]
pub struct TarLimits {
    /// Members of the archive.
    pub members: u64,
    /// Bytes of one long name, or of one set of pax records.
    pub name_bytes: u64,
}

impl Default for TarLimits {
    fn default() -> Self {
        Self { members: 2_000_000, name_bytes: 64 << 10 }
    }
}

/// Why an archive could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// A header's checksum or a number in it is wrong.
    #[error("tar member {number}: the header is damaged")]
    Header {
        /// Which one, from 1.
        number: u64,
    },
    /// The path is absolute, climbs with `..`, or is too long.
    #[error("tar member {number}: {path:?} is not a path below the archive's root")]
    UnsafePath {
        /// Which one, from 1.
        number: u64,
        /// The path, made printable and shortened.
        path: String,
    },
    /// A kind of member that packages do not have.
    #[error("tar member {number}: type {kind:?} is not supported")]
    UnsupportedType {
        /// Which one, from 1.
        number: u64,
        /// The type character of the header.
        kind: char,
    },
    /// More members than allowed.
    #[error("more than {limit} tar members")]
    TooManyMembers {
        /// How many are allowed.
        limit: u64,
    },
    /// The caller's reader failed, or the archive ends too early.
    #[error("the tar archive can not be read")]
    Read(#[source] io::Error),
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file; its content can be read.
    File,
    /// Another name of the file [`Entry::link`].
    HardLink,
    /// A symbolic link to [`Entry::link`].
    SymbolicLink,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A folder.
    Directory,
    /// A named pipe.
    Fifo,
}

/// One member's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path relative to the root, without `.`, `..`, doubled or trailing slashes; empty for the root itself.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Size of the content; 0 for all but files.
    pub bytes: u64,
    /// Permission bits with set-id and sticky bits (at most `0o7777`).
    pub mode: u32,
    /// Owner's number.
    pub uid: u64,
    /// Group's number.
    pub gid: u64,
    /// Owner's name, may be empty.
    pub user: Vec<u8>,
    /// Group's name, may be empty.
    pub group: Vec<u8>,
    /// Time of the last change in seconds since 1970.
    pub modified_at: i64,
    /// Hard link: path like [`Entry::path`]. Symbolic link: the target as written. Else empty.
    pub link: Vec<u8>,
    /// Major and minor number of a device.
    pub device: (u32, u32),
}

/// Streams the members of an archive; reading gives the current member's content.
#[derive(Debug)]
pub struct TarReader<R> {
    reader: R,
    /// Content bytes not yet read, and the padding behind them.
    left: u64,
    padding: u64,
    members: u64,
    limits: TarLimits,
}

/// What long-name and pax members say about the member behind them.
#[derive(Default)]
struct Overrides {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    bytes: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    user: Option<Vec<u8>>,
    group: Option<Vec<u8>>,
    modified_at: Option<i64>,
}

impl<R: Read> TarReader<R> {
    /// Reads an uncompressed archive.
    pub const fn new(reader: R, limits: TarLimits) -> Self {
        Self { reader, left: 0, padding: 0, members: 0, limits }
    }

    /// Moves to the next member; `None` at the end, when the reader below has been read to its end as well.
    ///
    /// # Errors
    /// [`TarError`]; the archive can not be read further then.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        let mut overrides = Overrides::default();
        loop {
            let Some(header) = self.next_header()? else { return Ok(None) };
            let kind = byte(&header, 156);
            match kind {
                b'L' => overrides.path = Some(until_nul(&self.read_name()?)),
                b'K' => overrides.link = Some(until_nul(&self.read_name()?)),
                b'x' => {
                    let records = self.read_name()?;
                    overrides.take_records(&records).ok_or(TarError::Header { number: self.members })?;
                }
                // Global records: nothing in them changes where a member goes.
                b'g' => {}
                _ => return self.entry(&header, kind, overrides).map(Some),
            }
        }
    }

    /// The next header, its content size set up; `None` at the end of the archive.
    fn next_header(&mut self) -> Result<Option<[u8; 512]>, TarError> {
        self.skip(self.left.saturating_add(self.padding))?;
        (self.left, self.padding) = (0, 0);
        let mut header = [0; 512];
        if !read_whole_or_nothing(&mut self.reader, &mut header).map_err(TarError::Read)? {
            return Ok(None);
        }
        if header.iter().all(|byte| *byte == 0) {
            // To the end, so that a decompressor below gets to compare its checksums.
            io::copy(&mut self.reader, &mut io::sink()).map_err(TarError::Read)?;
            return Ok(None);
        }
        self.members += 1;
        if self.members > self.limits.members {
            return Err(TarError::TooManyMembers { limit: self.limits.members });
        }
        let damaged = TarError::Header { number: self.members };
        if !checksum_is_right(&header) {
            return Err(damaged);
        }
        let Some(size) = number(slice(&header, 124, 12)) else { return Err(damaged) };
        self.set_content(size);
        Ok(Some(header))
    }

    const fn set_content(&mut self, bytes: u64) {
        self.left = bytes;
        self.padding = (BLOCK_BYTES - bytes % BLOCK_BYTES) % BLOCK_BYTES;
    }

    fn skip(&mut self, count: u64) -> Result<(), TarError> {
        let skipped = io::copy(&mut self.reader.by_ref().take(count), &mut io::sink()).map_err(TarError::Read)?;
        if skipped < count { Err(TarError::Read(io::ErrorKind::UnexpectedEof.into())) } else { Ok(()) }
    }

    /// The content of a long-name or pax member.
    fn read_name(&mut self) -> Result<Vec<u8>, TarError> {
        if self.left > self.limits.name_bytes {
            return Err(TarError::Header { number: self.members });
        }
        let mut content = Vec::new();
        self.read_to_end(&mut content).map_err(TarError::Read)?;
        Ok(content)
    }

    fn entry(&mut self, header: &[u8; 512], type_byte: u8, overrides: Overrides) -> Result<Entry, TarError> {
        let path = overrides.path.unwrap_or_else(|| header_path(header));
        let kind = self.kind(type_byte, &path)?;
        let damaged = || TarError::Header { number: self.members };
        let field = |start, length| number(slice(header, start, length)).ok_or_else(damaged);
        let link = overrides.link.unwrap_or_else(|| until_nul(slice(header, 157, 100)));
        let size = overrides.bytes.unwrap_or(self.left);
        let has_device = matches!(kind, EntryKind::CharacterDevice | EntryKind::BlockDevice);
        let device = |start| if has_device { field(start, 8) } else { Ok(0) };
        let narrow = |wide: u64| u32::try_from(wide).map_err(|_| damaged());
        let entry = Entry {
            path: self.safe_path(&path)?,
            kind,
            bytes: if kind == EntryKind::File { size } else { 0 },
            mode: narrow(field(100, 8)? & 0o7777)?,
            uid: overrides.uid.map_or_else(|| field(108, 8), Ok)?,
            gid: overrides.gid.map_or_else(|| field(116, 8), Ok)?,
            user: overrides.user.unwrap_or_else(|| until_nul(slice(header, 265, 32))),
            group: overrides.group.unwrap_or_else(|| until_nul(slice(header, 297, 32))),
            modified_at: match overrides.modified_at {
                Some(seconds) => seconds,
                None => i64::try_from(field(136, 12)?).map_err(|_| damaged())?,
            },
            link: match kind {
                EntryKind::HardLink => self.safe_path(&link)?,
                EntryKind::SymbolicLink => link,
                _ => Vec::new(),
            },
            device: (narrow(device(329)?)?, narrow(device(337)?)?),
        };
        // Old archives give links the size of their file, without content (POSIX: hard links may have content; dpkg's
        // never do).
        self.set_content(entry.bytes);
        Ok(entry)
    }

    fn kind(&self, type_byte: u8, path: &[u8]) -> Result<EntryKind, TarError> {
        Ok(match type_byte {
            // Before POSIX, a folder was a file whose name ends in a slash.
            0 | b'0' | b'7' if path.ends_with(b"/") => EntryKind::Directory,
            0 | b'0' | b'7' => EntryKind::File,
            b'1' => EntryKind::HardLink,
            b'2' => EntryKind::SymbolicLink,
            b'3' => EntryKind::CharacterDevice,
            b'4' => EntryKind::BlockDevice,
            b'5' => EntryKind::Directory,
            b'6' => EntryKind::Fifo,
            other => return Err(TarError::UnsupportedType { number: self.members, kind: char::from(other) }),
        })
    }

    /// Checks and normalizes a path below the root.
    fn safe_path(&self, path: &[u8]) -> Result<Vec<u8>, TarError> {
        below_root(path).ok_or_else(|| TarError::UnsafePath { number: self.members, path: shown(path) })
    }
}

impl<R: Read> Read for TarReader<R> {
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

impl Overrides {
    /// Reads pax records (`LENGTH KEY=VALUE\n`); unknown keys are skipped. `None` if they are damaged.
    fn take_records(&mut self, mut records: &[u8]) -> Option<()> {
        while !records.is_empty() {
            let blank = records.iter().position(|byte| *byte == b' ')?;
            let length: usize = std::str::from_utf8(records.get(..blank)?).ok()?.parse().ok()?;
            let record = records.get(blank + 1..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            self.take_record(record.get(..equals)?, record.get(equals + 1..)?)?;
            records = records.get(length..)?;
        }
        Some(())
    }

    fn take_record(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let decimal = || std::str::from_utf8(value).ok()?.parse::<u64>().ok();
        let has_nul = value.contains(&0);
        match key {
            b"path" | b"linkpath" if has_nul => return None,
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"size" => self.bytes = Some(decimal()?),
            b"uid" => self.uid = Some(decimal()?),
            b"gid" => self.gid = Some(decimal()?),
            b"uname" => self.user = Some(value.to_vec()),
            b"gname" => self.group = Some(value.to_vec()),
            b"mtime" => {
                let seconds = std::str::from_utf8(value).ok()?.split('.').next()?;
                self.modified_at = Some(seconds.parse().ok()?);
            }
            // A sparse file in pax clothes would unpack as something else than it is.
            _ if key.starts_with(b"GNU.sparse.") => return None,
            _ => {}
        }
        Some(())
    }
}

fn slice(header: &[u8; 512], start: usize, length: usize) -> &[u8] {
    header.get(start..start + length).unwrap_or_default()
}

fn byte(header: &[u8; 512], place: usize) -> u8 {
    header.get(place).copied().unwrap_or_default()
}

fn until_nul(bytes: &[u8]) -> Vec<u8> {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

/// Name, with the prefix of POSIX archives before it (GNU archives use those bytes for other things).
fn header_path(header: &[u8; 512]) -> Vec<u8> {
    let name = until_nul(slice(header, 0, 100));
    let prefix = until_nul(slice(header, 345, 155));
    if slice(header, 257, 6) != b"ustar\0" || prefix.is_empty() {
        return name;
    }
    [prefix.as_slice(), b"/", name.as_slice()].concat()
}

/// An octal number between blanks and NULs, or GNU's base 256 with the first bit set.
fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        return rest
            .iter()
            .try_fold(u64::from(first & 0x7f), |value, byte| value.checked_mul(256)?.checked_add(u64::from(*byte)));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok().filter(|_| !text.starts_with('+')) }
}

/// The sum of all header bytes, those of the checksum itself counted as blanks.
fn checksum_is_right(header: &[u8; 512]) -> bool {
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    let own: u64 = slice(header, 148, 8).iter().map(|byte| u64::from(*byte)).sum();
    number(slice(header, 148, 8)) == Some(sum - own + 8 * u64::from(b' '))
}
