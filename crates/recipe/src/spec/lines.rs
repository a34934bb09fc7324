//! The lines of a spec file that count: joined, expanded, selected.
//!
//! Rule: the line loop of `Build::Rpm::parse`, in which expansions of several lines are read as lines too.

use std::collections::VecDeque;
use std::ops::Range;

use prjconf::Macros;

use super::branch::{Branch, Condition, Skip};
use super::multiline::{OpenMacros, behind_word, is_space, may_open, starts_define};
use super::reports::{Reports, quoted};
use super::section::include_of_line;
use super::{LIMIT_BYTES, SpecContext, SpecOptions};
use crate::Grade;

/// A line with its place in the file; one that macros or other files gave has the place of the line that asked for it.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) span: Range<usize>,
    /// Came out of a macro, so there is nothing to expand in it any more.
    is_expanded: bool,
}

/// Lines and bytes that one open macro may join.
const MAX_JOINED_LINES: usize = 5000;
const MAX_JOINED_BYTES: usize = 1 << 20;
/// After so many macros that never close, no more are looked for.
const MAX_UNCLOSED: u32 = 20;
/// Files that `%include` and `%load` may bring in.
const MAX_INCLUDES: u32 = 100;

/// The line loop.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    position: usize,
    queue: VecDeque<Line>,
    options: &'a SpecOptions<'a>,
    pub(super) macros: Macros,
    pub(super) reports: Reports,
    skip: Skip,
    /// Where the last condition began whose part is not active.
    skip_from: Range<usize>,
    unclosed: u32,
    includes: u32,
    included_bytes: usize,
    /// `# neededforbuild`, the first one.
    pub(super) needed_for_build: Option<String>,
    /// There was a condition.
    pub(super) has_conditions: bool,
    /// A dependency was skipped.
    pub(super) has_skipped_dependency: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a [u8], context: &SpecContext<'_>, options: &'a SpecOptions<'a>) -> Self {
        let mut macros = context.macros.clone();
        macros.allow_work_for(text.len());
        Self {
            text,
            position: 0,
            queue: VecDeque::new(),
            options,
            macros,
            reports: Reports::default(),
            skip: Skip::default(),
            skip_from: 0..0,
            unclosed: 0,
            includes: 0,
            included_bytes: 0,
            needed_for_build: None,
            has_conditions: false,
            has_skipped_dependency: false,
        }
    }

    /// The next line that counts.
    pub(super) fn next(&mut self) -> Option<Line> {
        loop {
            let line = self.take()?;
            if self.is_needed_for_build(&line.text) {
                continue;
            }
            let line = if line.is_expanded { line } else { self.joined(line) };
            let is_comment = line.text.trim_start_matches(is_space).starts_with('#') && !line.text.starts_with("#!");
            if is_comment {
                continue;
            }
            if let Some(line) = self.active(line) {
                return Some(line);
            }
        }
    }

    /// A line of the queue, else of the file.
    fn take(&mut self) -> Option<Line> {
        if let Some(line) = self.queue.pop_front() {
            return Some(line);
        }
        let rest = self.text.get(self.position..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let span = self.position..self.position + length;
        self.position = span.end + 1;
        Some(Line { text: prjconf::decode(rest.get(..length)?), span, is_expanded: false })
    }

    fn is_needed_for_build(&mut self, line: &str) -> bool {
        let Some(rest) = line.strip_prefix('#') else { return false };
        let Some(rest) = rest.trim_start_matches(is_space).strip_prefix("neededforbuild") else { return false };
        let names = rest.trim_matches(is_space);
        if !rest.starts_with(is_space) || names.is_empty() {
            return false;
        }
        self.needed_for_build.get_or_insert_with(|| names.to_owned());
        true
    }

    /// Joins a continued define, and a macro that is still open at the end of the line.
    ///
    /// DIFFERS from Build.pm, which joins only lines that are nothing but `%{?name:`: any open macro goes on, as in rpm.
    fn joined(&mut self, mut line: Line) -> Line {
        if starts_define(&line.text) {
            while line.text.ends_with('\\') {
                line.text.pop();
                line.text.push('\n');
                let Some(next) = self.take() else { break };
                line.text.push_str(&next.text);
                line.span.end = line.span.end.max(next.span.end);
            }
        }
        let is_comment = line.text.trim_start_matches(is_space).starts_with('#');
        if !may_open(&line.text) || is_comment || (!self.skip.is_active() && !starts_block(&line.text)) {
            return line;
        }
        self.closed(line)
    }

    fn closed(&mut self, mut line: Line) -> Line {
        let mut open = OpenMacros::default();
        if !open.add_line(&line.text) || self.unclosed >= MAX_UNCLOSED {
            return line;
        }
        let (mut taken, mut bytes) = (Vec::new(), 0);
        loop {
            let fits = taken.len() < MAX_JOINED_LINES && bytes < MAX_JOINED_BYTES;
            let Some(next) = fits.then(|| self.take()).flatten() else {
                self.unclosed += 1;
                for line in taken.into_iter().rev() {
                    self.queue.push_front(line);
                }
                let message = format!("the macro in {} is not closed", quoted(&line.text));
                self.reports.add(Grade::Note, "spec-unclosed-macro", &line.span, message);
                return line;
            };
            bytes += next.text.len();
            let is_open = open.add_line(&next.text);
            taken.push(next);
            if !is_open {
                break;
            }
        }
        for next in taken {
            line.text.push('\n');
            line.text.push_str(&next.text);
            line.span.end = line.span.end.max(next.span.end);
        }
        line
    }

    /// Expands a line and decides what it means for those behind it; the line, if it is to be read.
    fn active(&mut self, mut line: Line) -> Option<Line> {
        if self.skip.is_active() && !line.is_expanded && line.text.contains('%') {
            if self.directive(&line) {
                return None;
            }
            self.expand(&mut line);
        }
        match Branch::of_line(&line.text) {
            Some(Branch::Elif) => {
                self.elif(line);
                return None;
            }
            Some(branch) => {
                self.branch(branch, &line.span);
                return None;
            }
            None => {}
        }
        let condition = Condition::of_line(&line.text);
        if !self.skip.is_active() {
            if condition.is_some() {
                self.skip.nest();
            }
            self.has_skipped_dependency |= is_dependency(&line.text);
            return None;
        }
        if line.text.contains('@') {
            self.replace_names(&mut line.text);
        }
        if let Some((condition, text)) = Condition::of_line(&line.text) {
            let value = self.decide(condition, text, &line.span);
            self.skip.decide(value);
            if !value {
                self.skip_from = line.span;
            }
            return None;
        }
        if let Some(name) = include_of_line(&line.text) {
            self.include(name, &line.span);
            return None;
        }
        Some(line)
    }

    fn replace_names(&self, text: &mut String) {
        *text = text.replace("@BUILD_FLAVOR@", self.options.build_flavor);
        if let Some(package) = self.options.package {
            *text = text.replace("@OBS_PACKAGE@", package);
        }
    }

    fn branch(&mut self, branch: Branch, span: &Range<usize>) {
        let is_stray = match branch {
            Branch::Endif => !self.skip.end(),
            Branch::Else | Branch::Elif => {
                self.skip.otherwise();
                !self.skip.is_open()
            }
        };
        if is_stray {
            let message = "there is no %if this belongs to".to_owned();
            self.reports.add(Grade::Warning, "spec-stray-branch", span, message);
        }
    }

    fn elif(&mut self, mut line: Line) {
        if !self.skip.elif() {
            return;
        }
        line.text = line.text.replacen("%el", "%", 1);
        self.expand(&mut line);
        if let Some((condition, text)) = Condition::of_line(&line.text) {
            let value = self.decide(condition, text, &line.span);
            self.skip.decide_again(value);
        }
    }

    fn decide(&mut self, condition: Condition, text: &str, span: &Range<usize>) -> bool {
        self.has_conditions = true;
        match condition {
            Condition::If => self.decide_expression(text, span),
            Condition::Arch => self.is_one_of("_target_cpu", text),
            Condition::NotArch => !self.is_one_of("_target_cpu", text),
            Condition::Os => self.is_one_of("_target_os", text),
            Condition::NotOs => !self.is_one_of("_target_os", text),
        }
    }

    fn decide_expression(&mut self, text: &str, span: &Range<usize>) -> bool {
        let (value, warnings) = self.macros.evaluate(text);
        if is_unknown(text) {
            let message = format!("{} depends on a command that is not run; taken as {value}", quoted(text.trim()));
            self.reports.add(Grade::Warning, "spec-undecided-condition", span, message);
        } else if let Some(warning) = warnings.first() {
            let message = format!("{}: {warning}; taken as {value}", quoted(text.trim()));
            self.reports.add(Grade::Warning, "spec-bad-condition", span, message);
        }
        value
    }

    fn is_one_of(&self, name: &str, list: &str) -> bool {
        let value = self.macros.body(name).unwrap_or_default();
        list.split(is_space).any(|word| !word.is_empty() && word == value)
    }

    /// Expands a line; further lines of the outcome go to the front of the queue.
    ///
    /// DIFFERS from Build.pm, which misses the `%else` and `%endif` of such lines while it skips.
    fn expand(&mut self, line: &mut Line) {
        let expansion = self.macros.expand(&line.text);
        for warning in &expansion.warnings {
            let (grade, code, message) = if warning == "cannot expand %(...)" {
                let message = format!("the command in {} is not run; `MACRO` stands for it", quoted(&line.text));
                (Grade::Note, "spec-shell", message)
            } else {
                (Grade::Warning, "spec-macro-error", format!("{}: {warning}", quoted(&line.text)))
            };
            self.reports.add(grade, code, &line.span, message);
        }
        line.text = expansion.text;
        let Some(end) = line.text.find('\n') else { return };
        let rest = line.text.split_off(end);
        for part in rest.trim_end_matches('\n').split('\n').skip(1).collect::<Vec<_>>().into_iter().rev() {
            self.queue.push_front(Line { text: part.to_owned(), span: line.span.clone(), is_expanded: true });
        }
    }

    /// What the macro language of configurations does not know: `%undefine`, `%load` and Lua.
    fn directive(&mut self, line: &Line) -> bool {
        let start = line.text.trim_start_matches(is_space);
        if let Some(names) = behind_word(start, "%undefine") {
            for name in self.macros.expand(names).text.split(is_space).filter(|name| !name.is_empty()).take(100) {
                self.macros.undefine(name);
            }
            return true;
        }
        if start.starts_with("%{lua:") {
            let message = format!("the Lua program in {} is not run", quoted(start));
            self.reports.add(Grade::Warning, "spec-lua", &line.span, message);
            return true;
        }
        let loaded = start.strip_prefix("%{load:").and_then(|rest| rest.trim_end_matches(is_space).strip_suffix('}'));
        let Some(name) = loaded.or_else(|| behind_word(start, "%load")) else { return false };
        self.load(name.trim_matches(is_space), &line.span);
        true
    }

    /// The content of a file beside the recipe, decoded; or a finding.
    fn file(&mut self, name: &str, span: &Range<usize>) -> Option<String> {
        let name = name.rsplit_once('/').map_or(name, |(_, file)| file);
        self.includes += 1;
        let fits = self.includes <= MAX_INCLUDES && self.included_bytes < LIMIT_BYTES;
        let content = self.options.files.filter(|_| fits).and_then(|files| files(name));
        let Some(content) = content.filter(|content| content.len() <= LIMIT_BYTES) else {
            let message = format!("the file {} can not be read", quoted(name));
            self.reports.add(Grade::Warning, "spec-missing-file", span, message);
            return None;
        };
        self.included_bytes += content.len();
        Some(prjconf::decode(&content))
    }

    fn include(&mut self, name: &str, span: &Range<usize>) {
        let Some(content) = self.file(name, span) else { return };
        for part in content.trim_end_matches('\n').split('\n').collect::<Vec<_>>().into_iter().rev() {
            self.queue.push_front(Line { text: part.to_owned(), span: span.clone(), is_expanded: false });
        }
    }

    /// A file of macros, as rpm reads them: `%name body`, where a `\` at the end of a line goes on.
    fn load(&mut self, name: &str, span: &Range<usize>) {
        let name = self.macros.expand(name).text;
        let Some(content) = self.file(&name, span) else { return };
        for line in content.replace("\\\n", "\u{0}").lines() {
            let Some(definition) = line.trim_start_matches(is_space).strip_prefix('%') else { continue };
            self.macros.expand(&format!("%define {}", definition.replace('\u{0}', "\n")));
        }
    }

    /// Reports what is open at the end.
    pub(super) fn finish(&mut self) {
        if !self.skip.is_active() || self.skip.is_open() {
            let span = self.skip_from.clone();
            self.reports.add(Grade::Warning, "spec-unterminated-condition", &span, "a condition has no %endif");
        }
    }
}

/// A line that is nothing but `%{?name:`; it goes on even in parts that are skipped.
fn starts_block(line: &str) -> bool {
    let Some(rest) = line.trim_start_matches(is_space).strip_prefix("%{") else { return false };
    rest.trim_end_matches(is_space).ends_with(':') && rest.len() < 200
}

/// Whether a text has a part that only running something would tell.
pub(super) fn is_unknown(text: &str) -> bool {
    text.contains("MACRO") || text.contains("%{lua:")
}

/// Whether a line is a build dependency with an argument.
fn is_dependency(line: &str) -> bool {
    let Some((word, rest)) = line.split_once(':') else { return false };
    const WORDS: [&str; 6] =
        ["BuildRequires", "BuildPrereq", "BuildConflicts", "#!BuildIgnore", "#!BuildConflicts", "#!BuildRequires"];
    let word = word.trim_end_matches(is_space);
    !rest.trim_matches(is_space).is_empty() && WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}
