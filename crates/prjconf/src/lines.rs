//! Pass 3: from items to records. Continued defines, comments, macro expansion, conditions.
//!
//! No keyword is looked at here, so no keyword can influence a condition. A record is an item that pass 4 reads, raw or
//! expanded; which of the two follows the peer exactly, because it shows in results.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::condition::{Branch, Condition, ConditionKind, find_condition};
use crate::expr;
use crate::macros::budget::{Budget, Limits};
use crate::macros::expand::Expander;
use crate::macros::table::{MacroTable, is_condition_word};
use crate::multiline::{BlockScan, is_needed_for_build, starts_block, starts_define};
use crate::text::{find, find_byte, find_mark, is_space, is_word, trim_start, words};
use crate::tree::{Item, ItemKind, Tree};

/// What pass 4 reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    /// Index of the item in the tree.
    pub(crate) item: u32,
    pub(crate) kind: RecordKind,
    /// Offsets in the text of the tree (raw) or in the expanded text.
    pub(crate) start: u32,
    pub(crate) end: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    Raw,
    Expanded,
    Block,
}

/// A message of pass 3, with the item it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineError {
    pub(crate) item: usize,
    pub(crate) message: Vec<u8>,
}

/// How one condition of the text was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) item: usize,
    pub(crate) value: bool,
}

/// Messages that are kept, apart from the first.
const MAX_ERRORS: usize = 200;

/// The outcome of pass 3.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) records: Vec<Record>,
    pub(crate) expanded: Vec<u8>,
    pub(crate) parse_error: Option<Vec<u8>>,
    pub(crate) errors: Vec<LineError>,
    pub(crate) decisions: Vec<Decision>,
    /// Macros that were used without a test but are not defined, with their item, if that was asked for.
    pub(crate) undefined: Vec<(usize, Vec<u8>)>,
}

/// Runs pass 3.
pub(crate) fn run(tree: &Tree, table: MacroTable, limits: Limits, trace: bool) -> Lines {
    let mut state = LineLoop::new(tree, table, limits, trace);
    for (index, item) in tree.items().iter().enumerate() {
        state.index = index;
        if item.kind == ItemKind::MacrosBlock {
            if state.skip == 0 {
                state.push(RecordKind::Block, item.start, item.end);
            }
        } else if state.is_unfinished || state.has_mark(item) {
            state.line(Cow::Borrowed(tree.item_text(item)), true);
            while let Some(line) = state.queue.pop_front() {
                state.line(Cow::Owned(line), false);
            }
            state.is_unfinished = state.pending_define.is_some() || state.pending_block.is_some();
        } else if state.skip == 0 {
            state.plain_line(item);
        }
    }
    state.finish()
}

/// A line number for messages: the one that was set last, and the item it was set at.
///
/// Line marks may set any digits, and those count on as text: `007` is followed by `008`.
struct LineNumber {
    digits: Vec<u8>,
    item: usize,
}

impl LineNumber {
    /// The number of a later item.
    fn at(&self, item: usize) -> Vec<u8> {
        let mut digits = self.digits.clone();
        for _ in self.item..item {
            count_on(&mut digits);
        }
        digits
    }
}

fn count_on(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit != b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

struct LineLoop<'a> {
    tree: &'a Tree,
    table: MacroTable,
    budget: Budget,
    messages: Vec<Vec<u8>>,
    /// 0: active; 2: waiting for a true branch; 1: a branch was taken; each skipped inner condition adds 2.
    skip: u64,
    queue: VecDeque<Vec<u8>>,
    pending_define: Option<Vec<u8>>,
    pending_block: Option<BlockScan>,
    /// A define or a block goes on with the next line.
    is_unfinished: bool,
    file: Vec<u8>,
    line_number: LineNumber,
    index: usize,
    /// Position of the next `%` or `@` in the text; only known not to be behind the true one.
    next_mark: usize,
    /// The item that started the part that is skipped.
    skip_from: usize,
    trace: bool,
    /// A buffer for expanded lines, to be used again.
    scratch: Vec<u8>,
    out: Lines,
}

impl<'a> LineLoop<'a> {
    fn new(tree: &'a Tree, table: MacroTable, limits: Limits, trace: bool) -> Self {
        let out = Lines {
            records: Vec::with_capacity(tree.items().len()),
            expanded: Vec::with_capacity(tree.text().len() / 16),
            parse_error: None,
            errors: Vec::new(),
            decisions: Vec::new(),
            undefined: Vec::new(),
        };
        Self {
            tree,
            table,
            budget: Budget::for_text(tree.text().len(), limits),
            messages: Vec::new(),
            skip: 0,
            queue: VecDeque::new(),
            pending_define: None,
            pending_block: None,
            is_unfinished: false,
            file: Vec::new(),
            line_number: LineNumber { digits: b"1".to_vec(), item: 0 },
            index: 0,
            next_mark: find_mark(tree.text(), 0).unwrap_or(usize::MAX),
            skip_from: 0,
            trace,
            scratch: Vec::new(),
            out,
        }
    }

    fn push(&mut self, kind: RecordKind, start: u32, end: u32) {
        let item = u32::try_from(self.index).unwrap_or(u32::MAX);
        self.out.records.push(Record { item, kind, start, end });
    }

    fn push_raw(&mut self) {
        if let Some(item) = self.tree.items().get(self.index) {
            self.push(RecordKind::Raw, item.start, item.end);
        }
    }

    /// The raw text of a line that a macro made a branch; a line that is one itself would be ignored anyway.
    fn push_raw_directive(&mut self, is_input: bool) {
        let text = self.tree.items().get(self.index).map(|item| trim_start(self.tree.item_text(item)));
        if is_input && text.is_some_and(|text| text.first() != Some(&b'%')) {
            self.push_raw();
        }
    }

    /// An active input line without macros or marks: nothing to expand, and no condition.
    fn plain_line(&mut self, item: &Item) {
        match self.tree.text().get(item.start as usize..item.end as usize) {
            None | Some([]) => {}
            Some(line @ [b'#', ..]) => self.set_position(line),
            Some(_) => self.push(RecordKind::Raw, item.start, item.end),
        }
    }

    /// Whether a line has a `%` or `@`. Asked in the order of the lines, so the text is searched once.
    fn has_mark(&mut self, item: &Item) -> bool {
        if self.next_mark < item.start as usize {
            self.next_mark = find_mark(self.tree.text(), item.start as usize).unwrap_or(usize::MAX);
        }
        self.next_mark < item.end as usize
    }

    /// One line of input or of the queue; only an input line can become a record.
    fn line(&mut self, line: Cow<'_, [u8]>, is_input: bool) {
        if is_needed_for_build(&line) {
            return;
        }
        let Some(line) = self.continued_define(line, is_input) else { return };
        let Some(mut line) = self.continued_block(line, is_input) else { return };
        if trim_start(&line).first() == Some(&b'#') && !line.starts_with(b"#!") {
            return;
        }
        if self.skip == 0
            && let Some(mark) = find_byte(&line, 0, b'%')
            && !self.is_bare_condition(&line, mark)
        {
            line = Cow::Owned(self.expanded(&line));
        }
        self.whole_line(&mut line, is_input);
        if let Cow::Owned(buffer) = line {
            self.scratch = buffer;
        }
    }

    /// Whether the only macro of a line is a word of conditions, which expansion would leave as it is.
    fn is_bare_condition(&mut self, line: &[u8], mark: usize) -> bool {
        const LONG: usize = 1024;
        if self.trace || self.table.hides_conditions() || line.len() > LONG || self.budget.left() <= LONG {
            return false;
        }
        let behind = line.get(mark + 1..).unwrap_or_default();
        let word_len = behind.iter().take_while(|byte| is_word(**byte)).count();
        let (word, rest) = behind.split_at(word_len);
        let is_bare = is_condition_word(word) && !rest.iter().any(|byte| matches!(byte, b'%' | b'\n'));
        is_bare && self.budget.spend(line.len())
    }

    /// A line with its macros expanded.
    fn whole_line(&mut self, line: &mut Cow<'_, [u8]>, is_input: bool) {
        match Branch::of_line(line) {
            Some(Branch::Else) => {
                self.push_raw_directive(is_input);
                return self.branch_else();
            }
            Some(Branch::Endif) => {
                self.push_raw_directive(is_input);
                return self.branch_endif();
            }
            Some(Branch::Elif(position)) => match self.branch_elif(line, position) {
                Some(condition_line) => *line = Cow::Owned(condition_line),
                None => return self.push_raw_directive(is_input),
            },
            None => {}
        }
        if self.skip != 0 {
            if trim_start(line).starts_with(b"%if") {
                self.skip = self.skip.saturating_add(2);
            }
            return;
        }
        self.active_line(line, is_input);
    }

    fn active_line(&mut self, line: &mut Cow<'_, [u8]>, is_input: bool) {
        if let Some(cleaned) = without_flavor(line) {
            *line = Cow::Owned(cleaned);
        }
        if let Some(condition) = find_condition(line) {
            let value = self.decide(&condition);
            if !value {
                self.skip = 2;
                self.skip_from = self.index;
            }
            if self.trace {
                self.out.decisions.push(Decision { item: self.index, value });
            }
            if is_input {
                self.push_raw();
            }
            return;
        }
        self.set_position(line);
        if is_input {
            let item = self.tree.items().get(self.index);
            if item.is_some_and(|item| self.tree.item_text(item) == &**line) {
                return self.push_raw();
            }
            let start = u32::try_from(self.out.expanded.len()).unwrap_or(u32::MAX);
            self.out.expanded.extend_from_slice(line);
            let end = u32::try_from(self.out.expanded.len()).unwrap_or(u32::MAX);
            self.out.expanded.push(b'\n');
            self.push(RecordKind::Expanded, start, end);
        }
    }

    /// Joins a define that goes on over several lines; `None` while it does.
    fn continued_define<'l>(&mut self, line: Cow<'l, [u8]>, is_input: bool) -> Option<Cow<'l, [u8]>> {
        let joined = match self.pending_define.take() {
            Some(mut pending) => {
                pending.extend_from_slice(&line);
                Cow::Owned(pending)
            }
            None if starts_define(&line) => line,
            None => return Some(line),
        };
        if joined.last() != Some(&b'\\') {
            return Some(joined);
        }
        let mut joined = joined.into_owned();
        if let Some(last) = joined.last_mut() {
            *last = b'\n';
        }
        self.pending_define = Some(joined);
        if is_input {
            self.push_raw();
        }
        None
    }

    /// Joins a `%{?name:` that goes on over several lines; `None` while it does.
    fn continued_block<'l>(&mut self, line: Cow<'l, [u8]>, is_input: bool) -> Option<Cow<'l, [u8]>> {
        let scan = match self.pending_block.take() {
            Some(mut scan) => {
                scan.add_line(&line);
                scan
            }
            None if starts_block(&line) => BlockScan::start(&line),
            None => return Some(line),
        };
        if !scan.is_open() {
            return Some(Cow::Owned(scan.take_text()));
        }
        self.pending_block = Some(scan);
        if is_input {
            self.push_raw();
        }
        None
    }

    /// Expands a line; further lines of the outcome go to the front of the queue, with every `%` doubled.
    fn expanded(&mut self, line: &[u8]) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let mut expander = Expander::new(&mut self.table, &mut self.messages, &mut self.budget);
        expander.expand_into(line, &mut out);
        self.report_messages();
        let Some(first_end) = find_byte(&out, 0, b'\n') else { return out };
        let kept = out.len() - out.iter().rev().take_while(|byte| **byte == b'\n').count();
        let rest = out.get(first_end + 1..kept).unwrap_or_default();
        if !rest.is_empty() {
            for part in rest.split(|byte| *byte == b'\n').rev() {
                self.queue.push_front(double_percent(part));
            }
        }
        out.truncate(first_end);
        out
    }

    fn report_messages(&mut self) {
        if self.trace && self.out.undefined.len() < MAX_ERRORS {
            let item = self.index;
            self.out.undefined.extend(self.table.take_undefined().into_iter().map(|name| (item, name)));
        }
        for message in std::mem::take(&mut self.messages) {
            self.report(&message);
        }
    }

    fn report(&mut self, message: &[u8]) {
        self.report_at(self.index, message);
    }

    /// Reports a message about an item; the line number in its text is that of the current one.
    fn report_at(&mut self, item: usize, message: &[u8]) {
        if self.out.parse_error.is_none() {
            self.out.parse_error = Some(self.positioned(message));
        }
        if self.out.errors.len() < MAX_ERRORS {
            self.out.errors.push(LineError { item, message: message.to_vec() });
        }
    }

    fn positioned(&self, message: &[u8]) -> Vec<u8> {
        let mut text = b"line ".to_vec();
        if !self.file.is_empty() {
            text.extend_from_slice(&self.file);
            text.push(b':');
        }
        text.extend_from_slice(&self.line_number.at(self.index));
        text.extend_from_slice(b": ");
        text.extend_from_slice(message);
        text
    }

    fn branch_else(&mut self) {
        if self.skip == 0 {
            self.skip_from = self.index;
        }
        if self.skip <= 2 {
            self.skip = 2 - self.skip;
        }
    }

    fn branch_endif(&mut self) {
        self.skip = self.skip.saturating_sub(2);
    }

    /// The line as a condition of its own, if this branch is the one to decide.
    fn branch_elif(&mut self, line: &[u8], position: usize) -> Option<Vec<u8>> {
        if self.skip == 0 {
            self.skip = 1;
            self.skip_from = self.index;
        }
        if self.skip <= 2 {
            self.skip = 2 - self.skip;
        }
        if self.skip != 0 {
            return None;
        }
        let mut condition = line.to_vec();
        condition.drain(position..position + 2);
        Some(self.expanded(&condition))
    }

    fn decide(&mut self, condition: &Condition<'_>) -> bool {
        let text = condition.text;
        match condition.kind {
            ConditionKind::If => {
                let mut expander = Expander::new(&mut self.table, &mut self.messages, &mut self.budget);
                let value = expr::evaluate_condition(text, &mut expander);
                self.report_messages();
                value
            }
            ConditionKind::Arch => self.is_one_of(b"_target_cpu", text),
            ConditionKind::NotArch => !self.is_one_of(b"_target_cpu", text),
            ConditionKind::Os => self.is_one_of(b"_target_os", text),
            ConditionKind::NotOs => !self.is_one_of(b"_target_os", text),
        }
    }

    fn is_one_of(&mut self, name: &[u8], list: &[u8]) -> bool {
        let found = self.table.get(name);
        let value = found.as_ref().map(|found| found.body.bytes());
        let value = value.filter(|value| !value.is_empty() && *value != b"0").unwrap_or(b"unknown");
        words(list).any(|word| word == value)
    }

    /// `#!!line NUMBER` and `#!!line NAME:NUMBER`.
    fn set_position(&mut self, line: &[u8]) {
        let Some(mark) = line.strip_prefix(b"#!!line ") else { return };
        let mark = crate::text::trim_end(mark);
        let digits = mark.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (name, number) = mark.split_at(mark.len() - digits);
        let name = match name.strip_suffix(b":") {
            Some(file) if !file.iter().copied().any(is_space) => Some(file),
            None if name.is_empty() => None,
            _ => return,
        };
        if digits == 0 {
            return;
        }
        self.line_number = LineNumber { digits: number.to_vec(), item: self.index };
        if let Some(file) = name {
            self.file = file.to_vec();
        }
    }

    fn finish(mut self) -> Lines {
        if self.skip != 0 {
            self.report_at(self.skip_from, b"unterminated if/ifarch/ifos statement");
        }
        self.out
    }
}

fn double_percent(text: &[u8]) -> Vec<u8> {
    let mut doubled = Vec::with_capacity(text.len());
    for &byte in text {
        doubled.push(byte);
        if byte == b'%' {
            doubled.push(byte);
        }
    }
    doubled
}

/// A line without `@BUILD_FLAVOR@`, which has a value in recipes only; `None` if there is none.
fn without_flavor(line: &[u8]) -> Option<Vec<u8>> {
    const FLAVOR: &[u8] = b"@BUILD_FLAVOR@";
    let mut at = find(line, 0, FLAVOR)?;
    let mut cleaned = Vec::with_capacity(line.len());
    let mut from = 0;
    loop {
        cleaned.extend_from_slice(line.get(from..at).unwrap_or_default());
        from = at + FLAVOR.len();
        match find(line, from, FLAVOR) {
            Some(next) => at = next,
            None => break,
        }
    }
    cleaned.extend_from_slice(line.get(from..).unwrap_or_default());
    Some(cleaned)
}
