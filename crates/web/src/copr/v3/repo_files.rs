//! What package managers are told of the repositories of a project: `.repo` files for dnf, a snippet for apt, and JSON for
//! dnf's plugin.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Project, RepositoryName};
use serde_json::{Map, Value, json};
use service::TargetName;

use super::error::V3Error;
use super::request::project as find;
use super::views::results_url;
use crate::address::{encode_segment, host_of};
use crate::app::App;
use crate::copr::names::{CoprName, chroot_name};
use crate::copr::request::Base;
use crate::query::Query;

/// Releases whose number the client's own takes the place of.
const WITH_RELEASEVER: [&str; 4] = ["fedora", "centos-stream", "opensuse-leap", "mageia"];

/// `GET /coprs/OWNER/PROJECT/repo/RELEASE-VERSION[/NAME]`; groups as `g/GROUP`. `NAME.sources` is for apt.
pub(super) async fn show(
    State(app): State<App>,
    Path(path): Path<String>,
    Base(base): Base,
    query: Query,
) -> Result<Response, V3Error> {
    let words: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let (owner, name, release, file) = match words.as_slice() {
        ["g", group, name, "repo", release] => (format!("@{group}"), *name, *release, ""),
        ["g", group, name, "repo", release, file] => (format!("@{group}"), *name, *release, *file),
        [owner, name, "repo", release] => ((*owner).to_owned(), *name, *release, ""),
        [owner, name, "repo", release, file] => ((*owner).to_owned(), *name, *release, *file),
        [owner, name] => return project_page(&app, owner, name).await,
        ["g", group, name] => return project_page(&app, &format!("@{group}"), name).await,
        _ => return Err(V3Error::missing("There is no such page")),
    };
    let project = find(&app, &owner, name).await?;
    let targets = targets(&app, &project).await?;
    let arch = query.get("arch");
    let mut wanted = targets.iter().filter(|target| {
        let named = target.repository.as_str() == release || chroot_name(target) == release;
        named && arch.is_none_or(|arch| target.arch.as_str() == arch)
    });
    let Some(target) = wanted.next().cloned() else { return Ok(no_chroot(&targets)) };
    let text = if file.ends_with(".sources") || file.ends_with(".list") {
        sources(&project, &target.repository, &base, &app.service.public_key(project.id).await?)
    } else {
        repo_file(&project, &target, &base)
    };
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// The page people are sent to.
async fn project_page(app: &App, owner: &str, name: &str) -> Result<Response, V3Error> {
    let project = find(app, owner, name).await?;
    let page = format!("/projects/{}", encode_segment(project.name.as_str()));
    Ok(axum::response::Redirect::temporary(&page).into_response())
}

async fn targets(app: &App, project: &Project) -> Result<Vec<TargetName>, V3Error> {
    Ok(app.service.enabled_targets(&[project.id]).await?.into_iter().map(|(_, target)| target).collect())
}

/// 404 with what there is, in the header that dnf's plugin reads.
fn no_chroot(targets: &[TargetName]) -> Response {
    let chroots: Vec<String> = targets.iter().map(chroot_name).collect();
    let data = STANDARD.encode(json!({ "available chroots": chroots }).to_string());
    let mut response = V3Error::missing("Chroot does not exist in this project").into_response();
    if let Ok(value) = HeaderValue::from_str(&data) {
        response.headers_mut().insert(HeaderName::from_static("copr-error-data"), value);
    }
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// What the name of a project is in the names of repositories.
fn repository_id(name: &CoprName, base: &str) -> String {
    let owner = match name.owner.strip_prefix('@') {
        Some(group) => format!("group_{group}"),
        None => name.owner.clone(),
    };
    let host = host_of(base).split(':').next().unwrap_or_default();
    format!("copr:{host}:{owner}:{}", name.name)
}

/// A target in an address of which the client fills in its own release and architecture.
fn variable_chroot(target: &TargetName) -> String {
    let repository = target.repository.as_str();
    match repository.rsplit_once('-') {
        Some((release, version)) if WITH_RELEASEVER.contains(&release) && version != "rawhide" => {
            format!("{release}-$releasever-$basearch")
        }
        _ => format!("{repository}-$basearch"),
    }
}

fn repo_file(project: &Project, target: &TargetName, base: &str) -> String {
    let name = CoprName::of(&project.name);
    let results = results_url(&name, base);
    let mut text = format!(
        "[{}]\nname=Copr repo for {} owned by {}\nbaseurl={results}/{}/\ntype=rpm-md\nskip_if_unavailable=True\n\
         gpgcheck=1\ngpgkey={results}/pubkey.gpg\nrepo_gpgcheck=0\nenabled=1\nenabled_metadata=1\n",
        repository_id(&name, base),
        name.name,
        name.owner,
        variable_chroot(target)
    );
    if project.settings.module_hotfixes {
        text += "module_hotfixes=1\n";
    }
    if let Some(priority) = project.settings.repository_priority {
        text += &format!("priority={priority}\n");
    }
    for (number, entry) in project.settings.runtime_repositories.iter().enumerate() {
        let (id, title, address) = match service::referenced_project(entry) {
            Some(other) => {
                let other = CoprName::of(&other);
                let address = format!("{}/{}/", results_url(&other, base), variable_chroot(target));
                (repository_id(&other, base).replacen("copr:", "coprdep:", 1), other.to_string(), address)
            }
            None => (format!("coprdep:external:{number}"), entry.clone(), entry.clone()),
        };
        text += &format!(
            "\n[{id}]\nname=Copr {name} runtime dependency: {title}\nbaseurl={address}\ntype=rpm-md\n\
             skip_if_unavailable=True\ngpgcheck=0\nenabled=1\nenabled_metadata=1\n"
        );
    }
    text
}

/// For apt: deb822 sources with the key inside, so that one file is all there is to fetch.
fn sources(project: &Project, repository: &RepositoryName, base: &str, key: &str) -> String {
    let folder = format!("{base}/repositories/{}/{repository}", encode_segment(project.name.as_str()));
    // Empty lines end a paragraph; a dot stands for one.
    let key = key.trim_end().lines().map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") });
    format!(
        "# For /etc/apt/sources.list.d. Before apt 2.4 keys are files: {folder}/key.asc\nTypes: deb\nURIs: {folder}/\n\
         Suites: {repository}\nComponents: main\nSigned-By:\n{}",
        key.collect::<String>()
    )
}

/// `GET /rpmrepo/OWNER/PROJECT/RELEASE-VERSION`.
pub(super) async fn for_plugin(
    State(app): State<App>,
    Path((owner, name, release)): Path<(String, String, String)>,
    Base(base): Base,
) -> Result<Json<Value>, V3Error> {
    let project = find(&app, &owner, &name).await?;
    let name = CoprName::of(&project.name);
    let mut opts = Map::new();
    if project.settings.module_hotfixes {
        opts.insert("module_hotfixes".to_owned(), json!("1"));
    }
    if let Some(priority) = project.settings.repository_priority {
        opts.insert("priority".to_owned(), json!(priority.to_string()));
    }
    let mut repositories: Map<String, Value> = Map::new();
    for target in targets(&app, &project).await? {
        let repository = target.repository.to_string();
        if repository != release && release != "*" {
            continue;
        }
        let entry = repositories.entry(repository).or_insert_with(|| json!({"arch": {}}));
        if let Some(arches) = entry.get_mut("arch").and_then(Value::as_object_mut) {
            arches.insert(target.arch.to_string(), json!({ "opts": opts }));
        }
    }
    let dependencies =
        project.settings.runtime_repositories.iter().enumerate().map(
            |(number, entry)| match service::referenced_project(entry) {
                Some(other) => {
                    let other = CoprName::of(&other);
                    json!({"opts": {"id": repository_id(&other, &base), "name": other.to_string()},
                       "type": "copr", "data": {"owner": other.owner, "projectname": other.name}})
                }
                None => json!({"opts": {"id": format!("coprdep:external:{number}"), "name": entry},
                           "type": "external_baseurl", "data": {"pattern": entry}}),
            },
        );
    Ok(Json(json!({
        "results_url": format!("{base}/results"),
        "repos": repositories,
        "directories": {name.name: {}},
        "dependencies": dependencies.collect::<Vec<_>>(),
    })))
}

#[cfg(test)]
mod tests {
    use model::{ProjectName, RepositoryName, UserName};
    use pkg::Arch;

    use super::*;

    fn target(repository: &str) -> TargetName {
        TargetName { repository: RepositoryName::parse(repository).unwrap(), arch: Arch::parse("x86_64").unwrap() }
    }

    #[test]
    fn releases_that_move_on_have_variables() {
        let of = |repository: &str| variable_chroot(&target(repository));
        assert_eq!(of("fedora-41"), "fedora-$releasever-$basearch");
        assert_eq!(of("centos-stream-9"), "centos-stream-$releasever-$basearch");
        assert_eq!(of("epel-9"), "epel-9-$basearch");
        assert_eq!(of("fedora-rawhide"), "fedora-rawhide-$basearch");
    }

    fn project() -> Project {
        Project {
            id: model::ProjectId::new(1),
            name: ProjectName::parse("team:tools").unwrap(),
            owner: UserName::parse("alice").unwrap(),
            created_at: model::Timestamp::from_millis(0),
            settings: model::ProjectSettings::default(),
        }
    }

    #[test]
    fn a_file_for_apt_has_its_key_inside() {
        expect_test::expect![[r#"
            # For /etc/apt/sources.list.d. Before apt 2.4 keys are files: http://kiln.example/repositories/team:tools/debian-12/key.asc
            Types: deb
            URIs: http://kiln.example/repositories/team:tools/debian-12/
            Suites: debian-12
            Components: main
            Signed-By:
             -----BEGIN-----
             .
             abc
             -----END-----
        "#]]
        .assert_eq(&sources(
            &project(),
            &target("debian-12").repository,
            "http://kiln.example",
            "-----BEGIN-----\n\nabc\n-----END-----\n",
        ));
    }

    #[test]
    fn a_repository_file_is_what_dnf_reads() {
        let mut project = project();
        project.settings.repository_priority = Some(7);
        project.settings.runtime_repositories =
            vec!["project://home:bob:base".to_owned(), "http://x.example/y/".to_owned()];
        expect_test::expect![[r#"
            [copr:kiln.example:group_team:tools]
            name=Copr repo for tools owned by @team
            baseurl=http://kiln.example:81/results/@team/tools/fedora-$releasever-$basearch/
            type=rpm-md
            skip_if_unavailable=True
            gpgcheck=1
            gpgkey=http://kiln.example:81/results/@team/tools/pubkey.gpg
            repo_gpgcheck=0
            enabled=1
            enabled_metadata=1
            priority=7

            [coprdep:kiln.example:bob:base]
            name=Copr @team/tools runtime dependency: bob/base
            baseurl=http://kiln.example:81/results/bob/base/fedora-$releasever-$basearch/
            type=rpm-md
            skip_if_unavailable=True
            gpgcheck=0
            enabled=1
            enabled_metadata=1

            [coprdep:external:1]
            name=Copr @team/tools runtime dependency: http://x.example/y/
            baseurl=http://x.example/y/
            type=rpm-md
            skip_if_unavailable=True
            gpgcheck=0
            enabled=1
            enabled_metadata=1
        "#]]
        .assert_eq(&repo_file(&project, &target("fedora-41"), "http://kiln.example:81"));
    }
}
