//! Builds a spec file: `rpmbuild` as the build user.
//!
//! The recipe is a spec file among its sources, or a source package. Read [`Spec`] first.

mod macros;
mod requirements;
mod results;

use std::path::PathBuf;

use model::{FailureCause, JobSpec, ResultFile, ResultKind};
use pkg::PackageFormat;

use self::requirements::Requirements;
use super::{Builder, Listener, Results, parallel};
use crate::log::JobLog;
use crate::root::{BUILD_USER, BUILD_USER_NAME, HOME_OF_RPM as HOME};
use crate::sandbox::protocol::{Action, LastWords, Step};

/// Label of the step that unpacks a source package.
const FIRST_STEP: &str = "rpm";
/// Label of the step after which results are there.
const LAST_STEP: &str = "rpmbuild";

/// Exit status of `rpmbuild` when generated build requirements are not satisfied (rpm 4.15 and newer); what it then leaves
/// is a source package whose name ends in [`REQUIREMENTS`].
const MISSING_REQUIREMENTS: i32 = 11;
/// See [`MISSING_REQUIREMENTS`].
const REQUIREMENTS: &str = ".buildreqs.nosrc.rpm";

/// Spec files.
pub(super) struct Spec;

impl Builder for Spec {
    fn fits(&self, format: PackageFormat) -> bool {
        format == PackageFormat::Rpm
    }

    fn last_step<'a>(&self, _job: &'a JobSpec) -> &'a str {
        LAST_STEP
    }

    fn actions(&self, job: &JobSpec) -> Vec<Action> {
        actions(job)
    }

    fn kind_of(&self, name: &str) -> Option<ResultKind> {
        let stem = name.strip_suffix(".rpm")?;
        let is_source = stem.ends_with(".src") || stem.ends_with(".nosrc");
        Some(if is_source { ResultKind::Source } else { ResultKind::Package })
    }

    fn listener<'a>(&self, job: &'a JobSpec) -> Box<dyn Listener + 'a> {
        Box::new(Requirements::new(job.recipe_file()))
    }

    fn check(
        &self,
        job: &JobSpec,
        results: &Results,
        _log: &mut JobLog<'_>,
    ) -> Result<Vec<(ResultFile, PathBuf)>, FailureCause> {
        let mut checked = Vec::new();
        for file in results.files.iter().filter(|file| !file.name.as_str().ends_with(REQUIREMENTS)) {
            let Some(kind) = self.kind_of(file.name.as_str()) else { continue };
            let path = results.path(file);
            let package = Some(results::check(job, file, kind, &path)?);
            checked.push((ResultFile { kind, file: file.clone(), package }, path));
        }
        if !checked.is_empty() {
            checked.push(results::environment(job, &results.folder, &command(job), &environment(job))?);
        }
        Ok(checked)
    }
}

/// rpm's folder of folders.
fn topdir() -> String {
    format!("{HOME}/rpmbuild")
}

/// Where a job's recipe is inside; `None` for a source package, whose spec file has any name.
fn spec_path(job: &JobSpec) -> Option<String> {
    let name = job.recipe_file();
    (!name.ends_with(".rpm")).then(|| format!("{}/SOURCES/{name}", topdir()))
}

/// The actions that build a job's recipe.
///
/// As OBS does it, the spec file stays among its sources, which may list it.
fn actions(job: &JobSpec) -> Vec<Action> {
    let folder = |path: String| Action::Folder { path, mode: 0o755, owner: BUILD_USER };
    let write =
        |path: &str, text: String| Action::Write { path: path.to_owned(), text, mode: 0o644, only_if_missing: false };
    let top = topdir();
    let mut actions = vec![folder(HOME.to_owned()), folder(top.clone())];
    actions.extend(
        ["BUILD", "BUILDROOT", "RPMS", "SOURCES", "SPECS", "SRPMS"].map(|name| folder(format!("{top}/{name}"))),
    );
    actions.push(write(&format!("{HOME}/.rpmmacros"), macros::macros(&job.settings, &top, parallel(job))));
    if let Some(text) = macros::rpmrc(&job.settings) {
        actions.push(write(&format!("{HOME}/.rpmrc"), text));
    }
    let is_package = spec_path(job).is_none();
    for (file, source) in job.sources.iter().enumerate() {
        let below =
            if is_package && source.name.as_str() == job.recipe_file() { "SRPMS/received-" } else { "SOURCES/" };
        let path = format!("{top}/{below}{}", source.name);
        actions.push(Action::CopyIn { file, path, owner: BUILD_USER });
    }
    if is_package {
        let path = format!("{top}/SRPMS/received-{}", job.recipe_file());
        let install = ["rpm", "-i", "--nosignature", &path].map(str::to_owned).to_vec();
        actions.push(Action::Run(step(job, FIRST_STEP, install)));
        // Its name is for the recipe to choose, too.
        actions.push(Action::Remove { path });
    }
    let last_words = LastWords { status: MISSING_REQUIREMENTS, folder: format!("{top}/SRPMS") };
    actions.push(Action::Run(Step { last_words: Some(last_words), ..step(job, LAST_STEP, command(job)) }));
    actions.push(Action::Collect { folder: format!("{top}/RPMS"), below: true });
    actions.push(Action::Collect { folder: format!("{top}/SRPMS"), below: false });
    actions
}

/// How the recipe is built.
fn command(job: &JobSpec) -> Vec<String> {
    let settings = &job.settings;
    let mut command = vec!["rpmbuild".to_owned(), "-ba".to_owned()];
    let mut option = |name: &str, value: String| command.extend([name.to_owned(), value]);
    option("--define", format!("_topdir {}", topdir()));
    // Sources belong to the build user here, who is nobody elsewhere.
    option("--define", "_srcdefattr (-,root,root)".to_owned());
    let target = settings.target.as_deref().or_else(|| Some(job.arch.as_str()).filter(|arch| *arch != "noarch"));
    if let Some(target) = target {
        option("--target", target.to_owned());
    }
    for name in &settings.with {
        option("--with", name.clone());
    }
    for name in &settings.without {
        option("--without", name.clone());
    }
    if let Some(path) = spec_path(job) {
        command.push(path);
        return command;
    }
    let mut shell = ["sh", "-c", "exec \"$@\" SPECS/*.spec", "sh"].map(str::to_owned).to_vec();
    shell.append(&mut command);
    shell
}

fn environment(job: &JobSpec) -> Vec<(String, String)> {
    let parallel = parallel(job).to_string();
    [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", HOME),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("TERM", "dumb"),
        ("SHELL", "/bin/sh"),
        ("USER", BUILD_USER_NAME),
        ("LOGNAME", BUILD_USER_NAME),
        ("RPM_BUILD_NCPUS", &parallel),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn step(job: &JobSpec, label: &str, command: Vec<String>) -> Step {
    Step {
        label: label.to_owned(),
        command,
        environment: environment(job),
        folder: topdir(),
        user: BUILD_USER,
        only_if: None,
        retries: 0,
        last_words: None,
    }
}

#[cfg(test)]
mod tests {
    use model::{BuildSettings, FileName, JobFile, JobId, JobWork, Limits, RecipeSpec, RootSpec};
    use pkg::{Arch, RecipeKind, Sha256};

    use super::*;

    fn job(recipe: &str, settings: BuildSettings) -> JobSpec {
        let file = |name: &str| JobFile {
            name: FileName::parse(name).unwrap(),
            bytes: 1,
            sha256: Sha256::of(name.as_bytes()),
        };
        let root =
            RootSpec { format: PackageFormat::Rpm, preinstall: vec![], run_scripts: vec![], packages: Vec::new() };
        JobSpec {
            job: JobId::new(1),
            title: String::new(),
            arch: Arch::parse("x86_64").unwrap(),
            root,
            work: JobWork::Recipe(RecipeSpec { kind: RecipeKind::Spec, file: FileName::parse(recipe).unwrap() }),
            sources: vec![file("a.tar.xz"), file(recipe)],
            settings,
            limits: Limits::default(),
            network: false,
        }
    }

    /// Where files are copied to, below rpm's folder.
    fn copies(actions: &[Action]) -> Vec<&str> {
        let mut places = Vec::new();
        for action in actions {
            if let Action::CopyIn { path, .. } = action {
                places.push(path.split_once("/rpmbuild/").unwrap().1);
            }
        }
        places
    }

    #[test]
    fn a_spec_file_is_built_among_its_sources_with_its_conditions() {
        let settings = BuildSettings {
            with: vec!["x".to_owned()],
            without: vec!["y".to_owned(), "z".to_owned()],
            parallel: Some(3),
            ..BuildSettings::default()
        };
        let job = job("hello.spec", settings);
        let command = command(&job).join(" ");
        let expected = "rpmbuild -ba --define _topdir /home/abuild/rpmbuild --define _srcdefattr (-,root,root) \
            --target x86_64 --with x --without y --without z /home/abuild/rpmbuild/SOURCES/hello.spec";
        assert_eq!(command, expected);
        let actions = actions(&job);
        assert_eq!(copies(&actions), ["SOURCES/a.tar.xz", "SOURCES/hello.spec"]);
        let steps: Vec<&Step> = actions
            .iter()
            .filter_map(|action| if let Action::Run(step) = action { Some(step) } else { None })
            .collect();
        assert!(steps.iter().all(|step| step.user == BUILD_USER), "nothing of a recipe runs as root");
        assert_eq!(steps.len(), 1);
        assert!(steps[0].environment.contains(&("RPM_BUILD_NCPUS".to_owned(), "3".to_owned())));
    }

    #[test]
    fn a_source_package_is_unpacked_by_the_roots_own_rpm() {
        let settings = BuildSettings { target: Some("i686".to_owned()), ..BuildSettings::default() };
        let job = job("hello-1-1.src.rpm", settings);
        let actions = actions(&job);
        assert_eq!(copies(&actions), ["SOURCES/a.tar.xz", "SRPMS/received-hello-1-1.src.rpm"]);
        let command = command(&job);
        assert_eq!(command[..4], ["sh", "-c", "exec \"$@\" SPECS/*.spec", "sh"]);
        assert!(command.windows(2).any(|words| words == ["--target", "i686"]));
    }

    #[test]
    fn results_are_told_apart_by_their_names() {
        for (name, kind) in [
            ("a-1-1.x86_64.rpm", Some(ResultKind::Package)),
            ("a-1-1.src.rpm", Some(ResultKind::Source)),
            ("a-1-1.nosrc.rpm", Some(ResultKind::Source)),
            ("a.txt", None),
        ] {
            assert_eq!(Spec.kind_of(name), kind, "{name}");
        }
    }
}
