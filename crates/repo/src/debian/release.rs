use std::collections::BTreeMap;

use pkg::Sha256;
use pkg::deb822::{self, Paragraph};
use pkgfile::compression::Compression;

use super::{is_safe_path, parse_date};

/// Most files a `Release` may list.
const LIMIT_FILES: usize = 100_000;

/// What the `Release` file of a suite says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// Suite (`stable`), may be empty.
    pub suite: String,
    /// Codename (`bookworm`), may be empty.
    pub codename: String,
    /// Origin, may be empty.
    pub origin: String,
    /// Label, may be empty.
    pub label: String,
    /// When it was made, in seconds since 1970.
    pub dated_at: Option<i64>,
    /// When it stops being valid, in seconds since 1970.
    pub valid_until: Option<i64>,
    /// Whether index files can be fetched by their digest; see [`ReleaseFile::by_hash_path`].
    pub has_by_hash: bool,
    /// Components, in order.
    pub components: Vec<String>,
    /// Architectures in Debian's spelling, in order.
    pub architectures: Vec<String>,
    /// Index files by path, relative to the `Release` file; paths that lead elsewhere are left out.
    pub files: BTreeMap<String, ReleaseFile>,
}

/// Size and digest of an index file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseFile {
    /// Size in bytes.
    pub bytes: u64,
    /// Digest.
    pub sha256: Sha256,
}

/// One way to get an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    /// Path relative to the `Release` file.
    pub path: String,
    /// How it is compressed.
    pub compression: Compression,
    /// Size and digest.
    pub file: ReleaseFile,
}

/// Why a `Release` file can not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// There is no field at all.
    #[error("Release: no fields")]
    Empty,
    /// No SHA-256 table, or more files than allowed.
    #[error("Release: the list of files in SHA256 is missing or too long")]
    Files,
    /// A date is not readable; ignoring it would disable the check.
    #[error("Release: {field} {text:?} is not a date")]
    Date {
        /// Name of the field.
        field: &'static str,
        /// What stands there, shortened.
        text: String,
    },
    /// Past its Valid-Until.
    #[error("Release: not valid any more since {valid_until}")]
    Expired {
        /// When it expired, as text.
        valid_until: String,
    },
    /// Dated in the future.
    #[error("Release: dated {dated_at}, which is in the future; is the clock right?")]
    FromTheFuture {
        /// Its date, as text.
        dated_at: String,
    },
}

impl Release {
    /// Reads a `Release` file, or what was signed of an `InRelease`.
    ///
    /// # Errors
    /// [`ReleaseError`] without fields, without SHA-256 digests, or with dates that can not be read.
    pub fn parse(text: &str) -> Result<Self, ReleaseError> {
        let paragraph = deb822::paragraphs(text).next().ok_or(ReleaseError::Empty)?;
        let word = |name| paragraph.get(name).unwrap_or_default().to_owned();
        let words = |name| {
            let value = paragraph.get(name).unwrap_or_default();
            value.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        Ok(Self {
            suite: word("Suite"),
            codename: word("Codename"),
            origin: word("Origin"),
            label: word("Label"),
            dated_at: date(&paragraph, "Date")?,
            valid_until: date(&paragraph, "Valid-Until")?,
            has_by_hash: paragraph.get("Acquire-By-Hash").is_some_and(|value| value.eq_ignore_ascii_case("yes")),
            components: words("Components"),
            architectures: words("Architectures"),
            files: files(&paragraph)?,
        })
    }

    /// Compares the dates with the clock.
    ///
    /// `now` is in seconds since 1970. A day of wrong clocks is forgiven at the beginning.
    ///
    /// # Errors
    /// [`ReleaseError::Expired`], [`ReleaseError::FromTheFuture`].
    pub fn check_time(&self, now: i64) -> Result<(), ReleaseError> {
        if let Some(until) = self.valid_until.filter(|until| *until < now) {
            return Err(ReleaseError::Expired { valid_until: super::format_date(until) });
        }
        if let Some(dated_at) = self.dated_at.filter(|dated_at| *dated_at > now.saturating_add(86_400)) {
            return Err(ReleaseError::FromTheFuture { dated_at: super::format_date(dated_at) });
        }
        Ok(())
    }

    /// The ways to get an index (`main/binary-amd64/Packages`), the smallest download first.
    #[must_use]
    pub fn index(&self, path: &str) -> Vec<IndexFile> {
        let known = [Compression::Xz, Compression::Zstd, Compression::Gzip, Compression::Bzip2, Compression::None];
        let found = known.into_iter().filter_map(|compression| {
            let path = format!("{path}{}", compression.suffix());
            let file = *self.files.get(&path)?;
            Some(IndexFile { path, compression, file })
        });
        found.collect()
    }

    /// The ways to get the packages of a component and an architecture (Debian's name).
    #[must_use]
    pub fn packages_index(&self, component: &str, architecture: &str) -> Vec<IndexFile> {
        self.index(&format!("{component}/binary-{architecture}/Packages"))
    }

    /// The ways to get the sources of a component.
    #[must_use]
    pub fn sources_index(&self, component: &str) -> Vec<IndexFile> {
        self.index(&format!("{component}/source/Sources"))
    }
}

impl IndexFile {
    /// The path that keeps naming this very content when the archive moves on; only if [`Release::has_by_hash`].
    #[must_use]
    pub fn by_hash_path(&self) -> String {
        by_hash_path(&self.path, &self.file.sha256)
    }
}

/// `FOLDER/by-hash/SHA256/DIGEST` for a file in `FOLDER`.
pub(super) fn by_hash_path(path: &str, sha256: &Sha256) -> String {
    match path.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/by-hash/SHA256/{sha256}"),
        None => format!("by-hash/SHA256/{sha256}"),
    }
}

fn date(paragraph: &Paragraph<'_>, field: &'static str) -> Result<Option<i64>, ReleaseError> {
    let Some(text) = paragraph.get(field) else { return Ok(None) };
    let error = || ReleaseError::Date { field, text: text.chars().take(60).collect() };
    parse_date(text).map(Some).ok_or_else(error)
}

fn files(paragraph: &Paragraph<'_>) -> Result<BTreeMap<String, ReleaseFile>, ReleaseError> {
    let table = paragraph.field("SHA256").ok_or(ReleaseError::Files)?;
    let mut files = BTreeMap::new();
    for line in table.lines() {
        let mut words = line.split_whitespace();
        let (Some(digest), Some(size), Some(path)) = (words.next(), words.next(), words.next()) else { continue };
        let (Ok(sha256), Ok(bytes)) = (Sha256::parse(digest), size.parse()) else { continue };
        if is_safe_path(path) {
            files.insert(path.to_owned(), ReleaseFile { bytes, sha256 });
        }
        if files.len() > LIMIT_FILES {
            return Err(ReleaseError::Files);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "31e066137a962676e89f69d1b65382de95a7ef7d914b8cb956f41ea72e0f516b";

    fn release(extra: &str) -> Result<Release, ReleaseError> {
        Release::parse(&format!(
            "Origin: X\nSuite: stable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\n\
             Architectures: all amd64\nComponents: main contrib\n{extra}SHA256:\n {SHA} 12 main/binary-amd64/Packages\n \
             {SHA}   5 main/binary-amd64/Packages.xz\n {SHA} 5 ../evil\n {SHA} x y\n"
        ))
    }

    #[test]
    fn the_fields_and_the_table_are_read() {
        let release = release("").unwrap();
        assert_eq!(release.components, ["main", "contrib"]);
        assert_eq!((release.codename.as_str(), release.has_by_hash), ("bookworm", true));
        assert_eq!(release.files.len(), 2);
        let ways = release.packages_index("main", "amd64");
        assert_eq!(ways.iter().map(|way| way.file.bytes).collect::<Vec<_>>(), [5, 12]);
        assert_eq!(ways[0].by_hash_path(), format!("main/binary-amd64/by-hash/SHA256/{SHA}"));
        assert!(release.sources_index("main").is_empty());
    }

    #[test]
    fn dates_are_checked_against_the_clock() {
        let dated_at = 1_783_764_997;
        let release = release("Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC\n").unwrap();
        assert_eq!(release.check_time(dated_at), Ok(()));
        assert!(matches!(release.check_time(dated_at + 8 * 86_400), Err(ReleaseError::Expired { .. })));
        assert!(matches!(release.check_time(dated_at - 2 * 86_400), Err(ReleaseError::FromTheFuture { .. })));
    }

    #[test]
    fn an_unreadable_date_is_an_error_and_not_no_date() {
        assert!(matches!(release("Valid-Until: soon\n"), Err(ReleaseError::Date { field: "Valid-Until", .. })));
        assert_eq!(Release::parse(""), Err(ReleaseError::Empty));
        assert_eq!(Release::parse("Suite: a\n"), Err(ReleaseError::Files));
    }
}
