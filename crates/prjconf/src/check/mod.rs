//! Everything that is doubtful in a configuration, for people who write one.
//!
//! Slower than an evaluation and never needed by one. Read [`check`] first.

mod constant;
mod keywords;
mod lines;
mod pattern;
pub(crate) mod place;

use std::collections::{BTreeMap, BTreeSet};

use constant::Dependence;

use crate::apply::{self, Texts};
use crate::condition::ConditionKind;
use crate::evaluate::Options;
use crate::finding::{self, Code, Finding, MAX_FINDINGS};
use crate::lines::{self as pass3, Lines};
use crate::macros::table::MacroTable;
use crate::reference::{self, Topic};
use crate::text::{decode, find, is_word};
use crate::tree::{Span, Tree};

/// All findings of a text for some architectures, in the order of the text; at most 500.
///
/// Lines that were generated while joining are taken as right. A finding about an entry or a condition is made only if it holds for every architecture that sees its line. Each place and
/// code is reported once.
#[must_use]
pub fn check(tree: &Tree, arches: &[&str]) -> Vec<Finding> {
    let mut gathered = Gathered::default();
    for outcome in &outcomes(tree, arches) {
        gathered.outcome(tree, outcome);
    }
    let mut findings = gathered.holding();
    findings.extend(lines::run(tree));
    findings.extend(gathered.constant_conditions(tree, arches.len()));
    findings.retain(|finding| tree.source_of(finding.span).is_some() && !gathered.explains(finding));
    findings.sort_by_key(|finding| (finding.span, finding.code));
    findings
        .dedup_by(|left, right| left.span == right.span && left.code == right.code && left.message == right.message);
    findings.truncate(MAX_FINDINGS);
    findings
}

/// What one or more architectures make of a text.
struct Outcome {
    lines: Lines,
    arches: usize,
}

/// The different outcomes of pass 3, on which everything else depends; many architectures share one.
fn outcomes(tree: &Tree, arches: &[&str]) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for arch in arches {
        let options = Options::for_arch(arch);
        let mut table = MacroTable::for_arch(options.first_arch().as_bytes());
        table.watch();
        let lines = pass3::run(tree, table, options.limits(), true);
        match outcomes.iter_mut().find(|outcome| is_same(&outcome.lines, &lines)) {
            Some(outcome) => outcome.arches += 1,
            None => outcomes.push(Outcome { lines, arches: 1 }),
        }
    }
    outcomes
}

fn is_same(left: &Lines, right: &Lines) -> bool {
    left.records == right.records
        && left.expanded == right.expanded
        && left.errors == right.errors
        && left.decisions == right.decisions
        && left.undefined == right.undefined
}

/// What the architectures say.
#[derive(Default)]
struct Gathered {
    /// Findings with the number of architectures that have them.
    found: BTreeMap<(Span, Code, String), (u32, usize, Finding)>,
    /// How many architectures see an item.
    seen: BTreeMap<u32, usize>,
    /// Findings that hold as soon as one architecture has them.
    any: Vec<Finding>,
    /// The lines that are wrong.
    errors: Vec<Span>,
    /// The values of each condition, with the number of architectures that have it.
    decisions: BTreeMap<usize, BTreeMap<bool, usize>>,
    /// What each condition depends on.
    dependences: BTreeMap<usize, Dependence>,
}

impl Gathered {
    fn outcome(&mut self, tree: &Tree, outcome: &Outcome) {
        let Outcome { lines, arches } = outcome;
        let texts = Texts { tree, lines };
        self.any.extend(finding::of_evaluation(texts, &apply::run(texts)));
        let items: BTreeSet<u32> = lines.records.iter().map(|record| record.item).collect();
        for (item, finding) in keywords::run(texts) {
            let key = (finding.span, finding.code, finding.message.clone());
            self.found.entry(key).or_insert((item, 0, finding)).1 += arches;
        }
        for decision in &lines.decisions {
            *self.decisions.entry(decision.item).or_default().entry(decision.value).or_default() += arches;
        }
        for (item, depends) in constant::dependences(tree, &items) {
            let known = self.dependences.entry(item).or_insert(depends);
            *known = depends.max(*known);
        }
        for item in items {
            *self.seen.entry(item).or_default() += arches;
        }
        for (item, name) in &lines.undefined {
            self.any.extend(undefined_macro(tree, *item, name));
        }
        let wrong = lines.errors.iter().filter_map(|error| tree.items().get(error.item));
        self.errors.extend(wrong.map(|item| Span { start: item.start as usize, end: item.end as usize }));
    }

    fn holding(&mut self) -> Vec<Finding> {
        let mut findings = std::mem::take(&mut self.any);
        for (item, count, finding) in std::mem::take(&mut self.found).into_values() {
            if self.seen.get(&item).is_none_or(|seen| count >= *seen) {
                findings.push(finding);
            }
        }
        findings
    }

    /// Whether a condition that is wrong explains why it never changes.
    fn explains(&self, finding: &Finding) -> bool {
        let contains = |line: &Span| line.start <= finding.span.start && finding.span.end <= line.end;
        finding.code == Code::ConstantCondition && self.errors.iter().any(contains)
    }

    /// Conditions that have the same value for all architectures, and that nothing outside of the text can change.
    fn constant_conditions(&self, tree: &Tree, arches: usize) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, values) in &self.decisions {
            let [(value, count)] = values.iter().collect::<Vec<_>>()[..] else { continue };
            let Some(item) = tree.items().get(*index).filter(|_| *count == arches) else { continue };
            let Some(condition) = constant::condition(tree.item_text(item)) else { continue };
            // Expressions without a macro are a matter of the text alone.
            if condition.kind == ConditionKind::If && !condition.text.contains(&b'%') {
                continue;
            }
            let message = match self.dependences.get(index) {
                Some(Dependence::Text) => format!("the condition is always {value}"),
                Some(Dependence::Arch) if arches > 1 => {
                    format!("the condition is {value} for every architecture of this repository")
                }
                _ => continue,
            };
            let span = lines::trimmed_span(tree, item);
            findings.push(Finding::new(Code::ConstantCondition, span, message, lines::CONSTANT_HELP));
        }
        findings
    }
}

/// A macro that was used without a test and stayed as text.
fn undefined_macro(tree: &Tree, item: usize, name: &[u8]) -> Option<Finding> {
    let shown = decode(name);
    let is_name = !name.is_empty() && name.iter().all(|byte| is_word(*byte)) && !name.first()?.is_ascii_digit();
    if !is_name || reference::find(Topic::ServerMacro, &shown).is_some() || is_condition_word(name) {
        return None;
    }
    let item = tree.items().get(item)?;
    let line = tree.item_text(item);
    let mut at = 0;
    let start = loop {
        let position = find(line, at, name)?;
        let before = position.checked_sub(1).and_then(|before| line.get(before));
        let behind = line.get(position + name.len());
        if matches!(before, Some(b'%' | b'{')) && !behind.is_some_and(|byte| is_word(*byte)) {
            break position;
        }
        at = position + 1;
    };
    let start = item.start as usize + start;
    let span = Span { start, end: start + name.len() };
    let message = format!("macro `{shown}` is not defined here and stays as text");
    let help = "`%{?name}` is empty if the macro is not defined; macros of `Macros:` blocks are not visible here";
    Some(Finding::new(Code::UndefinedMacro, span, message, help))
}

/// Words that stay as text because a later step reads them.
fn is_condition_word(name: &[u8]) -> bool {
    [&b"if"[..], b"else", b"endif", b"elif", b"undefine"].iter().any(|word| name.starts_with(word))
}
