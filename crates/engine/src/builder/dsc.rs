//! Builds a Debian source package: `dpkg-source`, then `dpkg-buildpackage`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use model::{BuildSettings, FailureCause, JobFile, JobSpec, ResultFile, ResultKind};
use pkg::{PackageFormat, Sha256, deb822};
use pkgfile::deb::{DebLimits, DebReader};

use super::{Builder, Listener, Results, chain, invalid, parallel, trouble};
use crate::log::{JobLog, UnpackErrors};
use crate::root::{BUILD_USER, BUILD_USER_NAME};
use crate::run::Stop;
use crate::sandbox::protocol::{Action, Step};

/// Where sources are inside.
const SOURCE_FOLDER: &str = "/build/source";
/// Where the source tree is unpacked and results appear.
const WORK_FOLDER: &str = "/build/work";

/// Label of the step that unpacks the sources.
const FIRST_STEP: &str = "dpkg-source";
/// Label of the step after which results are there.
const LAST_STEP: &str = "dpkg-buildpackage";

/// Largest `.changes` that is read.
const CHANGES_BYTES: u64 = 16 << 20;

/// Debian source packages.
pub(super) struct Dsc;

impl Builder for Dsc {
    fn fits(&self, format: PackageFormat) -> bool {
        format == PackageFormat::Deb
    }

    fn last_step<'a>(&self, _job: &'a JobSpec) -> &'a str {
        LAST_STEP
    }

    fn actions(&self, job: &JobSpec) -> Vec<Action> {
        actions(job)
    }

    fn kind_of(&self, name: &str) -> Option<ResultKind> {
        match name.rsplit_once('.')?.1 {
            "deb" | "udeb" | "ddeb" => Some(ResultKind::Package),
            "changes" | "buildinfo" => Some(ResultKind::Record),
            _ => None,
        }
    }

    fn listener<'a>(&self, job: &'a JobSpec) -> Box<dyn Listener + 'a> {
        Box::new(Unpacking { recipe: job.recipe_file(), errors: None })
    }

    fn check(
        &self,
        job: &JobSpec,
        results: &Results,
        log: &mut JobLog<'_>,
    ) -> Result<Vec<(ResultFile, PathBuf)>, FailureCause> {
        for file in results.files.iter().filter(|file| file.name.as_str().ends_with(".changes")) {
            self.check_changes(file, results, log)?;
        }
        let mut checked = Vec::new();
        for file in &results.files {
            let Some(kind) = self.kind_of(file.name.as_str()) else { continue };
            let path = results.path(file);
            let package = match kind {
                ResultKind::Package => Some(check_package(job, file, &path)?),
                ResultKind::Source | ResultKind::Record => None,
            };
            checked.push((ResultFile { kind, file: file.clone(), package }, path));
        }
        Ok(checked)
    }
}

impl Dsc {
    /// What a `.changes` lists must be there as listed.
    fn check_changes(&self, file: &JobFile, results: &Results, log: &mut JobLog<'_>) -> Result<(), FailureCause> {
        let path = results.path(file);
        if file.bytes > CHANGES_BYTES {
            return Err(invalid(file.name.as_str(), format!("larger than {CHANGES_BYTES} bytes")));
        }
        let text = fs::read(&path).map_err(|error| trouble(&path, &error))?;
        let text = String::from_utf8_lossy(&text);
        let listed = deb822::paragraphs(&text).find_map(|paragraph| paragraph.get("Checksums-Sha256"));
        for line in listed.unwrap_or_default().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [digest, bytes, name] = words.as_slice() else { continue };
            let Some(found) = results.files.iter().find(|result| result.name.as_str() == *name) else {
                if self.kind_of(name).is_some() {
                    return Err(invalid(name, format!("listed in {}, but not there", file.name)));
                }
                log.say(&format!("{name} is listed in {}, but not a kind of file that is kept", file.name));
                continue;
            };
            let same =
                Sha256::parse(digest).is_ok_and(|digest| digest == found.sha256) && bytes.parse() == Ok(found.bytes);
            if !same {
                return Err(invalid(name, format!("its bytes are not the ones {} lists", file.name)));
            }
        }
        Ok(())
    }
}

/// Reads a package to its end; returns its name and version.
fn check_package(job: &JobSpec, file: &JobFile, path: &Path) -> Result<(String, String), FailureCause> {
    let name = file.name.as_str();
    let open = File::open(path).map_err(|error| trouble(path, &error))?;
    // What a package holds had to be on the recipe's disk.
    let limits = DebLimits { data_bytes: job.limits.disk_bytes, ..DebLimits::default() };
    let reader = io::BufReader::with_capacity(1 << 17, open);
    let mut reader = DebReader::open(reader, limits).map_err(|error| invalid(name, chain(&error)))?;
    let package = (reader.control().meta.name.clone(), reader.control().meta.evr.clone());
    let mut entries = reader.entries().map_err(|error| invalid(name, chain(&error)))?;
    while entries.next_entry().map_err(|error| invalid(name, chain(&error)))?.is_some() {}
    Ok(package)
}

/// Hears what unpacking the sources prints, while it does.
struct Unpacking<'a> {
    recipe: &'a str,
    errors: Option<UnpackErrors>,
}

impl Unpacking<'_> {
    /// Why the sources could not be unpacked, in the words of what tried.
    fn failure(&self) -> Option<FailureCause> {
        let (archive, detail) = self.errors.as_ref()?.reason()?;
        Some(FailureCause::SourceInvalid { file: archive.unwrap_or(self.recipe).to_owned(), detail })
    }
}

impl Listener for Unpacking<'_> {
    fn began(&mut self, step: &str) {
        self.errors = (step == FIRST_STEP).then(UnpackErrors::default);
    }

    fn printed(&mut self, bytes: &[u8]) {
        if let Some(errors) = &mut self.errors {
            errors.hear(bytes);
        }
    }

    fn ended(&mut self, _step: &str) -> Option<FailureCause> {
        // GNU tar only warns of members that begin at the top of the file system, and strips them.
        self.errors.as_ref().filter(|errors| errors.climbs_out()).and_then(|_| self.failure())
    }

    fn failed(&self, step: &str, _status: i32, _results: &Results) -> Option<Stop> {
        self.failure().filter(|_| step == FIRST_STEP).map(Stop::Failed)
    }
}

fn actions(job: &JobSpec) -> Vec<Action> {
    let folder = |path: &str, owner| Action::Folder { path: path.to_owned(), mode: 0o755, owner };
    let mut actions = vec![folder(SOURCE_FOLDER, BUILD_USER), folder(WORK_FOLDER, BUILD_USER)];
    for (file, source) in job.sources.iter().enumerate() {
        let path = format!("{SOURCE_FOLDER}/{}", source.name);
        actions.push(Action::CopyIn { file, path, owner: BUILD_USER });
    }
    let recipe = format!("{SOURCE_FOLDER}/{}", job.recipe_file());
    let tree = format!("{WORK_FOLDER}/{}", tree_name(job.recipe_file()));
    let unpack = ["dpkg-source", "-x", &recipe, &tree].map(str::to_owned).to_vec();
    actions.push(step(job, FIRST_STEP, unpack, WORK_FOLDER));
    actions.push(step(job, LAST_STEP, build_command(job), &tree));
    actions.push(Action::Collect { folder: WORK_FOLDER.to_owned(), below: false });
    actions
}

/// The folder `dpkg-source` would choose: name and upstream version, from the file's name.
fn tree_name(recipe: &str) -> String {
    let stem = recipe.strip_suffix(".dsc").unwrap_or(recipe);
    let Some((name, version)) = stem.split_once('_') else { return format!("{stem}-source") };
    let upstream = version.rsplit_once('-').map_or(version, |(upstream, _)| upstream);
    format!("{name}-{upstream}")
}

fn build_command(job: &JobSpec) -> Vec<String> {
    let settings = &job.settings;
    let mut command = if settings.command.is_empty() {
        ["dpkg-buildpackage", "-us", "-uc", "-b"].map(str::to_owned).to_vec()
    } else {
        settings.command.clone()
    };
    if let Some(target) = &settings.target {
        command.extend(["--host-type".to_owned(), target.clone()]);
    }
    command
}

/// The words of `DEB_BUILD_OPTIONS`.
fn options(settings: &BuildSettings, parallel: u32) -> String {
    let mut options = vec![format!("parallel={parallel}")];
    // DIFFERS from obs-build, which has no switch for dsc: debhelper makes them unless it is told not to.
    if !settings.debug_packages {
        options.push("noautodbgsym".to_owned());
    }
    options.extend(settings.build_options.iter().cloned());
    options.join(" ")
}

fn environment(job: &JobSpec) -> Vec<(String, String)> {
    let settings = &job.settings;
    let mut environment: Vec<(String, String)> = [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games"),
        ("HOME", "/nonexistent"),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("TERM", "dumb"),
        ("SHELL", "/bin/sh"),
        ("USER", BUILD_USER_NAME),
        ("LOGNAME", BUILD_USER_NAME),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    environment.push(("DEB_BUILD_OPTIONS".to_owned(), options(settings, parallel(job))));
    if !settings.build_profiles.is_empty() {
        environment.push(("DEB_BUILD_PROFILES".to_owned(), settings.build_profiles.join(" ")));
    }
    environment
}

fn step(job: &JobSpec, label: &str, command: Vec<String>, folder: &str) -> Action {
    Action::Run(Step {
        label: label.to_owned(),
        command,
        environment: environment(job),
        folder: folder.to_owned(),
        user: BUILD_USER,
        only_if: None,
        retries: 0,
        last_words: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_tree_is_called_as_dpkg_source_would() {
        assert_eq!(tree_name("hello_2.10-3.dsc"), "hello-2.10");
        assert_eq!(tree_name("dpkg_1.21.22.dsc"), "dpkg-1.21.22");
        assert_eq!(tree_name("odd.dsc"), "odd-source");
    }

    #[test]
    fn packages_of_debugging_symbols_are_made_when_they_are_asked_for() {
        let options = |debug_packages, build_options: &[&str]| {
            let build_options = build_options.iter().map(|option| (*option).to_owned()).collect();
            let settings =
                BuildSettings { debug_packages, build_options, parallel: Some(2), ..BuildSettings::default() };
            super::options(&settings, 2)
        };
        assert_eq!(options(false, &["nocheck"]), "parallel=2 noautodbgsym nocheck");
        assert_eq!(options(true, &["nocheck"]), "parallel=2 nocheck");
    }
}
