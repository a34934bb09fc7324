use clap::Args;
use prjconf::Options;
use serde::Serialize;
use web::native::entries::entries;
use web::native::wire::EntryAnswer;

use super::input::{self, is_file};
use super::remote::Remote;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::runner;
use crate::settings::ClientFlags;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// File, `-` for the standard input, or project of the server.
    #[arg(value_name = "FILE|PROJECT")]
    input: String,
    /// Repository of the project, if it has several.
    repository: Option<String>,
    /// Architecture, if the repository has several.
    arch: Option<String>,
    /// The architecture for a file [default: this machine's].
    #[arg(long = "arch", value_name = "ARCH")]
    file_arch: Option<String>,
    /// Revision of the project's own configuration [default: the newest].
    #[arg(long)]
    revision: Option<u64>,
    /// Only entries of this keyword; repeat it for several.
    #[arg(long = "keyword", value_name = "KEYWORD")]
    keywords: Vec<String>,
}

/// What is shown.
#[derive(Serialize)]
struct Shown {
    name: String,
    arch: String,
    entries: Vec<EntryAnswer>,
    parse_error: Option<String>,
    /// Elements of the path that do not exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

/// Shows a configuration.
pub(super) fn run(arguments: Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let mut shown = if is_file(&arguments.input) { of_file(&arguments)? } else { of_project(&arguments, flags)? };
    for keyword in &arguments.keywords {
        let name = keyword.trim_end_matches(':');
        if prjconf::keyword::Keyword::named(name).is_none() {
            return Err(Failure::new(Exit::Invalid, format!("{keyword:?} is not a keyword")));
        }
    }
    if !arguments.keywords.is_empty() {
        let wanted = |entry: &EntryAnswer| {
            arguments.keywords.iter().any(|name| name.trim_end_matches(':').eq_ignore_ascii_case(&entry.keyword))
        };
        shown.entries.retain(wanted);
    }
    output.result(&shown, |output| print(&shown, output));
    Ok(())
}

fn of_file(arguments: &Arguments) -> Result<Shown, Failure> {
    if arguments.repository.is_some() || arguments.revision.is_some() {
        let message = format!("{} is a file: it has no repositories and no revisions", arguments.input);
        return Err(Failure::new(Exit::Invalid, message).with_help("name the architecture with --arch"));
    }
    let loaded = input::load(&arguments.input)?;
    let arch = file_arch(arguments.file_arch.as_deref());
    let evaluated = prjconf::evaluate(&loaded.tree, &Options::for_arch(&arch));
    let mut entries = entries(&loaded.tree, &evaluated);
    for origin in entries.iter_mut().filter_map(|entry| entry.origin.as_mut()) {
        origin.source = loaded.path(&origin.source);
    }
    Ok(Shown { name: loaded.name, arch, entries, parse_error: evaluated.parse_error, missing: Vec::new() })
}

/// The architecture a file is evaluated for.
pub(super) fn file_arch(named: Option<&str>) -> String {
    let own = || runner::arches().first().map_or_else(|| "noarch".to_owned(), ToString::to_string);
    named.map_or_else(own, str::to_owned)
}

fn of_project(arguments: &Arguments, flags: &ClientFlags) -> Result<Shown, Failure> {
    let remote = Remote::new(&arguments.input, flags)?;
    let arch = arguments.arch.as_deref().or(arguments.file_arch.as_deref());
    let target = remote.target(arguments.repository.as_deref(), arch)?;
    let answer = remote.effective(&target, arguments.revision)?;
    Ok(Shown {
        name: format!("{}/{}", answer.project, answer.repository),
        arch: answer.arch,
        entries: answer.entries,
        parse_error: answer.parse_error,
        missing: answer.missing,
    })
}

fn print(shown: &Shown, output: Output) {
    let row = |entry: &EntryAnswer| {
        let text = match (&entry.entry, &entry.value) {
            (Some(key), Some(value)) if value.is_empty() => format!("{key} = (nothing)"),
            (Some(key), Some(value)) => format!("{key} = {value}"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => String::new(),
        };
        let place = entry.origin.as_ref().map_or_else(
            || "default".to_owned(),
            |origin| {
                let how = if origin.expanded { " by macros" } else { "" };
                format!("{}:{}{how}", origin.source, origin.line)
            },
        );
        vec![entry.keyword.clone(), short(&text), place]
    };
    let rows: Vec<Vec<String>> = shown.entries.iter().map(row).collect();
    output.table(&["KEYWORD", "ENTRY", "FROM"], &rows);
    for element in &shown.missing {
        output.note(format!("{element} of the path does not exist"));
    }
    if let Some(error) = &shown.parse_error {
        output.note(format!("error: {}", prjconf::printable(error)));
    }
}

/// One line of readable length.
fn short(text: &str) -> String {
    const LONGEST: usize = 80;
    let text = prjconf::printable(text.lines().next().unwrap_or_default());
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}
