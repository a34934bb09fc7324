//! Values of expressions.

use std::cmp::Ordering;

use super::number::Number;
use super::version;

/// A value: a number, a string or a version.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(Number),
    String(Vec<u8>),
    Version(Vec<u8>),
}

impl Value {
    pub(crate) fn of_bool(value: bool) -> Self {
        Self::Number(if value { Number::ONE } else { Number::ZERO })
    }

    /// Whether the value counts as true: not the empty string, not zero, and never a version.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Number(number) => !number.is_zero(),
            Self::String(text) => !text.is_empty(),
            Self::Version(_) => false,
        }
    }

    /// The text without its tag.
    pub(crate) fn into_text(self) -> Vec<u8> {
        match self {
            Self::Number(number) => number.to_text().into_bytes(),
            Self::String(text) | Self::Version(text) => text,
        }
    }

    /// The text as the peer keeps it: `"` in front of strings and `v` in front of versions.
    fn tagged(&self) -> Vec<u8> {
        match self {
            Self::Number(number) => number.to_text().into_bytes(),
            Self::String(text) => [b"\"", text.as_slice()].concat(),
            Self::Version(text) => [b"v", text.as_slice()].concat(),
        }
    }

    /// Compares; the kind of the left value decides how.
    pub(crate) fn compare(&self, right: &Self) -> Ordering {
        match self {
            Self::Number(left) => {
                let right = if let Self::Number(right) = right { *right } else { Number::ZERO };
                left.compare(right)
            }
            Self::String(_) => self.tagged().cmp(&right.tagged()),
            Self::Version(left) => {
                let right = right.tagged();
                version::compare(left, right.get(1..).unwrap_or_default())
            }
        }
    }
}
