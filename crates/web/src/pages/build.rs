use axum::extract::{Path, State};
use axum::response::Response;
use model::{Build, BuildId, BuildReason, BuildSource, PackageSource};
use service::TargetName;

use super::answer;
use super::html::{escape, link, outside_link, state, time};
use crate::address::encode_segment;
use crate::app::App;
use crate::files::{FileError, result_path};
use crate::native::BASE;
use crate::native::reasons::task_cause;

/// `/builds/ID`.
pub(super) async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Response, FileError> {
    let id: i64 = id.parse().map_err(|_| FileError::Missing)?;
    let build = app.service.build(BuildId::new(id)).await?;
    let title = match &build.package {
        Some(package) => format!("Build {id}: {package} {}", build.version.as_deref().unwrap_or_default()),
        None => format!("Build {id}"),
    };
    let mut body = format!("<h1>{} {}</h1>\n", escape(&title), state(build.state().as_str()));
    body.push_str(&about(&build));
    body.push_str("<h2>Tasks</h2>\n");
    body.push_str(&tasks(&build));
    Ok(answer(&title, &body))
}

/// What a job makes the source from.
fn made(source: &PackageSource) -> String {
    match source {
        PackageSource::Checkout { url, revision, .. } if revision.is_empty() => escape(url),
        PackageSource::Checkout { url, revision, .. } => format!("{} at {}", escape(url), escape(revision)),
        PackageSource::DistGit { url, .. } => escape(url),
        PackageSource::Pypi { name, .. } => format!("{} of the Python package index", escape(name)),
        PackageSource::Gem { name } => format!("the Ruby gem {}", escape(name)),
        PackageSource::Script { .. } => "the output of a script".to_owned(),
    }
}

fn about(build: &Build) -> String {
    let project = link(&format!("/projects/{}", encode_segment(build.project.as_str())), build.project.as_str());
    let source = match &build.source {
        BuildSource::Url { url } => outside_link(url),
        BuildSource::Upload { file } => format!("{} (uploaded)", escape(file.as_str())),
        BuildSource::Revision { package, revision, file } => {
            format!("{} (revision {revision} of {})", escape(file.as_str()), escape(package.as_str()))
        }
        BuildSource::Job { source, .. } => made(source),
    };
    let reason = match &build.reason {
        BuildReason::Submitted { by } => format!("submitted by {}", escape(by.as_str())),
        BuildReason::Changed { what } => format!("changed: {}", escape(&what.join(", "))),
    };
    let mut text = format!(
        "<dl><dt>Project</dt><dd>{project}</dd><dt>Source</dt><dd>{source}</dd><dt>Reason</dt><dd>{reason}</dd>\
         <dt>Submitted</dt><dd>{}</dd>",
        time(build.submitted_at)
    );
    if let Some(signature) = &build.source_signature {
        text.push_str(&format!("<dt>Signature</dt><dd>{}</dd>", escape(&signature.to_string())));
    }
    if let Some(failure) = &build.source_failure {
        text.push_str(&format!("<dt>Source failed</dt><dd>{}</dd>", escape(&failure.to_string())));
    }
    text.push_str("</dl>\n");
    text
}

fn tasks(build: &Build) -> String {
    if build.tasks.is_empty() {
        return "<p class=\"dim\">There is none.</p>\n".to_owned();
    }
    let mut table = String::from("<table>\n<tr><th>Target</th><th>State</th><th>Why</th><th>Files</th></tr>\n");
    for task in &build.tasks {
        let target = TargetName { repository: task.repository.clone(), arch: task.arch.clone() };
        let why = task_cause(build, task).map(|cause| cause.message).unwrap_or_default();
        let mut files = String::new();
        if task.started_at.is_some() {
            files.push_str(&link(&format!("{BASE}/tasks/{}/log", task.id), "log"));
            if let Some(path) = result_path(build, task) {
                files.push(' ');
                files.push_str(&link(&path, "results"));
            }
        }
        table.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{files}</td></tr>\n",
            escape(&target.to_string()),
            state(task.state.as_str()),
            escape(&why)
        ));
    }
    table.push_str("</table>\n");
    table
}
