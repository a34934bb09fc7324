use std::cmp::Ordering;
use std::io::Read;

use pkg::deb822::{Field, Paragraph};
use pkg::{Sha256, version};

use super::index::{IndexError, IndexLimits, IndexSummary, for_each_paragraph};
use super::is_safe_path;

/// One source package of a `Sources` index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEntry {
    /// Name of the source package.
    pub name: String,
    /// Full version.
    pub version: String,
    /// Folder of the files, relative to the archive's root.
    pub directory: String,
    /// Its files; the `.dsc` among them.
    pub files: Vec<SourceIndexFile>,
}

/// A file of a source package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceIndexFile {
    /// File name; one path component.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest.
    pub sha256: Sha256,
}

impl SourceEntry {
    /// The `.dsc` file.
    #[must_use]
    pub fn dsc(&self) -> Option<&SourceIndexFile> {
        self.files.iter().find(|file| file.name.ends_with(".dsc"))
    }

    /// Path of one of its files, relative to the archive's root.
    #[must_use]
    pub fn path(&self, file: &SourceIndexFile) -> String {
        if self.directory.is_empty() { file.name.clone() } else { format!("{}/{}", self.directory, file.name) }
    }
}

/// Reads an uncompressed `Sources` index and gives each source package to `on_entry`, in order.
///
/// # Errors
/// As [`read_packages`](super::read_packages).
pub fn read_sources(
    reader: &mut dyn Read,
    limits: &IndexLimits,
    on_entry: &mut dyn FnMut(SourceEntry),
) -> Result<IndexSummary, IndexError> {
    read_matching(reader, limits, None, on_entry)
}

/// The newest version of a source package in an uncompressed `Sources` index; `None` if it is not there.
///
/// # Errors
/// As [`read_packages`](super::read_packages).
pub fn newest_source(
    reader: &mut dyn Read,
    limits: &IndexLimits,
    name: &str,
) -> Result<Option<SourceEntry>, IndexError> {
    let mut newest: Option<SourceEntry> = None;
    read_matching(reader, limits, Some(name), &mut |entry| {
        let is_newer =
            newest.as_ref().is_none_or(|known| version::compare_dpkg(&known.version, &entry.version) == Ordering::Less);
        if is_newer {
            newest = Some(entry);
        }
    })?;
    Ok(newest)
}

fn read_matching(
    reader: &mut dyn Read,
    limits: &IndexLimits,
    wanted: Option<&str>,
    on_entry: &mut dyn FnMut(SourceEntry),
) -> Result<IndexSummary, IndexError> {
    let mut summary = IndexSummary::default();
    for_each_paragraph("Sources", reader, limits, &mut |paragraph| {
        let name = paragraph.get("Package");
        if wanted.is_some() && name != wanted {
            return;
        }
        match name.and_then(|name| entry(name, paragraph)) {
            Some(entry) => {
                summary.entries += 1;
                on_entry(entry);
            }
            None => summary.skipped += 1,
        }
    })?;
    Ok(summary)
}

fn entry(name: &str, paragraph: &Paragraph<'_>) -> Option<SourceEntry> {
    let version = paragraph.get("Version").filter(|version| !version.is_empty())?;
    let directory = paragraph.get("Directory")?;
    let directory = if directory == "." { "" } else { directory };
    if !directory.is_empty() && !is_safe_path(directory) {
        return None;
    }
    let table = paragraph.field("Checksums-Sha256")?;
    let files: Option<Vec<SourceIndexFile>> = Field::lines(&table).map(file).collect();
    let files = files.filter(|files| files.len() <= 1000)?;
    Some(SourceEntry { name: name.to_owned(), version: version.to_owned(), directory: directory.to_owned(), files })
}

fn file(line: &str) -> Option<SourceIndexFile> {
    let mut words = line.split_whitespace();
    let sha256 = Sha256::parse(words.next()?).ok()?;
    let bytes = words.next()?.parse().ok()?;
    let name = words.next().filter(|name| is_safe_path(name) && !name.contains('/'))?;
    words.next().is_none().then(|| SourceIndexFile { name: name.to_owned(), bytes, sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stanza(name: &str, version: &str, directory: &str) -> String {
        let sha256 = Sha256::of(version.as_bytes());
        format!(
            "Package: {name}\nVersion: {version}\nDirectory: {directory}\nChecksums-Sha256:\n \
             {sha256} 10 {name}_{version}.dsc\n {sha256} 20 {name}_{version}.tar.xz\n\n"
        )
    }

    fn newest(text: &str, name: &str) -> Option<SourceEntry> {
        newest_source(&mut text.as_bytes(), &IndexLimits::default(), name).unwrap()
    }

    #[test]
    fn the_newest_version_is_found() {
        let text = stanza("a", "9", "pool/a")
            + &stanza("hello", "2.9-1", "pool/h")
            + &stanza("hello", "2.10-1", "pool/h")
            + &stanza("hello", "2.10~rc1", "pool/h");
        let entry = newest(&text, "hello").unwrap();
        assert_eq!(entry.version, "2.10-1");
        assert_eq!(entry.path(entry.dsc().unwrap()), "pool/h/hello_2.10-1.dsc");
        assert_eq!(newest(&text, "hell"), None);
    }

    #[test]
    fn entries_that_lead_elsewhere_are_skipped() {
        assert_eq!(newest(&stanza("a", "1", "../x"), "a"), None);
        assert_eq!(newest(&stanza("a", "1/../..", "pool"), "a"), None);
        assert_eq!(newest(&stanza("a", "1", "."), "a").map(|entry| entry.directory), Some(String::new()));
    }
}
