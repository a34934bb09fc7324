//! Pass 5: duplicates, defaults, guesses and the macro list; from places in the text to texts.

use std::collections::BTreeSet;

use memchr::memchr_iter;

use crate::apply::{MacroLine, MapLines, Said, ScalarLine, Texts, Word, drop_duplicates};
use crate::config::{BuildConfig, Unset};
use crate::keyword::{List, Map, Scalar};
use crate::macros::table::STANDARD;
use crate::text::{decode, decode_all, join_words, plain_text};
use crate::texts::{MapPlaces, Place, PoolBuilder, TextList};

/// What `release` is if nothing is said.
const DEFAULT_RELEASE: &str = "<CI_CNT>.<B_CNT>";

/// The words that stay in each list, for origins.
pub(crate) type Kept = [Vec<Word>; List::COUNT];

/// Runs pass 5.
pub(crate) fn run(texts: Texts<'_>, said: &mut Said<'_>, arch: &[u8]) -> (BuildConfig, Kept) {
    let finisher = Finisher::new(texts);
    let kept = finisher.kept_words(said);
    let mut config = BuildConfig { arch: decode(arch), ..BuildConfig::default() };
    finisher.scalars(said, &mut config);
    let preinstall = kept.get(List::Preinstall as usize).map(Vec::as_slice).unwrap_or_default();
    guess_types(&mut config, |name| preinstall.iter().any(|word| texts.word(*word) == name.as_bytes()));
    finisher.lists_and_maps(&kept, said, &mut config);
    config.rawmacros = decode_all(std::mem::take(&mut said.rawmacros));
    config.macros = macro_list(arch, said, &config.rawmacros);
    (config, kept)
}

struct Finisher<'a> {
    texts: Texts<'a>,
    pool: PoolBuilder,
    /// Words of the text of the tree are taken as they are.
    is_raw_plain: bool,
    /// So are words of the expanded text.
    is_expanded_plain: bool,
}

impl<'a> Finisher<'a> {
    fn new(texts: Texts<'a>) -> Self {
        let raw = texts.tree.plain_text();
        let expanded = plain_text(&texts.lines.expanded);
        Self {
            texts,
            pool: PoolBuilder::new(raw.cloned().unwrap_or_default(), expanded.unwrap_or_default()),
            is_raw_plain: raw.is_some(),
            is_expanded_plain: expanded.is_some(),
        }
    }

    #[inline]
    fn place(&mut self, word: Word) -> Place {
        let is_plain = if word.is_expanded { self.is_expanded_plain } else { self.is_raw_plain };
        if is_plain {
            return self.pool.shared(word.start, word.end, word.is_expanded);
        }
        self.pool.add(&self.string(word))
    }

    fn places(&mut self, words: &[Word]) -> Vec<Place> {
        words.iter().map(|word| self.place(*word)).collect()
    }

    fn string(&self, word: Word) -> String {
        decode(self.texts.word(word))
    }

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
                drop_duplicates(self.texts, words);
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

    fn joined(&self, words: &[Word]) -> String {
        decode(&join_words(words.iter().map(|word| self.texts.word(*word))))
    }

    fn lists_and_maps(mut self, kept: &Kept, said: &mut Said<'_>, config: &mut BuildConfig) {
        let lists = kept.each_ref().map(|words| self.places(words));
        let order = said.order.values().map(|word| self.place(*word)).collect();
        let constraint = said.constraints.iter().map(|words| self.pool.add(&self.joined(words))).collect();
        for lines in &mut said.maps {
            lines.settle(self.texts);
        }
        if let Some(lines) = said.maps.get_mut(Map::Substitute as usize) {
            lines.drop_duplicate_values(self.texts);
        }
        let [mut substitute, fileprovides, exportfilter, optflags] = said.maps.each_ref().map(|lines| self.map(lines));
        if let Some(package) = repo_creation(&config.binarytype) {
            substitute.insert_missing(&mut self.pool, "system-packages:repo-creation", package);
        }
        let pool = self.pool.finish();
        for (list, places) in LISTS.into_iter().zip(lists) {
            if let Some(target) = list_of(config, list) {
                *target = pool.list(places);
            }
        }
        config.order = pool.list(order);
        config.constraint = pool.list(constraint);
        config.substitute = pool.map(substitute);
        config.fileprovides = pool.map(fileprovides);
        config.exportfilter = pool.map(exportfilter);
        config.optflags = pool.map(optflags);
    }

    fn map(&mut self, lines: &MapLines) -> MapPlaces {
        let mut places = MapPlaces::with_capacity(lines.entries.len());
        for entry in &lines.entries {
            let key = self.place(entry.key);
            places.push(key, lines.values(entry).iter().map(|word| self.place(*word)));
        }
        places
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
        config.release_by_type =
            line(Scalar::Release).map(|line| line.words.iter().map(|word| self.string(*word)).collect());
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
        line.words.first().map(|word| self.string(*word))
    }
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

fn list_of(config: &mut BuildConfig, list: List) -> Option<&mut TextList> {
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
fn guess_types(config: &mut BuildConfig, installs: impl Fn(&str) -> bool) {
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

/// The package that creates repositories of a format.
fn repo_creation(binary_type: &str) -> Option<&'static str> {
    Some(match binary_type {
        "rpm" => "createrepo",
        "deb" => "dpkg-dev",
        "arch" => "pacman",
        "apk" => "apk-tools",
        _ => return None,
    })
}

/// The macro list: standard macros, `Target:` and `DistMacro:` lines, then the lines of the blocks.
fn macro_list(arch: &[u8], said: &Said<'_>, rawmacros: &str) -> TextList {
    let mut pool = PoolBuilder::default();
    pool.reserve(2048 + rawmacros.len() + rawmacros.len() / 4);
    let mut list: Vec<Place> = Vec::with_capacity(STANDARD.len() + 64);
    list.push(pool.add(""));
    list.extend(STANDARD.iter().map(|(name, gap, body)| pool.add_all(&["%define ", name, gap, body])));
    list.push(pool.add_all(&["%define _target_cpu ", &decode(arch)]));
    list.push(pool.add("%define _target_os linux"));
    for line in &said.macro_lines {
        list.push(match line {
            MacroLine::Target(arch) => pool.add(&decode(&[b"%define _target_cpu ", arch.as_slice()].concat())),
            MacroLine::Dist(text) => pool.add(&decode(&[b"%define ", text.as_slice()].concat())),
        });
    }
    let raw = rawmacros.trim_end_matches('\n');
    if !raw.is_empty() {
        let mut start = 0;
        for end in memchr_iter(b'\n', raw.as_bytes()).chain(std::iter::once(raw.len())) {
            add_macro_line(&mut pool, &mut list, raw.get(start..end).unwrap_or_default());
            start = end + 1;
        }
    }
    pool.finish().list(list)
}

/// Adds a raw macro line. Line breaks and percent signs are decoded as themselves, so the whole is decoded first.
fn add_macro_line(pool: &mut PoolBuilder, list: &mut Vec<Place>, line: &str) {
    if list.last_mut().is_some_and(|last| pool.continue_line(last, line)) {
        return;
    }
    list.push(match line.strip_prefix('%') {
        Some(rest) => pool.add_all(&["%define ", rest]),
        None => pool.add(line),
    });
}
