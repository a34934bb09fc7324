//! Collects findings.

use std::ops::Range;

use crate::{Finding, Grade};

/// Most findings that are kept; a hostile text could make millions.
const MAX_FINDINGS: usize = 200;

/// What a message quotes of the text at most, in characters.
const QUOTED_CHARACTERS: usize = 80;

#[derive(Debug, Default)]
pub(super) struct Reports {
    findings: Vec<Finding>,
}

impl Reports {
    pub(super) fn add(&mut self, grade: Grade, code: &'static str, span: &Range<usize>, message: impl Into<String>) {
        self.add_finding(Finding::new(grade, code, span.clone(), message.into()));
    }

    /// The same finding for the same line is kept once.
    pub(super) fn add_finding(&mut self, finding: Finding) {
        let is_full = self.findings.len() >= MAX_FINDINGS && finding.grade < Grade::Error;
        let is_known = || self.findings.iter().rev().take(8).any(|known| *known == finding);
        if !is_full && self.findings.len() < 2 * MAX_FINDINGS && !is_known() {
            self.findings.push(finding);
        }
    }

    pub(super) fn finish(self) -> Vec<Finding> {
        self.findings
    }
}

/// A text as messages quote it.
pub(super) fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED_CHARACTERS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("`{}`", prjconf::printable(&short))
}
