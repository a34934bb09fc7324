//! Debian packages (deb(5)): an `ar` archive of `debian-binary`, `control.tar.*` and `data.tar.*`.
//!
//! Reads what the package says of itself and streams its content; unpacking is the caller's. Read [`DebReader`] first.

use std::io::{self, Read};

use pkg::deb822::{self, ControlFields};
use pkg::{Md5, PackageMeta};

pub use crate::ar::ArError;
use crate::ar::{ArReader, Member};
use crate::compression::{Bounded, Compression, Decoder, decompress};
use crate::tar::{Entry, EntryKind, TarError, TarLimits, TarReader};

/// What is accepted of a package.
#[derive(Debug, Clone, Copy)]
pub struct DebLimits {
    /// Bytes of the control archive, compressed and uncompressed alike.
    pub control_bytes: u64,
    /// Uncompressed bytes of the data archive.
    pub data_bytes: u64,
    /// What is accepted of either tar archive.
    pub tar: TarLimits,
}

impl Default for DebLimits {
    fn default() -> Self {
        Self { control_bytes: 64 << 20, data_bytes: 64 << 30, tar: TarLimits::default() }
    }
}

/// Members of the outer archive; three are needed.
const AR_MEMBERS: u32 = 16;

/// Why a Debian package could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DebError {
    /// The outer archive is damaged.
    #[error("not a Debian package")]
    Ar(#[from] ArError),
    /// The outer archive lacks a member, or members are not in their order.
    #[error("not a Debian package: {member} is missing or not in its place")]
    MissingMember {
        /// Name, without compression suffix.
        member: &'static str,
    },
    /// `debian-binary` names a format other than 2.
    #[error("package format version {version:?} is not supported")]
    Version {
        /// The version, as far as it is printable.
        version: String,
    },
    /// A compression nobody uses.
    #[error("{member:?}: unknown compression")]
    Compression {
        /// Name of the member.
        member: String,
    },
    /// The control archive is larger than allowed.
    #[error("the control archive has more than {limit_bytes} bytes")]
    ControlTooLong {
        /// How many are allowed.
        limit_bytes: u64,
    },
    /// A member could not be decompressed, or the caller's reader failed.
    #[error("{member} can not be read")]
    Read {
        /// Name, without compression suffix.
        member: &'static str,
        /// What the reader or the decompressor said.
        #[source]
        source: io::Error,
    },
    /// A tar archive inside is damaged or hostile.
    #[error("{member} is damaged")]
    Tar {
        /// Name, without compression suffix.
        member: &'static str,
        /// What is wrong.
        #[source]
        source: TarError,
    },
    /// The control file is not there, or has no Package or Version.
    #[error("the control file is missing, or lacks Package or Version")]
    Control,
}

/// A file of the control archive (`control`, `md5sums`, `postinst`, ...).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlFile {
    /// Name; never holds a slash.
    pub name: String,
    /// Permission bits.
    pub mode: u32,
    /// Content.
    pub bytes: Vec<u8>,
}

/// What the control archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// What the package says of itself.
    pub meta: PackageMeta,
    /// Every field of the control file, in order.
    pub fields: ControlFields,
    /// Every file of the control archive, `control` included, in order.
    pub files: Vec<ControlFile>,
    /// MD5 of the compressed control archive: the package's identity where OBS speaks of `hdrmd5`.
    pub md5: Md5,
    /// How the control archive was compressed.
    pub compression: Compression,
}

impl Control {
    /// The content of a file of the control archive.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&ControlFile> {
        self.files.iter().find(|file| file.name == name)
    }
}

/// A package whose control archive has been read, in front of its data.
#[derive(Debug)]
pub struct DebReader<R> {
    ar: ArReader<R>,
    control: Control,
    limits: DebLimits,
}

/// The uncompressed bytes of `data.tar`.
#[derive(Debug)]
pub struct Data<'a, R: Read> {
    stream: Bounded<Decoder<&'a mut ArReader<R>>>,
    compression: Compression,
}

impl<R: Read> DebReader<R> {
    /// Reads the control archive and stops in front of the data archive.
    ///
    /// # Errors
    /// [`DebError`] if this is not a package, is damaged, or exceeds the limits.
    pub fn open(reader: R, limits: DebLimits) -> Result<Self, DebError> {
        let mut ar = ArReader::open(reader, AR_MEMBERS)?;
        let version = ar.next_member()?.filter(|member| member.name == "debian-binary");
        version.ok_or(DebError::MissingMember { member: "debian-binary" })?;
        check_version(&mut ar)?;
        let (member, compression) = find_member(&mut ar, "control.tar")?;
        let too_long = DebError::ControlTooLong { limit_bytes: limits.control_bytes };
        if member.bytes > limits.control_bytes {
            return Err(too_long);
        }
        let read_error = |source| DebError::Read { member: "control.tar", source };
        let mut archive = Vec::new();
        ar.read_to_end(&mut archive).map_err(read_error)?;
        let tar = match decompress(&archive, compression, limits.control_bytes) {
            Ok(tar) => tar,
            Err(error) if error.get_ref().is_some_and(|e| e.is::<crate::compression::TooLong>()) => {
                return Err(too_long);
            }
            Err(error) => return Err(read_error(error)),
        };
        let files = control_files(&tar, limits.tar)?;
        let (meta, fields) = read_control(&files).ok_or(DebError::Control)?;
        let control = Control { meta, fields, files, md5: Md5::of(&archive), compression };
        Ok(Self { ar, control, limits })
    }

    /// What the control archive holds.
    pub const fn control(&self) -> &Control {
        &self.control
    }

    /// Gives the control archive's content away; for callers that do not want the data.
    pub fn into_control(self) -> Control {
        self.control
    }

    /// The uncompressed bytes of the data archive; to be asked for once.
    ///
    /// # Errors
    /// [`DebError`] if there is no data archive (left). Damage inside shows while reading.
    pub fn data(&mut self) -> Result<Data<'_, R>, DebError> {
        let (_, compression) = find_member(&mut self.ar, "data.tar")?;
        let decoder =
            Decoder::new(&mut self.ar, compression).map_err(|source| DebError::Read { member: "data.tar", source })?;
        Ok(Data { stream: Bounded::new(decoder, self.limits.data_bytes), compression })
    }

    /// The members of the data archive, checked: no absolute paths, no `..`. To be asked for once.
    ///
    /// # Errors
    /// As [`DebReader::data`].
    pub fn entries(&mut self) -> Result<TarReader<Data<'_, R>>, DebError> {
        let limits = self.limits.tar;
        Ok(TarReader::new(self.data()?, limits))
    }

    /// All members of the data archive, without their content.
    ///
    /// # Errors
    /// As [`DebReader::data`], and if the archive is damaged or hostile.
    pub fn list(&mut self) -> Result<Vec<Entry>, DebError> {
        let mut entries = self.entries()?;
        let mut list = Vec::new();
        while let Some(entry) = entries.next_entry().map_err(|source| DebError::Tar { member: "data.tar", source })? {
            list.push(entry);
        }
        Ok(list)
    }
}

impl<R: Read> Data<'_, R> {
    /// How the archive is compressed inside the package.
    pub const fn compression(&self) -> Compression {
        self.compression
    }
}

impl<R: Read> Read for Data<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

/// Moves to `stem` or `stem.SUFFIX`; members starting with an underscore may stand before it (deb(5)).
fn find_member<R: Read>(ar: &mut ArReader<R>, stem: &'static str) -> Result<(Member, Compression), DebError> {
    while let Some(member) = ar.next_member()? {
        if member.name.starts_with('_') {
            continue;
        }
        let Some(suffix) = member.name.strip_prefix(stem) else { break };
        let compression = Compression::from_file_name(&member.name);
        if compression.suffix() != suffix {
            return Err(DebError::Compression { member: member.name });
        }
        return Ok((member, compression));
    }
    Err(DebError::MissingMember { member: stem })
}

fn check_version<R: Read>(ar: &mut ArReader<R>) -> Result<(), DebError> {
    let mut version = Vec::new();
    let read = ar.take(64).read_to_end(&mut version);
    read.map_err(|source| DebError::Read { member: "debian-binary", source })?;
    if version.starts_with(b"2.") {
        return Ok(());
    }
    let first_line = version.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Err(DebError::Version { version: String::from_utf8_lossy(first_line).into_owned() })
}

fn control_files(tar: &[u8], limits: TarLimits) -> Result<Vec<ControlFile>, DebError> {
    let tar_error = |source| DebError::Tar { member: "control.tar", source };
    let mut reader = TarReader::new(tar, limits);
    let mut files = Vec::new();
    while let Some(entry) = reader.next_entry().map_err(tar_error)? {
        let Ok(name) = String::from_utf8(entry.path) else { continue };
        if entry.kind != EntryKind::File || name.contains('/') {
            continue;
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|source| DebError::Read { member: "control.tar", source })?;
        files.push(ControlFile { name, mode: entry.mode, bytes });
    }
    Ok(files)
}

fn read_control(files: &[ControlFile]) -> Option<(PackageMeta, ControlFields)> {
    let control = files.iter().find(|file| file.name == "control")?;
    let text = String::from_utf8_lossy(&control.bytes);
    let paragraph = deb822::paragraphs(&text).next()?;
    Some((deb822::package_meta(&paragraph)?, ControlFields::from_paragraph(&paragraph)))
}
