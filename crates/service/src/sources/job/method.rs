//! What a job has to do for each kind of source.

use std::collections::BTreeMap;

use model::{FailureCause, PackageName, PackageSource, ScriptStep, SourceJob, SourceScript};
use pkg::PackageFormat;

use crate::ServiceError;
use crate::projects::check_size;

/// Longest value somebody may give a source, in bytes; scripts apart.
const MOST_BYTES: usize = 4096;
/// Longest script, in bytes.
const MOST_SCRIPT_BYTES: usize = 1 << 20;

/// The programs that methods are put together from.
mod programs {
    pub(super) const COLLECT: &str = include_str!("scripts/collect.sh");
}

/// The target a source wants to be made in; `None` if it does not care.
pub(super) fn wanted_target(source: &PackageSource) -> Option<String> {
    match source {
        PackageSource::Script { root, .. } if !root.is_empty() => Some(root.clone()),
        _ => None,
    }
}

/// What has to be done in a root of packages of a format.
///
/// # Errors
/// [`FailureCause::Configuration`] if the method does not exist there.
pub(super) fn compose(
    source: &PackageSource,
    package: Option<&PackageName>,
    _format: PackageFormat,
) -> Result<SourceJob, FailureCause> {
    let mut job = match source {
        PackageSource::Script { script, packages, folder, .. } => {
            custom(script, packages.as_deref().unwrap_or_default(), folder.as_deref())
        }
        other => return Err(not_made(other)),
    };
    if let Some(package) = package {
        job.set("KILN_NAME", package.as_str());
    }
    Ok(job.0)
}

fn not_made(source: &PackageSource) -> FailureCause {
    let what = word(source);
    FailureCause::Configuration { detail: format!("sources of {what} can not be made here") }
}

/// What people call a kind of source.
pub(crate) const fn word(source: &PackageSource) -> &'static str {
    match source {
        PackageSource::Checkout { .. } => "a version control system",
        PackageSource::DistGit { .. } => "a dist-git",
        PackageSource::Pypi { .. } => "the Python package index",
        PackageSource::Gem { .. } => "a Ruby gem",
        PackageSource::Script { .. } => "a script",
    }
}

/// A script of somebody: it runs first, then what it left is collected.
fn custom(script: &str, packages: &str, folder: Option<&str>) -> Draft {
    // A file that does not say what runs it can not be started.
    let text = if script.starts_with("#!") { script.to_owned() } else { format!("#!/bin/sh\n{script}") };
    let mut draft = Draft::new(packages.split_whitespace());
    // Line ends of web forms: the kernel would look for a shell with a carriage return in its name.
    draft.step("script", &text.replace("\r\n", "\n"));
    draft.step("collect", programs::COLLECT);
    draft.set("KILN_FOLDER", folder.unwrap_or_default());
    draft
}

/// A job that is being put together.
struct Draft(SourceJob);

impl Draft {
    fn new<'a>(packages: impl IntoIterator<Item = &'a str>) -> Self {
        let packages = packages.into_iter().map(str::to_owned).collect();
        let script = SourceScript { steps: Vec::new(), variables: BTreeMap::new() };
        Self(SourceJob { packages, files: Vec::new(), script })
    }

    fn step(&mut self, name: &str, text: &str) {
        self.0.script.steps.push(ScriptStep { name: name.to_owned(), text: text.to_owned() });
    }

    fn set(&mut self, name: &str, value: &str) {
        self.0.script.variables.insert(name.to_owned(), value.to_owned());
    }
}

/// Whether a source is one that a job can be asked to make: nothing in it could be taken for something else.
///
/// # Errors
/// [`ServiceError::BadValue`], [`ServiceError::Unsupported`].
pub(crate) fn check(source: &PackageSource) -> Result<(), ServiceError> {
    check_size("package source", format!("{source:?}").len())?;
    match source {
        PackageSource::Script { script, root, packages, folder, repositories } => {
            if script.trim().is_empty() || script.len() > MOST_SCRIPT_BYTES || script.contains('\0') {
                let detail = format!("it must be a text of at most {MOST_SCRIPT_BYTES} bytes");
                return Err(ServiceError::BadValue { field: "script", detail });
            }
            value("script root", root)?;
            value("script folder", folder.as_deref().unwrap_or_default())?;
            wanted_packages(packages.as_deref().unwrap_or_default())?;
            if repositories.split_whitespace().next().is_some() {
                return Err(ServiceError::Unsupported {
                    what: "a script in a root with further repositories".to_owned(),
                    instead: "name a target whose repository has them on its path",
                });
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A value that is one line.
fn value(field: &'static str, text: &str) -> Result<(), ServiceError> {
    if text.len() <= MOST_BYTES && !text.contains(char::is_control) {
        return Ok(());
    }
    Err(ServiceError::BadValue { field, detail: format!("it must be one line of at most {MOST_BYTES} bytes") })
}

/// Names of packages: with a sign in front one would be an instruction to the expander.
fn wanted_packages(text: &str) -> Result<(), ServiceError> {
    value("script packages", text)?;
    match text.split_whitespace().find(|name| name.starts_with(['-', '!', '#'])) {
        Some(odd) => {
            Err(ServiceError::BadValue { field: "script packages", detail: format!("{odd:?} is no name of a package") })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(script: &str, packages: &str) -> PackageSource {
        PackageSource::Script {
            script: script.to_owned(),
            root: "debian-12-x86_64".to_owned(),
            packages: Some(packages.to_owned()),
            folder: Some("out".to_owned()),
            repositories: String::new(),
        }
    }

    #[test]
    fn a_script_runs_as_it_is_and_what_it_leaves_is_collected() {
        let source = script("#!/usr/bin/perl\r\nprint 1;\n", " git  make ");
        let name = PackageName::parse("hello").unwrap();
        let job = compose(&source, Some(&name), PackageFormat::Deb).unwrap();
        assert_eq!(job.packages, ["git", "make"]);
        let steps: Vec<_> = job.script.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(steps, ["script", "collect"]);
        assert_eq!(job.script.steps[0].text, "#!/usr/bin/perl\nprint 1;\n");
        assert_eq!(job.script.variables["KILN_FOLDER"], "out");
        assert_eq!(job.script.variables["KILN_NAME"], "hello");
        let job = compose(&script("echo", ""), None, PackageFormat::Rpm).unwrap();
        assert_eq!(job.script.steps[0].text, "#!/bin/sh\necho");
    }

    #[test]
    fn what_a_script_asks_for_must_be_honest() {
        assert!(check(&script("#!/bin/sh\n", "git perl(Foo)")).is_ok());
        for (bad, word) in [
            (script(" \n", ""), "script"),
            (script("a\0b", ""), "script"),
            (script("a", "-libc6"), "no name of a package"),
            (script("a", "git\u{7}"), "one line"),
        ] {
            assert!(check(&bad).unwrap_err().to_string().contains(word), "{bad:?}");
        }
    }
}
