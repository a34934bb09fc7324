//! Where configurations come from.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use prjconf::{LoadError, Location, Tree};

use crate::failure::{Exit, Failure};

/// What findings call the standard input.
const STDIN: &str = "<stdin>";

/// The architectures a file is looked at for, unless some are named.
pub(crate) const USUAL_ARCHES: [&str; 7] = ["x86_64", "i586", "aarch64", "armv7l", "ppc64le", "s390x", "riscv64"];

/// How many further architectures the conditions of a text may name.
const MOST_NAMED_ARCHES: usize = 24;

/// A configuration that was read from files.
pub(super) struct Loaded {
    /// As it was called.
    pub(super) name: String,
    /// The text, with what `#!PrependConfigFile:` names in front.
    pub(super) tree: Tree,
    /// Path and bytes of each file, by the name the tree knows it by.
    files: BTreeMap<String, (String, Vec<u8>)>,
}

impl Loaded {
    /// The path and the text a location is in; `None` for text that was generated.
    pub(super) fn file(&self, location: &Location) -> Option<(&str, &[u8])> {
        location.source?;
        self.files.get(&location.name).map(|(path, text)| (path.as_str(), text.as_slice()))
    }

    /// The path of a file by the name the tree knows it by.
    pub(super) fn path(&self, source: &str) -> String {
        self.files.get(source).map_or_else(|| source.to_owned(), |(path, _)| path.clone())
    }

    /// How people find a place: `PATH:LINE`.
    pub(super) fn place(&self, location: &Location) -> Option<String> {
        self.file(location).map(|(path, _)| format!("{path}:{}", location.line))
    }
}

/// Whether a word of the command line is a file; otherwise it is a project.
///
/// The standard input, what exists, and what has a slash or ends in `.conf` are files.
pub(super) fn is_file(word: &str) -> bool {
    word == "-" || word.contains('/') || word.ends_with(".conf") || Path::new(word).exists()
}

/// Reads a file, or the standard input if it is called `-`.
pub(super) fn read(word: &str) -> Result<Vec<u8>, Failure> {
    if word == "-" {
        let mut text = Vec::new();
        std::io::stdin().lock().read_to_end(&mut text)?;
        return Ok(text);
    }
    if Path::new(word).is_dir() {
        return Err(Failure::new(Exit::Invalid, format!("{word} is a folder")));
    }
    Ok(fs_err::read(word)?)
}

/// Reads a configuration with the files it names.
pub(super) fn load(word: &str) -> Result<Loaded, Failure> {
    load_or_died(word)?.map_err(|error| Failure::new(Exit::Missing, format!("{word} needs {error}")))
}

/// The same; a named file that is not there is a result.
pub(super) fn load_or_died(word: &str) -> Result<Result<Loaded, LoadError>, Failure> {
    let text = read(word)?;
    let path = Path::new(word);
    let name = if word == "-" { STDIN } else { word };
    let base = path.file_name().filter(|_| word != "-").map_or(STDIN.into(), |base| base.to_string_lossy());
    let mut files = BTreeMap::from([(base.clone().into_owned(), (name.to_owned(), text.clone()))]);
    let mut read_beside = |other: &str| {
        let path = path.with_file_name(other);
        let text = fs_err::read(&path).ok()?;
        files.insert(other.to_owned(), (path.display().to_string(), text.clone()));
        Some(text)
    };
    let loaded = prjconf::load(&base, &text, &mut read_beside);
    Ok(loaded.map(|tree| Loaded { name: name.to_owned(), tree, files }))
}

/// The architectures to look at: those that were named, else the usual ones and those in conditions of the text.
pub(crate) fn arches(named: &[String], texts: &[&[u8]]) -> Vec<String> {
    if !named.is_empty() {
        return named.to_vec();
    }
    let mut found: BTreeSet<&str> = BTreeSet::new();
    for line in texts.iter().flat_map(|text| text.split(|byte| *byte == b'\n')) {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let mut words = line.split_ascii_whitespace();
        if !matches!(words.next(), Some("%ifarch" | "%ifnarch" | "%elifarch")) {
            continue;
        }
        let is_name =
            |word: &&str| word.len() < 32 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        found.extend(words.filter(is_name).filter(|word| !USUAL_ARCHES.contains(word)));
    }
    USUAL_ARCHES.into_iter().chain(found.into_iter().take(MOST_NAMED_ARCHES)).map(str::to_owned).collect()
}

/// The architectures a text is checked for: one is enough if nothing in it depends on the architecture.
pub(crate) fn arches_to_check(named: &[String], text: &[u8]) -> Vec<String> {
    let has = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
    let mut all = arches(named, &[text]);
    if named.is_empty() && !has(b"arch") && !has(b"_target_") {
        all.truncate(1);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_in_conditions_join_the_usual_ones() {
        let text: &[u8] = b"%ifarch ia64 %ix86 x86_64\n%endif\nPrefer: sparc\n";
        let all = arches(&[], &[text]);
        assert_eq!((all.len(), all.last().map(String::as_str)), (8, Some("ia64")));
        assert_eq!(arches(&["m68k".to_owned()], &[text]), ["m68k"]);
        assert_eq!(arches_to_check(&[], text), all);
        assert_eq!(arches_to_check(&[], b"Prefer: a\n"), ["x86_64"]);
    }

    #[test]
    fn a_project_is_what_does_not_look_like_a_file() {
        for (word, file) in [("-", true), ("./x", true), ("x.conf", true), ("home:alice:tools", false), ("src", true)] {
            assert_eq!(is_file(word), file, "{word}");
        }
    }
}
