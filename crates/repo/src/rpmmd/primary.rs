use std::io::Read;

use pkg::PackageMeta;

use super::xml::{Tag, Token, Xml};
use super::{FileDigest, RpmMdError, RpmMdLimits, RpmMdSummary};
use crate::output::is_safe_path;

/// One package of `primary.xml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryEntry {
    /// What the package says of itself.
    pub meta: PackageMeta,
    /// Path of the file, relative to the repository's root.
    pub location: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Digest of the file; the package's id in the other files.
    pub digest: FileDigest,
    /// The files other packages often ask for by path (those of `/etc` and of the `bin` folders), not all.
    pub files: Vec<String>,
    /// First byte of the header and the one behind its last, if they are given.
    pub header_range: Option<(u64, u64)>,
}

#[derive(Debug, Default)]
struct Draft {
    meta: PackageMeta,
    digest_kind: String,
    digest: Option<FileDigest>,
    location: Option<String>,
    bytes: Option<u64>,
    files: Vec<String>,
    header_range: Option<(u64, u64)>,
    /// The list the next entries belong to.
    list: Option<List>,
}

#[derive(Debug, Clone, Copy)]
enum List {
    Provides,
    Requires,
    Conflicts,
    Obsoletes,
    Recommends,
    Supplements,
    Suggests,
    Enhances,
}

/// Reads an uncompressed `primary.xml` and gives each package to `on_entry`, in order.
///
/// Packages that can not be used are counted, not fatal. Features of rpm itself (`rpmlib(…)`) are left out of the
/// requirements, as they are when the package itself is read.
///
/// # Errors
/// [`RpmMdError`] if the reader fails, a limit is exceeded or this is not XML; what was given before stays given.
pub fn read_primary(
    reader: &mut dyn Read,
    limits: &RpmMdLimits,
    on_entry: &mut dyn FnMut(PrimaryEntry),
) -> Result<RpmMdSummary, RpmMdError> {
    let mut xml = Xml::new("primary.xml", reader, limits);
    let mut summary = RpmMdSummary::default();
    let mut draft: Option<Draft> = None;
    let mut text = String::new();
    loop {
        match xml.next()? {
            Token::Start(tag) => {
                text.clear();
                match (tag.depth, &mut draft) {
                    (1, _) => {
                        let name = tag.name().to_owned();
                        xml.expect_root(&name, "metadata")?;
                    }
                    (2, _) => {
                        draft = (tag.name() == "package").then(Draft::default);
                        xml.begin_package();
                    }
                    (_, Some(draft)) => draft.start(&tag),
                    _ => {}
                }
            }
            Token::Text(more) => text.push_str(&more),
            Token::End(2, _) => {
                let Some(draft) = draft.take() else { continue };
                super::lists::count_entry("primary.xml", &summary, limits)?;
                match draft.finish() {
                    Some(entry) => {
                        summary.entries += 1;
                        on_entry(entry);
                    }
                    None => summary.skipped += 1,
                }
            }
            Token::End(depth, tag) => {
                if let Some(draft) = &mut draft {
                    draft.end(depth, tag.name(), &mut text);
                }
            }
            Token::Nothing => {}
            Token::Eof => return Ok(summary),
        }
    }
}

impl Draft {
    fn start(&mut self, tag: &Tag<'_>) {
        match (tag.depth, tag.name()) {
            (3, "version") => self.meta.evr = evr(tag).unwrap_or_default(),
            (3, "checksum") => self.digest_kind = tag.attribute("type").unwrap_or_default(),
            (3, "size") => self.bytes = tag.attribute("package").and_then(|bytes| bytes.parse().ok()),
            // What has a base lies elsewhere.
            (3, "location") if tag.attribute("base").is_none() => self.location = tag.attribute("href"),
            (4, "header-range") => {
                let number = |name| tag.attribute(name).and_then(|text| text.parse().ok());
                self.header_range = number("start").zip(number("end")).filter(|(start, end)| start <= end);
            }
            (4, name) => self.list = list(name),
            (5, "entry") => self.add_relation(tag),
            _ => {}
        }
    }

    fn end(&mut self, depth: usize, name: &str, text: &mut String) {
        match (depth, name) {
            (3, "name") => self.meta.name = std::mem::take(text),
            (3, "arch") => self.meta.arch = std::mem::take(text),
            (3, "checksum") => self.digest = FileDigest::parse(&self.digest_kind, text.trim()),
            (4, "sourcerpm") => self.meta.source = source_name(text).map(str::to_owned),
            (4, "file") => self.files.push(std::mem::take(text)),
            (4, _) => self.list = None,
            _ => {}
        }
    }

    fn add_relation(&mut self, tag: &Tag<'_>) {
        let (Some(list), Some(name)) = (self.list, tag.attribute("name")) else { return };
        if name.is_empty() || name.starts_with("rpmlib(") && matches!(list, List::Requires) {
            return;
        }
        let relation = relation(name, tag);
        let meta = &mut self.meta;
        let list = match list {
            List::Provides => &mut meta.provides,
            List::Requires => &mut meta.requires,
            List::Conflicts => &mut meta.conflicts,
            List::Obsoletes => &mut meta.obsoletes,
            List::Recommends => &mut meta.recommends,
            List::Supplements => &mut meta.supplements,
            List::Suggests => &mut meta.suggests,
            List::Enhances => &mut meta.enhances,
        };
        list.push(relation);
    }

    fn finish(self) -> Option<PrimaryEntry> {
        let Self { mut meta, digest, location, bytes, files, header_range, .. } = self;
        let is_word = |text: &str| {
            let is_bad = |character: char| character.is_control() || character.is_whitespace() || character == '/';
            (1..=1024).contains(&text.len()) && !text.contains(is_bad)
        };
        if !is_word(&meta.name) || !is_word(&meta.arch) || !is_word(&meta.evr) {
            return None;
        }
        let own = format!("{} = {}", meta.name, meta.evr);
        let is_source = matches!(meta.arch.as_str(), "src" | "nosrc");
        if !is_source && !meta.provides.contains(&own) {
            meta.provides.push(own);
        }
        meta.source = meta.source.filter(|source| *source != meta.name);
        let location = location.map(|path| path.strip_prefix("./").map(str::to_owned).unwrap_or(path));
        let location = location.filter(|path| is_safe_path(path))?;
        Some(PrimaryEntry { meta, location, bytes: bytes?, digest: digest?, files, header_range })
    }
}

fn list(name: &str) -> Option<List> {
    Some(match name {
        "provides" => List::Provides,
        "requires" => List::Requires,
        "conflicts" => List::Conflicts,
        "obsoletes" => List::Obsoletes,
        "recommends" => List::Recommends,
        "supplements" => List::Supplements,
        "suggests" => List::Suggests,
        "enhances" => List::Enhances,
        _ => return None,
    })
}

/// `[epoch:]ver[-rel]` of a tag's attributes; an epoch of 0 is none.
pub(super) fn evr(tag: &Tag<'_>) -> Option<String> {
    let mut evr = tag.attribute("epoch").filter(|epoch| !matches!(epoch.as_str(), "" | "0")).unwrap_or_default();
    if !evr.is_empty() {
        evr.push(':');
    }
    evr.push_str(&tag.attribute("ver")?);
    if let Some(release) = tag.attribute("rel").filter(|release| !release.is_empty()) {
        evr.push('-');
        evr.push_str(&release);
    }
    Some(evr)
}

fn relation(name: String, tag: &Tag<'_>) -> String {
    if name.starts_with('(') {
        return name;
    }
    let operator = match tag.attribute("flags").as_deref() {
        Some("EQ") => "=",
        Some("LT") => "<",
        Some("LE") => "<=",
        Some("GT") => ">",
        Some("GE") => ">=",
        _ => return name,
    };
    match evr(tag) {
        Some(evr) => format!("{name} {operator} {evr}"),
        None => name,
    }
}

/// `NAME` of `NAME-VERSION-RELEASE.src.rpm`.
fn source_name(file: &str) -> Option<&str> {
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, _release) = stem.rsplit_once('-')?;
    let (name, _version) = rest.rsplit_once('-')?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "31e066137a962676e89f69d1b65382de95a7ef7d914b8cb956f41ea72e0f516b";

    fn package(name: &str, location: &str, format: &str) -> String {
        format!(
            "<package type=\"rpm\"><name>{name}</name><arch>x86_64</arch><version epoch=\"1\" ver=\"2\" rel=\"3\"/>\
             <checksum type=\"sha256\" pkgid=\"YES\">{SHA}</checksum><summary>a &amp; b</summary>\
             <size package=\"10\" installed=\"1\" archive=\"1\"/><location href=\"{location}\"/>\
             <format><rpm:license>MIT</rpm:license>{format}</format></package>"
        )
    }

    fn read(packages: &str, limits: &RpmMdLimits) -> Result<(Vec<PrimaryEntry>, RpmMdSummary), RpmMdError> {
        let text =
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata packages=\"1\">{packages}</metadata>");
        let mut entries = Vec::new();
        let summary = read_primary(&mut text.as_bytes(), limits, &mut |entry| entries.push(entry))?;
        Ok((entries, summary))
    }

    #[test]
    fn relations_are_those_of_the_header() {
        let format = "<rpm:sourcerpm>src-a-1-1.src.rpm</rpm:sourcerpm><rpm:header-range start=\"4\" end=\"9\"/>\
            <rpm:provides><rpm:entry name=\"a\" flags=\"EQ\" epoch=\"1\" ver=\"2\" rel=\"3\"/></rpm:provides>\
            <rpm:requires><rpm:entry name=\"x\" flags=\"GE\" epoch=\"0\" ver=\"1\"/><rpm:entry name=\"/bin/sh\" pre=\"1\"/>\
            <rpm:entry name=\"(a or b)\"/><rpm:entry name=\"rpmlib(X)\"/></rpm:requires>\
            <rpm:enhances><rpm:entry name=\"y&lt;\"/></rpm:enhances><file>/usr/bin/a</file><file type=\"dir\">/etc/a</file>";
        let (entries, _) = read(&package("a", "a.rpm", format), &RpmMdLimits::default()).unwrap();
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        let meta = &entry.meta;
        assert_eq!((meta.evr.as_str(), meta.source.as_deref()), ("1:2-3", Some("src-a")));
        assert_eq!(meta.provides, ["a = 1:2-3"]);
        assert_eq!(meta.requires, ["x >= 1", "/bin/sh", "(a or b)"]);
        assert_eq!(meta.enhances, ["y<"]);
        assert_eq!(entry.files, ["/usr/bin/a", "/etc/a"]);
        assert_eq!((entry.bytes, entry.header_range), (10, Some((4, 9))));
    }

    #[test]
    fn unusable_packages_are_counted_and_skipped() {
        let packages = package("a", "../a.rpm", "")
            + &package("", "a.rpm", "")
            + &package("b", "Packages/b.rpm", "")
            + &package("c", "c.rpm\" xml:base=\"media://1", "")
            + "<package/>";
        let (entries, summary) = read(&packages, &RpmMdLimits::default()).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.location.as_str()).collect::<Vec<_>>(), ["Packages/b.rpm"]);
        assert_eq!(summary, RpmMdSummary { entries: 1, skipped: 4 });
    }

    #[test]
    fn limits_are_kept() {
        let packages = package("a", "a.rpm", "").repeat(10);
        let limits = RpmMdLimits::default();
        let too_large = |limits| matches!(read(&packages, &limits), Err(RpmMdError::TooLarge { .. }));
        assert!(too_large(RpmMdLimits { entries: 9, ..limits }));
        assert!(too_large(RpmMdLimits { bytes: 1000, ..limits }));
        assert!(too_large(RpmMdLimits { package_bytes: 300, ..limits }));
        assert!(!too_large(RpmMdLimits { package_bytes: 3000, ..limits }));
    }

    #[test]
    fn metadata_that_is_cut_off_is_an_error() {
        let text = "<metadata>".to_owned() + &package("a", "a.rpm", "");
        let result = read_primary(&mut text.as_bytes(), &RpmMdLimits::default(), &mut |_| {});
        assert!(matches!(result, Err(RpmMdError::Refused { .. })));
    }
}
