use clap::Args;
use prjconf::{BuildConfig, Difference, Options, Tree};
use serde::Serialize;

use super::input::{self, is_file};
use super::remote::{self, Remote};
use crate::failure::{Answer, Exit, Failure};
use crate::output::Output;
use crate::settings::ClientFlags;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// File, `-` for the standard input, or project of the server.
    #[arg(value_name = "FILE|PROJECT")]
    before: String,
    /// File to compare with; a project is compared with itself.
    #[arg(value_name = "FILE")]
    after: Option<String>,
    /// Architecture of files; repeat it for several [default: the usual ones and those in conditions].
    #[arg(long = "arch", value_name = "ARCH")]
    arches: Vec<String>,
    /// Older revision of the project's own configuration [default: the one before].
    #[arg(long, value_name = "N")]
    from_revision: Option<u64>,
    /// Newer revision [default: the newest].
    #[arg(long, value_name = "N")]
    to_revision: Option<u64>,
}

/// One difference and where it is.
#[derive(Debug, Serialize)]
struct Entry {
    /// Architectures of files, `REPOSITORY/ARCH` of projects.
    targets: Vec<String>,
    keyword: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    entry: String,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(skip)]
    line: String,
}

#[derive(Debug, Serialize)]
struct Report {
    targets: Vec<String>,
    differences: Vec<Entry>,
}

/// Compares configurations by what they mean.
pub(super) fn run(arguments: &Arguments, flags: &ClientFlags, output: Output) -> Result<Answer, Failure> {
    let pairs = match &arguments.after {
        Some(after) => of_files(&arguments.before, after, &arguments.arches)?,
        None if is_file(&arguments.before) => {
            return Err(Failure::new(Exit::Invalid, format!("{} is to be compared with what?", arguments.before))
                .with_help("name a second file"));
        }
        None => of_project(arguments, flags)?,
    };
    let report = Report::of(&pairs);
    output.result(&report, |output| report.print(output));
    Ok(if report.differences.is_empty() { Answer::Yes } else { Answer::No })
}

/// A target with its configuration before and after.
struct Pair {
    target: String,
    before: BuildConfig,
    after: BuildConfig,
}

fn of_files(before: &str, after: &str, arches: &[String]) -> Result<Vec<Pair>, Failure> {
    let (before, after) = (input::load(before)?.tree, input::load(after)?.tree);
    let arches = input::arches(arches, &[before.text(), after.text()]);
    let pair = |arch: String| Pair { before: config(&before, &arch), after: config(&after, &arch), target: arch };
    Ok(arches.into_iter().map(pair).collect())
}

fn config(tree: &Tree, arch: &str) -> BuildConfig {
    prjconf::evaluate(tree, &Options::for_arch(arch)).config
}

fn of_project(arguments: &Arguments, flags: &ClientFlags) -> Result<Vec<Pair>, Failure> {
    let remote = Remote::new(&arguments.before, flags)?;
    let newest = remote.config()?.revision;
    let to = arguments.to_revision.unwrap_or(newest);
    let from = arguments.from_revision.unwrap_or_else(|| to.saturating_sub(1));
    let mut pairs = Vec::new();
    for target in remote.targets()? {
        let at = |revision| -> Result<BuildConfig, Failure> {
            Ok(config(&remote::join(&remote.effective(&target, Some(revision))?), &target.1))
        };
        pairs.push(Pair { before: at(from)?, after: at(to)?, target: format!("{}/{}", target.0, target.1) });
    }
    Ok(pairs)
}

impl Report {
    fn of(pairs: &[Pair]) -> Self {
        let compared = pairs.iter().map(|pair| (pair.target.as_str(), &pair.before, &pair.after));
        let differences = prjconf::differences(compared).into_iter().map(Entry::of).collect();
        Self { targets: pairs.iter().map(|pair| pair.target.clone()).collect(), differences }
    }

    fn print(&self, output: Output) {
        let mut groups: Vec<&[String]> = Vec::new();
        for difference in &self.differences {
            if !groups.contains(&difference.targets.as_slice()) {
                groups.push(&difference.targets);
            }
        }
        for group in groups {
            let all = group.len() == self.targets.len() && self.targets.len() > 1;
            output.line(if all { "everywhere:".to_owned() } else { format!("{}:", group.join(" ")) });
            for difference in self.differences.iter().filter(|difference| difference.targets == *group) {
                output.line(format!("  {}", prjconf::printable(&difference.line)));
            }
        }
    }
}

impl Entry {
    fn of(difference: Difference) -> Self {
        let Difference { change, targets } = difference;
        let line = change.to_string();
        let (word, before, after) = change.parts();
        let (before, after) = (before.map(str::to_owned), after.map(str::to_owned));
        Self { targets, keyword: change.keyword, change: word, before, after, line, entry: change.entry }
    }
}
