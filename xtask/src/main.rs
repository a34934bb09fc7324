//! Chores of the project: `cargo xtask check | tidy | bless | cases KIND DIR`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

mod bless;
mod cases_config;
mod cases_effects;
mod cases_expand;
mod cases_universe;
mod dependencies;
mod fuzz_expand;
mod peer;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

const USAGE: &str = "usage: cargo xtask COMMAND

  check            what CI checks first: format, lints, tidy
  tidy             the rules of ARCHITECTURE.md that a program can check
  bless            write the generated files (clippy.toml of each crate)
  cases KIND DIR   compare us with recorded answers of the peers; KIND is config,
                   config-real, config-effects or expand
  cases universe OPTIONS
                   the same with all of Debian: --data FOLDER --expected FILE [--n COUNT] [--seed TEXT]
                   [--engine bssolv|obsbuild]
  peer expand OPTIONS
                   random worlds through the peers and us: [--seed NUMBER] [--n COUNT] [--keep FOLDER] [--most COUNT]
                   [--obs-build FOLDER] [--bssolv BUILD-TREE]
  peer config OPTIONS
                   generated configurations through the peer and us: [--library FOLDER] [--count CASES] [--seed NUMBER]
                   [--first NUMBER] [--keep FOLDER]; the library is a checkout of obs-build, OBS_BUILD_DIR if not given";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["check"] => check(),
        ["tidy"] => report(&tidy::problems(&workspace_root())?),
        ["bless"] => bless::write(&workspace_root()),
        ["cases", "universe", options @ ..] => finish_cases(&cases_universe::run(options)?),
        ["peer", "expand", options @ ..] => fuzz_expand::run(options),
        ["peer", "config", options @ ..] => finish_cases(&peer::run(options)?),
        ["cases", kind, folder] => cases(kind, Path::new(folder)),
        _ => bail!("{USAGE}"),
    }
}

/// How many recorded answers we gave.
#[derive(Debug, Default)]
pub(crate) struct CaseTally {
    passed: usize,
    failed: usize,
}

impl CaseTally {
    /// Counts a case; the name of a failed one is printed.
    pub(crate) fn add(&mut self, name: &str, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
            println!("FAILED {name}");
        }
    }
}

fn cases(kind: &str, folder: &Path) -> anyhow::Result<()> {
    let tally = match kind {
        "config" | "config-real" => cases_config::run(kind, folder)?,
        "config-effects" => cases_effects::run(folder)?,
        "expand" => cases_expand::run(folder)?,
        _ => bail!("{kind}: no such kind of cases\n\n{USAGE}"),
    };
    finish_cases(&tally)
}

fn finish_cases(tally: &CaseTally) -> anyhow::Result<()> {
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed == 0 { Ok(()) } else { bail!("{} cases failed", tally.failed) }
}

fn check() -> anyhow::Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    report(&tidy::problems(&workspace_root())?)
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(workspace_root())
        .status()
        .with_context(|| format!("cargo {} can not be started", arguments.join(" ")))?;
    if status.success() { Ok(()) } else { bail!("cargo {} found something", arguments.join(" ")) }
}

fn report(problems: &[String]) -> anyhow::Result<()> {
    for problem in problems {
        println!("{problem}");
    }
    if problems.is_empty() { Ok(()) } else { bail!("{} rules are broken", problems.len()) }
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
