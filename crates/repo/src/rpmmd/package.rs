use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

use pkg::Sha256;
use pkg::dep::Operator;
use pkg::version::Evr;
use pkgfile::rpm::{ListedFile, Relation, RelationKind, RpmError, RpmPackage, Tag};

use super::outline::PackageOutline;
use super::text::{push_attribute, push_element, push_text};
use crate::output::is_safe_path;

/// One package's elements of `primary.xml`, `filelists.xml` and `other.xml`, made once and kept by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageXml {
    outline: PackageOutline,
    /// In the order of the files.
    texts: [String; 3],
}

/// The file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFile {
    /// Path relative to the repository's root.
    pub location: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest.
    pub sha256: Sha256,
    /// Time of its last change in seconds since 1970.
    pub modified_at: i64,
}

/// Why a package can not stand in a repository.
#[derive(Debug, thiserror::Error)]
pub enum PackageXmlError {
    /// The path leads elsewhere.
    #[error("location {location:?} is not below the repository")]
    Location {
        /// The path, shortened.
        location: String,
    },
    /// The list of files can not be used.
    #[error("{location}: the files of the package can not be read")]
    Files {
        /// The path.
        location: String,
        /// What is wrong.
        #[source]
        source: RpmError,
    },
}

/// How many entries of a changelog `other.xml` gets; createrepo_c's number.
const CHANGES_MOST: usize = 10;

impl PackageXml {
    /// The elements of a package. The same package and file give the same bytes.
    ///
    /// # Errors
    /// [`PackageXmlError`] if the location is not safe, or the package's list of files can not be read.
    pub fn new(package: &RpmPackage, file: &PackageFile) -> Result<Self, PackageXmlError> {
        let location = &file.location;
        let is_bad = |character: char| character.is_control() || character.is_whitespace();
        if !is_safe_path(location) || location.contains(is_bad) {
            return Err(PackageXmlError::Location { location: location.chars().take(80).collect() });
        }
        let mut lists = FileLists::default();
        package
            .list_files(&mut |file| lists.push(file))
            .map_err(|source| PackageXmlError::Files { location: location.clone(), source })?;
        Ok(Self::from_elements(
            location.clone(),
            primary(package, file, &lists.primary),
            filelists(package, file, &lists.all),
            other(package, file),
        ))
    }

    /// What [`PackageXml::location`], [`PackageXml::primary`], [`PackageXml::filelists`] and [`PackageXml::other`] gave
    /// earlier; for callers that make their own. Nothing is checked.
    #[must_use]
    pub fn from_elements(location: String, primary: String, filelists: String, other: String) -> Self {
        Self {
            outline: PackageOutline::of(location, [&primary, &filelists, &other]),
            texts: [primary, filelists, other],
        }
    }

    /// The texts must be those of the outline.
    pub(super) const fn with_outline(outline: PackageOutline, texts: [String; 3]) -> Self {
        Self { outline, texts }
    }

    /// Path of the file, relative to the repository's root; what files are sorted by.
    #[must_use]
    pub fn location(&self) -> &str {
        self.outline.location()
    }

    /// Digests and lengths of the elements.
    #[must_use]
    pub const fn outline(&self) -> &PackageOutline {
        &self.outline
    }

    /// The element of `primary.xml`.
    #[must_use]
    pub fn primary(&self) -> &str {
        let [primary, ..] = &self.texts;
        primary
    }

    /// The element of `filelists.xml`.
    #[must_use]
    pub fn filelists(&self) -> &str {
        let [_, filelists, _] = &self.texts;
        filelists
    }

    /// The element of `other.xml`.
    #[must_use]
    pub fn other(&self) -> &str {
        let [.., other] = &self.texts;
        other
    }

    /// The three elements, in the order of the files.
    pub(super) const fn texts(&self) -> &[String; 3] {
        &self.texts
    }
}

/// The lines of files: all, and those `primary.xml` has too.
#[derive(Default)]
struct FileLists {
    all: String,
    primary: String,
}

impl FileLists {
    fn push(&mut self, file: ListedFile<'_>) {
        let path = match std::str::from_utf8(file.path) {
            Ok(path) => Cow::Borrowed(path),
            Err(_) => String::from_utf8_lossy(file.path),
        };
        let start = self.all.len();
        self.all.push_str(match (file.is_directory(), file.is_ghost()) {
            (true, _) => "<file type=\"dir\">",
            (false, true) => "<file type=\"ghost\">",
            (false, false) => "<file>",
        });
        push_text(&mut self.all, &path);
        self.all.push_str("</file>\n");
        if is_primary(&path) {
            self.primary.push_str(self.all.get(start..).unwrap_or_default());
        }
    }
}

fn primary(package: &RpmPackage, file: &PackageFile, files: &str) -> String {
    let header = package.header();
    let mut out = String::with_capacity(4096);
    out.push_str("<package type=\"rpm\">\n");
    push_element(&mut out, "name", &package.meta().name);
    push_element(&mut out, "arch", &package.meta().arch);
    push_version(&mut out, package);
    // Writing to a String can not fail.
    let _ = writeln!(out, "<checksum type=\"sha256\" pkgid=\"YES\">{}</checksum>", file.sha256);
    for (name, tag) in
        [("summary", Tag::SUMMARY), ("description", Tag::DESCRIPTION), ("packager", Tag::PACKAGER), ("url", Tag::URL)]
    {
        push_element(&mut out, name, &header.string(tag));
    }
    let build_time = header.number(Tag::BUILD_TIME).unwrap_or_default();
    let _ = writeln!(out, "<time file=\"{}\" build=\"{build_time}\"/>", file.modified_at);
    let (installed, archive) = (package.installed_bytes(), archive_bytes(package));
    let _ = writeln!(out, "<size package=\"{}\" installed=\"{installed}\" archive=\"{archive}\"/>", file.bytes);
    out.push_str("<location");
    push_attribute(&mut out, "href", &file.location);
    out.push_str("/>\n<format>\n");
    for (name, tag) in [
        ("rpm:license", Tag::LICENSE),
        ("rpm:vendor", Tag::VENDOR),
        ("rpm:group", Tag::GROUP),
        ("rpm:buildhost", Tag::BUILD_HOST),
    ] {
        push_element(&mut out, name, &header.string(tag));
    }
    push_element(&mut out, "rpm:sourcerpm", &package.source_rpm().unwrap_or_default());
    let (start, end) = package.header_range();
    let _ = writeln!(out, "<rpm:header-range start=\"{start}\" end=\"{end}\"/>");
    for (name, kind) in [
        ("rpm:provides", RelationKind::Provides),
        ("rpm:requires", RelationKind::Requires),
        ("rpm:conflicts", RelationKind::Conflicts),
        ("rpm:obsoletes", RelationKind::Obsoletes),
        ("rpm:suggests", RelationKind::Suggests),
        ("rpm:enhances", RelationKind::Enhances),
        ("rpm:recommends", RelationKind::Recommends),
        ("rpm:supplements", RelationKind::Supplements),
    ] {
        push_relations(&mut out, name, &package.relations(kind), kind == RelationKind::Requires);
    }
    out.push_str(files);
    out.push_str("</format>\n</package>\n");
    out
}

fn filelists(package: &RpmPackage, file: &PackageFile, files: &str) -> String {
    let mut out = String::with_capacity(512 + files.len());
    push_package(&mut out, package, file);
    out.push_str(files);
    out.push_str("</package>\n");
    out
}

fn other(package: &RpmPackage, file: &PackageFile) -> String {
    let mut out = String::with_capacity(512);
    push_package(&mut out, package, file);
    let changes = package.changelog();
    // Oldest of the newest first, as createrepo_c writes them.
    for change in changes.iter().take(CHANGES_MOST).rev() {
        out.push_str("<changelog");
        push_attribute(&mut out, "author", &change.author);
        let _ = write!(out, " date=\"{}\">", change.time);
        push_text(&mut out, &change.text);
        out.push_str("</changelog>\n");
    }
    out.push_str("</package>\n");
    out
}

/// The start of an element in all files but `primary.xml`.
fn push_package(out: &mut String, package: &RpmPackage, file: &PackageFile) {
    let _ = write!(out, "<package pkgid=\"{}\"", file.sha256);
    push_attribute(out, "name", &package.meta().name);
    push_attribute(out, "arch", &package.meta().arch);
    out.push_str(">\n");
    push_version(out, package);
}

fn push_version(out: &mut String, package: &RpmPackage) {
    let _ = write!(out, "<version epoch=\"{}\"", package.epoch().unwrap_or_default());
    push_attribute(out, "ver", &package.version());
    push_attribute(out, "rel", &package.release());
    out.push_str("/>\n");
}

/// Which files `primary.xml` has. Rule: createrepo_c's `cr_is_primary`.
fn is_primary(path: &str) -> bool {
    path.starts_with("/etc/") || path.contains("bin/") || path == "/usr/lib/sendmail"
}

fn push_relations(out: &mut String, name: &str, relations: &[Relation], are_requires: bool) {
    let mut seen = HashSet::new();
    let start = out.len();
    // Writing to a String can not fail.
    let _ = writeln!(out, "<{name}>");
    for relation in relations.iter().filter(|relation| !(are_requires && relation.is_rpmlib())) {
        let version = versioned(relation);
        let is_pre = are_requires && relation.is_pre();
        if seen.insert((&relation.name, version, is_pre)) {
            push_relation(out, &relation.name, version, is_pre);
        }
    }
    if seen.is_empty() {
        out.truncate(start);
    } else {
        let _ = writeln!(out, "</{name}>");
    }
}

/// The operator, as metadata calls it, and the version; nothing for rich dependencies.
fn versioned(relation: &Relation) -> Option<(&'static str, &str)> {
    let flags = match relation.operator().filter(|_| !relation.name.starts_with('('))? {
        Operator::Less => "LT",
        Operator::LessEqual => "LE",
        Operator::Equal => "EQ",
        Operator::GreaterEqual => "GE",
        Operator::Greater => "GT",
    };
    Some((flags, &relation.version))
}

fn push_relation(out: &mut String, name: &str, version: Option<(&str, &str)>, is_pre: bool) {
    out.push_str("<rpm:entry");
    push_attribute(out, "name", name);
    if let Some((flags, version)) = version {
        let evr = Evr::parse(version);
        push_attribute(out, "flags", flags);
        push_attribute(out, "epoch", if evr.epoch.is_empty() { "0" } else { evr.epoch });
        push_attribute(out, "ver", evr.version);
        if let Some(release) = evr.release {
            push_attribute(out, "rel", release);
        }
    }
    if is_pre {
        out.push_str(" pre=\"1\"");
    }
    out.push_str("/>\n");
}

fn archive_bytes(package: &RpmPackage) -> u64 {
    let signature = package.signature_header();
    let number = signature.number(Tag::SIG_LONG_ARCHIVE_SIZE).or_else(|| signature.number(Tag::SIG_PAYLOAD_SIZE));
    number.or_else(|| package.header().number(Tag::ARCHIVE_SIZE)).unwrap_or_default()
}
