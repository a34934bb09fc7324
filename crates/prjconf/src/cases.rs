//! Recorded cases: inputs with the peer's answer, as they are in `corpus/config`.
//!
//! This module knows what the files of a case mean; reading them is up to the caller.

use std::collections::BTreeMap;

use crate::combine::{SourceText, combine};
use crate::dump::dump_case;
use crate::evaluate::{Evaluated, Options, evaluate};
use crate::files::load;
use crate::macro_context::Macros;
use crate::text::decode;
use crate::tree::{Tree, parse};

/// The files of one case, by name: `input.conf`, `arch`, perhaps `mode`, `eval` and further configurations.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What `expected.json` of a case should contain, by our evaluation.
///
/// Modes: `raw` (the default) evaluates `input.conf` as it is; `dist` reads it like a file, with position marks and
/// `#!PrependConfigFile:`; `combine` joins `1.conf`, `2.conf`, …
#[must_use]
pub fn answer(files: &Files) -> Vec<u8> {
    answer_within(files, &Options::for_arch(""))
}

/// The same with other limits of nesting and work; the architecture of the options does not count.
#[must_use]
pub fn answer_within(files: &Files, limits: &Options) -> Vec<u8> {
    let line = |name: &str| files.get(name).map(|text| decode(text).trim().to_owned()).unwrap_or_default();
    let input = files.get("input.conf").map(Vec::as_slice).unwrap_or_default();
    let tree = match line("mode").as_str() {
        "dist" => load("input.conf", input, &mut |name| files.get(name).cloned()).map_err(|error| error.to_string()),
        "combine" => Ok(combine_parts(files)),
        _ => Ok(parse(input)),
    };
    let combined = (line("mode") == "combine").then(|| tree.as_ref().map(Tree::text).unwrap_or_default().to_vec());
    let evals: Option<Vec<String>> = files.get("eval").map(|text| decode(text).lines().map(str::to_owned).collect());
    let options = Options { arch: line("arch"), ..limits.clone() };
    finish_answer(tree, &options, combined.as_deref(), evals.as_deref())
}

/// The answer for one real configuration file, read like a file.
#[must_use]
pub fn answer_for_file(name: &str, text: &[u8], arch: &str) -> Vec<u8> {
    let tree = load(name, text, &mut |_| None).map_err(|error| error.to_string());
    finish_answer(tree, &Options::for_arch(arch), None, None)
}

fn combine_parts(files: &Files) -> Tree {
    let names: Vec<String> =
        (1..).map(|index| format!("{index}.conf")).take_while(|name| files.contains_key(name)).collect();
    let parts: Vec<SourceText<'_>> = names
        .iter()
        .map(|name| SourceText { name, text: files.get(name).map(Vec::as_slice).unwrap_or_default() })
        .collect();
    combine(&parts)
}

fn finish_answer(
    tree: Result<Tree, String>,
    options: &Options,
    combined: Option<&[u8]>,
    evals: Option<&[String]>,
) -> Vec<u8> {
    let tree = match tree {
        Ok(tree) => tree,
        Err(died) => return dump_case(None, Some(&died), combined, None, &[]),
    };
    let evaluated = evaluate(&tree, options);
    let mut warnings = evaluated.warnings.clone();
    let results = evals.map(|texts| expand_all(&evaluated, options, texts, &mut warnings));
    dump_case(Some(&evaluated), None, combined, results.as_ref(), &warnings)
}

/// Each text is expanded with a fresh macro table.
fn expand_all(
    evaluated: &Evaluated,
    options: &Options,
    texts: &[String],
    warnings: &mut Vec<String>,
) -> BTreeMap<String, String> {
    let macros = Macros::of_config(&evaluated.config).with_limits(options);
    let mut results = BTreeMap::new();
    for text in texts {
        let expansion = macros.clone().expand(text);
        warnings.extend(expansion.warnings);
        results.insert(text.clone(), expansion.text);
    }
    results
}
