//! Configuration files that name another one to be read first.

use std::collections::BTreeSet;

use crate::combine::Combiner;
use crate::source::{Joiner, Part, SourceId};
use crate::text::{decode, trim};
use crate::tree::Tree;

/// Why a configuration file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// A file that is named by `#!PrependConfigFile:` is not there.
    #[error("{name}: No such file or directory")]
    Missing {
        /// The file's name, without its folder.
        name: String,
    },
}

/// Joins a configuration file with those it names in its first line (`#!PrependConfigFile: NAME`).
///
/// `name` is the base name of the file; messages cite it. `load` gives the bytes of another file of the same folder. Each
/// file is read once, so loops are cut.
///
/// # Errors
///
/// A named file is not there.
///
/// Rule: Build.pm's `slurp_config_file`.
pub fn load(name: &str, text: &[u8], load: &mut dyn FnMut(&str) -> Option<Vec<u8>>) -> Result<Tree, LoadError> {
    let mut seen: BTreeSet<String> = BTreeSet::from([name.to_owned()]);
    let mut files: Vec<(String, Vec<u8>)> = vec![(name.to_owned(), text.to_vec())];
    let mut next = prepended(text);
    while let Some(name) = next.take() {
        if !seen.insert(name.clone()) {
            break;
        }
        let Some(text) = load(&name) else { return Err(LoadError::Missing { name }) };
        next = prepended(&text);
        files.push((name, text));
    }
    files.reverse();
    let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    if let [(name, text)] = files.as_slice() {
        let mut out = Joiner::new(names);
        out.generated(&marker(name));
        out.part(&Part { missing_line_feed: false, ..Part::whole(text, SourceId(0)) });
        return Ok(Tree::of_joined(&out.text, out.map, false));
    }
    let mut combiner = Combiner::new(names);
    for (index, (name, text)) in files.iter().enumerate() {
        combiner.add(&marker(name), &Part::whole(text, SourceId(index)));
    }
    Ok(combiner.finish())
}

fn marker(name: &str) -> Vec<u8> {
    format!("#!!line {name}:0\n").into_bytes()
}

/// The file that the first line names: without `/`, not starting with `.`.
fn prepended(text: &[u8]) -> Option<String> {
    let first = text.split(|byte| *byte == b'\n').next()?;
    let name = trim(first.strip_prefix(b"#!PrependConfigFile:")?);
    let usable = !name.is_empty() && name.first() != Some(&b'.') && !name.contains(&b'/');
    usable.then(|| decode(name))
}
