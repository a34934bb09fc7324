//! The words of conditions.

use super::multiline::{behind_word, is_space};

/// A condition that starts a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    If,
    Arch,
    NotArch,
    Os,
    NotOs,
}

/// Every condition with its word.
const CONDITIONS: [(&str, Condition); 5] = [
    ("%if", Condition::If),
    ("%ifarch", Condition::Arch),
    ("%ifnarch", Condition::NotArch),
    ("%ifos", Condition::Os),
    ("%ifnos", Condition::NotOs),
];

impl Condition {
    /// The condition a line is, with the text behind its word.
    ///
    /// DIFFERS from Build.pm: a condition word in the middle of a line is text, as it is for rpm.
    pub(super) fn of_line(line: &str) -> Option<(Self, &str)> {
        if !starts_with_mark(line, "%if") {
            return None;
        }
        CONDITIONS.iter().find_map(|(word, kind)| Some((*kind, behind_word(line, word)?)))
    }
}

/// The word at the start of a line that goes on with a chain of parts or ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Branch {
    Else,
    Endif,
    /// `%elif`, `%elifarch`, `%elifos`.
    Elif,
}

impl Branch {
    pub(super) fn of_line(line: &str) -> Option<Self> {
        if !starts_with_mark(line, "%e") {
            return None;
        }
        let is = |word| behind_word(line, word).is_some();
        if is("%else") {
            Some(Self::Else)
        } else if is("%endif") {
            Some(Self::Endif)
        } else {
            (is("%elif") || is("%elifarch") || is("%elifos")).then_some(Self::Elif)
        }
    }
}

fn starts_with_mark(line: &str, mark: &str) -> bool {
    line.trim_start_matches(is_space).starts_with(mark)
}

/// Which part of a chain is active.
///
/// Rule: Build.pm's counter. 0: active; 2: waiting for a true part; 1: a part of this chain was taken; each condition
/// inside a part that is not active adds 2.
#[derive(Debug, Default)]
pub(super) struct Skip {
    value: u64,
    /// Conditions that are open, active ones included.
    depth: u64,
}

impl Skip {
    pub(super) fn is_active(&self) -> bool {
        self.value == 0
    }

    pub(super) fn is_open(&self) -> bool {
        self.depth > 0
    }

    /// A condition in an active part.
    pub(super) fn decide(&mut self, value: bool) {
        self.depth = self.depth.saturating_add(1);
        if !value {
            self.value = 2;
        }
    }

    /// The condition of an `%elif`.
    pub(super) fn decide_again(&mut self, value: bool) {
        if !value {
            self.value = 2;
        }
    }

    /// A condition in a part that is not active.
    pub(super) fn nest(&mut self) {
        self.depth = self.depth.saturating_add(1);
        self.value = self.value.saturating_add(2);
    }

    pub(super) fn otherwise(&mut self) {
        if self.value <= 2 {
            self.value = 2 - self.value;
        }
    }

    /// True if the condition of this `%elif` has to be decided.
    pub(super) fn elif(&mut self) -> bool {
        if self.value == 0 {
            self.value = 1;
        }
        self.otherwise();
        self.value == 0
    }

    /// False if there was nothing to end.
    pub(super) fn end(&mut self) -> bool {
        self.value = self.value.saturating_sub(2);
        let was_open = self.is_open();
        self.depth = self.depth.saturating_sub(1);
        was_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn condition_words_stand_at_the_start_of_a_line() {
        assert_eq!(Condition::of_line(" %if 1"), Some((Condition::If, " 1")));
        assert_eq!(Condition::of_line("%ifarch x y"), Some((Condition::Arch, " x y")));
        assert_eq!(Condition::of_line("%if(1)"), Some((Condition::If, "(1)")));
        for text in ["%iffy", "x %if 1", "%ifoo 1"] {
            assert_eq!(Condition::of_line(text), None, "{text}");
        }
        assert_eq!(Branch::of_line("  %elifarch x"), Some(Branch::Elif));
        assert_eq!(Branch::of_line("%elsewhere"), None);
    }

    #[test]
    fn the_first_true_part_of_a_chain_is_the_only_one() {
        let mut skip = Skip::default();
        skip.decide(false);
        assert!(skip.elif());
        skip.decide_again(true);
        assert!(skip.is_active());
        assert!(!skip.elif());
        skip.nest();
        skip.otherwise();
        assert!(!skip.is_active());
        assert!(skip.end());
        skip.otherwise();
        assert!(!skip.is_active());
        assert!(skip.end() && skip.is_active() && !skip.end());
    }
}
