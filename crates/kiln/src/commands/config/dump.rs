use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use prjconf::{Evaluated, Macros, Options, SourceText, Tree};

use super::input;
use crate::failure::{Exit, Failure};
use crate::output::Output;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// File, or `-` for the standard input; several are joined, the weakest first.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Architecture, or a path of them of which the first counts; empty means `noarch`.
    #[arg(long)]
    arch: String,
    /// How files are read [default: raw for one, combine for several].
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Also expand this text with the macros that recipes see; repeat it for several.
    #[arg(long = "eval", value_name = "TEXT")]
    evals: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// One text as it is.
    Raw,
    /// One file with its name in messages, and with the files that `#!PrependConfigFile:` names.
    Dist,
    /// Texts joined as those of a repository path.
    Combine,
}

/// Prints the canonical JSON; it is the same with and without `--json`.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let mode = arguments.mode.unwrap_or(if arguments.files.len() > 1 { Mode::Combine } else { Mode::Raw });
    let tree = match (mode, arguments.files.as_slice()) {
        (Mode::Combine, files) => combine(files)?,
        (Mode::Raw, [file]) => prjconf::parse(&input::read(file)?),
        (Mode::Dist, [file]) => match input::load_or_died(file)? {
            Ok(loaded) => loaded.tree,
            Err(died) => {
                output.raw(&prjconf::dump_case(None, Some(&died.to_string()), None, None, &[]));
                return Err(Failure::new(Exit::Missing, format!("{file} needs {died}")));
            }
        },
        _ => return Err(Failure::new(Exit::Invalid, "several files can only be combined")),
    };
    let evaluated = prjconf::evaluate(&tree, &Options::for_arch(&arguments.arch));
    let mut warnings = evaluated.warnings.clone();
    let evals = (!arguments.evals.is_empty()).then(|| expand(&evaluated, &arguments.evals, &mut warnings));
    let combined = (mode == Mode::Combine).then(|| tree.text());
    output.raw(&prjconf::dump_case(Some(&evaluated), None, combined, evals.as_ref(), &warnings));
    Ok(())
}

fn combine(files: &[String]) -> Result<Tree, Failure> {
    let texts: Vec<Vec<u8>> = files.iter().map(|file| input::read(file)).collect::<Result<_, _>>()?;
    let parts: Vec<SourceText<'_>> = files
        .iter()
        .zip(&texts)
        .map(|(name, text)| SourceText { name: name.as_str(), text: text.as_slice() })
        .collect();
    Ok(prjconf::combine(&parts))
}

/// Each text is expanded with a fresh macro table.
fn expand(evaluated: &Evaluated, texts: &[String], warnings: &mut Vec<String>) -> BTreeMap<String, String> {
    let macros = Macros::of_config(&evaluated.config);
    let mut results = BTreeMap::new();
    for text in texts {
        let expansion = macros.clone().expand(text);
        warnings.extend(expansion.warnings);
        results.insert(text.clone(), expansion.text);
    }
    results
}
