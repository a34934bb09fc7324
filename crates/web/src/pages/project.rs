use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use model::{Project, ProjectName, Repository};
use service::BuildFilter;

use super::html::{escape, link, outside_link};
use super::{answer, index};
use crate::address::{base_url, encode_segment};
use crate::app::App;
use crate::files::FileError;

/// `/projects/NAME`.
pub(super) async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Response, FileError> {
    let name = ProjectName::parse(&name).map_err(|_| FileError::Missing)?;
    let project = app.service.project_by_name(&name).await?;
    let repositories = app.service.repositories(project.id).await?;
    let filter = BuildFilter { project: Some(project.id), limit: Some(50), ..BuildFilter::default() };
    let builds = app.service.builds(&filter).await?;
    let base = base_url(&headers, &app.options.public_url);
    let mut body = format!("<h1>{}</h1>\n", escape(name.as_str()));
    body.push_str(&about(&project));
    body.push_str("<h2>Repositories</h2>\n");
    for repository in &repositories {
        body.push_str(&repository_text(&base, &project, repository));
    }
    if repositories.is_empty() {
        body.push_str("<p class=\"dim\">There is none yet.</p>\n");
    }
    body.push_str("<h2>Builds</h2>\n");
    body.push_str(&index::builds_table(&builds));
    Ok(answer(name.as_str(), &body))
}

fn about(project: &Project) -> String {
    let settings = &project.settings;
    let mut text = String::new();
    for paragraph in [&settings.description, &settings.instructions] {
        if !paragraph.is_empty() {
            text.push_str(&format!("<p>{}</p>\n", escape(paragraph).replace('\n', "<br>\n")));
        }
    }
    text.push_str(&format!("<dl><dt>Owner</dt><dd>{}</dd>", escape(project.owner.as_str())));
    for (name, value) in [("Homepage", &settings.homepage), ("Contact", &settings.contact)] {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            text.push_str(&format!("<dt>{name}</dt><dd>{}</dd>", outside_link(value)));
        }
    }
    text.push_str("</dl>\n");
    text
}

fn repository_text(base: &str, project: &Project, repository: &Repository) -> String {
    let folder = format!(
        "/repositories/{}/{}/",
        encode_segment(project.name.as_str()),
        encode_segment(repository.name.as_str())
    );
    let arches: Vec<&str> =
        repository.arches.iter().filter(|arch| arch.enabled).map(|arch| arch.arch.as_str()).collect();
    let mut text = format!(
        "<p>{} <span class=\"dim\">for {}</span></p>\n",
        link(&folder, repository.name.as_str()),
        escape(&arches.join(", "))
    );
    // A mirrored distribution is not published here.
    if repository.mirror.is_none() && project.settings.publish {
        text.push_str(&format!("<pre>{}</pre>\n", escape(&apt_lines(base, project, repository, &folder))));
    }
    text
}

/// What to type to install from a repository.
fn apt_lines(base: &str, project: &Project, repository: &Repository, folder: &str) -> String {
    let file: String = project.name.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let key = format!("/etc/apt/keyrings/{file}.asc");
    format!(
        "sudo curl -fsSo {key} {base}{folder}key.asc\n\
         echo \"deb [signed-by={key}] {base}{folder} {} main\" | sudo tee /etc/apt/sources.list.d/{file}.list\n\
         sudo apt update",
        repository.name
    )
}
