//! Random worlds of dependency expansion through the peers and us.

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::cases_expand::case;
use peer::Tally;

#[path = "../../crates/expand/tests/it/peer/mod.rs"]
mod peer;

struct Arguments {
    seed: u64,
    count: u64,
    most: usize,
    keep: Option<PathBuf>,
    places: peer::Places,
}

impl Arguments {
    fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let mut arguments = Self { seed: 1, count: 1000, most: 20, keep: None, places: peer::Places::default() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = *words.next().with_context(|| format!("{word}: needs a value"))?;
            let number = || value.parse().with_context(|| format!("{word} {value}: not a number"));
            match *word {
                "--seed" => arguments.seed = number()?,
                "--n" => arguments.count = number()?,
                "--most" => arguments.most = usize::try_from(number()?).unwrap_or(usize::MAX),
                "--keep" => arguments.keep = Some(PathBuf::from(value)),
                "--obs-build" => arguments.places.obs_build = PathBuf::from(value),
                "--bssolv" => arguments.places.bssolv = Some(PathBuf::from(value)),
                _ => bail!("{word} {value}: not understood"),
            }
        }
        Ok(arguments)
    }
}

/// Makes worlds, asks everybody, prints what differs; with `--keep`, differences become case folders.
///
/// Options: `[--seed NUMBER] [--n COUNT] [--most COUNT] [--keep FOLDER] [--obs-build FOLDER] [--bssolv BUILD-TREE]`.
///
/// # Errors
///
/// An option is wrong, a case can not be written, or there are differences. Without the peers nothing is done, which is
/// said.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<()> {
    let arguments = Arguments::parse(words)?;
    let Some(mut oracle) = peer::Oracle::start(&arguments.places) else {
        println!("skipped: obs-build or libbssolv-perl is not installed");
        return Ok(());
    };
    let ours = |world: &peer::World| case::answer_texts(&world.config, &world.packages, &world.request);
    let tally = peer::run(&mut oracle, &ours, arguments.seed, arguments.count, arguments.most);
    for (index, world, ours, theirs) in &tally.differences {
        println!("=== world {index}, {:?} counts\n{}{}{}", world.side, world.config, world.packages, world.request);
        println!("ours   {ours}\ntheirs {theirs}");
        if let Some(folder) = &arguments.keep {
            let folder = folder.join(format!("random-{}-{index}", arguments.seed));
            peer::keep(&folder, world, theirs).with_context(|| folder.display().to_string())?;
        }
    }
    let operations: Vec<String> = tally.operations.iter().map(|(name, count)| format!("{name} {count}")).collect();
    println!("{}", operations.join(", "));
    let Tally { agreed, unanswered, differences, .. } = &tally;
    println!("{agreed} agree, {} differ, {unanswered} without an answer in time", differences.len());
    if tally.differences.is_empty() { Ok(()) } else { bail!("{} worlds differ", tally.differences.len()) }
}
