use std::path::PathBuf;

use clap::Args;
use model::Verdict;
use service::PackageImpact;
use web::native::wire::{ConfigImpact, ImpactRequest, TargetImpact};

use crate::client::segment;
use crate::commands;
use crate::failure::Failure;
use crate::output::Output;
use crate::runtime;
use crate::settings::ClientFlags;

/// Packages of a root named in a line.
const MOST_NAMES: usize = 6;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Name of the project.
    project: String,
    /// File with the configuration to try, or - for the standard input. (The client's settings come from KILN_CONFIG or
    /// their usual place.)
    // The name is also that of a flag of all commands; here it means this, see `run`.
    #[arg(long, value_name = "FILE", required = true)]
    config: Option<PathBuf>,
    /// Name every package with another root, not only those that come and go.
    #[arg(long)]
    all: bool,
}

/// Shows what a configuration would change; nothing is changed.
pub(super) fn run(arguments: Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let text = match arguments.config {
        Some(file) if file.as_os_str() != "-" => fs_err::read_to_string(file)?,
        _ => std::io::read_to_string(std::io::stdin())?,
    };
    // The parser hands the file on as the client's settings file.
    let flags = ClientFlags { config: None, ..flags.clone() };
    let path = format!("/projects/{}/config/impact", segment(&arguments.project));
    let runtime = runtime::start(false)?;
    let client = commands::client(&flags)?;
    let answer: ConfigImpact = runtime.block_on(client.post(&path, &ImpactRequest { text }))?;
    output.result(&answer, |output| show(&answer, arguments.all, output));
    Ok(())
}

fn show(answer: &ConfigImpact, all: bool, output: Output) {
    for target in &answer.targets {
        show_target(target, all, output);
    }
    if answer.targets.iter().any(|target| target.rebuild > 0) && !answer.rebuilds_itself {
        output.line("The project builds on request: what is to be rebuilt waits for somebody to submit it.");
    }
    if !answer.not_looked_at.is_empty() {
        output.line(format!("Not looked at, although built on this project: {}", answer.not_looked_at.join(", ")));
    }
}

fn show_target(target: &TargetImpact, all: bool, output: Output) {
    if let Some(verdict) = &target.verdict {
        output.line(format!("{}: {verdict}", target.target));
        return;
    }
    output.line(format!(
        "{}: of {} packages {} become unresolvable, {} resolvable, {} change their root, {} would rebuild",
        target.target,
        target.packages,
        target.become_unresolvable,
        target.become_resolvable,
        target.change_root,
        target.rebuild
    ));
    if target.other_settings > 0 {
        output.line(format!("  {} are built in another way (command, options, profiles)", target.other_settings));
    }
    for change in &target.changes {
        if let Some(text) = change_text(change, all) {
            output.line(format!("  {}: {text}", change.package));
        }
    }
}

fn change_text(change: &PackageImpact, all: bool) -> Option<String> {
    match (&change.before, &change.after) {
        (Verdict::Scheduled, Verdict::Scheduled) => {
            let signed =
                |sign: &str, names: &[String]| names.iter().map(|name| format!("{sign}{name}")).collect::<Vec<_>>();
            let names = [signed("+", &change.added), signed("-", &change.removed)].concat();
            let more = names.len().saturating_sub(MOST_NAMES);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let shown: Vec<&str> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
            (all && change.changes_root()).then(|| format!("{}{more}", shown.join(", ")))
        }
        (_, Verdict::Scheduled) => Some("can be built then".to_owned()),
        (_, after) => Some(after.to_string()),
    }
}
