use std::io::{self, Read};

use pkg::deb822::{self, Paragraph};
use pkg::{PackageMeta, Sha256};

use super::is_safe_path;

/// One package of a `Packages` index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// What the package says of itself.
    pub meta: PackageMeta,
    /// Path of the file, relative to the archive's root (not to the `Release` file).
    pub path: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Digest of the file.
    pub sha256: Sha256,
}

/// What is accepted of an index.
#[derive(Debug, Clone, Copy)]
pub struct IndexLimits {
    /// Uncompressed bytes.
    pub bytes: u64,
    /// Bytes of one paragraph.
    pub paragraph_bytes: usize,
    /// Paragraphs.
    pub entries: u64,
}

impl Default for IndexLimits {
    fn default() -> Self {
        Self { bytes: 2 << 30, paragraph_bytes: 8 << 20, entries: 2_000_000 }
    }
}

/// What was found in an index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IndexSummary {
    /// Packages given to the caller.
    pub entries: u64,
    /// Paragraphs left out, for they lack a field, have no SHA-256, or a path that leads elsewhere.
    pub skipped: u64,
}

/// Why an index could not be read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The caller's reader failed.
    #[error("{index}: can not be read")]
    Read {
        /// `Packages` or `Sources`.
        index: &'static str,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// Larger than the limits allow.
    #[error("{index}: {what} exceeds the limit of {limit}")]
    TooLarge {
        /// `Packages` or `Sources`.
        index: &'static str,
        /// What is too large.
        what: &'static str,
        /// What is allowed.
        limit: u64,
    },
}

/// Reads an uncompressed `Packages` index and gives each package to `on_entry`, in order.
///
/// Paragraphs that can not be used are counted, not fatal. Rule: Build.pm's reader of `Packages`.
///
/// # Errors
/// [`IndexError`] if the reader fails or a limit is exceeded; what was given before stays given.
pub fn read_packages(
    reader: &mut dyn Read,
    limits: &IndexLimits,
    on_entry: &mut dyn FnMut(IndexEntry),
) -> Result<IndexSummary, IndexError> {
    let mut summary = IndexSummary::default();
    for_each_paragraph("Packages", reader, limits, &mut |paragraph| match entry(paragraph) {
        Some(entry) => {
            summary.entries += 1;
            on_entry(entry);
        }
        None => summary.skipped += 1,
    })?;
    Ok(summary)
}

fn entry(paragraph: &Paragraph<'_>) -> Option<IndexEntry> {
    let (mut path, mut bytes, mut sha256) = (None, None, None);
    for field in paragraph.fields() {
        if field.is("Filename") {
            path = Some(field.value);
        } else if field.is("Size") {
            bytes = field.value.parse().ok();
        } else if field.is("SHA256") {
            sha256 = Sha256::parse(field.value).ok();
        }
    }
    // Flat repositories write `./name.deb`.
    let path = path.map(|path| path.strip_prefix("./").unwrap_or(path)).filter(|path| is_safe_path(path))?;
    let meta = deb822::package_meta(paragraph)?;
    Some(IndexEntry { meta, path: path.to_owned(), bytes: bytes?, sha256: sha256? })
}

/// How much is read at once; paragraphs that span pieces are completed first.
const PIECE_BYTES: usize = 1 << 20;

/// Cuts an index at blank lines, without holding more of it than a piece and a paragraph.
pub(super) fn for_each_paragraph(
    index: &'static str,
    reader: &mut dyn Read,
    limits: &IndexLimits,
    on_paragraph: &mut dyn FnMut(&Paragraph<'_>),
) -> Result<(), IndexError> {
    let mut reader = pkgfile::compression::Bounded::new(reader, limits.bytes);
    let mut buffer: Vec<u8> = Vec::with_capacity(2 * PIECE_BYTES);
    let mut count = 0;
    loop {
        let piece = u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX);
        let got =
            reader.by_ref().take(piece).read_to_end(&mut buffer).map_err(|error| read_error(index, limits, error))?;
        let is_last = got == 0;
        let end = if is_last { buffer.len() } else { last_blank_line(&buffer) };
        let whole = buffer.get(..end).unwrap_or_default();
        // Old archives have some Latin-1 names of persons; they do not matter here.
        for paragraph in deb822::paragraphs(&String::from_utf8_lossy(whole)) {
            count += 1;
            if count > limits.entries {
                return Err(IndexError::TooLarge { index, what: "number of paragraphs", limit: limits.entries });
            }
            on_paragraph(&paragraph);
        }
        if is_last {
            return Ok(());
        }
        buffer.drain(..end);
        if buffer.len() > limits.paragraph_bytes {
            let limit = u64::try_from(limits.paragraph_bytes).unwrap_or(u64::MAX);
            return Err(IndexError::TooLarge { index, what: "a paragraph", limit });
        }
    }
}

fn read_error(index: &'static str, limits: &IndexLimits, source: io::Error) -> IndexError {
    if source.get_ref().is_some_and(|inner| inner.is::<pkgfile::compression::TooLong>()) {
        return IndexError::TooLarge { index, what: "size", limit: limits.bytes };
    }
    IndexError::Read { index, source }
}

/// Where the text behind the last blank line starts; 0 if there is none.
fn last_blank_line(bytes: &[u8]) -> usize {
    bytes.windows(2).rposition(|pair| pair == b"\n\n").map_or(0, |place| place + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stanza(name: &str, path: &str) -> String {
        let sha256 = Sha256::of(name.as_bytes());
        format!("Package: {name}\nVersion: 1\nArchitecture: all\nFilename: {path}\nSize: 10\nSHA256: {sha256}\n\n")
    }

    fn read(text: &str, limits: &IndexLimits) -> Result<(Vec<String>, IndexSummary), IndexError> {
        let mut names = Vec::new();
        let summary = read_packages(&mut text.as_bytes(), limits, &mut |entry| names.push(entry.meta.name))?;
        Ok((names, summary))
    }

    #[test]
    fn unusable_paragraphs_are_counted_and_skipped() {
        let text =
            stanza("a", "pool/a.deb") + &stanza("evil", "../../etc/x") + "Package: z\n\n" + &stanza("b", "./b.deb");
        let (names, summary) = read(&text, &IndexLimits::default()).unwrap();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(summary, IndexSummary { entries: 2, skipped: 2 });
    }

    #[test]
    fn pieces_do_not_cut_paragraphs() {
        let text: String = (0..30_000).map(|number| stanza(&format!("p{number}"), "pool/a.deb")).collect();
        assert!(text.len() > 3 * PIECE_BYTES);
        let (names, _) = read(text.trim_end(), &IndexLimits::default()).unwrap();
        assert_eq!(names.len(), 30_000);
        assert!(names.iter().enumerate().all(|(number, name)| *name == format!("p{number}")));
    }

    #[test]
    fn limits_are_kept() {
        let text = stanza("a", "a.deb").repeat(10);
        let limits = IndexLimits::default();
        let too_large = |limits| matches!(read(&text, &limits), Err(IndexError::TooLarge { .. }));
        assert!(too_large(IndexLimits { bytes: 100, ..limits }));
        assert!(too_large(IndexLimits { entries: 9, ..limits }));
        let endless = format!("A: {}", "x".repeat(3 << 20));
        assert!(read(&endless, &IndexLimits { paragraph_bytes: 1000, ..limits }).is_err());
    }

    #[test]
    fn bytes_that_are_no_utf8_do_no_harm() {
        let mut text = b"Maintainer: J\xf6rg\n".to_vec();
        text.extend_from_slice(stanza("a", "a.deb").as_bytes());
        let mut count = 0;
        read_packages(&mut text.as_slice(), &IndexLimits::default(), &mut |_| count += 1).unwrap();
        assert_eq!(count, 1);
    }
}
