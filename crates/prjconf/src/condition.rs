//! The words of conditions.

use crate::text::{find, is_word, starts_with_word, trim_start};

/// What a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConditionKind {
    If,
    Arch,
    NotArch,
    Os,
    NotOs,
}

/// A condition found in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Condition<'a> {
    pub(crate) kind: ConditionKind,
    /// The expression or list behind the word.
    pub(crate) text: &'a [u8],
}

/// The first condition anywhere in a line.
pub(crate) fn find_condition(line: &[u8]) -> Option<Condition<'_>> {
    let mut at = 0;
    while let Some(position) = find(line, at, b"%if") {
        let behind = line.get(position + 3..).unwrap_or_default();
        let len = behind.iter().take_while(|byte| is_word(**byte)).count();
        let (word, text) = behind.split_at(len);
        let kind = match word {
            b"" => Some(ConditionKind::If),
            b"arch" => Some(ConditionKind::Arch),
            b"narch" => Some(ConditionKind::NotArch),
            b"os" => Some(ConditionKind::Os),
            b"nos" => Some(ConditionKind::NotOs),
            _ => None,
        };
        if let Some(kind) = kind {
            return Some(Condition { kind, text });
        }
        at = position + 1;
    }
    None
}

/// The word at the start of a line that goes on with a chain or ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Branch {
    Else,
    Endif,
    /// `%elif`, `%elifarch`, `%elifos`, with the position of the letters `el`.
    Elif(usize),
}

impl Branch {
    pub(crate) fn of_line(line: &[u8]) -> Option<Self> {
        let start = trim_start(line);
        if !start.starts_with(b"%e") {
            return None;
        }
        if starts_with_word(start, b"%else") {
            return Some(Self::Else);
        }
        if starts_with_word(start, b"%endif") {
            return Some(Self::Endif);
        }
        let is_elif = [&b"%elif"[..], b"%elifarch", b"%elifos"].iter().any(|word| starts_with_word(start, word));
        is_elif.then_some(Self::Elif(line.len() - start.len() + 1))
    }
}
