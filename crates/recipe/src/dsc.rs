//! Debian source packages: the `.dsc` file (dsc(5), policy 5.4), clearsigned or not.
//!
//! Signatures are noticed, not checked. Read [`parse`] first.

mod armour;
mod files;

use pkg::deb822::{self, Field, Paragraph, RelationProblem};
use pkg::{Arch, RecipeKind};

use crate::{Finding, Grade, Recipe, Target};

/// Longest `.dsc` that is read, in bytes; the largest in Debian have some 200 kB.
pub const LIMIT_BYTES: usize = 1 << 20;
/// Most build dependencies, binary packages and architectures that are kept, each.
const LIMIT_ITEMS: usize = 20_000;

/// The fields that make requests, and whether they ignore.
const DEPENDENCY_FIELDS: [(&str, bool); 6] = [
    ("Build-Depends", false),
    ("Build-Depends-Arch", false),
    ("Build-Depends-Indep", false),
    ("Build-Conflicts", true),
    ("Build-Conflicts-Arch", true),
    ("Build-Ignore", true),
];

/// Reads a `.dsc`.
///
/// `None` only if there is no source name or version to speak of; then a finding of grade error says why. Dependencies are
/// selected for the target's architecture and profiles. Rule for the requests: Build.pm's reader of Debian sources: Build-
/// Depends, -Arch and -Indep are wanted; Build-Conflicts, Build-Conflicts-Arch and Build-Ignore are ignored (`-name`);
/// Build-Conflicts-Indep is not read.
#[must_use]
pub fn parse(text: &str, target: &Target<'_>) -> (Option<Recipe>, Vec<Finding>) {
    let mut findings = Vec::new();
    if text.len() > LIMIT_BYTES {
        let message = format!("the file has {} bytes, more than {LIMIT_BYTES}", text.len());
        findings.push(Finding::new(Grade::Error, "dsc-too-long", 0..0, message));
        return (None, findings);
    }
    let signed = armour::strip(text);
    if signed.is_cut_off {
        let message = "the signature is cut off".to_owned();
        findings.push(Finding::new(Grade::Warning, "dsc-signature-cut-off", 0..0, message));
    }
    let mut paragraphs = deb822::paragraphs(signed.text).skip_while(|paragraph| paragraph.field("Source").is_none());
    let Some(paragraph) = paragraphs.next() else {
        findings.push(missing("Source", 0..0));
        return (None, findings);
    };
    let mut reading = Reading { paragraph, base: signed.start, target, findings };
    reading.report_malformed_lines();
    let recipe = reading.recipe(signed.is_signed);
    (recipe, reading.findings)
}

fn missing(field: &str, span: std::ops::Range<usize>) -> Finding {
    Finding::new(Grade::Error, "dsc-missing-field", span, format!("the field {field} is missing or not valid"))
        .help("a .dsc file is made by dpkg-source; see dsc(5)")
}

struct Reading<'a> {
    paragraph: Paragraph<'a>,
    /// Where the text without armour starts in the file.
    base: usize,
    target: &'a Target<'a>,
    findings: Vec<Finding>,
}

impl Reading<'_> {
    fn recipe(&mut self, is_signed: bool) -> Option<Recipe> {
        let name = self.required("Source", is_source_name);
        let version = self.required("Version", is_version);
        self.check_format();
        let build_requires = self.build_requires();
        let architectures = self.architectures();
        let source_files = files::read(self);
        Some(Recipe {
            kind: RecipeKind::Dsc,
            name: name?,
            version: version?,
            build_requires,
            subpackages: self.subpackages(),
            architectures,
            excluded_architectures: Vec::new(),
            source_files,
            has_dynamic_requires: false,
            is_signed,
        })
    }

    fn required(&mut self, name: &str, is_valid: fn(&str) -> bool) -> Option<String> {
        let value = self.paragraph.get(name).filter(|value| is_valid(value));
        if value.is_none() {
            let span = self.paragraph.field(name).map_or(0..0, |field| self.span(&field));
            self.findings.push(missing(name, span));
        }
        value.map(str::to_owned)
    }

    fn span(&self, field: &Field<'_>) -> std::ops::Range<usize> {
        let start = self.base + field.value_start;
        start..start + field.value.len()
    }

    fn report_malformed_lines(&mut self) {
        let mut seen: Vec<&str> = Vec::new();
        for entry in self.paragraph.entries() {
            let finding = match entry {
                deb822::Entry::Malformed(span) => {
                    let span = self.base + span.start..self.base + span.end;
                    let message = "this line is neither a field nor the continuation of one".to_owned();
                    Finding::new(Grade::Warning, "dsc-malformed-line", span, message)
                }
                deb822::Entry::Field(field) if seen.iter().any(|name| field.is(name)) => {
                    let message = format!("the field {} is given twice; the first one counts", field.name);
                    Finding::new(Grade::Warning, "dsc-repeated-field", self.span(&field), message)
                }
                deb822::Entry::Field(field) => {
                    // Beyond any real file; keeps the search for repeated names short.
                    if seen.len() < 200 {
                        seen.push(field.name);
                    }
                    continue;
                }
            };
            if self.findings.len() < 100 {
                self.findings.push(finding);
            }
        }
    }

    fn check_format(&mut self) {
        let Some(field) = self.paragraph.field("Format") else { return };
        if !matches!(
            field.value,
            "1.0" | "2.0" | "3.0 (native)" | "3.0 (quilt)" | "3.0 (git)" | "3.0 (bzr)" | "3.0 (custom)"
        ) {
            let message = format!("source format {:?} is not known", shortened(field.value));
            self.findings.push(Finding::new(Grade::Warning, "dsc-unknown-format", self.span(&field), message));
        }
    }

    /// In the order of the file.
    fn build_requires(&mut self) -> Vec<String> {
        let mut left = DEPENDENCY_FIELDS.to_vec();
        let mut requests = Vec::new();
        let paragraph = self.paragraph;
        for field in paragraph.fields() {
            // Taken out of the list, a field counts once.
            let Some(place) = left.iter().position(|(name, _)| field.is(name)) else { continue };
            let (_, is_ignored) = left.swap_remove(place);
            let read = if is_ignored { deb822::build_ignores } else { deb822::build_dependencies };
            let (items, problems) = read(&field.unfolded(), self.target.arch.debian_name(), self.target.profiles);
            requests.extend(items);
            requests.truncate(LIMIT_ITEMS);
            self.report_relations(&field, &problems);
        }
        requests
    }

    fn report_relations(&mut self, field: &Field<'_>, problems: &[RelationProblem]) {
        for problem in problems.iter().take(20) {
            let start = self.base + field.value_start;
            let span = start + problem.span.start..start + problem.span.end;
            let item = field.value.get(problem.span.clone()).unwrap_or_default().trim();
            let message = format!("{}: {} in {:?}", field.name, problem.message, shortened(item));
            let finding = Finding::new(Grade::Error, "dsc-bad-dependency", span, message);
            self.findings
                .push(finding.help("the syntax is that of Debian policy 7.1: name (>= version) [arch] <profile>"));
        }
    }

    /// `any` and `all` stand for every architecture; wildcards are asked about the target only.
    fn architectures(&mut self) -> Vec<Arch> {
        let Some(field) = self.paragraph.field("Architecture") else { return Vec::new() };
        let words: Vec<&str> = field.value.split_whitespace().take(LIMIT_ITEMS).collect();
        if words.iter().any(|word| matches!(*word, "any" | "all")) {
            return Vec::new();
        }
        let mut architectures = Vec::new();
        for word in words {
            let plain = word.strip_prefix("linux-").unwrap_or(word);
            if deb822::architecture_matches(self.target.arch.debian_name(), word) {
                architectures.push(self.target.arch.clone());
            } else if !word.split('-').any(|part| part == "any")
                && let Ok(arch) = Arch::from_debian(plain)
            {
                architectures.push(arch);
            }
        }
        architectures.sort();
        architectures.dedup();
        if architectures.is_empty() {
            // An empty list would read as "all": name what can not be matched.
            architectures.extend(Arch::parse("none"));
        }
        architectures
    }

    /// From Package-List, which is exact, or else from Binary.
    fn subpackages(&self) -> Vec<String> {
        let listed = |line: &str| {
            let mut words = line.split_whitespace();
            let (name, kind) = (words.next()?, words.next()?);
            (matches!(kind, "deb" | "udeb") && is_source_name(name)).then(|| name.to_owned())
        };
        let list = self.paragraph.field("Package-List");
        let from_list: Vec<String> = list.iter().flat_map(Field::lines).filter_map(listed).take(LIMIT_ITEMS).collect();
        if !from_list.is_empty() {
            return from_list;
        }
        let names = self.paragraph.get("Binary").unwrap_or_default();
        let names = names.split(|c: char| c == ',' || c.is_whitespace()).filter(|name| is_source_name(name));
        names.take(LIMIT_ITEMS).map(str::to_owned).collect()
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Policy 5.6.1, a little wider: upper case and underscores exist outside of Debian.
fn is_source_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_');
    (1..=255).contains(&name.len())
        && name.bytes().all(is_allowed)
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}

/// Policy 5.6.12.
fn is_version(version: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'~' | b':' | b'_');
    (1..=255).contains(&version.len()) && version.bytes().all(is_allowed)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn target(profiles: &'static [String]) -> Target<'static> {
        static ARCH: std::sync::LazyLock<Arch> = std::sync::LazyLock::new(|| Arch::parse("x86_64").unwrap());
        Target { arch: &ARCH, profiles }
    }

    fn read(text: &str) -> (Recipe, Vec<&'static str>) {
        let (recipe, findings) = parse(text, &target(&[]));
        (recipe.unwrap(), findings.iter().map(|finding| finding.code).collect())
    }

    const HELLO: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nFormat: 3.0 (quilt)\nSource: hello\n\
        Binary: hello\nArchitecture: any\nVersion: 2.10-3\nBuild-Depends: debhelper-compat (= 13), help2man,\n \
        texinfo:any <!nodoc>\nPackage-List:\n hello deb devel optional arch=any\nChecksums-Sha1:\n \
        f7bebf6f9c62a2295e889f66e05ce9bfaed9ace3 725946 hello_2.10.orig.tar.gz\nChecksums-Sha256:\n \
        31e066137a962676e89f69d1b65382de95a7ef7d914b8cb956f41ea72e0f516b 725946 hello_2.10.orig.tar.gz\nFiles:\n \
        6cd0ffea3884a4e79330338dcc2987d6 725946 hello_2.10.orig.tar.gz\n\n-----BEGIN PGP SIGNATURE-----\n\n\
        iQJHBAEBCAAxFiEE\n=abcd\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn a_signed_description_is_read_and_the_signature_noticed() {
        let (recipe, findings) = read(HELLO);
        assert_eq!((recipe.name.as_str(), recipe.version.as_str()), ("hello", "2.10-3"));
        assert_eq!(recipe.build_requires, ["debhelper-compat = 13", "help2man", "texinfo"]);
        assert_eq!(recipe.subpackages, ["hello"]);
        assert_eq!(recipe.source_files.len(), 1);
        assert_eq!(recipe.source_files[0].bytes, 725_946);
        assert!(recipe.source_files[0].sha256.is_some());
        assert!(recipe.is_signed && recipe.architectures.is_empty());
        assert_eq!(findings, [""; 0]);
    }

    #[test]
    fn findings_point_into_the_signed_file() {
        let text = HELLO.replace("help2man", "help2 man");
        let (_, findings) = parse(&text, &target(&[]));
        assert_eq!(findings[0].code, "dsc-bad-dependency");
        assert_eq!(&text[findings[0].span.clone()], " help2 man");
    }

    #[test]
    fn conflicts_become_ignores_but_not_those_of_indep() {
        let (recipe, _) = read(
            "Source: a\nVersion: 1\nBuild-Depends-Indep: i\nBuild-Depends: d\nBuild-Depends-Arch: r\n\
             Build-Ignore: i1\nBuild-Conflicts: c (<< 2)\nBuild-Conflicts-Arch: i2\nBuild-Conflicts-Indep: no\n",
        );
        assert_eq!(recipe.build_requires, ["i", "d", "r", "-i1", "-c < 2", "-i2"]);
    }

    #[test]
    fn architectures_are_named_our_way_and_wildcards_asked_for_the_target() {
        let of = |list: &str| {
            let (recipe, _) = read(&format!("Source: a\nVersion: 1\nArchitecture: {list}\n"));
            recipe.architectures.iter().map(|arch| arch.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of("linux-amd64 arm64"), ["aarch64", "x86_64"]);
        assert_eq!(of("linux-any"), ["x86_64"]);
        assert_eq!(of("any-arm64"), ["none"]);
        assert_eq!(of("any all"), [""; 0]);
        assert_eq!(of("all"), [""; 0]);
    }

    #[test]
    fn without_name_or_version_there_is_no_recipe() {
        for text in ["", "Version: 1\n", "Source: a\n", "Source: a/b\nVersion: 1\n", "Source: a\nVersion: 1 2\n"] {
            let (recipe, findings) = parse(text, &target(&[]));
            assert_eq!(recipe, None, "{text:?}");
            assert_eq!(findings[0].code, "dsc-missing-field", "{text:?}");
        }
    }

    #[test]
    fn repeated_fields_and_odd_lines_are_reported() {
        let (recipe, findings) =
            read("Source: a\nVersion: 1\nversion: 2\nodd\nFormat: 9\nBuild-Depends: x\nbuild-depends: y\n");
        assert_eq!((recipe.version.as_str(), recipe.build_requires), ("1", vec!["x".to_owned()]));
        let repeated = "dsc-repeated-field";
        assert_eq!(findings, [repeated, "dsc-malformed-line", repeated, "dsc-unknown-format"]);
    }
}
