use std::ops::Range;

/// Something the author of a build description should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub grade: Grade,
    /// Stable name of this kind of finding (`dsc-missing-field`), for machines.
    pub code: &'static str,
    /// Bytes of the description it is about; empty if it is about the whole.
    pub span: Range<usize>,
    /// What is wrong, with what.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Worth knowing.
    Note,
    /// Probably not what was meant; the recipe is usable.
    Warning,
    /// The recipe can not be built from.
    Error,
}

impl Finding {
    pub(crate) fn new(grade: Grade, code: &'static str, span: Range<usize>, message: String) -> Self {
        Self { grade, code, span, message, help: None }
    }

    /// The line of the description it is about, from 1; `None` if it is about the whole.
    #[must_use]
    pub fn line(&self, text: &[u8]) -> Option<usize> {
        if self.span.is_empty() {
            return None;
        }
        let before = text.get(..self.span.start)?;
        Some(before.iter().filter(|byte| **byte == b'\n').count() + 1)
    }

    pub(crate) fn help(mut self, help: &str) -> Self {
        self.help = Some(help.to_owned());
        self
    }
}
