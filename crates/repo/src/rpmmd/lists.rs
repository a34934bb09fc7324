use std::io::Read;

use super::primary::evr;
use super::xml::{Tag, Token, Xml};
use super::{RpmMdError, RpmMdLimits, RpmMdSummary};

/// Which package an entry of `filelists.xml` or `other.xml` belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageId {
    /// Digest of the file in hexadecimal, as in `primary.xml`.
    pub pkgid: String,
    /// Name.
    pub name: String,
    /// `[epoch:]version-release`
    pub evr: String,
    /// Architecture.
    pub arch: String,
}

impl PackageId {
    /// Whether it can be told from others.
    pub(super) const fn is_usable(&self) -> bool {
        !self.pkgid.is_empty() && !self.name.is_empty()
    }
}

/// One package of `filelists.xml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilelistsEntry {
    /// The package.
    pub id: PackageId,
    /// Its files, in order.
    pub files: Vec<ListedFile>,
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListedFile {
    /// A folder.
    Directory(String),
    /// A file that the package only owns.
    Ghost(String),
    /// Everything else.
    File(String),
}

/// One package of `other.xml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OtherEntry {
    /// The package.
    pub id: PackageId,
    /// The end of its changelog, in order: mostly oldest first.
    pub changes: Vec<Change>,
}

/// One entry of a changelog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Name, address and mostly version.
    pub author: String,
    /// Seconds since 1970.
    pub time: i64,
    /// What changed.
    pub text: String,
}

/// Reads an uncompressed `filelists.xml` and gives each package to `on_entry`, in order.
///
/// # Errors
/// As [`super::read_primary`].
pub fn read_filelists(
    reader: &mut dyn Read,
    limits: &RpmMdLimits,
    on_entry: &mut dyn FnMut(FilelistsEntry),
) -> Result<RpmMdSummary, RpmMdError> {
    let mut kind = String::new();
    let mut files = Vec::new();
    read(Format { file: "filelists.xml", root: "filelists" }, reader, limits, &mut |step| match step {
        Step::Item(tag) => kind = tag.attribute("type").unwrap_or_default(),
        Step::EndItem("file", path) => files.push(match kind.as_str() {
            "dir" => ListedFile::Directory(path),
            "ghost" => ListedFile::Ghost(path),
            _ => ListedFile::File(path),
        }),
        Step::EndItem(..) => {}
        Step::End(id) => on_entry(FilelistsEntry { id, files: std::mem::take(&mut files) }),
        Step::Skip => files.clear(),
    })
}

/// Reads an uncompressed `other.xml` and gives each package to `on_entry`, in order.
///
/// # Errors
/// As [`super::read_primary`].
pub fn read_other(
    reader: &mut dyn Read,
    limits: &RpmMdLimits,
    on_entry: &mut dyn FnMut(OtherEntry),
) -> Result<RpmMdSummary, RpmMdError> {
    let mut change = Change::default();
    let mut changes = Vec::new();
    read(Format { file: "other.xml", root: "otherdata" }, reader, limits, &mut |step| match step {
        Step::Item(tag) => {
            change.author = tag.attribute("author").unwrap_or_default();
            change.time = tag.attribute("date").and_then(|date| date.parse().ok()).unwrap_or_default();
        }
        Step::EndItem("changelog", text) => changes.push(Change { text, ..std::mem::take(&mut change) }),
        Step::EndItem(..) => {}
        Step::End(id) => on_entry(OtherEntry { id, changes: std::mem::take(&mut changes) }),
        Step::Skip => changes.clear(),
    })
}

/// What both files have in common.
#[derive(Clone, Copy)]
struct Format {
    file: &'static str,
    root: &'static str,
}

/// What is found in a package.
enum Step<'a> {
    Item(&'a Tag<'a>),
    /// Name and text of the item.
    EndItem(&'a str, String),
    End(PackageId),
    /// The package has no id.
    Skip,
}

fn read(
    format: Format,
    reader: &mut dyn Read,
    limits: &RpmMdLimits,
    on_step: &mut dyn FnMut(Step<'_>),
) -> Result<RpmMdSummary, RpmMdError> {
    let mut xml = Xml::new(format.file, reader, limits);
    let mut summary = RpmMdSummary::default();
    let mut id = None;
    let mut text = String::new();
    loop {
        match xml.next()? {
            Token::Start(tag) => {
                text.clear();
                match (tag.depth, &mut id) {
                    (1, _) => {
                        let name = tag.name().to_owned();
                        xml.expect_root(&name, format.root)?;
                    }
                    (2, _) => {
                        id = (tag.name() == "package").then(|| package_id(&tag));
                        xml.begin_package();
                    }
                    (3, Some(id)) if tag.name() == "version" => id.evr = evr(&tag).unwrap_or_default(),
                    (3, Some(_)) => on_step(Step::Item(&tag)),
                    _ => {}
                }
            }
            Token::Text(more) => text.push_str(&more),
            Token::End(3, tag) if id.is_some() => on_step(Step::EndItem(tag.name(), std::mem::take(&mut text))),
            Token::End(2, _) => {
                let Some(id) = id.take() else { continue };
                count_entry(format.file, &summary, limits)?;
                if id.is_usable() {
                    summary.entries += 1;
                    on_step(Step::End(id));
                } else {
                    summary.skipped += 1;
                    on_step(Step::Skip);
                }
            }
            Token::End(..) | Token::Nothing => {}
            Token::Eof => return Ok(summary),
        }
    }
}

pub(super) fn package_id(tag: &Tag<'_>) -> PackageId {
    let text = |name| tag.attribute(name).unwrap_or_default();
    PackageId { pkgid: text("pkgid"), name: text("name"), arch: text("arch"), evr: String::new() }
}

/// That one package more is allowed.
pub(super) fn count_entry(file: &'static str, summary: &RpmMdSummary, limits: &RpmMdLimits) -> Result<(), RpmMdError> {
    if summary.entries + summary.skipped >= limits.entries {
        return Err(RpmMdError::TooLarge { file, what: "number of packages", limit: limits.entries });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_their_kinds() {
        let text = "<filelists packages=\"2\"><package pkgid=\"ab\" name=\"a\" arch=\"noarch\"><version ver=\"1\" rel=\"2\"/>\
            <file type=\"dir\">/a</file><file>/a/b&amp;c</file><file type=\"ghost\">/d</file></package>\
            <package><file>/x</file></package></filelists>";
        let mut entries = Vec::new();
        let limits = RpmMdLimits::default();
        let summary = read_filelists(&mut text.as_bytes(), &limits, &mut |entry| entries.push(entry)).unwrap();
        assert_eq!(summary, RpmMdSummary { entries: 1, skipped: 1 });
        let files = ["/a", "/a/b&c", "/d"].map(str::to_owned);
        let [directory, file, ghost] = files;
        assert_eq!(
            entries[0].files,
            [ListedFile::Directory(directory), ListedFile::File(file), ListedFile::Ghost(ghost)]
        );
        assert_eq!(entries[0].id.evr, "1-2");
    }

    #[test]
    fn changes_keep_their_order() {
        let text = "<otherdata packages=\"1\"><package pkgid=\"ab\" name=\"a\" arch=\"noarch\"><version ver=\"1\"/>\
            <changelog author=\"A\" date=\"5\">- x</changelog><changelog author=\"B\" date=\"6\">- y</changelog>\
            </package></otherdata>";
        let mut entries = Vec::new();
        read_other(&mut text.as_bytes(), &RpmMdLimits::default(), &mut |entry| entries.push(entry)).unwrap();
        let change = |author: &str, time, text: &str| Change { author: author.into(), time, text: text.into() };
        assert_eq!(entries[0].changes, [change("A", 5, "- x"), change("B", 6, "- y")]);
        let primary = "<metadata/>";
        let result = read_other(&mut primary.as_bytes(), &RpmMdLimits::default(), &mut |_| {});
        assert!(matches!(result, Err(RpmMdError::Refused { .. })));
    }
}
