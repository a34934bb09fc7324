//! Checks of the directives that one architecture sees.

use std::collections::BTreeMap;

use super::pattern;
use crate::apply::{Texts, Word, Words};
use crate::config::split_flag;
use crate::finding::{Code, Finding, MAX_FINDINGS, nearest};
use crate::keyword::{Keyword, Kind, List, Map, Scalar};
use crate::lines::{Record, RecordKind};
use crate::origin::origin_of;
use crate::reference::{self, Term, Topic};
use crate::text::{decode, printable};
use crate::tree::Span;

/// A finding, with the item it is about.
pub(super) type Found = (u32, Finding);

/// The findings of all directives, in order.
pub(super) fn run(texts: Texts<'_>) -> Vec<Found> {
    let mut checker = Checker {
        texts,
        several_sources: texts.tree.sources().names().len() > 1,
        entries: BTreeMap::new(),
        keys: BTreeMap::new(),
        found: Vec::new(),
    };
    for (index, record) in texts.lines.records.iter().enumerate() {
        if record.kind != RecordKind::Block && !checker.is_full() {
            checker.record(u32::try_from(index).unwrap_or(u32::MAX), record);
        }
    }
    checker.substitute_cycles();
    checker.found
}

/// A line that sets a value.
struct Line {
    word: Word,
    values: Vec<Word>,
}

struct Checker<'a> {
    texts: Texts<'a>,
    several_sources: bool,
    /// The words each list has at the moment.
    entries: BTreeMap<List, BTreeMap<&'a [u8], Word>>,
    /// The last line of each key; of a keyword without keys, under the empty key.
    keys: BTreeMap<Kind, BTreeMap<&'a [u8], Line>>,
    found: Vec<Found>,
}

impl<'a> Checker<'a> {
    fn add(&mut self, code: Code, word: Word, message: String, help: impl Into<String>) {
        let record = self.texts.lines.records.get(word.record as usize);
        let span = record.map_or(Span::default(), |record| origin_of(self.texts.tree, record, word).span);
        let item = record.map_or(0, |record| record.item);
        self.found.push((item, Finding::new(code, span, message, help)));
    }

    /// Whether there are so many findings that further ones would not be shown.
    fn is_full(&self) -> bool {
        self.found.len() >= MAX_FINDINGS
    }

    fn shown(&self, word: Word) -> String {
        printable(&decode(self.texts.word(word)))
    }

    fn record(&mut self, index: u32, record: &Record) {
        let mut words = Words::new(self.texts, record, index);
        let Some(first) = words.next() else { return };
        let Some(keyword) = Keyword::of_word(self.texts.word(first)) else { return };
        let words: Vec<Word> = words.collect();
        self.deprecated_keyword(keyword, first);
        self.stray_characters(keyword, &words);
        if words.is_empty() && needs_argument(keyword.kind) {
            let message = format!("`{}` has no effect without an argument", keyword.spelling);
            self.add(
                Code::MissingArgument,
                first,
                message,
                "say behind the colon what it is about, or remove the line",
            );
            return;
        }
        match keyword.kind {
            Kind::List(list) => self.list(list, &words),
            Kind::ReplaceList(list) => self.replace_list(keyword, list, first, &words),
            Kind::Order => words.iter().for_each(|word| self.order(*word)),
            Kind::Map(map) => self.map(keyword, map, &words),
            Kind::Scalar(scalar) => self.scalar(keyword, scalar, first, &words),
            Kind::Constraint | Kind::Macros | Kind::DistMacro | Kind::FromScratch => {}
        }
    }

    fn deprecated_keyword(&mut self, keyword: &Keyword, word: Word) {
        let help = match keyword.spelling {
            "Changetarget:" => "write `Target:`",
            "SingleExport:" => "write `PublishFlags: singleexport`",
            _ => return,
        };
        let message = format!("`{}` is an old spelling", keyword.spelling);
        self.add(Code::Deprecated, word, message, help);
    }

    /// `#` and a final `\` are words like any other.
    fn stray_characters(&mut self, keyword: &Keyword, words: &[Word]) {
        if matches!(keyword.kind, Kind::DistMacro | Kind::Macros | Kind::Scalar(Scalar::ReleaseSuffix)) {
            return;
        }
        if let Some(word) = words.iter().find(|word| self.texts.word(**word) == b"#") {
            let message = "`#` does not start a comment here, it is an argument".to_owned();
            self.add(Code::StrayCharacter, *word, message, "put comments on lines of their own");
        }
        if let Some(word) = words.last().filter(|word| self.texts.word(**word) == b"\\") {
            let message = "a `\\` at the end does not continue the line, it is an argument".to_owned();
            let help = format!("repeat `{}` on the next line", keyword.spelling);
            self.add(Code::StrayCharacter, *word, message, help);
        }
    }

    fn list(&mut self, list: List, words: &[Word]) {
        for &word in words {
            if self.is_full() {
                return;
            }
            let text = self.texts.word(word);
            match text.strip_prefix(b"!") {
                Some(b"*") => {
                    self.entries.remove(&list);
                }
                Some(b"") => {
                    let help = "no blank may follow the `!`: `!name`, or `!*` for all";
                    self.add(Code::UselessEntry, word, "a lone `!` removes nothing".to_owned(), help);
                }
                Some(removed) => self.removal(list, word, removed),
                None => self.entry(list, word, text),
            }
        }
    }

    fn removal(&mut self, list: List, word: Word, removed: &'a [u8]) {
        let found = self.entries.get_mut(&list).and_then(|entries| entries.remove(removed));
        if found.is_none() && self.several_sources {
            let message = format!("`{}` is not in the list", printable(&decode(removed)));
            let help = "remove it, or look how the weaker texts spell the entry";
            self.add(Code::UselessRemoval, word, message, help);
        }
    }

    fn entry(&mut self, list: List, word: Word, text: &'a [u8]) {
        let shown = self.shown(word);
        match list {
            List::BuildFlags => self.flag(Code::UnknownBuildFlag, "build", Topic::BuildFlag, word, &shown),
            List::ExpandFlags => self.flag(Code::UnknownExpandFlag, "expand", Topic::ExpandFlag, word, &shown),
            List::PublishFlags => self.flag(Code::UnknownPublishFlag, "publish", Topic::PublishFlag, word, &shown),
            List::Ignore | List::Conflict => self.scoped_entry(word, &shown),
            List::Prefer if shown == "-" || shown.ends_with(':') => {
                let help = "write `name`, `-name` to take it out of choices, or `needing:name` for one package only";
                self.add(Code::UselessEntry, word, format!("`{shown}` names no package"), help);
            }
            List::Prefer => self.contradiction(word, text, &shown),
            _ => {}
        }
        if let Some(earlier) = self.entries.entry(list).or_default().insert(text, word) {
            let line = self.line_of(earlier);
            let message = format!("`{shown}` is in the list already");
            self.add(Code::DuplicateEntry, word, message, format!("it was added in line {line}"));
        }
    }

    /// `P` beside `-P`: what is taken out of a choice cannot be preferred in it.
    fn contradiction(&mut self, word: Word, text: &[u8], shown: &str) {
        let (opposite, positive) = match text.strip_prefix(b"-") {
            Some(name) => (name.to_vec(), shown.trim_start_matches('-')),
            None => ([b"-", text].concat(), shown),
        };
        let Some(earlier) = self.entries.get(&List::Prefer).and_then(|entries| entries.get(opposite.as_slice())) else {
            return;
        };
        let line = self.line_of(*earlier);
        let message = format!("`{positive}` has no effect beside `-{positive}`");
        self.add(Code::UselessEntry, word, message, format!("the opposite is in line {line}"));
    }

    fn line_of(&self, word: Word) -> usize {
        let record = self.texts.lines.records.get(word.record as usize);
        record.map_or(0, |record| self.texts.tree.locate(origin_of(self.texts.tree, record, word).span).line)
    }

    fn flag(&mut self, code: Code, kind: &str, topic: Topic, word: Word, shown: &str) {
        let (name, _) = split_flag(shown);
        match reference::find(topic, name) {
            Some(term) => self.old_term(term, &format!("{kind} flag"), word),
            None => {
                let help = did_you_mean(topic, name);
                self.add(code, word, format!("nothing reads the {kind} flag `{name}`"), help);
            }
        }
    }

    fn old_term(&mut self, term: &Term, what: &str, word: Word) {
        if let Some(instead) = term.instead {
            self.add(Code::Deprecated, word, format!("`{}` is an old {what}", term.name), instead);
        }
    }

    fn scoped_entry(&mut self, word: Word, shown: &str) {
        if shown.contains(':') && shown.split([',', ':']).skip(1).all(str::is_empty) {
            let help = "write `A:B`, where B is a package, or `A` alone for all";
            self.add(Code::UselessEntry, word, format!("`{shown}` names nothing behind the colon"), help);
        }
    }

    fn replace_list(&mut self, keyword: &Keyword, list: List, first: Word, words: &[Word]) {
        for &word in words {
            let shown = self.shown(word);
            let name = shown.split(':').next().unwrap_or_default();
            match list {
                List::Repotype => self.format(Code::UnknownRepotype, "repository", Topic::Repotype, word, name),
                List::Patterntype => self.format(Code::UnknownPatterntype, "pattern", Topic::Patterntype, word, name),
                List::PublishFilter => self.pattern(word, &shown),
                _ => {}
            }
        }
        self.replaces(keyword.kind, b"", first, keyword.spelling, words);
    }

    fn format(&mut self, code: Code, kind: &str, topic: Topic, word: Word, name: &str) {
        match reference::find(topic, name) {
            Some(term) => self.old_term(term, &format!("{kind} format"), word),
            None => {
                let help = did_you_mean(topic, name);
                self.add(code, word, format!("`{name}` is no {kind} format and produces nothing"), help);
            }
        }
    }

    fn pattern(&mut self, word: Word, shown: &str) {
        if let Some(problem) = pattern::problem(shown) {
            let message = format!("`{shown}` is no regular expression: {problem}");
            self.add(Code::InvalidPattern, word, message, "such a pattern is dropped silently");
        }
    }

    fn order(&mut self, word: Word) {
        let shown = self.shown(word);
        if shown.starts_with('!') {
            return;
        }
        let parts: Vec<&str> = shown.split(':').collect();
        if parts.len() != 2 || parts.iter().any(|part| part.is_empty()) {
            let message = format!("`{shown}` is not of the form `A:B`");
            self.add(Code::OrderWithoutColon, word, message, "`A:B` means: install A before B");
        }
    }

    fn map(&mut self, keyword: &Keyword, map: Map, words: &[Word]) {
        let [key, values @ ..] = words else { return };
        let text = self.texts.word(*key);
        let shown = self.shown(*key);
        if map.removes() && text.first() == Some(&b'!') {
            if text == b"!*" {
                self.keys.remove(&keyword.kind);
            } else if let Some(keys) = self.keys.get_mut(&keyword.kind) {
                keys.remove(text.get(1..).unwrap_or_default());
            }
            return;
        }
        match map {
            Map::FileProvides if values.is_empty() => {
                let message = format!("`{shown}` is provided by no package");
                let help = "name the packages that contain the file behind it";
                self.add(Code::FileProvidesEmpty, *key, message, help);
            }
            Map::Substitute if values.is_empty() => {
                let message = format!("dependencies on `{shown}` are removed");
                let help = "if something shall take their place, name it behind the name";
                self.add(Code::SubstituteEmpty, *key, message, help);
            }
            Map::ExportFilter => self.pattern(*key, &shown),
            _ => {}
        }
        self.replaces(keyword.kind, text, *key, &shown, values);
    }

    /// Notes a value, and that it replaces an earlier one of the same source.
    fn replaces(&mut self, kind: Kind, key: &'a [u8], word: Word, shown: &str, values: &[Word]) {
        let line = Line { word, values: values.to_vec() };
        let Some(Line { word: earlier, .. }) = self.keys.entry(kind).or_default().insert(key, line) else { return };
        let source = |word: Word| {
            let record = self.texts.lines.records.get(word.record as usize)?;
            self.texts.tree.source_of(origin_of(self.texts.tree, record, word).span)
        };
        if source(earlier) == source(word) {
            let line = self.line_of(word);
            let message = format!("the value of `{shown}` is replaced later");
            self.add(Code::Shadowed, earlier, message, format!("line {line} sets it again"));
        }
    }

    fn scalar(&mut self, keyword: &Keyword, scalar: Scalar, first: Word, words: &[Word]) {
        let topic = match scalar {
            Scalar::Type => Some(Topic::RecipeType),
            Scalar::BinaryType => Some(Topic::BinaryType),
            Scalar::BuildEngine => Some(Topic::BuildEngine),
            _ => None,
        };
        if let (Some(topic), Some(&word)) = (topic, words.first()) {
            let shown = self.shown(word);
            if reference::find(topic, &shown).is_none() && !matches!(shown.as_str(), "0" | "UNDEFINED") {
                let message = format!("`{shown}` is no value of `{}` anything knows", keyword.spelling);
                self.add(Code::UnknownValue, word, message, did_you_mean(topic, &shown));
            }
        }
        self.replaces(keyword.kind, b"", first, keyword.spelling, words);
    }

    /// Replacements that lead back to where they started, apart from a name in its own list.
    fn substitute_cycles(&mut self) {
        let kind = Kind::Map(Map::Substitute);
        let mut edges: BTreeMap<&[u8], (Word, Vec<&[u8]>)> = BTreeMap::new();
        for (key, line) in self.keys.get(&kind).into_iter().flatten() {
            let names = line.values.iter().map(|value| self.texts.word(*value));
            let names = names.map(|name| name.strip_suffix(b"=").unwrap_or(name)).filter(|name| name != key);
            edges.insert(key, (line.word, names.collect()));
        }
        for key in cyclic_keys(&edges) {
            let Some((word, _)) = edges.get(key) else { continue };
            let message = format!("replacing `{}` leads back to it", printable(&decode(key)));
            let help = "each name is replaced once only; the result depends on where one starts";
            self.add(Code::SubstituteCycle, *word, message, help);
        }
    }
}

/// The name of the topic that is nearest, or, if there are few, all of them, or where they are listed.
fn did_you_mean(topic: Topic, name: &str) -> String {
    let names = || reference::of_topic(topic).filter(|term| term.instead.is_none()).map(|term| term.name);
    if let Some(near) = nearest(&name.to_ascii_lowercase(), names()) {
        return format!("did you mean `{near}`?");
    }
    let names: Vec<&str> = names().collect();
    if names.len() <= 6 {
        return format!("known are {}", names.join(", "));
    }
    format!("prjconf(5) lists all {} that are known", names.len())
}

fn needs_argument(kind: Kind) -> bool {
    matches!(kind, Kind::List(_) | Kind::Order | Kind::Map(_) | Kind::Constraint | Kind::DistMacro)
}

/// The keys that a walk along the edges meets again while still on its way; linear in the edges.
fn cyclic_keys<'a>(edges: &BTreeMap<&'a [u8], (Word, Vec<&'a [u8]>)>) -> Vec<&'a [u8]> {
    #[derive(PartialEq, Clone, Copy)]
    enum State {
        OnTheWay,
        Done,
    }
    let mut states: BTreeMap<&[u8], State> = BTreeMap::new();
    let mut cyclic = Vec::new();
    for start in edges.keys() {
        let mut way: Vec<(&'a [u8], usize)> = vec![(start, 0)];
        while let Some((key, next)) = way.pop() {
            if next == 0 && states.insert(key, State::OnTheWay) == Some(State::Done) {
                states.insert(key, State::Done);
                continue;
            }
            let Some(target) = edges.get(key).and_then(|(_, targets)| targets.get(next)) else {
                states.insert(key, State::Done);
                continue;
            };
            way.push((key, next + 1));
            match states.get(target) {
                Some(State::OnTheWay) => cyclic.push(*target),
                Some(State::Done) => {}
                None if edges.contains_key(target) => way.push((target, 0)),
                None => {}
            }
        }
    }
    cyclic.sort_unstable();
    cyclic.dedup();
    cyclic
}
