//! Makes a source: runs the steps of a script as the build user, and takes what they leave in one folder.
//!
//! What the files are is read by the service, as if somebody had handed them in; here they only have to be files.

use std::path::{Path, PathBuf};

use model::{FailureCause, FileName, JobSpec, JobWork, ResultFile, ResultKind, ScriptStep, SourceScript};
use pkg::PackageFormat;

use super::{Builder, Listener, Results, parallel};
use crate::log::{JobLog, Lines};
use crate::root::{BUILD_USER, BUILD_USER_NAME};
use crate::run::Stop;
use crate::sandbox::protocol::{Action, Step};

/// Where the steps' programs are inside.
const STEPS_FOLDER: &str = "/build/steps";
/// Home of the build user during a script; tools keep their settings and caches there.
const HOME: &str = "/build/home";

/// Where the certificate authorities are that a job is given.
const AUTHORITIES: &str = "/build/authorities.pem";

/// The variables by which programs are told so: OpenSSL and what is built on it, git, curl, Python's requests, pip, node.
const AUTHORITIES_VARIABLES: [&str; 6] =
    ["SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"];

/// What a line begins with in which a step says why it gives up.
const REASON: &str = "kiln: ";

/// Scripts that make sources, in roots of any format.
pub(super) struct Script;

impl Builder for Script {
    fn fits(&self, _format: PackageFormat) -> bool {
        true
    }

    fn last_step<'a>(&self, job: &'a JobSpec) -> &'a str {
        steps(job).last().map_or("", |step| &step.name)
    }

    fn main_result(&self) -> ResultKind {
        ResultKind::Source
    }

    fn actions(&self, job: &JobSpec) -> Vec<Action> {
        actions(job)
    }

    fn kind_of(&self, _name: &str) -> Option<ResultKind> {
        Some(ResultKind::Source)
    }

    fn listener<'a>(&self, _job: &'a JobSpec) -> Box<dyn Listener + 'a> {
        Box::new(Reasons::default())
    }

    fn check(
        &self,
        _job: &JobSpec,
        results: &Results,
        _log: &mut JobLog<'_>,
    ) -> Result<Vec<(ResultFile, PathBuf)>, FailureCause> {
        let kept = |file: &model::JobFile| {
            (ResultFile { kind: ResultKind::Source, file: file.clone(), package: None }, results.path(file))
        };
        Ok(results.files.iter().map(kept).collect())
    }
}

fn steps(job: &JobSpec) -> &[ScriptStep] {
    match &job.work {
        JobWork::Source(script) => &script.steps,
        JobWork::Recipe(_) => &[],
    }
}

fn actions(job: &JobSpec) -> Vec<Action> {
    let folder = |path: &str, owner| Action::Folder { path: path.to_owned(), mode: 0o755, owner };
    let mut actions = vec![
        folder(HOME, BUILD_USER),
        folder(STEPS_FOLDER, 0),
        folder(SourceScript::INPUT, BUILD_USER),
        folder(SourceScript::WORK, BUILD_USER),
        folder(SourceScript::RESULT, BUILD_USER),
    ];
    for (file, input) in job.sources.iter().enumerate() {
        let path = format!("{}/{}", SourceScript::INPUT, input.name);
        actions.push(Action::CopyIn { file, path, owner: BUILD_USER });
    }
    if job.root.format == PackageFormat::Rpm && !job.settings.raw_macros.is_empty() {
        // Tools that read spec files must read them as the build will.
        let path = format!("{HOME}/.rpmmacros");
        let text = format!("{}\n", job.settings.raw_macros.trim_end_matches('\n'));
        actions.push(Action::Write { path, text, mode: 0o644, only_if_missing: false });
    }
    let environment = environment(job);
    for (number, step) in steps(job).iter().enumerate() {
        let path = format!("{STEPS_FOLDER}/{number}");
        let text = step.text.clone();
        actions.push(Action::Write { path: path.clone(), text, mode: 0o755, only_if_missing: false });
        actions.push(Action::Run(Step {
            label: step.name.clone(),
            command: vec![path],
            environment: environment.clone(),
            folder: SourceScript::WORK.to_owned(),
            user: BUILD_USER,
            only_if: None,
            retries: 0,
            last_words: None,
        }));
    }
    actions.push(Action::Collect { folder: SourceScript::RESULT.to_owned(), below: false });
    actions
}

fn environment(job: &JobSpec) -> Vec<(String, String)> {
    let usual = [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", HOME),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("TERM", "dumb"),
        ("SHELL", "/bin/sh"),
        ("USER", BUILD_USER_NAME),
        ("LOGNAME", BUILD_USER_NAME),
        ("INPUT", SourceScript::INPUT),
        ("RESULT", SourceScript::RESULT),
    ];
    let mut environment: Vec<_> = usual.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    environment.push(("PARALLEL".to_owned(), parallel(job).to_string()));
    if let JobWork::Source(script) = &job.work {
        environment.extend(script.variables.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    environment
}

/// Gives a job's steps the certificate authorities of a file, as the last of the job's `files`. What the job says itself of
/// where they are stays.
pub(crate) fn trust(actions: &mut Vec<Action>, files: &mut Vec<PathBuf>, bundle: &Path) {
    for action in actions.iter_mut() {
        let Action::Run(step) = action else { continue };
        for variable in AUTHORITIES_VARIABLES {
            if !step.environment.iter().any(|(name, _)| name == variable) {
                step.environment.push((variable.to_owned(), AUTHORITIES.to_owned()));
            }
        }
    }
    let first = actions.iter().position(|action| matches!(action, Action::Run(_))).unwrap_or(actions.len());
    let copy = Action::CopyIn { file: files.len(), path: AUTHORITIES.to_owned(), owner: BUILD_USER };
    actions.insert(first, copy);
    files.push(bundle.to_owned());
}

/// Hears why a step gives up.
#[derive(Default)]
struct Reasons {
    lines: Lines,
    last: Option<String>,
}

impl Listener for Reasons {
    fn began(&mut self, _step: &str) {
        *self = Self::default();
    }

    fn printed(&mut self, bytes: &[u8]) {
        let last = &mut self.last;
        self.lines.hear(bytes, |line| {
            if let Some(reason) = line.strip_prefix(REASON) {
                *last = Some(reason.trim().to_owned());
            }
        });
    }

    fn ended(&mut self, _step: &str) -> Option<FailureCause> {
        None
    }

    fn failed(&self, step: &str, _status: i32, _results: &Results) -> Option<Stop> {
        let detail = self.last.clone()?;
        Some(Stop::Failed(FailureCause::SourceInvalid { file: step.to_owned(), detail }))
    }
}

/// Whether the steps of a script can be told apart and run.
///
/// # Errors
/// What is wrong, for people.
pub(crate) fn check(script: &SourceScript) -> Result<(), String> {
    if script.steps.is_empty() {
        return Err("a job that makes a source has no steps".to_owned());
    }
    for (number, step) in script.steps.iter().enumerate() {
        if script.steps.iter().take(number).any(|other| other.name == step.name) {
            return Err(format!("a job that makes a source has two steps called {}", step.name));
        }
        if FileName::parse(&step.name).is_err() {
            return Err(format!("{:?} is no name of a step", step.name));
        }
    }
    let is_odd =
        |(name, value): &(&String, &String)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0');
    match script.variables.iter().find(is_odd) {
        Some((name, _)) => Err(format!("{name:?} can not be a variable of a step")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(names: &[&str], variable: (&str, &str)) -> SourceScript {
        let step = |name: &&str| ScriptStep { name: (*name).to_owned(), text: "#!/bin/sh\n".to_owned() };
        let variables = [(variable.0.to_owned(), variable.1.to_owned())].into();
        SourceScript { steps: names.iter().map(step).collect(), variables }
    }

    #[test]
    fn a_script_has_steps_of_different_names_and_honest_variables() {
        assert_eq!(check(&script(&["clone", "make"], ("URL", "-x\n= "))), Ok(()));
        for (bad, word) in [
            (script(&[], ("URL", "")), "no steps"),
            (script(&["a", "a"], ("URL", "")), "two steps called a"),
            (script(&["../a"], ("URL", "")), "no name of a step"),
            (script(&["a"], ("U=RL", "")), "variable"),
            (script(&["a"], ("URL", "\0")), "variable"),
        ] {
            assert!(check(&bad).unwrap_err().contains(word), "{word}");
        }
    }

    #[test]
    fn every_step_is_told_where_the_authorities_are_unless_the_job_says_it() {
        let step = |label: &str| {
            let environment = vec![("PIP_CERT".to_owned(), "/own".to_owned())];
            Action::Run(Step {
                label: label.to_owned(),
                command: vec![label.to_owned()],
                environment,
                folder: "/".to_owned(),
                user: BUILD_USER,
                only_if: None,
                retries: 0,
                last_words: None,
            })
        };
        let mut actions = vec![step("a"), step("b")];
        let mut files = vec![PathBuf::from("/blob")];
        trust(&mut actions, &mut files, Path::new("/etc/own.pem"));
        assert_eq!(files, [Path::new("/blob"), Path::new("/etc/own.pem")]);
        assert!(matches!(&actions[0], Action::CopyIn { file: 1, path, .. } if path == AUTHORITIES), "{actions:?}");
        for action in &actions[1..] {
            let Action::Run(step) = action else { panic!("{action:?}") };
            let of = |wanted: &str| step.environment.iter().filter(|(name, _)| name == wanted).collect::<Vec<_>>();
            assert_eq!(of("PIP_CERT").iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["/own"]);
            assert_eq!(of("GIT_SSL_CAINFO").len(), 1);
        }
    }

    #[test]
    fn the_last_reason_a_step_prints_is_the_cause() {
        let mut reasons = Reasons::default();
        reasons.began("clone");
        reasons.printed(b"kiln: first\nnoise kiln: no\nkiln: no such bran");
        let results = Results { folder: PathBuf::new(), files: Vec::new() };
        let cause = |reasons: &Reasons| match reasons.failed("clone", 1, &results) {
            Some(Stop::Failed(cause)) => cause.to_string(),
            _ => String::new(),
        };
        assert_eq!(cause(&reasons), "clone: first");
        reasons.printed(b"ch\n");
        assert_eq!(cause(&reasons), "clone: no such branch");
        reasons.began("make");
        assert_eq!(cause(&reasons), "");
    }
}
