//! The `ar` archive around a Debian package (deb(5), ar(5)): a magic line, then members with 60-byte headers.

use std::io::{self, Read};

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER_BYTES: usize = 60;

/// Why an `ar` archive could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArError {
    /// The magic line is missing.
    #[error("not an ar archive")]
    Magic,
    /// A member's header makes no sense.
    #[error("member header {number} is damaged")]
    Header {
        /// Which one, from 1.
        number: u32,
    },
    /// More members than a package may have.
    #[error("more than {limit} members")]
    TooMany {
        /// How many are allowed.
        limit: u32,
    },
    /// The caller's reader failed, or the archive ends too early.
    #[error("the archive can not be read")]
    Read(#[source] io::Error),
}

/// A member's name and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// Streams the members; reading gives the current member's content.
#[derive(Debug)]
pub(crate) struct ArReader<R> {
    reader: R,
    /// Content bytes of the current member not yet read.
    left: u64,
    has_padding: bool,
    members: u32,
    member_limit: u32,
}

impl<R: Read> ArReader<R> {
    pub(crate) fn open(mut reader: R, member_limit: u32) -> Result<Self, ArError> {
        let mut magic = [0; MAGIC.len()];
        match reader.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => Ok(Self { reader, left: 0, has_padding: false, members: 0, member_limit }),
            Ok(()) => Err(ArError::Magic),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(ArError::Magic),
            Err(error) => Err(ArError::Read(error)),
        }
    }

    /// Moves to the next member; `None` at the end of the archive.
    pub(crate) fn next_member(&mut self) -> Result<Option<Member>, ArError> {
        self.skip_rest().map_err(ArError::Read)?;
        let mut header = [0; HEADER_BYTES];
        if !read_whole_or_nothing(&mut self.reader, &mut header).map_err(ArError::Read)? {
            return Ok(None);
        }
        self.members += 1;
        if self.members > self.member_limit {
            return Err(ArError::TooMany { limit: self.member_limit });
        }
        let member = parse_header(&header).ok_or(ArError::Header { number: self.members })?;
        self.left = member.bytes;
        self.has_padding = member.bytes % 2 == 1;
        Ok(Some(member))
    }

    fn skip_rest(&mut self) -> io::Result<()> {
        let skipped = io::copy(&mut self.reader.by_ref().take(self.left), &mut io::sink())?;
        if skipped < self.left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = 0;
        if self.has_padding {
            // The last member's padding may be missing, as dpkg allows.
            read_whole_or_nothing(&mut self.reader, &mut [0])?;
            self.has_padding = false;
        }
        Ok(())
    }
}

impl<R: Read> Read for ArReader<R> {
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

fn parse_header(header: &[u8; HEADER_BYTES]) -> Option<Member> {
    let (fields, end) = header.split_last_chunk::<2>()?;
    if end != b"`\n" {
        return None;
    }
    let name = std::str::from_utf8(fields.get(..16)?).ok()?.trim_end();
    // GNU ar ends names with a slash.
    let name = name.strip_suffix('/').unwrap_or(name);
    let size = std::str::from_utf8(fields.get(48..58)?).ok()?.trim_end();
    let is_number = !size.is_empty() && size.bytes().all(|digit| digit.is_ascii_digit());
    (is_number && !name.is_empty()).then_some(())?;
    Some(Member { name: name.to_owned(), bytes: size.parse().ok()? })
}

/// Fills the buffer; false if the input ends before its first byte, an error if it ends inside.
pub(crate) fn read_whole_or_nothing(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
