//! Builds a Debian source package: `dpkg-source`, then `dpkg-buildpackage`.

use model::JobSpec;

use crate::root::{BUILD_USER, BUILD_USER_NAME};
use crate::sandbox::protocol::{Action, Step};

/// Where sources are inside.
const SOURCE_FOLDER: &str = "/build/source";
/// Where the source tree is unpacked and results appear.
const WORK_FOLDER: &str = "/build/work";

/// Label of the step that unpacks the sources.
pub(crate) const FIRST_STEP: &str = "dpkg-source";
/// Label of the step after which results are there.
pub(crate) const LAST_STEP: &str = "dpkg-buildpackage";

/// The actions that build a job's recipe; file number n is source number n.
pub(crate) fn actions(job: &JobSpec) -> Vec<Action> {
    let folder = |path: &str, owner| Action::Folder { path: path.to_owned(), mode: 0o755, owner };
    let mut actions = vec![folder(SOURCE_FOLDER, BUILD_USER), folder(WORK_FOLDER, BUILD_USER)];
    for (file, source) in job.sources.iter().enumerate() {
        let path = format!("{SOURCE_FOLDER}/{}", source.name);
        actions.push(Action::CopyIn { file, path, owner: BUILD_USER });
    }
    let recipe = format!("{SOURCE_FOLDER}/{}", job.recipe.file);
    let tree = format!("{WORK_FOLDER}/{}", tree_name(job.recipe.file.as_str()));
    let unpack = ["dpkg-source", "-x", &recipe, &tree].map(str::to_owned).to_vec();
    actions.push(step(job, FIRST_STEP, unpack, WORK_FOLDER));
    actions.push(step(job, LAST_STEP, build_command(job), &tree));
    actions.push(Action::Collect { folder: WORK_FOLDER.to_owned() });
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

fn environment(job: &JobSpec) -> Vec<(String, String)> {
    let settings = &job.settings;
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let parallel = settings.parallel.map_or_else(|| processors.to_string(), |count| count.to_string());
    let mut options = vec![format!("parallel={parallel}")];
    options.extend(settings.build_options.iter().cloned());
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
    environment.push(("DEB_BUILD_OPTIONS".to_owned(), options.join(" ")));
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
}
