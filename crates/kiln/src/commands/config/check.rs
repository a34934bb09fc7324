use std::io::IsTerminal as _;

use clap::{Args, ValueEnum};
use serde::Serialize;
use web::native::wire::FindingAnswer;

use super::input::{self, is_file};
use super::remote::Remote;
use super::render::render;
use crate::env;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::ClientFlags;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// File, `-` for the standard input, or project of the server; repeat it for several.
    #[arg(required = true, value_name = "FILE|PROJECT")]
    inputs: Vec<String>,
    /// Architecture; repeat it for several [default: the usual ones and those in conditions; of a project its own].
    #[arg(long = "arch", value_name = "ARCH")]
    arches: Vec<String>,
    /// Fail with exit code 2 if there is a finding of this grade or a worse one.
    #[arg(long, value_enum, default_value_t = Deny::Error)]
    deny: Deny,
    /// Whether to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Deny {
    Hint,
    Warning,
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// What was found in one input.
#[derive(Serialize)]
struct Report {
    name: String,
    findings: Vec<Placed>,
}

/// A finding with the text it is in.
#[derive(Serialize)]
struct Placed {
    #[serde(flatten)]
    finding: FindingAnswer,
    /// The file, or the project.
    file: String,
    #[serde(skip)]
    text: std::rc::Rc<[u8]>,
}

/// Checks configurations.
pub(super) fn run(arguments: &Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let mut count = Count::default();
    let mut failed = None;
    for input in &arguments.inputs {
        let report = if is_file(input) { of_file(input, &arguments.arches) } else { of_project(input, flags) };
        match report {
            Ok(report) => {
                count.add(&report);
                output.result(&report, |output| print(&report, arguments.color, output));
            }
            Err(failure) => {
                // The others are checked all the same; the last failure ends the command.
                if let Some(earlier) = failed.replace(failure) {
                    output.failure(&earlier);
                }
            }
        }
    }
    if let Some(failure) = failed {
        return Err(failure);
    }
    if count.at_least(arguments.deny) > 0 {
        return Err(Failure::new(Exit::Invalid, count.sentence()));
    }
    if count.at_least(Deny::Hint) > 0 && !output.json {
        output.note(count.sentence());
    }
    Ok(())
}

fn of_file(input: &str, arches: &[String]) -> Result<Report, Failure> {
    let loaded = input::load(input)?;
    let arches = input::arches_to_check(arches, loaded.tree.text());
    let arches: Vec<&str> = arches.iter().map(String::as_str).collect();
    let mut findings = Vec::new();
    let mut texts: std::collections::BTreeMap<String, std::rc::Rc<[u8]>> = std::collections::BTreeMap::new();
    for finding in prjconf::check(&loaded.tree, &arches) {
        let location = loaded.tree.locate(finding.span);
        let Some((path, text)) = loaded.file(&location) else { continue };
        let shared = texts.entry(path.to_owned()).or_insert_with(|| text.into());
        findings.push(Placed {
            finding: FindingAnswer::of(&finding, &location, text),
            file: path.to_owned(),
            text: shared.clone(),
        });
    }
    Ok(Report { name: loaded.name, findings })
}

fn of_project(project: &str, flags: &ClientFlags) -> Result<Report, Failure> {
    let answer = Remote::new(project, flags)?.config()?;
    let text: std::rc::Rc<[u8]> = answer.text.as_bytes().into();
    let placed = |finding| Placed { finding, file: project.to_owned(), text: text.clone() };
    Ok(Report { name: project.to_owned(), findings: answer.findings.into_iter().map(placed).collect() })
}

fn print(report: &Report, color: Color, output: Output) {
    let colors = match color {
        Color::Auto => std::io::stdout().is_terminal() && env::text(env::NO_COLOR).is_none(),
        Color::Always => true,
        Color::Never => false,
    };
    for placed in &report.findings {
        output.line(format!("{}\n", render(&placed.finding, &placed.file, &placed.text, colors)));
    }
}

/// How many findings of each grade there are.
#[derive(Default)]
struct Count {
    errors: usize,
    warnings: usize,
    hints: usize,
}

impl Count {
    fn add(&mut self, report: &Report) {
        for placed in &report.findings {
            match placed.finding.grade.as_str() {
                "error" => self.errors += 1,
                "warning" => self.warnings += 1,
                _ => self.hints += 1,
            }
        }
    }

    const fn at_least(&self, deny: Deny) -> usize {
        match deny {
            Deny::Error => self.errors,
            Deny::Warning => self.errors + self.warnings,
            Deny::Hint => self.errors + self.warnings + self.hints,
        }
    }

    fn sentence(&self) -> String {
        let one = |count: usize, word: &str| match count {
            0 => None,
            1 => Some(format!("1 {word}")),
            many => Some(format!("{many} {word}s")),
        };
        let parts = [one(self.errors, "error"), one(self.warnings, "warning"), one(self.hints, "hint")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
