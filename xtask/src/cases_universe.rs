//! All of Debian as an expansion case.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use expand::Expander;

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
            sources: "Sources.slim.xz".to_owned(),
            expected: PathBuf::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = *words.next().with_context(|| format!("{word}: needs a value"))?;
            match *word {
                "--data" => data = Some(PathBuf::from(value)),
                "--expected" => expected = Some(PathBuf::from(value)),
                "--seed" => value.clone_into(&mut arguments.seed),
                "--sources" => value.clone_into(&mut arguments.sources),
                "--n" => arguments.count = value.parse().with_context(|| format!("--n {value}"))?,
                // The name of the file of answers says which engine gave them.
                "--engine" if ["bssolv", "obsbuild"].contains(&value) => {}
                _ => bail!("{word} {value}: not understood"),
            }
        }
        arguments.data = data.context("--data FOLDER is missing")?;
        arguments.expected = expected.context("--expected FILE.jsonl.xz is missing")?;
        if !arguments.expected.exists() {
            arguments.expected = arguments.data.join(&arguments.expected);
        }
        arguments.has_extra_prefers =
            arguments.expected.file_name().is_some_and(|name| name.to_string_lossy().contains("prefers"));
        Ok(arguments)
    }

    /// The answers libsolv gave, if those to compare with are of the other reference.
    fn libsolv_answers(&self) -> Option<PathBuf> {
        let name = self.expected.file_name()?.to_str()?;
        let path = self.expected.with_file_name(name.replace("obsbuild", "bssolv"));
        (path != self.expected && path.exists()).then_some(path)
    }
}

/// Expands a sample of all Debian sources and compares with recorded answers; differences are printed.
///
/// Options: `--data FOLDER --expected FILE [--seed TEXT] [--n COUNT] [--sources FILE] [--engine NAME]`. Answers of
/// `prefers` runs are compared under the configuration with further `Prefer` lines.
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
    let config = case::read_config("x86_64", &text);
    let expander = Expander::new(&pool, &config);
    let sample = universe.sample(&arguments.seed, arguments.count);
    let compare = |recorded: &Path| {
        universe::compare(&universe, &expander, recorded, &sample).with_context(|| recorded.display().to_string())
    };
    let (passed, mut differences) = compare(&arguments.expected)?;
    let mut tally = CaseTally::default();
    for _ in 0..passed {
        tally.add("", true);
    }
    // Where the two references disagree, in requests with alternatives, we follow libsolv.
    if let Some(libsolv) = arguments.libsolv_answers() {
        let (_, other) = compare(&libsolv)?;
        let follows_libsolv = |difference: &universe::Difference| {
            !other.iter().any(|known| known.source == difference.source && known.what == difference.what)
        };
        for difference in differences.extract_if(.., |difference| follows_libsolv(difference)) {
            println!("{} {}: as libsolv", difference.source, difference.what);
            tally.add("", true);
        }
    }
    for difference in &differences {
        println!("{}", difference.text);
        tally.add(&format!("{} {}", difference.source, difference.what), false);
    }
    Ok(tally)
}
