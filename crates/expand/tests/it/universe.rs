//! All of Debian as an expansion test: reads package and source lists, draws the sample, compares with recorded answers.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use expand::{BuildRequest, Expander, NamedAlternatives, PackageId, Pool, PoolBuilder};
use pkg::problem::DependencyProblem;
use pkg::{Md5, MultiArch, PackageFormat, PackageMeta, version};
use serde_json::Value;

/// The fields of one stanza.
type Stanza = BTreeMap<String, String>;

/// The configuration of the recorded answers, with or without the further `Prefer` lines.
///
/// # Errors
/// If it can not be read.
pub(crate) fn config(folder: &Path, has_extra: bool) -> std::io::Result<String> {
    let text = std::fs::read_to_string(folder.join("debian12.conf"))?;
    if !has_extra {
        return Ok(text);
    }
    // In front: the text ends inside a block of macros.
    Ok(std::fs::read_to_string(folder.join("extra-prefers.conf"))? + &text)
}

/// Everything the lists say.
pub(crate) struct Universe {
    /// All binary packages, parsed.
    pub packages: Vec<PackageMeta>,
    /// Build dependencies of each source as items of the request language.
    pub sources: BTreeMap<String, Vec<String>>,
    /// Binaries made from each source, sorted.
    pub binaries: BTreeMap<String, Vec<String>>,
}

/// Reads a list compressed with xz.
///
/// # Errors
/// If the file can not be read.
pub(crate) fn read_xz(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    liblzma::read::XzDecoder::new(std::fs::File::open(path)?).read_to_string(&mut text)?;
    Ok(text)
}

fn stanzas(text: &str) -> impl Iterator<Item = Stanza> {
    text.split("\n\n").map(|block| {
        let mut stanza = Stanza::new();
        let mut last = String::new();
        for line in block.lines() {
            if line.starts_with([' ', '\t']) {
                stanza.entry(last.clone()).or_default().push_str(line);
            } else if let Some((key, value)) = line.split_once(':') {
                last = key.to_lowercase();
                stanza.insert(last.clone(), value.trim().to_owned());
            }
        }
        stanza
    })
}

impl Universe {
    /// Reads `Packages.slim.xz` and the given list of sources from `folder`.
    ///
    /// # Errors
    /// If a list can not be read.
    pub(crate) fn read(folder: &Path, sources: &str) -> std::io::Result<Self> {
        let packages: Vec<PackageMeta> = stanzas(&read_xz(&folder.join("Packages.slim.xz"))?)
            .filter(|stanza| stanza.contains_key("package"))
            .map(|stanza| package(&stanza))
            .collect();
        let mut newest: BTreeMap<String, Stanza> = BTreeMap::new();
        for stanza in stanzas(&read_xz(&folder.join(sources))?) {
            let Some(name) = stanza.get("package") else { continue };
            let is_newer = |known: &Stanza| version::compare_deb(&stanza["version"], &known["version"]).is_gt();
            if newest.get(name).is_none_or(is_newer) {
                newest.insert(name.clone(), stanza);
            }
        }
        let sources = newest.into_iter().map(|(name, stanza)| (name, build_dependencies(&stanza))).collect();
        let mut binaries: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for package in &packages {
            binaries
                .entry(package.source.clone().unwrap_or(package.name.clone()))
                .or_default()
                .push(package.name.clone());
        }
        binaries.values_mut().for_each(|names| names.sort());
        Ok(Self { packages, sources, binaries })
    }

    /// The pool of all binaries.
    pub(crate) fn pool(&self) -> Pool {
        self.builder().finish()
    }

    /// The same, not finished.
    pub(crate) fn builder(&self) -> PoolBuilder {
        let mut builder = PoolBuilder::new(PackageFormat::Deb);
        for package in &self.packages {
            builder.add_repository_package(0, package);
        }
        builder
    }

    /// The `count` sources whose names have the smallest checksums together with `seed`, sorted by name.
    pub(crate) fn sample(&self, seed: &str, count: usize) -> Vec<String> {
        let mut names: Vec<String> = self.sources.keys().cloned().collect();
        names.sort_by_cached_key(|name| Md5::of(format!("{seed}:{name}").as_bytes()).to_string());
        names.truncate(count);
        names.sort();
        names
    }

    /// What the build of a source asks for.
    pub(crate) fn request(&self, source: &str) -> BuildRequest {
        BuildRequest {
            dependencies: self.sources.get(source).cloned().unwrap_or_default(),
            own_binaries: self.binaries.get(source).cloned().unwrap_or_default(),
        }
    }
}

fn package(stanza: &Stanza) -> PackageMeta {
    let field = |key: &str| stanza.get(key).map(String::as_str).unwrap_or_default();
    let list = |keys: &[&str]| -> Vec<String> {
        let texts = keys.iter().flat_map(|key| field(key).split(','));
        texts.map(str::trim).filter(|text| !text.is_empty()).map(normalized).collect()
    };
    let mut provides = list(&["provides"]);
    provides.push(format!("{} = {}", field("package"), field("version")));
    PackageMeta {
        name: field("package").to_owned(),
        evr: field("version").to_owned(),
        arch: field("architecture").to_owned(),
        provides,
        requires: list(&["depends", "pre-depends"]),
        conflicts: list(&["conflicts", "breaks"]),
        recommends: list(&["recommends"]),
        multi_arch: match field("multi-arch") {
            "foreign" => MultiArch::Foreign,
            "allowed" => MultiArch::Allowed,
            "same" => MultiArch::Same,
            _ => MultiArch::No,
        },
        source: field("source").split(' ').next().filter(|name| !name.is_empty()).map(str::to_owned),
        ..PackageMeta::default()
    }
}

/// `a (>= 1) | b` as `a >= 1 | b`.
fn normalized(text: &str) -> String {
    let single = |text: &str| {
        let text = text.replace(['(', ')'], " ").replace("<<", "<").replace(">>", ">");
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        // `(>=1)`
        if let [_, glued] = &words[..]
            && let Some(end) = glued.find(|c| !matches!(c, '<' | '=' | '>'))
            && end > 0
        {
            let (operator, version) = glued.split_at(end);
            words = vec![words[0].clone(), operator.to_owned(), version.to_owned()];
        }
        words.join(" ")
    };
    text.split('|').map(single).collect::<Vec<_>>().join(" | ")
}

/// Build-Depends and Build-Conflicts for amd64 without build profiles.
fn build_dependencies(stanza: &Stanza) -> Vec<String> {
    let items = |key: &str| -> Vec<String> {
        let text = stanza.get(key).map(String::as_str).unwrap_or_default();
        text.split(',').filter_map(|item| applicable(item.trim())).collect()
    };
    let mut result = Vec::new();
    for key in ["build-depends", "build-depends-arch", "build-depends-indep"] {
        result.extend(items(key));
    }
    for key in ["build-conflicts", "build-conflicts-arch"] {
        result.extend(items(key).into_iter().map(|item| format!("-{item}")));
    }
    result
}

/// The alternatives of an item that apply, without their restrictions; none if there are none.
fn applicable(item: &str) -> Option<String> {
    let alternatives: Vec<String> = item.split('|').filter_map(|text| alternative(text.trim())).collect();
    (!alternatives.is_empty()).then(|| alternatives.join(" | "))
}

fn alternative(text: &str) -> Option<String> {
    let mut rest = text;
    let mut plain = String::new();
    let mut applies = true;
    let mut profiles: Option<bool> = None;
    while let Some(start) = rest.find(['[', '<']) {
        let (before, behind) = rest.split_at(start);
        let opens_restriction =
            behind.starts_with('[') || behind[1..].starts_with(|c: char| c == '!' || c.is_alphabetic());
        if !opens_restriction {
            // Part of an operator.
            let length = 1 + behind[1..].bytes().take_while(|b| matches!(b, b'<' | b'=')).count();
            plain.push_str(before);
            plain.push_str(&behind[..length]);
            rest = &behind[length..];
            continue;
        }
        let close = if behind.starts_with('[') { ']' } else { '>' };
        let end = behind.find(close)?;
        let words: Vec<&str> = behind[1..end].split_whitespace().collect();
        if close == ']' {
            applies &= arch_applies(&words);
        } else {
            // No profile is set: all words of one list must be negative.
            profiles = Some(profiles.unwrap_or(false) || words.iter().all(|word| word.starts_with('!')));
        }
        plain.push_str(before);
        rest = &behind[end + 1..];
    }
    plain.push_str(rest);
    if !applies || profiles == Some(false) {
        return None;
    }
    let text = normalized(plain.trim());
    let (name, constraint) = text.split_once(' ').map_or((text.as_str(), ""), |(name, rest)| (name, rest));
    let name = name.strip_suffix(":any").or_else(|| name.strip_suffix(":native")).unwrap_or(name);
    Some(format!("{name} {constraint}").trim().to_owned())
}

fn arch_applies(words: &[&str]) -> bool {
    let matches = |word: &str| matches!(word, "amd64" | "any" | "linux-any" | "any-amd64" | "linux-amd64");
    let negative = words.iter().any(|word| word.starts_with('!'));
    let hit = words.iter().any(|word| matches(word.trim_start_matches('!')));
    hit != negative
}

/// A recorded answer beside ours.
pub(crate) struct Difference {
    /// The source package.
    pub source: String,
    /// `build` or `deps`.
    pub what: &'static str,
    /// Both answers.
    pub text: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}\n{}", self.source, self.what, self.text)
    }
}

/// Compares our answers with a recorded file of JSON lines; gives how many were right and what was not.
///
/// libsolv stops behind the pass with the first problem, so it may have left problems out.
///
/// # Errors
/// If the recorded answers can not be read.
pub(crate) fn compare(
    universe: &Universe,
    expander: &Expander<'_>,
    recorded: &Path,
    sample: &[String],
    engine: NamedAlternatives,
) -> std::io::Result<(usize, Vec<Difference>)> {
    let stops_early = engine == NamedAlternatives::Any;
    let reader = BufReader::new(liblzma::read::XzDecoder::new(std::fs::File::open(recorded)?));
    let (mut passed, mut differences) = (0, Vec::new());
    for line in reader.lines() {
        let record: Value = serde_json::from_str(&line?)?;
        let source = record["source"].as_str().unwrap_or_default().to_owned();
        if sample.binary_search(&source).is_err() {
            continue;
        }
        let request = universe.request(&source);
        for (what, set) in [("build", true), ("deps", false)] {
            let Some(wanted) = record.get(what) else { continue };
            let answer = if set { expander.build_set(&request) } else { expander.trigger_set(&request) };
            let answer = lines(expander.pool(), answer);
            let wanted = recorded_lines(wanted);
            let is_right = match (&answer, &wanted) {
                (Ok(ours), Ok(theirs)) => ours == theirs,
                (Err(ours), Err(theirs)) if stops_early => theirs.iter().all(|line| ours.contains(line)),
                (Err(ours), Err(theirs)) => ours == theirs,
                _ => false,
            };
            if is_right {
                passed += 1;
            } else {
                let text = format!("  got  {answer:?}\n  want {wanted:?}");
                differences.push(Difference { source: source.clone(), what, text });
            }
        }
    }
    Ok((passed, differences))
}

type Lines = Result<Vec<String>, Vec<String>>;

fn lines(pool: &Pool, answer: Result<Vec<PackageId>, Vec<DependencyProblem>>) -> Lines {
    match answer {
        Ok(packages) => Ok(packages.into_iter().map(|package| pool.name(package).to_owned()).collect()),
        Err(problems) => {
            let mut lines: Vec<String> =
                problems.iter().flat_map(DependencyProblem::lines).map(|l| plain(&l)).collect();
            lines.sort();
            Err(lines)
        }
    }
}

fn recorded_lines(answer: &Value) -> Lines {
    let list = |key: &str| -> Vec<String> {
        let items = answer[key].as_array().into_iter().flatten();
        items.filter_map(|item| item.as_str().map(plain)).collect()
    };
    if answer["ok"].as_bool() == Some(true) {
        return Ok(list("packages"));
    }
    let mut errors = list("errors");
    errors.sort();
    Err(errors)
}

/// One spelling of Debian's operators.
fn plain(line: &str) -> String {
    line.replace(" << ", " < ").replace(" >> ", " > ")
}
