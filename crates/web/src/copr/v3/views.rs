//! What API v3 shows of Kiln's nouns.

use model::{Build, BuildReason, BuildSource, Package, Project, RepositoryArch, Task};
use serde_json::{Map, Value, json};
use service::TargetName;

use super::{echoes, package_source};
use crate::copr::names::{CoprName, chroot_name};
use crate::copr::states::{build_word, task_word};
use crate::copr::views::{repositories, target_of};
use crate::files::result_path;

/// The address of the results of a project, without a slash at the end.
pub(super) fn results_url(name: &CoprName, base: &str) -> String {
    let segment = crate::address::encode_segment;
    format!("{base}/results/{}/{}", segment(&name.owner), segment(&name.name))
}

/// A project; `targets` are the enabled ones.
pub(super) fn project(project: &Project, targets: &[TargetName], base: &str) -> Value {
    let name = CoprName::of(&project.name);
    let settings = &project.settings;
    let results = results_url(&name, base);
    let chroots: Map<String, Value> = targets
        .iter()
        .map(chroot_name)
        .map(|chroot| {
            let url = format!("{results}/{chroot}/");
            (chroot, Value::String(url))
        })
        .collect();
    json!({
        "id": project.id,
        "name": name.name,
        "ownername": name.owner,
        "full_name": name.to_string(),
        "homepage": settings.homepage,
        "contact": settings.contact,
        "description": settings.description,
        "instructions": settings.instructions,
        "devel_mode": !settings.publish,
        "persistent": settings.persistent,
        "unlisted_on_hp": settings.unlisted,
        "auto_prune": !settings.keep_old_builds,
        "chroot_repos": chroots,
        "additional_repos": repositories(&settings.extra_repositories),
        "enable_net": settings.network,
        "bootstrap": echoes::shown(&settings.echoes, "bootstrap", "default"),
        "isolation": echoes::shown(&settings.echoes, "isolation", "default"),
        "module_hotfixes": settings.module_hotfixes,
        "appstream": false,
        "packit_forge_projects_allowed": [],
        "follow_fedora_branching": !settings.fixed_releases,
        "repo_priority": settings.repository_priority,
        "storage": "backend",
    })
}

/// A build.
pub(super) fn build(build: &Build, base: &str) -> Value {
    let name = CoprName::of(&build.project);
    let submitter = match &build.reason {
        BuildReason::Submitted { by } => Some(by),
        BuildReason::Changed { .. } => None,
    };
    let url = match &build.source {
        BuildSource::Url { url } => (!url.ends_with(".spec")).then_some(url),
        BuildSource::Upload { .. } | BuildSource::Revision { .. } | BuildSource::Job { .. } => None,
    };
    let chroots: Vec<String> = build.tasks.iter().map(|task| chroot_name(&target_of(task))).collect();
    json!({
        "id": build.id,
        "state": build_word(build.state()),
        "projectname": name.name,
        "ownername": name.owner,
        "project_dirname": name.name,
        "repo_url": results_url(&name, base),
        "source_package": {"name": build.package, "version": build.version, "url": url},
        "submitted_on": build.submitted_at.as_seconds(),
        "started_on": build.started_at().map(|at| at.as_seconds()),
        "ended_on": build.ended_at().map(|at| at.as_seconds()),
        "submitter": submitter,
        "chroots": chroots,
        "is_background": build.background,
    })
}

/// A task of a build.
pub(super) fn build_chroot(build: &Build, task: &Task, base: &str) -> Value {
    json!({
        "name": chroot_name(&target_of(task)),
        "state": task_word(task.state),
        "started_on": task.started_at.map(|at| at.as_seconds()),
        "ended_on": task.ended_at.map(|at| at.as_seconds()),
        "result_url": result_url(build, task, base),
    })
}

/// Where the results of a task are, with a slash at the end; `None` until a worker has begun.
pub(super) fn result_url(build: &Build, task: &Task, base: &str) -> Option<String> {
    task.started_at?;
    Some(format!("{base}{}", result_path(build, task)?))
}

/// A target of a project.
pub(super) fn project_chroot(project: &Project, target: &TargetName, arch: &RepositoryArch) -> Value {
    let name = CoprName::of(&project.name);
    json!({
        "mock_chroot": chroot_name(target),
        "ownername": name.owner,
        "projectname": name.name,
        "comps_name": arch.options.groups.as_ref().map(|groups| &groups.name),
        "additional_repos": repositories(&arch.options.extra_repositories),
        "additional_packages": arch.extra_packages,
        "additional_modules": [],
        "with_opts": arch.options.with,
        "without_opts": arch.options.without,
        "delete_after_days": null,
        "isolation": echoes::shown(&arch.options.echoes, "isolation", "unchanged"),
    })
}

/// A package; `builds` are the newest and the newest that succeeded, if they were asked for.
pub(super) fn package(
    project: &Project,
    package: &Package,
    latest: Option<&Build>,
    good: Option<&Build>,
    base: &str,
) -> Value {
    let name = CoprName::of(&project.name);
    let (source_type, source_dict) = package_source::shown(package.source.as_ref());
    json!({
        "id": package.id,
        "name": package.name,
        "ownername": name.owner,
        "projectname": name.name,
        "source_type": source_type,
        "source_dict": source_dict,
        "auto_rebuild": package.settings.auto_rebuild,
        "builds": {
            "latest": latest.map(|found| build(found, base)),
            "latest_succeeded": good.map(|found| build(found, base)),
        },
    })
}
