//! Checks of the text alone: conditions, defines, blocks. No architecture plays a role here.

use std::collections::BTreeMap;
use std::ops::Range;

use super::place;
use crate::condition::{Branch, ConditionKind, find_condition};
use crate::finding::{Code, Finding};
use crate::multiline::{starts_block, starts_define};
use crate::text::{decode, find, is_space, is_word, printable, starts_with_word, trim, trim_start};
use crate::tree::{Item, ItemKind, Span, Tree, is_marker};

/// The findings of the text alone, unordered.
pub(super) fn run(tree: &Tree) -> Vec<Finding> {
    let mut checker = Checker { tree, open: Vec::new(), findings: Vec::new() };
    for item in tree.items() {
        match item.kind {
            ItemKind::Line => checker.line(item),
            ItemKind::MacrosBlock => checker.block(item),
        }
    }
    checker.unused_macros();
    checker.findings
}

/// The span of an item without the white space around it.
pub(super) fn trimmed_span(tree: &Tree, item: &Item) -> Span {
    let text = tree.item_text(item);
    let start = item.start as usize + text.len() - trim_start(text).len();
    Span { start, end: start + trim(text).len() }
}

/// What to do about a condition that never changes.
pub(super) const CONSTANT_HELP: &str = "remove the condition; of its parts keep the one that is always taken";

/// A condition that is open.
struct Open {
    has_else: bool,
}

struct Checker<'a> {
    tree: &'a Tree,
    open: Vec<Open>,
    findings: Vec<Finding>,
}

impl<'a> Checker<'a> {
    fn find(&mut self, code: Code, item: &Item, message: impl Into<String>, help: &str) {
        self.findings.push(Finding::new(code, trimmed_span(self.tree, item), message, help));
    }

    /// A finding about a part of a line.
    fn find_in(&mut self, code: Code, item: &Item, part: &Range<usize>, message: impl Into<String>, help: &str) {
        let start = item.start as usize;
        let span = Span { start: start + part.start, end: start + part.end };
        self.findings.push(Finding::new(code, span, message, help));
    }

    fn line(&mut self, item: &Item) {
        let line = self.tree.item_text(item);
        let start = trim_start(line);
        if start.first() == Some(&b'#') && !line.starts_with(b"#!") || starts_define(line) || starts_block(line) {
            return;
        }
        match Branch::of_line(line) {
            Some(Branch::Else) => return self.branch_else(item),
            Some(Branch::Endif) => {
                if self.open.pop().is_none() {
                    let help = "it has no effect; remove it, or add the `%if` that is missing";
                    self.find(Code::EndifWithoutIf, item, "`%endif` without an open condition", help);
                }
                return;
            }
            Some(Branch::Elif(_)) => {
                self.expression(item);
                if self.open.is_empty() {
                    let help = "it is taken as the start of a part that is skipped";
                    self.find(Code::ElseWithoutIf, item, "`%elif` without an open condition", help);
                    self.open.push(Open { has_else: true });
                }
                return;
            }
            None => {}
        }
        self.words(item, start);
        if let Some(condition) = find_condition(line) {
            if !start.starts_with(b"%if") {
                let help = "put the condition on a line of its own, or write `%%` for a percent sign in a value";
                self.find(Code::MidlineCondition, item, "a condition in the middle of a line opens a part", help);
            } else if condition.kind == ConditionKind::If {
                self.expression(item);
            }
            self.open.push(Open { has_else: false });
        }
    }

    fn branch_else(&mut self, item: &Item) {
        match self.open.last_mut() {
            None => {
                let help = "what follows is skipped up to the next `%endif`";
                self.find(Code::ElseWithoutIf, item, "`%else` without an open condition", help);
                self.open.push(Open { has_else: true });
            }
            Some(open) if open.has_else => {
                let help = "each further `%else` turns the condition round again";
                self.find(Code::SecondElse, item, "a second `%else` of the same condition", help);
            }
            Some(open) => open.has_else = true,
        }
    }

    /// Words at the start of a line that look like something the language has.
    fn words(&mut self, item: &Item, start: &[u8]) {
        if starts_with_word(start, b"%undefine") {
            let help = "`%undefine` has no effect; define the macro as empty, or test it with `%{?name}`";
            self.find(Code::UndefineIgnored, item, "`%undefine` is not known", help);
            return;
        }
        let Some(word) = start.strip_prefix(b"%") else { return };
        let len = word.iter().take_while(|byte| is_word(**byte)).count();
        let word = word.get(..len).unwrap_or_default();
        let known = [&b"if"[..], b"ifarch", b"ifnarch", b"ifos", b"ifnos"];
        let is_condition = word.starts_with(b"if") && !known.contains(&word);
        let is_branch = word.starts_with(b"elif") || word.starts_with(b"elseif");
        if is_condition || is_branch {
            let shown = decode(word);
            let help = "known are %if, %ifarch, %ifnarch, %ifos, %ifnos, %elif, %elifarch, %elifos, %else, %endif";
            self.find(Code::UnknownConditionWord, item, format!("`%{shown}` is no condition"), help);
        }
    }

    fn expression(&mut self, item: &Item) {
        let Some(range) = place::expression(self.tree.item_text(item)) else { return };
        let text = self.tree.item_text(item).get(range.clone()).unwrap_or_default();
        let inside = text.strip_prefix(b"\"0").and_then(|rest| rest.strip_suffix(b"\""));
        if inside.is_some_and(|inside| !inside.contains(&b'"')) {
            let help = "without the quotes it is a number, of which 0 is false";
            self.find_in(Code::QuotedZero, item, &range, "a quoted text is true even if it is `0`", help);
        } else if !text.is_empty() && !text.contains(&b'%') {
            let message = format!("`{}` has no macro and never changes", printable(&decode(text)));
            self.find_in(Code::ConstantCondition, item, &range, message, CONSTANT_HELP);
        }
    }

    fn block(&mut self, item: &Item) {
        let text = self.tree.item_text(item);
        let last = text.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_closed = is_marker(last, b":macros") && text.contains(&b'\n');
        if !is_closed && !self.open.is_empty() {
            let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let start = item.start as usize;
            let span = Span { start, end: start + first.len() };
            let message = "an open `Macros:` block inside a condition swallows everything up to the end";
            let help = "close it with `:Macros` in front of `%endif`";
            self.findings.push(Finding::new(Code::MacrosInCondition, span, message, help));
        }
        let body = self.tree.block_body(item);
        let base = item.start as usize + text.len() - tail_from(text, body);
        for (offset, line) in crate::combine::lines(body) {
            self.block_line(base + offset, line);
        }
    }

    fn block_line(&mut self, start: usize, line: &[u8]) {
        let words = [&b"%define"[..], b"%global", b"%undefine", b"%if", b"%ifarch", b"%else", b"%endif"];
        let Some(word) = words.into_iter().find(|word| starts_with_word(line, word)) else { return };
        let name = decode(word.get(1..).unwrap_or_default());
        let span = Span { start, end: start + line.len() };
        let message = format!("`%{name}` in a `Macros:` block defines a macro called `{name}`");
        let help = "a line of a block is `%NAME BODY`; conditions go around closed blocks";
        self.findings.push(Finding::new(Code::DefineInMacros, span, message, help));
    }

    /// Defines whose name occurs nowhere else in the text.
    fn unused_macros(&mut self) {
        let mut counts: BTreeMap<&[u8], usize> = BTreeMap::new();
        for word in self.tree.text().split(|byte| !is_word(*byte)).filter(|word| !word.is_empty()) {
            *counts.entry(word).or_default() += 1;
        }
        let tree = self.tree;
        let mut defines: BTreeMap<&[u8], Vec<&Item>> = BTreeMap::new();
        for item in tree.items().iter().filter(|item| item.kind == ItemKind::Line) {
            if let Some(name) = defined_name(tree.item_text(item)) {
                defines.entry(name).or_default().push(item);
            }
        }
        for (name, items) in defines {
            let has_meaning = name.starts_with(b"_with") || name.starts_with(b"_target");
            if has_meaning || counts.get(name).copied().unwrap_or_default() > items.len() {
                continue;
            }
            let shown = decode(name);
            for item in items {
                let help = "remove it, or define it in a `Macros:` block if recipes use it";
                self.find(Code::UnusedMacro, item, format!("macro `{shown}` is never used"), help);
            }
        }
    }
}

/// How many bytes of `text` there are from the start of its part `body` on.
fn tail_from(text: &[u8], body: &[u8]) -> usize {
    match find(text, 0, b"\n") {
        Some(first) => text.len() - first - 1,
        None => body.len(),
    }
}

/// The name a `%define` or `%global` line defines.
fn defined_name(line: &[u8]) -> Option<&[u8]> {
    define_parts(line).map(|(name, _)| name)
}

/// The name a `%define` or `%global` line defines, and what is behind it.
pub(super) fn define_parts(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if !starts_define(line) {
        return None;
    }
    let start = trim_start(line);
    let word = start.iter().take_while(|byte| !is_space(**byte)).count();
    let rest = trim_start(start.get(word..)?);
    let len = rest.iter().take_while(|byte| is_word(**byte)).count();
    rest.split_at_checked(len).filter(|(name, _)| !name.is_empty())
}
