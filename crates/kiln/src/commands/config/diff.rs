use clap::Args;
use prjconf::{BuildConfig, Change, ChangeKind, Options, Tree};
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
struct Difference {
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
}

#[derive(Debug, Serialize)]
struct Report {
    targets: Vec<String>,
    differences: Vec<Difference>,
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
    let report = Report::of(pairs);
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
    /// Equal differences of several targets are one.
    fn of(pairs: Vec<Pair>) -> Self {
        let mut found: Vec<(Change, Vec<String>)> = Vec::new();
        let mut targets = Vec::new();
        for pair in pairs {
            for change in prjconf::diff(&pair.before, &pair.after) {
                match found.iter_mut().find(|(known, _)| *known == change) {
                    Some((_, targets)) => targets.push(pair.target.clone()),
                    None => found.push((change, vec![pair.target.clone()])),
                }
            }
            targets.push(pair.target);
        }
        let differences = found.into_iter().map(|(change, targets)| Difference::of(change, targets)).collect();
        Self { targets, differences }
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
                output.line(format!("  {}", prjconf::printable(&difference.line())));
            }
        }
    }
}

impl Difference {
    fn of(change: Change, targets: Vec<String>) -> Self {
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let (word, before, after) = match change.kind {
            ChangeKind::Added(value) => ("added", None, some(value)),
            ChangeKind::Removed(value) => ("removed", some(value), None),
            ChangeKind::Changed { before, after } => ("changed", Some(before), Some(after)),
            ChangeKind::Reordered => ("reordered", None, None),
        };
        Self { targets, keyword: change.keyword, entry: change.entry, change: word, before, after }
    }

    fn line(&self) -> String {
        let Self { keyword, entry, before, after, .. } = self;
        let front = if entry.is_empty() { format!("{keyword}:") } else { format!("{keyword}: {entry}") };
        let with = |value: &Option<String>| match value {
            Some(value) if entry.is_empty() => format!(" {value}"),
            Some(value) => format!(" = {value}"),
            None => String::new(),
        };
        match self.change {
            "added" => format!("+ {front}{}", with(after)),
            "removed" => format!("- {front}{}", with(before)),
            "reordered" => format!("~ {front} the same entries in another order"),
            _ => {
                let quoted = |value: &Option<String>| match value.as_deref() {
                    None | Some("") => "(empty)".to_owned(),
                    Some(value) => value.to_owned(),
                };
                let colon = if entry.is_empty() { "" } else { " =" };
                format!("~ {front}{colon} {} -> {}", quoted(before), quoted(after))
            }
        }
    }
}
