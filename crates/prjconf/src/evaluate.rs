//! Evaluation: passes 3 to 5 over a tree.

use crate::apply::{self, Remark, Texts};
use crate::config::BuildConfig;
use crate::finding::{self, Finding};
use crate::finish;
use crate::keyword::Keyword;
use crate::lines;
use crate::macros::budget::Limits;
use crate::macros::table::MacroTable;
use crate::origin::{Origins, Places};
use crate::source::Location;
use crate::text::decode;
use crate::tree::Tree;

/// What an evaluation depends on besides the text. Nothing else has any influence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The architecture, or a path of them (`x86_64:i686:i586`) of which the first counts; empty means `noarch`.
    pub arch: String,
    /// The compatibility switch `nesting`: how deep macros and expressions may nest, 96 if not changed.
    ///
    /// The peer has no such limit. Each level takes some kilobytes of the stack of the caller's thread: raise it only with
    /// a stack to match.
    pub nesting: usize,
    /// The compatibility switch `work`: how many times the usual number of bytes macros may produce, 1 if not changed.
    ///
    /// Usual is 1 MiB for one expansion, and 4 MiB and 64 bytes for each byte of the text for all. The peer has no such limit
    /// and takes all memory there is.
    pub work: usize,
}

impl Options {
    /// The options for an architecture or a path of them.
    #[must_use]
    pub fn for_arch(arch: &str) -> Self {
        let Limits { nesting, work } = Limits::default();
        Self { arch: arch.to_owned(), nesting, work }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits { nesting: self.nesting, work: self.work }
    }

    /// The architecture that counts.
    #[must_use]
    pub fn first_arch(&self) -> &str {
        match self.arch.split(':').next() {
            None | Some("") => "noarch",
            Some(first) => first,
        }
    }
}

/// The result of an evaluation.
#[derive(Debug, Clone)]
pub struct Evaluated {
    /// What the configuration says.
    pub config: BuildConfig,
    /// What is wrong with the text, as far as the evaluation itself noticed; [`crate::check`] finds more.
    pub findings: Vec<Finding>,
    /// The first error, as the peer words it: `line FILE:NUMBER: TEXT`. It stops pbuild and the OBS scheduler.
    pub parse_error: Option<String>,
    /// What the peer prints on standard error: `unknown keyword in config: WORD`.
    pub warnings: Vec<String>,
    /// Where each entry comes from.
    pub origins: Origins,
}

impl Evaluated {
    /// The line that is the reason for an entry, to be cited in explanations.
    ///
    /// `keyword` is a keyword's name without colon; `entry` a list word, a key of a map or an `Order:` entry, and not looked
    /// at for keywords with one value. `None` if nothing in the text says so (defaults and guesses).
    #[must_use]
    pub fn locate(&self, tree: &Tree, keyword: &str, entry: &str) -> Option<Location> {
        let keyword = Keyword::named(keyword)?;
        let origin = self.origins.find(tree, keyword.kind, entry)?;
        Some(tree.locate(origin.span))
    }
}

/// Evaluates a tree for an architecture. Never fails; see [`Evaluated::parse_error`].
#[must_use]
pub fn evaluate(tree: &Tree, options: &Options) -> Evaluated {
    let arch = options.first_arch().as_bytes();
    let lines = lines::run(tree, MacroTable::for_arch(arch), options.limits(), false);
    let texts = Texts { tree, lines: &lines };
    let mut said = apply::run(texts);
    let (config, kept) = finish::run(texts, &mut said, arch);
    let mut parse_error = lines.parse_error.as_deref().map(decode);
    let mut warnings = Vec::new();
    for remark in &said.remarks {
        match remark {
            Remark::UnknownKeyword(word) => {
                let word = texts.word(*word).to_ascii_lowercase();
                warnings.push(format!("unknown keyword in config: {}", decode(&word)));
            }
            Remark::LateFromScratch(_) => {
                parse_error = Some("FromScratch directive must come first".to_owned());
            }
        }
    }
    let findings = finding::of_evaluation(texts, &said);
    let places = Places::new(&said, kept);
    drop(said);
    let origins = Origins::new(places, lines);
    Evaluated { config, findings, parse_error, warnings, origins }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::parse;

    fn evaluated(text: &str) -> Evaluated {
        evaluate(&parse(text.as_bytes()), &Options::for_arch("x86_64"))
    }

    #[test]
    fn a_macro_named_like_a_condition_is_expanded() {
        let lines = "%ifarch i586\nPrefer: a\n%endif\nPrefer: b\n";
        assert_eq!(evaluated(lines).config.prefer, ["b"]);
        assert_eq!(evaluated(&format!("%define ifarch #\n{lines}")).config.prefer, ["a", "b"]);
    }

    #[test]
    fn a_keyword_with_zero_bytes_in_front_is_unknown() {
        let result = evaluated("Target: a b c d e f g h\n\0\0\0\0Target: i j k l m n o p\n");
        assert_eq!(result.config.target.as_deref(), Some("a b c d e f g h"));
        assert_eq!(result.warnings, ["unknown keyword in config: \0\0\0\0target:"]);
    }

    #[test]
    fn keys_with_a_common_start_are_sorted_and_the_last_line_counts() {
        let keys = ["/usr/bin/long-name-2", "/usr/bin/long-name", "/usr", "/usr\0", "/usr/bin/long-name-10", "/usr"];
        let text: String =
            keys.iter().enumerate().map(|(index, key)| format!("FileProvides: {key} p{index}\n")).collect();
        let provides = evaluated(&text).config.fileprovides;
        let values: Vec<String> = provides.iter().map(|(_, value)| value.join("")).collect();
        assert_eq!(values, ["p5", "p3", "p1", "p4", "p0"]);
    }
}
