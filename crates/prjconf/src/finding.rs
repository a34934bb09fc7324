//! Findings: what is wrong or doubtful in a configuration, with a stable code and an exact place.

use crate::apply::{Remark, Said, Texts};
use crate::check::place;
use crate::keyword::KEYWORDS;
use crate::lines::LineError;
use crate::origin::origin_in;
use crate::text::{decode, printable};
use crate::tree::Span;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Worth knowing.
    Hint,
    /// Most likely not what was meant.
    Warning,
    /// The text is wrong; servers refuse it.
    Error,
}

impl Grade {
    /// The word for people and machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $slug:literal, $grade:ident;)*) => {
        /// What a finding is about. Codes and names never change their meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All codes, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable code, such as `K001`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The stable name, such as `unknown-keyword`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// How bad it is.
            #[must_use]
            pub const fn grade(self) -> Grade {
                match self { $(Self::$variant => Grade::$grade,)* }
            }
        }
    };
}

codes! {
    /// The first word of a line is no keyword.
    UnknownKeyword = "K001", "unknown-keyword", Warning;
    /// A keyword that has no effect without an argument has none.
    MissingArgument = "K002", "missing-argument", Warning;
    /// A build flag nobody reads.
    UnknownBuildFlag = "K003", "unknown-build-flag", Warning;
    /// An expansion flag nobody reads.
    UnknownExpandFlag = "K004", "unknown-expand-flag", Warning;
    /// A publish flag nobody reads.
    UnknownPublishFlag = "K005", "unknown-publish-flag", Warning;
    /// A repository format or option that produces nothing.
    UnknownRepotype = "K006", "unknown-repotype", Warning;
    /// A pattern format that produces nothing.
    UnknownPatterntype = "K007", "unknown-patterntype", Warning;
    /// An `Order:` entry that is not `A:B`.
    OrderWithoutColon = "K008", "order-without-colon", Warning;
    /// A `FileProvides:` line without a package.
    FileProvidesEmpty = "K009", "fileprovides-empty", Warning;
    /// A `Substitute:` line that removes a dependency.
    SubstituteEmpty = "K010", "substitute-empty", Hint;
    /// Replacements that lead back to the replaced name.
    SubstituteCycle = "K011", "substitute-cycle", Warning;
    /// A word that is already in the list.
    DuplicateEntry = "K012", "duplicate-entry", Hint;
    /// A line whose value a later line replaces.
    Shadowed = "K013", "shadowed", Warning;
    /// A removal of something that is not there.
    UselessRemoval = "K014", "useless-removal", Hint;
    /// An entry of a form that never has an effect.
    UselessEntry = "K015", "useless-entry", Warning;
    /// An old spelling.
    Deprecated = "K016", "deprecated", Hint;
    /// A pattern that is no valid regular expression.
    InvalidPattern = "K017", "invalid-pattern", Warning;
    /// `FromScratch:` behind other directives.
    LateFromScratch = "K018", "late-from-scratch", Error;
    /// A recipe type, package format or engine nobody knows.
    UnknownValue = "K019", "unknown-value", Warning;
    /// A word that is written as if the language had a comment or continuation there.
    StrayCharacter = "K020", "stray-character", Warning;
    /// An expression or macro is wrong.
    MacroError = "K101", "macro-error", Error;
    /// A condition is open at the end.
    UnterminatedCondition = "K102", "unterminated-condition", Error;
    /// `%else` or `%elif` without `%if`.
    ElseWithoutIf = "K103", "else-without-if", Warning;
    /// `%endif` without `%if`.
    EndifWithoutIf = "K104", "endif-without-if", Warning;
    /// A second `%else` of one condition.
    SecondElse = "K105", "second-else", Warning;
    /// A condition that has the same value for every architecture.
    ConstantCondition = "K106", "constant-condition", Hint;
    /// A macro that is used but never defined.
    UndefinedMacro = "K107", "undefined-macro", Warning;
    /// A macro definition nobody uses.
    UnusedMacro = "K108", "unused-macro", Hint;
    /// A `Macros:` block inside a condition swallows its end.
    MacrosInCondition = "K109", "macros-in-condition", Warning;
    /// A quoted `0` is true.
    QuotedZero = "K110", "quoted-zero", Warning;
    /// A condition word that does not exist.
    UnknownConditionWord = "K111", "unknown-condition-word", Warning;
    /// A condition in the middle of a line.
    MidlineCondition = "K112", "midline-condition", Warning;
    /// `%undefine` does nothing.
    UndefineIgnored = "K113", "undefine-ignored", Warning;
    /// A block of macros that defines `define` or `if`.
    DefineInMacros = "K114", "define-in-macros", Warning;
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub code: Code,
    /// The place in the text of the tree; [`crate::Tree::locate`] gives source and line.
    pub span: Span,
    /// What is wrong, with what; lower case, one line, safe to print.
    pub message: String,
    /// What to do, or what the line does as it is; every finding of this crate has it.
    pub help: Option<String>,
}

impl Finding {
    pub(crate) fn new(code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, span, message: message.into(), help: Some(help.into()) }
    }

    /// How bad it is.
    #[must_use]
    pub const fn grade(&self) -> Grade {
        self.code.grade()
    }
}

/// How many findings are made at most of one evaluation; a hostile text could make millions.
pub(crate) const MAX_FINDINGS: usize = 500;

/// The findings an evaluation makes by itself.
pub(crate) fn of_evaluation(texts: Texts<'_>, said: &Said<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for error in &texts.lines.errors {
        findings.push(of_error(texts, error));
    }
    for remark in said.remarks.iter().take(MAX_FINDINGS) {
        let (Remark::UnknownKeyword(word) | Remark::LateFromScratch(word)) = *remark;
        let span = origin_in(texts, word).map(|origin| origin.span).unwrap_or_default();
        findings.push(match remark {
            Remark::UnknownKeyword(word) => unknown_keyword(texts.word(*word), span),
            Remark::LateFromScratch(_) => {
                let help = "move it in front of all other directives";
                Finding::new(Code::LateFromScratch, span, "`FromScratch:` does not come first", help)
            }
        });
    }
    findings.sort_by_key(|finding| finding.span);
    findings
}

/// An error of a macro or an expression, at its exact place; an open condition, at the whole line.
fn of_error(texts: Texts<'_>, error: &LineError) -> Finding {
    let item = texts.tree.items().get(error.item);
    let start = item.map_or(0, |item| item.start as usize);
    let line = item.map_or(&[][..], |item| texts.tree.item_text(item));
    let message = printable(&decode(&error.message));
    if message.starts_with("unterminated if") {
        let help = "add `%endif` behind the last line it is about";
        let span = Span { start, end: start + line.len() };
        return Finding::new(Code::UnterminatedCondition, span, message, help);
    }
    let of_item = texts.lines.undefined.iter().filter(|(item, _)| *item == error.item);
    let undefined: Vec<&[u8]> = of_item.map(|(_, name)| name.as_slice()).collect();
    let place = place::of_error(line, &message, &undefined);
    let help = error_help(&message, place::has_macro(line));
    Finding::new(Code::MacroError, Span { start: start + place.start, end: start + place.end }, message, help)
}

/// What to do about an error of a macro or an expression that has macros or not.
fn error_help(message: &str, has_macro: bool) -> &'static str {
    let starts = |start| message.starts_with(start);
    match message {
        "division by zero" => "test the divisor in an outer condition; both sides of `&&` and `?:` are computed",
        "unmatched (" | "unmatched function (" => "add the missing `)`",
        _ if starts("syntax error while parsing ternary") => "write `CONDITION ? YES : NO`",
        _ if starts("syntax error while parsing") => "comparisons and logic have two characters: `==`, `&&`, `||`",
        _ if starts("syntax error") && has_macro => {
            "if a macro may be undefined, write `0%{?name}` for numbers and `\"%{?name}\"` for texts"
        }
        _ if starts("syntax error") => "operands and operators take turns; quote what is no plain word or number",
        _ if starts("argument of") => "only numbers can be computed with; only `+` joins two quoted texts",
        _ if starts("unsupported expression function") => "known are the functions `lua:string.NAME`",
        _ if starts("unsupported") || starts("cannot expand") => {
            "configurations cannot use this; see prjconf(5), MACROS"
        }
        _ if message.contains("too deeply nested") => "a macro must not lead back to itself",
        _ if message.contains("too large") => "a macro must not repeat itself without end; see prjconf(5), LIMITS",
        _ => "servers refuse the configuration until this is put right; see prjconf(5), MACROS",
    }
}

fn unknown_keyword(word: &[u8], span: Span) -> Finding {
    let shown = printable(&decode(word));
    let help = unknown_keyword_help(&shown);
    Finding::new(Code::UnknownKeyword, span, format!("unknown keyword `{shown}`"), help)
}

fn unknown_keyword_help(shown: &str) -> String {
    let lower = shown.to_ascii_lowercase();
    if let Some((front, rest)) = shown.split_once(':') {
        let known = KEYWORDS.iter().find(|keyword| keyword.name().eq_ignore_ascii_case(front));
        if let Some(keyword) = known.filter(|_| !rest.is_empty()) {
            return format!("put a blank behind the colon: `{} {rest}`", keyword.spelling);
        }
    }
    if let Some(keyword) = KEYWORDS.iter().find(|keyword| keyword.name().eq_ignore_ascii_case(shown)) {
        return format!("a keyword ends in a colon: `{}`", keyword.spelling);
    }
    if lower == ":macros" {
        return "there is no open `Macros:` block here".to_owned();
    }
    match nearest(&lower, KEYWORDS.iter().map(|keyword| keyword.spelling)) {
        Some(spelling) => format!("did you mean `{spelling}`?"),
        None => "the line has no effect; prjconf(5) lists the keywords, and `#` starts a comment".to_owned(),
    }
}

/// The candidate with the smallest edit distance, if that is small for its length.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 40 {
        return None;
    }
    let allowed = (word.len() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (distance(word.as_bytes(), candidate.to_ascii_lowercase().as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edit distance with insertions, deletions and replacements.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, left_byte) in left.iter().enumerate() {
        let mut diagonal = index;
        let mut previous = index + 1;
        for (cell, right_byte) in row.iter_mut().skip(1).zip(right) {
            let changed = diagonal + usize::from(left_byte != right_byte);
            diagonal = *cell;
            previous = changed.min(previous + 1).min(diagonal + 1);
            *cell = previous;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or(left.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_only_if_it_is_near() {
        let words = ["prefer:", "preinstall:"];
        assert_eq!(nearest("perfer:", words.into_iter()), Some("prefer:"));
        assert_eq!(nearest("preinstal:", words.into_iter()), Some("preinstall:"));
        assert_eq!(nearest("foo:", words.into_iter()), None);
    }

    #[test]
    fn codes_are_unique() {
        for (index, code) in Code::ALL.iter().enumerate() {
            for other in &Code::ALL[..index] {
                assert_ne!(code.code(), other.code());
                assert_ne!(code.name(), other.name());
            }
        }
    }
}
