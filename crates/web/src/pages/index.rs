use axum::extract::State;
use axum::response::Response;
use service::{BuildFilter, ProjectFilter};

use super::answer;
use super::html::{escape, link, state, time};
use crate::address::encode_segment;
use crate::app::App;
use crate::files::FileError;

/// `/`: what this server is, its projects, what was built last.
pub(super) async fn show(State(app): State<App>) -> Result<Response, FileError> {
    let projects = app.service.projects(&ProjectFilter { limit: Some(200), ..ProjectFilter::default() }).await?;
    let builds = app.service.builds(&BuildFilter { limit: Some(10), ..BuildFilter::default() }).await?;
    let mut body = String::from(
        "<h1>Package build service</h1>\n<p>Kiln builds packages in fresh roots and publishes signed repositories. \
         Use it with the Copr client (<code>/api_2</code>) or with <code>kiln</code>; \
         <a href=\"/api\">how to log in</a>.</p>\n<h2>Projects</h2>\n",
    );
    if projects.is_empty() {
        body.push_str("<p class=\"dim\">There is none yet.</p>\n");
    } else {
        body.push_str("<table>\n<tr><th>Project</th><th>Owner</th><th>Description</th></tr>\n");
        for project in &projects {
            let name = project.name.as_str();
            let summary: String =
                project.settings.description.lines().next().unwrap_or_default().chars().take(160).collect();
            body.push_str(&format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                link(&format!("/projects/{}", encode_segment(name)), name),
                escape(project.owner.as_str()),
                escape(&summary)
            ));
        }
        body.push_str("</table>\n");
    }
    body.push_str("<h2>Latest builds</h2>\n");
    body.push_str(&builds_table(&builds));
    Ok(answer("Projects", &body))
}

/// Builds as a table, or a word that there are none.
pub(super) fn builds_table(builds: &[model::Build]) -> String {
    if builds.is_empty() {
        return "<p class=\"dim\">Nothing was built yet.</p>\n".to_owned();
    }
    let mut table = String::from(
        "<table>\n<tr><th>Build</th><th>Project</th><th>Package</th><th>State</th><th>Submitted</th></tr>\n",
    );
    for build in builds {
        let package = build.package.as_ref().map(|name| name.as_str()).unwrap_or("not known yet");
        table.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{} {}</td><td>{}</td><td>{}</td></tr>\n",
            link(&format!("/builds/{}", build.id), &build.id.to_string()),
            link(&format!("/projects/{}", encode_segment(build.project.as_str())), build.project.as_str()),
            escape(package),
            escape(build.version.as_deref().unwrap_or_default()),
            state(build.state().as_str()),
            time(build.submitted_at)
        ));
    }
    table.push_str("</table>\n");
    table
}

/// `/api`: how to log in.
pub(super) async fn tokens() -> Response {
    let body = "<h1>How to log in</h1>\n<p>An administrator makes a token with <code>kiln token USER</code>. \
                Put it into <code>~/.config/copr</code>; the Copr client and <code>kiln</code> both read it:</p>\n\
                <pre>[copr-cli]\nlogin = ...\nusername = ...\ntoken = ...\ncopr_url = http://HOST:PORT\nencrypted = false</pre>\n";
    answer("How to log in", body)
}
