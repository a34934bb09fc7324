//! What the conditions of a text depend on.
//!
//! A condition that has the same value for every architecture is a finding only if nothing outside of the text can change
//! it. Outside are other texts of the same joined configuration and the server; a macro that is defined in none of the
//! lines in front may come from there. In doubt a condition depends on the outside. [`dependences`] is the
//! function to read first.

use std::collections::{BTreeMap, BTreeSet};

use super::lines::define_parts;
use crate::condition::{Branch, Condition, ConditionKind, find_condition};
use crate::multiline::{BlockScan, starts_block, starts_define};
use crate::reference::{self, Topic};
use crate::source::SourceId;
use crate::text::{decode, find, find_byte, is_word, trim_start};
use crate::tree::{Item, ItemKind, Span, Tree};

/// What the value of a condition or macro depends on; the later, the more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dependence {
    /// The text alone.
    Text,
    /// The text and the architecture.
    Arch,
    /// Texts or servers nobody here knows.
    Outside,
}

/// The dependence of each `%if…` and `%elif…` line, by the index of its item.
///
/// `seen` are the items that an evaluation sees: definitions elsewhere have no effect.
pub(super) fn dependences(tree: &Tree, seen: &BTreeSet<u32>) -> BTreeMap<usize, Dependence> {
    let mut walk = Walk {
        tree,
        seen,
        source: None,
        macros: BTreeMap::new(),
        open: Vec::new(),
        continues: false,
        block: None,
        found: BTreeMap::new(),
    };
    for (index, item) in tree.items().iter().enumerate() {
        if item.kind == ItemKind::Line {
            walk.line(index, item);
        }
    }
    walk.found
}

/// The condition of an `%if…` or `%elif…` line.
pub(super) fn condition(line: &[u8]) -> Option<Condition<'_>> {
    let Some(Branch::Elif(position)) = Branch::of_line(line) else { return find_condition(line) };
    let word = line.get(position..).unwrap_or_default();
    let (word, text) = word.split_at(word.iter().take_while(|byte| is_word(**byte)).count());
    let kind = match word {
        b"elif" => ConditionKind::If,
        b"elifarch" => ConditionKind::Arch,
        _ => ConditionKind::Os,
    };
    Some(Condition { kind, text })
}

struct Walk<'a> {
    tree: &'a Tree,
    seen: &'a BTreeSet<u32>,
    /// The source of the line.
    source: Option<SourceId>,
    /// What the value of a macro depends on, and the source that defines it.
    macros: BTreeMap<&'a [u8], (Dependence, Option<SourceId>)>,
    /// For each open condition, what all its branches so far depend on.
    open: Vec<Dependence>,
    /// The line before is a definition that goes on.
    continues: bool,
    /// A `%{?name:` that goes on.
    block: Option<BlockScan>,
    found: BTreeMap<usize, Dependence>,
}

impl<'a> Walk<'a> {
    fn line(&mut self, index: usize, item: &Item) {
        let line = self.tree.item_text(item);
        if find_byte(line, 0, b'%').is_none() && !self.continues && self.block.is_none() {
            return;
        }
        self.source = self.tree.source_of(Span { start: item.start as usize, end: item.end as usize });
        let seen = u32::try_from(index).is_ok_and(|index| self.seen.contains(&index));
        if std::mem::take(&mut self.continues) {
            self.continues = line.last() == Some(&b'\\');
            return self.hidden_definitions(line);
        }
        if self.in_block(line) {
            return self.hidden_definitions(line);
        }
        if trim_start(line).first() == Some(&b'#') && !line.starts_with(b"#!") {
            return;
        }
        if starts_define(line) {
            return self.definition(line, seen);
        }
        self.hidden_definitions(line);
        match Branch::of_line(line) {
            Some(Branch::Else) => {}
            Some(Branch::Endif) => drop(self.open.pop()),
            Some(Branch::Elif(_)) => {
                let depends = self.note(index, line);
                if let Some(open) = self.open.last_mut() {
                    *open = depends.max(*open);
                }
            }
            None if opens(line, seen) => {
                let depends = self.note(index, line);
                self.open.push(depends);
            }
            None => {}
        }
    }

    /// Whether a line belongs to a `%{?name:` that goes on over several lines.
    fn in_block(&mut self, line: &[u8]) -> bool {
        let scan = match self.block.take() {
            Some(mut scan) => {
                scan.add_line(line);
                scan
            }
            None if starts_block(line) => BlockScan::start(line),
            None => return false,
        };
        self.block = Some(scan).filter(BlockScan::is_open);
        true
    }

    fn note(&mut self, index: usize, line: &[u8]) -> Dependence {
        let depends = condition(line).map_or(Dependence::Outside, |condition| {
            let least = if condition.kind == ConditionKind::If { Dependence::Text } else { Dependence::Arch };
            self.of_text(condition.text).max(least)
        });
        self.found.insert(index, depends);
        depends
    }

    /// A line that is a `%define` or `%global`.
    fn definition(&mut self, line: &'a [u8], seen: bool) {
        self.continues = line.last() == Some(&b'\\');
        let Some((name, body)) = define_parts(line) else { return };
        let around = self.open.iter().copied().max().unwrap_or(Dependence::Text);
        self.hidden_definitions(body);
        let has_arguments = body.first() == Some(&b'(');
        let is_plain = !self.continues && !has_arguments && self.source.is_some() && !uses_any(body, &self.macros);
        let own = if is_plain { self.of_text(body) } else { Dependence::Outside };
        if seen || around == Dependence::Outside {
            self.macros.insert(name, (own.max(around), self.source));
        }
    }

    /// Definitions in the middle of a line happen or not; nobody here knows.
    fn hidden_definitions(&mut self, line: &'a [u8]) {
        for word in [&b"define"[..], b"global"] {
            let mut at = 0;
            while let Some(found) = find(line, at, word) {
                let rest = trim_start(line.get(found + word.len()..).unwrap_or_default());
                let name = rest.get(..rest.iter().take_while(|byte| is_word(**byte)).count()).unwrap_or_default();
                at = line.len() - rest.len() + name.len();
                self.macros.insert(name, (Dependence::Outside, self.source));
            }
        }
    }

    /// What the macros of a text depend on.
    fn of_text(&self, text: &[u8]) -> Dependence {
        macro_names(text).map(|name| self.of_macro(name)).max().unwrap_or(Dependence::Text)
    }

    fn of_macro(&self, name: &[u8]) -> Dependence {
        let shown = decode(name);
        if name.is_empty() || reference::find(Topic::ServerMacro, &shown).is_some() {
            return Dependence::Outside;
        }
        if let Some((depends, source)) = self.macros.get(name) {
            return if *source == self.source { *depends } else { Dependence::Outside };
        }
        match reference::find(Topic::StandardMacro, &shown) {
            Some(_) if name == b"_target_cpu" => Dependence::Arch,
            Some(_) => Dependence::Text,
            None => Dependence::Outside,
        }
    }
}

/// Whether a line opens a condition; a line in a part that is skipped does so only with its first word.
fn opens(line: &[u8], seen: bool) -> bool {
    if seen { find_condition(line).is_some() } else { trim_start(line).starts_with(b"%if") }
}

/// Whether a text uses a macro of a table: its value would be that of a later moment.
fn uses_any<T>(text: &[u8], macros: &BTreeMap<&[u8], T>) -> bool {
    macro_names(text).any(|name| macros.contains_key(name))
}

/// The names of all macros of a text, in and outside of braces; an empty one for each that is no plain name.
fn macro_names(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let behind = find_byte(text, at, b'%')? + 1;
            if text.get(behind) == Some(&b'%') {
                at = behind + 1;
                continue;
            }
            let rest = text.get(behind..).unwrap_or_default();
            let front = rest.iter().take_while(|byte| matches!(byte, b'{' | b'?' | b'!')).count();
            let name = rest.get(front..).unwrap_or_default();
            let name = name.get(..name.iter().take_while(|byte| is_word(**byte)).count()).unwrap_or_default();
            at = behind + front + name.len();
            return Some(if name.first().is_some_and(u8::is_ascii_digit) { &[] } else { name });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    /// The dependences of all conditions of a text of which every line is seen.
    fn all(text: &str) -> Vec<Dependence> {
        let tree = parse(text.as_bytes());
        dependences(&tree, &(0..u32::MAX).take(tree.items().len()).collect()).into_values().collect()
    }

    #[test]
    fn what_the_text_defines_or_the_architecture_decides_is_known() {
        use Dependence::{Arch, Text};
        for (text, expected) in [
            ("%define n 1\n%if %n && 0%{?n} > 0\n%elif %{n}\n%endif\n", &[Text, Text][..]),
            ("%define list %ix86 x86_64\n%ifarch %list\n%endif\n%ifos linux\n%endif\n", &[Arch, Arch]),
            (
                "%if \"%_target_cpu\" == \"i586\"\n%define n 1\n%else\n%define n 2\n%endif\n%if %n\n%endif\n",
                &[Arch, Arch],
            ),
            ("%if 1 %% 2\n%endif\n", &[Text]),
            ("%if 0%{?a}\n%define n 1\n%endif\n%define n 2\n%if %n\n%endif\n", &[Dependence::Outside, Text]),
        ] {
            assert_eq!(all(text), expected, "{text}");
        }
    }

    #[test]
    fn in_doubt_a_condition_depends_on_the_outside() {
        for text in [
            "%if 0%{?n}\n%endif\n",
            "%if %n\n%endif\n%define n 1\n",
            "%if %{defined n}\n%endif\n",
            "%if %(date)\n%endif\n",
            "%if %{expand:1}\n%endif\n",
            "%define n %m\n%if %n\n%endif\n",
            "%define m 1\n%define n %m\n%if %n\n%endif\n",
            "%define n() 1\n%if %n\n%endif\n",
            "%define n \\\n1\n%if %n\n%endif\n",
            "%define n 1\n%{!?x:%define n 2}\n%if %n\n%endif\n",
            "%{!?x:\n%define n 2\n}\n%if %n\n%endif\n",
            "%define _repository x\n%if \"%_repository\" == \"x\"\n%endif\n",
        ] {
            assert_eq!(all(text).last(), Some(&Dependence::Outside), "{text}");
        }
        let open = "%if 0%{?a}\n%define n 1\n%endif\n%if 0%{?n}\n%endif\n";
        assert_eq!(all(open), [Dependence::Outside; 2]);
    }
}
