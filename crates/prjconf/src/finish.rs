//! Pass 5: duplicates, defaults, guesses and the macro list; from places in the text to texts.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::{MacroLine, Said, ScalarLine, Texts, Word};
use crate::config::{BuildConfig, Replacement, Unset};
use crate::keyword::{List, Map, Scalar};
use crate::macros::table::STANDARD;
use crate::text::{decode, plain_text};

/// Lists up to this length are searched one by one for duplicates and removed words.
const SHORT: usize = 16;

/// What `release` is if nothing is said.
const DEFAULT_RELEASE: &str = "<CI_CNT>.<B_CNT>";

/// The words that stay in each list, for origins.
pub(crate) type Kept = [Vec<Word>; List::COUNT];

/// Runs pass 5.
pub(crate) fn run(texts: Texts<'_>, said: &mut Said<'_>, arch: &[u8]) -> (BuildConfig, Kept) {
    let finisher = Finisher { texts, strings: Strings::new(texts) };
    let kept = finisher.kept_words(said);
    let mut config = BuildConfig { arch: decode(arch), ..BuildConfig::default() };
    finisher.lists(&kept, &mut config);
    finisher.maps(said, &mut config);
    finisher.scalars(said, &mut config);
    config.constraint = said.constraints.iter().map(|words| finisher.joined(words)).collect();
    guess_types(&mut config);
    add_repo_creation(&mut config);
    config.rawmacros = decode(&said.rawmacros);
    config.macros = macro_list(arch, said, &config.rawmacros);
    (config, kept)
}

/// Turns words into `String`s; texts that are valid as a whole are checked once only.
struct Strings<'a> {
    raw: Option<&'a str>,
    expanded: Option<&'a str>,
    texts: Texts<'a>,
}

impl<'a> Strings<'a> {
    fn new(texts: Texts<'a>) -> Self {
        Self { raw: plain_text(texts.tree.text()), expanded: plain_text(&texts.lines.expanded), texts }
    }

    fn string(&self, word: Word) -> String {
        let whole = if word.is_expanded { self.expanded } else { self.raw };
        let range = word.start as usize..word.end as usize;
        match whole.and_then(|whole| whole.get(range)) {
            Some(text) => text.to_owned(),
            None => decode(self.texts.word(word)),
        }
    }
}

struct Finisher<'a> {
    texts: Texts<'a>,
    strings: Strings<'a>,
}

impl Finisher<'_> {
    /// Carries out removals and drops duplicates.
    fn kept_words(&self, said: &mut Said<'_>) -> Kept {
        let mut kept = std::mem::take(&mut said.lists);
        for (words, has_removals) in kept.iter_mut().zip(said.has_removals) {
            if has_removals {
                self.remove(words);
            }
        }
        for list in LISTS {
            if list.drops_duplicates()
                && let Some(words) = kept.get_mut(list as usize)
            {
                self.drop_duplicates(words);
            }
        }
        kept
    }

    /// A word stays if no later word removes it. Looks at the words from the last to the first.
    fn remove(&self, words: &mut Vec<Word>) {
        let mut removed: BTreeSet<&[u8]> = BTreeSet::new();
        let mut kept: Vec<Word> = Vec::with_capacity(words.len());
        for word in words.iter().rev() {
            let text = self.texts.word(*word);
            if word.removes {
                removed.insert(text);
            } else if !removed.contains(text) {
                kept.push(*word);
            }
        }
        kept.reverse();
        *words = kept;
    }

    fn drop_duplicates(&self, words: &mut Vec<Word>) {
        if words.len() <= SHORT {
            let mut index = 1;
            while let Some(word) = words.get(index) {
                let text = self.texts.word(*word);
                if words.iter().take(index).any(|earlier| self.texts.word(*earlier) == text) {
                    words.remove(index);
                } else {
                    index += 1;
                }
            }
            return;
        }
        let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
        words.retain(|word| seen.insert(self.texts.word(*word)));
    }

    fn strings(&self, words: &[Word]) -> Vec<String> {
        words.iter().map(|word| self.strings.string(*word)).collect()
    }

    fn joined(&self, words: &[Word]) -> String {
        match words {
            [single] => self.strings.string(*single),
            _ => self.strings(words).join(" "),
        }
    }

    fn lists(&self, kept: &Kept, config: &mut BuildConfig) {
        for list in LISTS {
            if let (Some(words), Some(target)) = (kept.get(list as usize), list_of(config, list)) {
                *target = self.strings(words);
            }
        }
    }

    fn maps(&self, said: &mut Said<'_>, config: &mut BuildConfig) {
        config.order = said.order.values().map(|word| self.strings.string(*word)).collect();
        for lines in &mut said.maps {
            lines.settle(self.texts);
        }
        config.substitute = self.map(said, Map::Substitute, |values| {
            if values.len() <= SHORT {
                let words = values.iter().enumerate().filter(|(index, word)| {
                    let text = self.texts.word(**word);
                    !values.iter().take(*index).any(|earlier| self.texts.word(*earlier) == text)
                });
                return words.map(|(_, word)| replacement(self.strings.string(*word))).collect();
            }
            let mut values = values.to_vec();
            self.drop_duplicates(&mut values);
            values.iter().map(|word| replacement(self.strings.string(*word))).collect()
        });
        config.fileprovides = self.map(said, Map::FileProvides, |values| self.strings(values));
        config.exportfilter = self.map(said, Map::ExportFilter, |values| self.strings(values));
        config.optflags = self.map(said, Map::OptFlags, |values| self.joined(values));
    }

    fn map<V>(&self, said: &Said<'_>, map: Map, value: impl Fn(&[Word]) -> V) -> BTreeMap<String, V> {
        let Some(lines) = said.maps.get(map as usize) else { return BTreeMap::new() };
        lines.entries.iter().map(|entry| (self.strings.string(entry.key), value(lines.values(entry)))).collect()
    }

    fn scalars(&self, said: &Said<'_>, config: &mut BuildConfig) {
        let line = |scalar: Scalar| said.scalars.get(scalar as usize).and_then(Option::as_ref);
        let first = |scalar| line(scalar).and_then(|line| self.first(line));
        let all = |scalar| line(scalar).map(|line| self.joined(&line.words));
        config.recipe_type = first(Scalar::Type).unwrap_or_default();
        config.binarytype = first(Scalar::BinaryType).unwrap_or_default();
        config.buildengine = first(Scalar::BuildEngine);
        config.cicntstart = first(Scalar::CiCntStart);
        config.releaseprg = first(Scalar::ReleasePrg);
        config.target = all(Scalar::Target);
        config.hostarch = all(Scalar::HostArch);
        config.releasesuffix = all(Scalar::ReleaseSuffix);
        config.release = match line(Scalar::Release) {
            Some(line) => self.first(line),
            None => Some(DEFAULT_RELEASE.to_owned()),
        };
        config.release_by_type = line(Scalar::Release).map(|line| self.strings(&line.words));
        config.singleexport = match line(Scalar::SingleExport) {
            Some(line) => self.first(line),
            None => Some(String::new()),
        };
        let is_unset = |scalar| line(scalar).is_some_and(|line| line.words.is_empty());
        config.unset = Unset {
            buildengine: is_unset(Scalar::BuildEngine),
            cicntstart: is_unset(Scalar::CiCntStart),
            releaseprg: is_unset(Scalar::ReleasePrg),
        };
    }

    fn first(&self, line: &ScalarLine) -> Option<String> {
        line.words.first().map(|word| self.strings.string(*word))
    }
}

fn replacement(mut name: String) -> Replacement {
    let keeps_version = name.ends_with('=');
    if keeps_version {
        name.pop();
    }
    Replacement { name, keeps_version }
}

const LISTS: [List; List::COUNT] = [
    List::Preinstall,
    List::VmInstall,
    List::Runscripts,
    List::Required,
    List::Support,
    List::Keep,
    List::Prefer,
    List::Ignore,
    List::Conflict,
    List::ExpandFlags,
    List::BuildFlags,
    List::PublishFlags,
    List::RepoUrl,
    List::RegistryUrl,
    List::AssetsUrl,
    List::OnlyNative,
    List::AlsoNative,
    List::IgnoreRebuild,
    List::PublishFilter,
    List::Repotype,
    List::Patterntype,
    List::Constraint,
];

fn list_of(config: &mut BuildConfig, list: List) -> Option<&mut Vec<String>> {
    Some(match list {
        List::Preinstall => &mut config.preinstall,
        List::VmInstall => &mut config.vminstall,
        List::Runscripts => &mut config.runscripts,
        List::Required => &mut config.required,
        List::Support => &mut config.support,
        List::Keep => &mut config.keep,
        List::Prefer => &mut config.prefer,
        List::Ignore => &mut config.ignore,
        List::Conflict => &mut config.conflict,
        List::ExpandFlags => &mut config.expandflags,
        List::BuildFlags => &mut config.buildflags,
        List::PublishFlags => &mut config.publishflags,
        List::RepoUrl => &mut config.repourl,
        List::RegistryUrl => &mut config.registryurl,
        List::AssetsUrl => &mut config.assetsurl,
        List::OnlyNative => &mut config.onlynative,
        List::AlsoNative => &mut config.alsonative,
        List::IgnoreRebuild => &mut config.ignorerebuild,
        List::PublishFilter => &mut config.publishfilter,
        List::Repotype => &mut config.repotype,
        List::Patterntype => &mut config.patterntype,
        List::Constraint => return None,
    })
}

/// Guesses type and package format from what is preinstalled, if they are not given (empty and `0` count as not).
fn guess_types(config: &mut BuildConfig) {
    let installs = |name: &str| config.preinstall.iter().any(|package| package == name);
    if matches!(config.recipe_type.as_str(), "" | "0") {
        let known = [("rpm", "spec"), ("debianutils", "dsc"), ("pacman", "arch"), ("apk-tools", "apk")];
        let guess = known.iter().find(|(package, _)| installs(package)).map_or("UNDEFINED", |(_, kind)| kind);
        config.recipe_type = guess.to_owned();
    }
    if matches!(config.binarytype.as_str(), "" | "0") {
        let guess = match config.recipe_type.as_str() {
            "spec" => "rpm",
            "dsc" | "collax" | "livebuild" => "deb",
            "arch" => "arch",
            "apk" => "apk",
            "snapcraft" | "appimage" | "docker" | "fissile" | "kiwi" | "mkosi" => {
                let known = [("rpm", "rpm"), ("debianutils", "deb"), ("pacman", "arch")];
                known.iter().find(|(package, _)| installs(package)).map_or("UNDEFINED", |(_, format)| format)
            }
            _ => "UNDEFINED",
        };
        config.binarytype = guess.to_owned();
    }
}

fn add_repo_creation(config: &mut BuildConfig) {
    let package = match config.binarytype.as_str() {
        "rpm" => "createrepo",
        "deb" => "dpkg-dev",
        "arch" => "pacman",
        "apk" => "apk-tools",
        _ => return,
    };
    config
        .substitute
        .entry("system-packages:repo-creation".to_owned())
        .or_insert_with(|| vec![Replacement { name: package.to_owned(), keeps_version: false }]);
}

/// The macro list: standard macros, `Target:` and `DistMacro:` lines, then the lines of the blocks.
fn macro_list(arch: &[u8], said: &Said<'_>, rawmacros: &str) -> Vec<String> {
    let mut list: Vec<String> = Vec::with_capacity(STANDARD.len() + 16);
    list.push(String::new());
    list.extend(STANDARD.iter().map(|(name, gap, body)| ["%define ", name, gap, body].concat()));
    list.push(decode(&[b"%define _target_cpu ", arch].concat()));
    list.push("%define _target_os linux".to_owned());
    for line in &said.macro_lines {
        list.push(match line {
            MacroLine::Target(arch) => decode(&[b"%define _target_cpu ", arch.as_slice()].concat()),
            MacroLine::Dist(text) => decode(&[b"%define ", text.as_slice()].concat()),
        });
    }
    let raw = rawmacros.trim_end_matches('\n');
    if !raw.is_empty() {
        for line in raw.split('\n') {
            add_macro_line(&mut list, line);
        }
    }
    list
}

/// Adds a raw macro line. Line breaks and percent signs are decoded as themselves, so the whole is decoded first.
fn add_macro_line(list: &mut Vec<String>, line: &str) {
    if let Some(previous) = list.last_mut()
        && previous.ends_with('\\')
    {
        previous.pop();
        previous.push('\n');
        previous.push_str(line);
        return;
    }
    list.push(match line.strip_prefix('%') {
        Some(rest) => ["%define ", rest].concat(),
        None => line.to_owned(),
    });
}
