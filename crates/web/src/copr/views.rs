//! What Copr shows of Kiln's nouns. A client refuses entities with any key it does not know, so none may be added.

use model::{Build, BuildReason, BuildSource, Project, RepositoryArch, Task};
use serde_json::{Value, json};
use service::{Target, TargetName};

use super::names::{CoprName, chroot_name, chroot_parts, repository_out};
use super::states::{build_word, task_word};
use crate::files::result_path;

/// A project with its links.
pub(super) fn project(project: &Project, self_link: &str) -> Value {
    let id = project.id;
    let name = CoprName::of(&project.name);
    let settings = &project.settings;
    json!({
        "project": {
            "id": id,
            "name": name.name,
            "owner": name.owner,
            "is_a_group_project": name.is_group(),
            "description": settings.description,
            "instructions": settings.instructions,
            "homepage": settings.homepage,
            "contact": settings.contact,
            "disable_createrepo": !settings.publish,
            "build_enable_net": settings.network,
            "repos": repositories(&settings.extra_repositories),
        },
        "_links": {
            "self": {"href": self_link},
            "builds": {"href": format!("/api_2/builds?project_id={id}")},
            "chroots": {"href": format!("/api_2/projects/{id}/chroots")},
            "build_tasks": {"href": format!("/api_2/build_tasks?project_id={id}")},
        },
    })
}

/// Further repositories as Copr writes them.
pub(super) fn repositories(entries: &[String]) -> Vec<String> {
    entries.iter().map(|entry| repository_out(entry)).collect()
}

/// The plain address of a project.
pub(super) fn project_link(project: &Project) -> String {
    format!("/api_2/projects/{}", project.id)
}

/// One target of a project with its links.
pub(super) fn project_chroot(project: &Project, target: &TargetName, arch: &RepositoryArch) -> Value {
    let name = chroot_name(target);
    let project_link = project_link(project);
    let groups = arch.options.groups.as_ref();
    json!({
        "chroot": {
            "name": name,
            "buildroot_pkgs": arch.extra_packages,
            "comps": groups.map(|groups| &groups.text),
            "comps_name": groups.map(|groups| &groups.name),
            "comps_len": groups.map_or(0, |groups| groups.text.len()),
        },
        "_links": {
            "project": {"href": project_link},
            "self": {"href": format!("{project_link}/chroots/{name}")},
        },
    })
}

/// A target some distribution offers; `None` if Copr has no name for it.
pub(super) fn mock_chroot(target: &Target) -> Option<Value> {
    let (release, version, arch) = chroot_parts(&target.name)?;
    let name = chroot_name(&target.name);
    Some(json!({
        "chroot": {
            "name": name,
            "os_release": release,
            "os_version": version,
            "arch": arch,
            "is_active": target.active,
        },
        "_links": {"self": {"href": format!("/api_2/mock_chroots/{name}")}},
    }))
}

/// A build with its links.
pub(super) fn build(build: &Build, self_link: &str) -> Value {
    let id = build.id;
    let (source_type, source_metadata) = match &build.source {
        BuildSource::Url { url } => ("link", json!({"url": url})),
        BuildSource::Upload { file } | BuildSource::Revision { file, .. } => {
            ("upload", json!({"url": "", "pkg": file, "tmp": ""}))
        }
        BuildSource::Job { source, .. } => super::v3::shown_source(source),
    };
    let built: Vec<Value> = build
        .built_packages()
        .iter()
        .map(|package| json!({"name": package.name, "version": package.version}))
        .collect();
    let mut entity = json!({
        "id": id,
        "state": build_word(build.state()),
        "submitted_on": build.submitted_at.as_seconds(),
        "started_on": build.started_at().map(|at| at.as_seconds()),
        "ended_on": build.ended_at().map(|at| at.as_seconds()),
        "source_type": source_type,
        "source_metadata": source_metadata,
        "package_name": build.package,
        "package_version": build.version,
        "enable_net": build.network,
        "repos": repositories(&build.extra_repositories),
        "built_packages": built,
    });
    // A build that nobody submitted has no such key; null would break the client.
    if let (BuildReason::Submitted { by }, Some(keys)) = (&build.reason, entity.as_object_mut()) {
        keys.insert("submitter".to_owned(), json!(by));
    }
    json!({
        "build": entity,
        "_links": {
            "self": {"href": self_link},
            "project": {"href": format!("/api_2/projects/{}", build.project_id)},
            "build_tasks": {"href": format!("/api_2/build_tasks?build_id={id}")},
        },
    })
}

/// The plain address of a build.
pub(super) fn build_link(build: &Build) -> String {
    format!("/api_2/builds/{}", build.id)
}

/// A task of a build with its links; `base` is the address of the server.
pub(super) fn task(build: &Build, task: &Task, base: &str) -> Value {
    let chroot = chroot_name(&target_of(task));
    let begun = task.started_at.is_some();
    let result_dir_url = begun.then(|| result_path(build, task)).flatten().map(|path| format!("{base}{path}"));
    json!({
        "build_task": {
            "chroot_name": chroot,
            "build_id": build.id,
            "state": task_word(task.state),
            "started_on": task.started_at.map(|at| at.as_seconds()),
            "ended_on": task.ended_at.map(|at| at.as_seconds()),
            "git_hash": build.source_tree,
            "result_dir_url": result_dir_url,
        },
        "_links": {
            "project": {"href": format!("/api_2/projects/{}", build.project_id)},
            "build": {"href": build_link(build)},
            "self": {"href": format!("/api_2/build_tasks/{}/{chroot}", build.id)},
        },
    })
}

/// The target of a task.
pub(super) fn target_of(task: &Task) -> TargetName {
    TargetName { repository: task.repository.clone(), arch: task.arch.clone() }
}
