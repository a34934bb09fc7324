//! A bound on the bytes and steps that macros may cost.

/// Bytes every evaluation may produce, however small its text is.
const BASE_BYTES: usize = 4 * 1024 * 1024;
/// Further bytes for each byte of the text.
const BYTES_PER_BYTE: usize = 64;
/// Bytes one macro body, argument or expanded text may have, if not told otherwise.
const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// How deep expansions may be started inside each other (arguments of arguments, operands of operands), if not told otherwise.
const DEFAULT_NESTING: usize = 96;

/// How far macros may go: the two compatibility switches of [`crate::Options`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// See [`crate::Options::nesting`].
    pub(crate) nesting: usize,
    /// See [`crate::Options::work`].
    pub(crate) work: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { nesting: DEFAULT_NESTING, work: 1 }
    }
}

/// What is left of the work one evaluation may do.
///
/// DIFFERS from Build.pm: it has no bound but the token limit.
/// The language has no such bound; without one, a short text could double a macro body with every line. Real
/// configurations use less than a thousandth of it.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    left: usize,
    limits: Limits,
}

impl Budget {
    /// The budget for a text of so many bytes; linear in it.
    pub(crate) fn for_text(len: usize, limits: Limits) -> Self {
        let usual = len.saturating_mul(BYTES_PER_BYTE).saturating_add(BASE_BYTES);
        Self { left: usual.saturating_mul(limits.work), limits }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn max_nesting(&self) -> usize {
        self.limits.nesting
    }

    /// Bytes one macro body, argument or expanded text may have.
    pub(crate) fn max_text_bytes(&self) -> usize {
        MAX_TEXT_BYTES.saturating_mul(self.limits.work)
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
