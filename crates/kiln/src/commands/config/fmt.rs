use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;

use clap::Args;
use prjconf::{Evaluated, Options, Tree};
use serde::Serialize;

use super::input;
use crate::failure::{Answer, Exit, Failure};
use crate::output::Output;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// File, changed in place, or `-` for standard input to standard output; repeat it for several.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Change nothing; name the files whose layout is another, and exit with 1 if there is one.
    #[arg(long)]
    check: bool,
}

#[derive(Serialize)]
struct Outcome<'a> {
    file: &'a str,
    changed: bool,
}

/// Lays out files.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<Answer, Failure> {
    let mut answer = Answer::Yes;
    for file in &arguments.files {
        let before = input::read(file)?;
        let after = laid_out(&before).ok_or_else(|| {
            Failure::new(Exit::Broken, format!("{file}: another layout would change the meaning, so it stays as it is"))
                .with_help("this is a defect of `kiln config fmt`; please report it with the file")
        })?;
        let changed = before != after;
        if file == "-" && !arguments.check {
            output.raw(&after);
            continue;
        }
        if changed && arguments.check {
            answer = Answer::No;
        } else if changed {
            replace(file, &after)?;
        }
        if changed || output.json {
            output.result(&Outcome { file, changed }, |output| output.line(file));
        }
    }
    Ok(answer)
}

/// The text in its usual layout; `None` if it would not mean the same.
pub(crate) fn laid_out(text: &[u8]) -> Option<Vec<u8>> {
    let before = prjconf::parse(text);
    let after = prjconf::format(&before);
    if after == text {
        return Some(after);
    }
    let changed = prjconf::parse(&after);
    let arches = input::arches(&[], &[text]);
    let same = arches.iter().all(|arch| meaning(&before, arch) == meaning(&changed, arch));
    same.then_some(after)
}

/// What must not change: the result and the messages, whose line numbers may.
fn meaning(tree: &Tree, arch: &str) -> (prjconf::BuildConfig, Vec<String>, BTreeMap<&'static str, usize>) {
    let Evaluated { config, findings, warnings, .. } = prjconf::evaluate(tree, &Options::for_arch(arch));
    let mut counts = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.code.code()).or_default() += 1;
    }
    (config, warnings, counts)
}

/// Replaces a file so that it is never half written; links are followed, permissions stay.
fn replace(file: &str, text: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    let path = fs_err::canonicalize(file)?;
    let metadata = fs_err::metadata(&path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let part = path.with_file_name(format!(".{name}.kiln-{}", std::process::id()));
    let written = (|| {
        let mut options = fs_err::OpenOptions::new();
        options.write(true).create_new(true);
        std::os::unix::fs::OpenOptionsExt::mode(options.options_mut(), metadata.mode() & 0o777);
        let mut new = options.open(&part)?;
        new.write_all(text)?;
        fs_err::set_permissions(&part, metadata.permissions())?;
        fs_err::rename(&part, &path)
    })();
    if written.is_err() {
        let _ = fs_err::remove_file(&part);
    }
    Ok(written?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_keeps_the_meaning_and_is_stable() {
        let text = b"\n  PREFER:   a  b\n\n\n%if 1\n  Order: x:y\n %endif  \nNosuch: z\n%if\n";
        let once = laid_out(text).unwrap();
        assert_ne!(once, text);
        assert_eq!(laid_out(&once).unwrap(), once);
    }
}
