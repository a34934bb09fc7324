//! All of Debian as an expansion case.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use expand::{Expander, NamedAlternatives};

use crate::CaseTally;
use crate::cases_expand::case;

// Reads compressed lists (liblzma).
#[path = "../../crates/expand/tests/it/universe.rs"]
mod universe;

/// What to compare.
struct Arguments {
    data: PathBuf,
    seed: String,
    count: usize,
    has_extra_prefers: bool,
    sources: String,
    expected: PathBuf,
    named_alternatives: NamedAlternatives,
}

impl Arguments {
    fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let mut data = None;
        let mut expected = None;
        let mut arguments = Self {
            data: PathBuf::new(),
            seed: "debian12".to_owned(),
            count: 1500,
            has_extra_prefers: false,
            sources: "Sources-all.slim.xz".to_owned(),
            expected: PathBuf::new(),
            named_alternatives: NamedAlternatives::Any,
        };
        let mut engine = None;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = *words.next().with_context(|| format!("{word}: needs a value"))?;
            match *word {
                "--data" => data = Some(PathBuf::from(value)),
                "--expected" => expected = Some(PathBuf::from(value)),
                "--seed" => value.clone_into(&mut arguments.seed),
                "--sources" => value.clone_into(&mut arguments.sources),
                "--n" => arguments.count = value.parse().with_context(|| format!("--n {value}"))?,
                "--engine" if ["bssolv", "obsbuild"].contains(&value) => engine = Some(value),
                _ => bail!("{word} {value}: not understood"),
            }
        }
        arguments.data = data.context("--data FOLDER is missing")?;
        arguments.expected = expected.context("--expected FILE.jsonl.xz is missing")?;
        if !arguments.expected.exists() {
            arguments.expected = arguments.data.join(&arguments.expected);
        }
        let name = arguments.expected.file_name().unwrap_or_default().to_string_lossy();
        arguments.has_extra_prefers = name.contains("prefers");
        let is_obs_build = engine.map_or_else(|| name.contains("obsbuild"), |engine| engine == "obsbuild");
        if is_obs_build {
            arguments.named_alternatives = NamedAlternatives::First;
        }
        Ok(arguments)
    }
}

/// Expands a sample of all Debian sources and compares with recorded answers; differences are printed.
///
/// Options: `--data FOLDER --expected FILE [--seed TEXT] [--n COUNT] [--sources FILE] [--engine NAME]`. The engine, `bssolv` or
/// `obsbuild`, says which rule decides requests with alternatives; if it is not given, the name of the file of answers does.
/// Answers of `prefers` runs are compared under the configuration with further `Prefer` lines.
///
/// # Errors
///
/// An option is wrong or a file can not be read. A wrong answer is no error, but counted.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<CaseTally> {
    let arguments = Arguments::parse(words)?;
    let data: &Path = &arguments.data;
    let universe = universe::Universe::read(data, &arguments.sources).with_context(|| data.display().to_string())?;
    let pool = universe.pool();
    let text = universe::config(data, arguments.has_extra_prefers).with_context(|| data.display().to_string())?;
    let mut config = case::read_config("x86_64", &text);
    config.named_alternatives = arguments.named_alternatives;
    let expander = Expander::new(&pool, &config);
    let sample = universe.sample(&arguments.seed, arguments.count);
    let (passed, differences) =
        universe::compare(&universe, &expander, &arguments.expected, &sample, config.named_alternatives)
            .with_context(|| arguments.expected.display().to_string())?;
    let mut tally = CaseTally::default();
    for _ in 0..passed {
        tally.add("", true);
    }
    for difference in &differences {
        println!("{}", difference.text);
        tally.add(&format!("{} {}", difference.source, difference.what), false);
    }
    if passed == 0 && differences.is_empty() {
        bail!("{}: has no answer for any source of the sample", arguments.expected.display());
    }
    Ok(tally)
}
