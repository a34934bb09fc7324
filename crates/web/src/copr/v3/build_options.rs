//! The options that all ways to make a build have in common.

use model::{BuildId, Limits, PackageSettings, Project};
use service::{BuildOrder, QueueWish, TargetName};

use super::echoes;
use super::error::{V3Error, short};
use super::form::{Form, not_a_choice};
use crate::app::App;
use crate::copr::chroots::targets;
use crate::copr::names::chroot_name;

/// Longest wall time of a build, in seconds.
const LONGEST: i64 = 108_000;

/// Options of a new build.
#[derive(Debug)]
pub(super) struct Options {
    /// What to build for; `None` means every enabled target.
    pub(super) targets: Option<Vec<TargetName>>,
    /// Whether the recipe may reach the network.
    pub(super) network: Option<bool>,
    /// Bounds that differ from the service's.
    pub(super) limits: Option<Limits>,
    /// When its turn comes.
    pub(super) queue: QueueWish,
}

impl Options {
    /// Reads the options; what is wrong with them becomes problems of the form.
    ///
    /// # Errors
    /// 400 that names what Kiln can not do, or if the service fails.
    pub(super) async fn parse(app: &App, project: &Project, form: &mut Form) -> Result<Self, V3Error> {
        check_folder(project, form)?;
        echoes::check(form)?;
        if let Some(forge) = form.text("packit_forge_project").filter(|forge| !forge.is_empty()) {
            return Err(V3Error::denied(format!(
                "Forge project {} can't build in this Copr via Packit.",
                short(&forge)
            )));
        }
        let timeout = form.integer("timeout", 0, LONGEST).filter(|seconds| *seconds > 0);
        let limits = timeout.and_then(|seconds| u64::try_from(seconds).ok());
        let background = form.boolean("background").unwrap_or(false);
        Ok(Self {
            targets: chosen(app, project, form).await?,
            network: form.boolean("enable_net"),
            limits: limits.map(|run_seconds| Limits { run_seconds, ..app.service.limits() }),
            queue: QueueWish { background, order: order(form) },
        })
    }

    /// The wall time that a package's builds have, unless a request asked for another one.
    pub(super) fn or_timeout(mut self, app: &App, settings: &PackageSettings) -> Self {
        let own =
            settings.timeout_seconds.map(|seconds| Limits { run_seconds: seconds.into(), ..app.service.limits() });
        self.limits = self.limits.or(own);
        self
    }
}

/// Builds of Kiln have no folders of their own beside the project's.
fn check_folder(project: &Project, form: &mut Form) -> Result<(), V3Error> {
    let own = crate::copr::names::CoprName::of(&project.name).name;
    match form.text("project_dirname") {
        Some(name) if !name.is_empty() && name != own => Err(V3Error::unsupported(
            &format!("project_dirname={}", short(&name)),
            "fork the project, or add it to a project of its own as additional repository",
        )),
        _ => Ok(()),
    }
}

fn order(form: &mut Form) -> BuildOrder {
    let with = form.integer("with_build_id", 1, i64::MAX).map(BuildId::new);
    let after = form.integer("after_build_id", 1, i64::MAX).map(BuildId::new);
    match (with, after) {
        (Some(_), Some(_)) => {
            form.problem("with_build_id", "Can not be used together with after_build_id.");
            BuildOrder::Free
        }
        (Some(build), None) => BuildOrder::With(build),
        (None, Some(build)) => BuildOrder::After(build),
        (None, None) => BuildOrder::Free,
    }
}

/// The targets that are named, or all, without those that are excluded.
async fn chosen(app: &App, project: &Project, form: &mut Form) -> Result<Option<Vec<TargetName>>, V3Error> {
    let wanted = form.list("chroots").unwrap_or_default();
    let excluded = form.list("exclude_chroots").unwrap_or_default();
    if wanted.is_empty() && excluded.is_empty() {
        return Ok(None);
    }
    let repositories = app.service.repositories(project.id).await?;
    let enabled = targets(&repositories).filter(|(_, arch)| arch.enabled);
    let enabled: Vec<(String, TargetName)> = enabled.map(|(target, _)| (chroot_name(&target), target)).collect();
    let mut unknown = false;
    for name in &wanted {
        if !enabled.iter().any(|(chroot, _)| matches(name, chroot)) {
            form.problem("chroots", not_a_choice(name));
            unknown = true;
        }
    }
    let is_wanted = |chroot: &str| wanted.is_empty() || wanted.iter().any(|name| matches(name, chroot));
    let is_excluded = |chroot: &str| excluded.iter().any(|name| matches(name, chroot));
    let chosen = enabled.into_iter().filter(|(chroot, _)| is_wanted(chroot) && !is_excluded(chroot));
    let chosen: Vec<TargetName> = chosen.map(|(_, target)| target).collect();
    if chosen.is_empty() && !unknown {
        form.problem("exclude_chroots", "No chroot is left.");
    }
    Ok(Some(chosen))
}

/// Whether a name fits a pattern of the shell: `*` is anything, `?` one character.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().take(256).collect(), name.chars().collect());
    // Which beginnings of the name fit what was read of the pattern.
    let mut fits = vec![false; name.len() + 1];
    if let Some(first) = fits.first_mut() {
        *first = true;
    }
    for wanted in pattern {
        let before = fits.clone();
        for (place, fit) in fits.iter_mut().enumerate() {
            let one_less = place.checked_sub(1);
            let previous = one_less.and_then(|place| before.get(place)).copied().unwrap_or(false);
            let letter = one_less.and_then(|place| name.get(place));
            *fit = match wanted {
                '*' => before.iter().take(place + 1).any(|fit| *fit),
                '?' => previous,
                wanted => previous && letter == Some(&wanted),
            };
        }
    }
    fits.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_the_shell() {
        for (pattern, name) in [("a-1-x", "a-1-x"), ("a-*", "a-1-x"), ("*", "a"), ("*-x", "a-1-x"), ("a-?-x", "a-1-x")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("", "a"), ("a", "ab"), ("?", ""), ("*-y", "a-1-x"), ("b*", "a")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(!matches(&"*a".repeat(100), &"b".repeat(200)));
    }
}
