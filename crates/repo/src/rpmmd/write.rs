use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use pkg::{Sha256, Sha256Hasher};
use pkgfile::compression::Compression;

use super::text::{push_attribute, push_text};
use super::{PackageOutline, PackageXml};
use crate::chunks::{self, Chunk, ChunkCache, Piece};
use crate::output::{OutputFile, is_safe_path};
use crate::pgp::{SignError, Signer};

/// How a repository is written.
#[derive(Debug, Clone)]
pub struct RepodataSettings {
    /// How `primary.xml` and its like are compressed: gzip for everybody, zstd for rpm 4.14's clients and newer, or xz.
    pub compression: Compression,
    /// What `repomd.xml` calls this state; `None` for the time.
    pub revision: Option<String>,
    /// Whether `repomd.xml` also has the digests of the uncompressed files. No client needs them, and they cost a pass over
    /// all text.
    pub has_open_digests: bool,
    /// The armoured public key, for `repomd.xml.key` beside `repomd.xml.asc`.
    pub public_key: Option<String>,
    /// Files that others made, in order.
    pub extras: Vec<ExtraFile>,
}

impl Default for RepodataSettings {
    fn default() -> Self {
        Self {
            compression: Compression::Gzip,
            revision: None,
            has_open_digests: false,
            public_key: None,
            extras: Vec::new(),
        }
    }
}

/// A file of a repository that is passed through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraFile {
    /// `updateinfo`, `group`, `modules` and so on.
    pub kind: String,
    /// Name, with the ending of its compression: `updateinfo.xml.gz`.
    pub file_name: String,
    /// Content, as it is.
    pub content: Vec<u8>,
}

/// Why a repository could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RepodataError {
    /// A setting would break a file or a path.
    #[error("repository setting {setting} {value:?} is not valid")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// Its value, shortened.
        value: String,
    },
    /// Two packages have one location.
    #[error("{location}: two packages are to lie there")]
    Duplicate {
        /// The location.
        location: String,
    },
    /// The caller could not give a package.
    #[error("{location}: its metadata is not at hand")]
    Package {
        /// The package's location.
        location: String,
        /// What the caller said.
        #[source]
        source: io::Error,
    },
    /// The caller gave a package whose elements are not those of its outline.
    #[error("{location}: its metadata is not that of its outline")]
    Changed {
        /// The package's location.
        location: String,
    },
    /// A compressor failed.
    #[error("{file}: can not be compressed")]
    Compress {
        /// The file.
        file: &'static str,
        /// What the compressor said.
        #[source]
        source: io::Error,
    },
    /// The signer failed.
    #[error("repomd.xml can not be signed")]
    Sign(#[source] SignError),
}

/// Bytes a chunk has on average: smaller ones compress worse, larger ones take longer to compress for one package more.
const CHUNK_BYTES: u64 = 128 << 10;
/// Packages a chunk has on average at the most: each of them may have to be fetched for one package more.
const CHUNK_PACKAGES: u64 = 128;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Kind, root element with its names, in the order of [`PackageXml::texts`].
const FILES: [(&str, &str, &str); 3] = [
    (
        "primary",
        "metadata",
        "xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\"",
    ),
    ("filelists", "filelists", "xmlns=\"http://linux.duke.edu/metadata/filelists\""),
    ("other", "otherdata", "xmlns=\"http://linux.duke.edu/metadata/other\""),
];

/// Writes the metadata of a repository below `repodata/`: primary, filelists, other, the extras, the public key,
/// `repomd.xml.asc` and `repomd.xml`.
///
/// The order of `packages` does not matter; the same packages, settings, key and `now` (seconds since 1970) give the same
/// bytes, whatever the cache holds. All files but the last three are named by their digest. They are in the order they may be
/// put in place: `repomd.xml` names only files before it. Nothing is written anywhere; to switch atomically is the caller's.
///
/// # Errors
/// [`RepodataError`].
pub fn write_repodata(
    settings: &RepodataSettings,
    packages: &[&PackageXml],
    cache: &mut ChunkCache,
    signer: &dyn Signer,
    now: i64,
) -> Result<Vec<OutputFile>, RepodataError> {
    let outlines: Vec<&PackageOutline> = packages.iter().map(|package| package.outline()).collect();
    let mut load = |place: usize| packages.get(place).map(|package| Cow::Borrowed(*package)).ok_or_else(not_found);
    write_repodata_from(settings, &outlines, &mut load, cache, signer, now)
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

/// As [`write_repodata`], with the texts of packages asked for only where the cache lacks a chunk they are in.
///
/// `load` gives the package at a place of `packages`, up to three times. With a cache of the last publication that is a few dozen
/// packages for one that is new, wherever it lies; everything else costs 32 bytes of digesting a package and file, and copying
/// and digesting the compressed files. [`RepodataSettings::has_open_digests`] asks for all.
///
/// # Errors
/// [`RepodataError`].
pub fn write_repodata_from<'a>(
    settings: &RepodataSettings,
    packages: &[&PackageOutline],
    load: &mut dyn FnMut(usize) -> io::Result<Cow<'a, PackageXml>>,
    cache: &mut ChunkCache,
    signer: &dyn Signer,
    now: i64,
) -> Result<Vec<OutputFile>, RepodataError> {
    check(settings)?;
    let mut packages = Packages { sorted: sorted(packages)?, load };
    let mut table = Table { lines: String::new(), files: Vec::new(), now };
    cache.begin();
    for place in 0..FILES.len() {
        table.add_list(settings, place, &mut packages, cache)?;
    }
    cache.end();
    for extra in &settings.extras {
        table.add_file(&extra.kind, &extra.file_name, extra.content.clone(), Sha256::of(&extra.content), None);
    }
    let repomd = repomd(settings, &table.lines, now);
    let signature = signer.detached(repomd.as_bytes(), now).map_err(RepodataError::Sign)?;
    let key = settings.public_key.clone().map(|key| ("repodata/repomd.xml.key", key));
    let last = [("repodata/repomd.xml.asc", signature), ("repodata/repomd.xml", repomd)];
    for (path, content) in key.into_iter().chain(last) {
        let sha256 = Sha256::of(content.as_bytes());
        table.files.push(OutputFile { paths: vec![path.to_owned()], content: content.into_bytes(), sha256 });
    }
    Ok(table.files)
}

fn check(settings: &RepodataSettings) -> Result<(), RepodataError> {
    let error = |setting, value: &str| RepodataError::Setting { setting, value: value.chars().take(80).collect() };
    if !matches!(settings.compression, Compression::Gzip | Compression::Zstd | Compression::Xz) {
        return Err(error("compression", &format!("{:?}", settings.compression)));
    }
    for extra in &settings.extras {
        let name = &extra.file_name;
        if !is_safe_path(name) || name.contains(|c: char| c == '/' || c.is_whitespace()) {
            return Err(error("name of a file", name));
        }
        if extra.kind.is_empty() || FILES.iter().any(|(kind, ..)| *kind == extra.kind) {
            return Err(error("kind of a file", &extra.kind));
        }
    }
    Ok(())
}

/// The packages by location, with their places; the same one given twice counts once.
fn sorted<'p>(packages: &[&'p PackageOutline]) -> Result<Vec<(&'p PackageOutline, usize)>, RepodataError> {
    let mut sorted: Vec<_> = packages.iter().enumerate().map(|(place, outline)| (*outline, place)).collect();
    sorted.sort_by(|(left, _), (right, _)| left.location().cmp(right.location()));
    sorted.dedup_by(|(left, _), (right, _)| left == right);
    let twice = sorted.windows(2).find_map(|pair| match pair {
        [(left, _), (right, _)] if left.location() == right.location() => Some(left.location().to_owned()),
        _ => None,
    });
    twice.map_or(Ok(sorted), |location| Err(RepodataError::Duplicate { location }))
}

/// Whether the piece's own digest says that a chunk ends behind it: the longer it is, the likelier.
fn ends_chunk(piece: &Piece) -> bool {
    let first = piece.sha256.as_bytes().first_chunk::<4>().copied().unwrap_or_default();
    let share = piece.bytes.saturating_mul(1 << 32) / CHUNK_BYTES;
    u64::from(u32::from_be_bytes(first)) < share.max((1 << 32) / CHUNK_PACKAGES)
}

/// The packages in order, and where their texts come from.
struct Packages<'p, 'l, 'a> {
    sorted: Vec<(&'p PackageOutline, usize)>,
    load: &'l mut dyn FnMut(usize) -> io::Result<Cow<'a, PackageXml>>,
}

impl Packages<'_, '_, '_> {
    /// What each of them is in the file at that place of [`FILES`].
    fn pieces(&self, file: usize) -> Vec<Piece> {
        self.sorted.iter().filter_map(|(outline, _)| outline.elements().get(file).copied()).collect()
    }

    /// Gives the text of the package with that number in the order.
    fn text(&mut self, number: usize, file: usize, on_text: &mut dyn FnMut(&str)) -> Result<(), RepodataError> {
        let Some((outline, place)) = self.sorted.get(number) else { return Ok(()) };
        let location = || outline.location().to_owned();
        let package = (self.load)(*place).map_err(|source| RepodataError::Package { location: location(), source })?;
        if package.outline() != *outline {
            return Err(RepodataError::Changed { location: location() });
        }
        on_text(package.texts().get(file).map_or("", String::as_str));
        Ok(())
    }
}

/// The files, and what `repomd.xml` says of them.
struct Table {
    lines: String,
    files: Vec<OutputFile>,
    now: i64,
}

/// Digest and size of the uncompressed form.
type Open = Option<(Sha256, usize)>;

impl Table {
    fn add_list(
        &mut self,
        settings: &RepodataSettings,
        place: usize,
        packages: &mut Packages<'_, '_, '_>,
        cache: &mut ChunkCache,
    ) -> Result<(), RepodataError> {
        let Some((kind, root, names)) = FILES.get(place).copied() else { return Ok(()) };
        let head = format!("{DECLARATION}<{root} {names} packages=\"{}\">\n", packages.sorted.len());
        let tail = format!("</{root}>\n");
        let open = settings.has_open_digests.then(|| open(packages, place, [&head, &tail])).transpose()?;
        // The head changes with the number of packages, so it is a chunk of its own.
        let mut chunks = vec![Chunk::of_text(head)];
        chunks.extend(chunks::cut(&packages.pieces(place), ends_chunk));
        chunks.push(Chunk::of_text(tail));
        let mut failure = None;
        let mut texts = |number: usize, text: &mut String| {
            let done = packages.text(number, place, &mut |own| text.push_str(own));
            done.map_err(|error| {
                failure = Some(error);
                io::Error::other("the package is not at hand")
            })
        };
        let index = chunks::compressed(&chunks, settings.compression, cache, &mut texts)
            .map_err(|source| failure.take().unwrap_or(RepodataError::Compress { file: kind, source }))?;
        let name = format!("{kind}.xml{}", settings.compression.suffix());
        self.add_file(kind, &name, index.content, index.sha256, open);
        Ok(())
    }

    fn add_file(&mut self, kind: &str, name: &str, content: Vec<u8>, sha256: Sha256, open: Open) {
        let path = format!("repodata/{sha256}-{name}");
        let lines = &mut self.lines;
        lines.push_str("<data");
        push_attribute(lines, "type", kind);
        // Writing to a String can not fail.
        let _ = write!(lines, ">\n<checksum type=\"sha256\">{sha256}</checksum>\n");
        if let Some((digest, _)) = open {
            let _ = writeln!(lines, "<open-checksum type=\"sha256\">{digest}</open-checksum>");
        }
        lines.push_str("<location");
        push_attribute(lines, "href", &path);
        let _ = write!(lines, "/>\n<timestamp>{}</timestamp>\n<size>{}</size>\n", self.now, content.len());
        if let Some((_, bytes)) = open {
            let _ = writeln!(lines, "<open-size>{bytes}</open-size>");
        }
        lines.push_str("</data>\n");
        self.files.push(OutputFile { paths: vec![path], content, sha256 });
    }
}

fn open(
    packages: &mut Packages<'_, '_, '_>,
    file: usize,
    [head, tail]: [&str; 2],
) -> Result<(Sha256, usize), RepodataError> {
    let mut hasher = Sha256Hasher::new();
    let mut bytes = 0;
    let mut add = |text: &str| {
        hasher.update(text.as_bytes());
        bytes += text.len();
    };
    add(head);
    for number in 0..packages.sorted.len() {
        packages.text(number, file, &mut add)?;
    }
    add(tail);
    Ok((hasher.finish(), bytes))
}

fn repomd(settings: &RepodataSettings, lines: &str, now: i64) -> String {
    let mut out = format!(
        "{DECLARATION}<repomd xmlns=\"http://linux.duke.edu/metadata/repo\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n<revision>"
    );
    match &settings.revision {
        Some(revision) => push_text(&mut out, revision),
        None => out.push_str(&now.to_string()),
    }
    out.push_str("</revision>\n");
    out.push_str(lines);
    out.push_str("</repomd>\n");
    out
}
