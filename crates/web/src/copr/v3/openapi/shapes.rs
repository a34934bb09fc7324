//! What each route takes and answers, by the names in `schemas.json`.

/// The shape of what a route answers when it did what it was asked for; `None` for a route that never does.
pub(super) fn answer(method: &str, path: &str) -> Option<&'static str> {
    Some(match path {
        "/openapi.json" => "OpenApi",
        "/mock-chroots/list" => "MockChroots",
        "/auth-check" => "AuthCheck",
        "/api-token" => "Token",
        "/project" | "/project/add/{owner}" | "/project/fork/{owner}/{project}" => "Project",
        "/project/edit/{owner}/{project}"
        | "/project/delete/{owner}/{project}"
        | "/project/regenerate-repos/{owner}/{project}" => "Project",
        "/project/list" | "/project/search" => "ProjectList",
        "/project/permissions/can_build_in/{who}/{owner}/{project}" => "CanBuild",
        "/project/permissions/get/{owner}/{project}" => "Permissions",
        "/project/permissions/set/{owner}/{project}" | "/project/permissions/request/{owner}/{project}" => "Updated",
        "/webhook/generate/{owner}/{project}" => "Webhook",
        "/project-chroot" | "/project-chroot/edit/{owner}/{project}/{chroot}" => "ProjectChroot",
        "/project-chroot/build-config" => "ProjectChrootConfig",
        "/build/list" | "/build/create/url" => "BuildList",
        "/build/{id}" | "/build/cancel/{id}" | "/build/delete/{id}" => "Build",
        "/build/source-chroot/{id}" => "SourceChroot",
        "/build/source-build-config/{id}" => "SourceConfig",
        "/build/built-packages/{id}" => "BuiltPackages",
        "/build/delete/list" => "DeletedBuilds",
        "/build/check-before-build" => "Message",
        path if path.starts_with("/build/create/") => "Build",
        "/build-chroot" | "/build-chroot/{id}/{chroot}" => "BuildChroot",
        "/build-chroot/list" | "/build-chroot/list/{id}" => "BuildChrootList",
        "/build-chroot/build-config" => "BuildConfig",
        "/build-chroot/built-packages" => "Packages",
        "/monitor" => "Monitor",
        "/package/list" => "PackageList",
        "/package/build" => "Build",
        "/rpmrepo/{owner}/{project}/{release}" => "PluginRepositories",
        path if path == "/package" || (path.starts_with("/package/") && method != "GET") => "Package",
        _ => return None,
    })
}

/// The shape of what a route takes as its body; `None` for none.
pub(super) fn body(method: &str, path: &str) -> Option<&'static str> {
    if method == "GET" {
        return None;
    }
    Some(match path {
        "/project/add/{owner}" => "NewProject",
        "/project/edit/{owner}/{project}" => "ProjectChanges",
        "/project/delete/{owner}/{project}" => "Verify",
        "/project/fork/{owner}/{project}" => "Fork",
        "/project/permissions/set/{owner}/{project}" => "PermissionChanges",
        "/project/permissions/request/{owner}/{project}" => "PermissionRequest",
        "/project-chroot/edit/{owner}/{project}/{chroot}" => "ChrootChanges",
        "/build/check-before-build" => "BuildOptions",
        "/build/create/url" => "BuildFromUrls",
        "/build/create/upload" | "/build/create/rpm-upload" => "BuildFromFiles",
        "/build/create/scm" => "BuildFromScm",
        "/build/create/distgit" => "BuildFromDistGit",
        "/build/create/pypi" => "BuildFromPyPI",
        "/build/create/rubygems" => "BuildFromRubyGems",
        "/build/create/custom" => "BuildFromScript",
        "/build/delete/list" => "BuildNumbers",
        "/package/reset" | "/package/delete" => "PackageName",
        "/package/build" => "PackageBuild",
        path if path.starts_with("/package/") => "PackageSource",
        _ => return None,
    })
}

const PROJECT: [(&str, bool); 2] = [("ownername", true), ("projectname", true)];
const PAGING: [(&str, bool); 4] = [("limit", false), ("offset", false), ("order", false), ("order_type", false)];

/// The parameters of the query, and whether each must be there.
pub(super) fn query(path: &str) -> Vec<(&'static str, bool)> {
    let with = |fields: &[(&'static str, bool)], paged: bool| {
        let paging = if paged { &PAGING[..] } else { &[] };
        [fields, paging].concat()
    };
    let project = |further: &[(&'static str, bool)], paged: bool| with(&[&PROJECT, further].concat(), paged);
    match path {
        "/project" => project(&[], false),
        "/project/list" => with(&[("ownername", false)], true),
        "/project/search" => with(&[("query", true)], true),
        "/project/add/{owner}" => with(&[("exist_ok", false)], false),
        "/project-chroot" | "/project-chroot/build-config" => project(&[("chrootname", true)], false),
        "/build/list" => project(&[("packagename", false), ("status", false)], true),
        "/build-chroot" | "/build-chroot/build-config" | "/build-chroot/built-packages" => {
            with(&[("build_id", true), ("chrootname", true)], false)
        }
        "/build-chroot/list" => with(&[("build_id", true)], true),
        "/build-chroot/list/{id}" => with(&[], true),
        "/monitor" => project(&[("additional_fields[]", false)], false),
        "/package" => project(
            &[("packagename", true), ("with_latest_build", false), ("with_latest_succeeded_build", false)],
            false,
        ),
        "/package/list" => project(&[("with_latest_build", false), ("with_latest_succeeded_build", false)], true),
        _ => Vec::new(),
    }
}

/// Which words `order` may be.
pub(super) fn order(path: &str) -> &'static [&'static str] {
    match path {
        "/project/list" | "/project/search" => &super::super::projects::COLUMNS,
        "/build/list" => &super::super::builds::COLUMNS,
        "/package/list" => &["name"],
        _ => &["name", "state", "started_on", "ended_on"],
    }
}
