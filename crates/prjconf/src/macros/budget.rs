//! A bound on the bytes and steps that macros may cost.

/// Bytes every evaluation may produce, however small its text is.
const BASE_BYTES: usize = 4 * 1024 * 1024;
/// Further bytes for each byte of the text.
const BYTES_PER_BYTE: usize = 64;
/// Bytes one macro body, argument or expanded text may have.
pub(crate) const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// How deep expansions may be started inside each other (arguments of arguments, operands of operands), if not told otherwise.
pub(crate) const DEFAULT_NESTING: usize = 96;

/// What is left of the work one evaluation may do.
///
/// DIFFERS from Build.pm: it has no bound but the token limit.
/// The language has no such bound; without one, a short text could double a macro body with every line. Real
/// configurations use less than a thousandth of it.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    left: usize,
    max_nesting: usize,
}

impl Budget {
    /// The budget for a text of so many bytes; linear in it.
    pub(crate) fn for_text(len: usize) -> Self {
        let left = len.saturating_mul(BYTES_PER_BYTE).saturating_add(BASE_BYTES);
        Self { left, max_nesting: DEFAULT_NESTING }
    }

    /// The same budget with another limit of nesting.
    pub(crate) fn with_nesting(self, max_nesting: usize) -> Self {
        Self { max_nesting, ..self }
    }

    pub(crate) fn max_nesting(&self) -> usize {
        self.max_nesting
    }

    /// Takes some work out; false, when it is used up.
    pub(crate) fn spend(&mut self, amount: usize) -> bool {
        match self.left.checked_sub(amount) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.left = 0;
                false
            }
        }
    }

    pub(crate) fn left(&self) -> usize {
        self.left
    }
}
