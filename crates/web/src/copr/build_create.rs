use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use model::{FileName, Project, ProjectId};
use service::{ErrorKind, NewBuild, NewSource, QueueWish, ServiceError, TargetName, UploadedFile, User};

use super::chroots;
use super::error::CoprError;
use super::fields::Fields;
use super::names::{CoprName, parse_chroot};
use super::request::{Base, Caller, read_body};
use crate::app::App;
use crate::body;
use crate::multipart::Multipart;
use crate::upload::{MAX_FILES, recipe_first};

/// `POST /api_2/builds`: from an address (JSON) or from files (a form).
pub(super) async fn create(
    State(app): State<App>,
    Caller(user): Caller,
    base: Base,
    request: Request,
) -> Result<Response, CoprError> {
    let content_type = match request.headers().get(CONTENT_TYPE) {
        Some(value) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        None => return Err(CoprError::invalid("Got request without content type header")),
    };
    let body = request.into_body();
    if content_type.contains("application/json") {
        return from_address(&app, &user, &base, body).await;
    }
    if content_type.contains("multipart/form-data") {
        return from_files(&app, &user, &base, &content_type, body).await;
    }
    Err(CoprError::invalid(format!("Got unexpected content type: {content_type}")))
}

/// What every form of the request says.
struct Metadata {
    project: i64,
    chroots: Vec<String>,
    network: Option<bool>,
}

impl Metadata {
    fn take(fields: &mut Fields<'_>) -> Self {
        Self {
            project: fields.required_integer("project_id").unwrap_or_default(),
            chroots: chroots_of(fields),
            network: fields.boolean("enable_net"),
        }
    }
}

fn chroots_of(fields: &mut Fields<'_>) -> Vec<String> {
    fields.plain_list("chroots").unwrap_or_default()
}

async fn from_address(app: &App, user: &User, base: &Base, body: Body) -> Result<Response, CoprError> {
    let raw = read_body(body).await?;
    let mut fields = Fields::parse(&raw)?;
    let metadata = Metadata::take(&mut fields);
    let address = fields.source_address("srpm_url");
    fields.finish()?;
    submit(app, user, base, metadata, NewSource::Url(address.unwrap_or_default())).await
}

async fn from_files(
    app: &App,
    user: &User,
    base: &Base,
    content_type: &str,
    body: Body,
) -> Result<Response, CoprError> {
    let mut form = Multipart::new(content_type, body, app.options.upload_bytes)?;
    let mut metadata = None;
    let mut files: Vec<UploadedFile> = Vec::new();
    while let Some(part) = form.next_part().await? {
        match (part.name.as_str(), part.file_name) {
            ("metadata", _) => metadata = Some(form.read_all(body::JSON_BYTES).await?),
            // Copr knows one file; a Debian source is several, so Kiln takes the part again and again.
            ("srpm" | "file", Some(name)) => {
                let file = receive(app, user, &name, &mut form).await?;
                if files.len() >= MAX_FILES || files.iter().any(|other| other.name == file.name) {
                    return Err(CoprError::invalid(format!("{}: sent twice, or too many files", file.name)));
                }
                files.push(file);
            }
            _ => {}
        }
    }
    let raw = metadata.ok_or_else(|| CoprError::invalid("Missing build metadata in the request"))?;
    if files.is_empty() {
        return Err(CoprError::invalid("Missing srpm file in the request"));
    }
    let mut fields = Fields::parse(&raw)?;
    let metadata = Metadata::take(&mut fields);
    fields.finish()?;
    submit(app, user, base, metadata, NewSource::Files(recipe_first(files))).await
}

async fn receive(app: &App, user: &User, name: &str, form: &mut Multipart) -> Result<UploadedFile, CoprError> {
    let name = safe_file_name(name).ok_or_else(|| CoprError::invalid("Missing srpm file in the request"))?;
    let mut upload = app.service.upload(user, name).await?;
    while let Some(piece) = form.next_piece().await? {
        upload.write(&piece).await?;
    }
    Ok(upload.finish().await?)
}

/// A file name without folders and odd characters, as Copr's server makes one.
///
/// DIFFERS from Copr: `+` and `~` stay, since the names of Debian's source files are part of the `.dsc`.
pub(super) fn safe_file_name(text: &str) -> Option<FileName> {
    let spaced = text.replace(['/', '\\'], " ");
    let joined = spaced.split_whitespace().collect::<Vec<_>>().join("_");
    let safe: String = joined.chars().filter(|c| c.is_ascii_alphanumeric() || "_.-+~".contains(*c)).collect();
    FileName::parse(safe.trim_matches(['.', '_'])).ok()
}

async fn submit(
    app: &App,
    user: &User,
    base: &Base,
    metadata: Metadata,
    source: NewSource,
) -> Result<Response, CoprError> {
    let project = app.service.project(ProjectId::new(metadata.project)).await?;
    let new = NewBuild {
        project: project.id,
        source,
        targets: Some(enabled(app, &project, &metadata.chroots).await?),
        network: metadata.network,
        limits: None,
        queue: QueueWish::default(),
    };
    match app.service.submit(user, new).await {
        Ok(id) => Ok(base.created(&format!("/api_2/builds/{id}"))),
        Err(error) => Err(submit_error(user, &project, error)),
    }
}

/// The wanted targets that are enabled; Copr drops the others silently, and none means all.
async fn enabled(app: &App, project: &Project, wanted: &[String]) -> Result<Vec<TargetName>, CoprError> {
    let repositories = app.service.repositories(project.id).await?;
    let enabled: Vec<TargetName> =
        chroots::targets(&repositories).filter(|(_, arch)| arch.enabled).map(|(target, _)| target).collect();
    let mut targets = Vec::new();
    for target in wanted.iter().filter_map(|chroot| parse_chroot(chroot)) {
        if enabled.contains(&target) && !targets.contains(&target) {
            targets.push(target);
        }
    }
    Ok(targets)
}

fn submit_error(user: &User, project: &Project, error: ServiceError) -> CoprError {
    match error {
        ServiceError::NoTarget { .. } => {
            CoprError::invalid("Cannot create new build due to: There are no active chroots in the project")
        }
        ServiceError::BadUrl { .. } | ServiceError::BadValue { .. } => {
            CoprError::invalid(format!("Cannot create new build due to: {error}"))
        }
        error if error.kind() == ErrorKind::Denied => CoprError::denied(format!(
            "User {} cannot create build in project {}: You don't have permissions to build in this copr.",
            user.name,
            CoprName::of(&project.name)
        )),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_lose_their_folders() {
        let safe = |text: &str| safe_file_name(text).map(|name| name.to_string());
        assert_eq!(safe("../h ello.txt").as_deref(), Some("h_ello.txt"));
        assert_eq!(safe("h ello wo/rld.src.rpm").as_deref(), Some("h_ello_wo_rld.src.rpm"));
        assert_eq!(safe("hello_2.10~rc1+dfsg-3.dsc").as_deref(), Some("hello_2.10~rc1+dfsg-3.dsc"));
        assert_eq!(safe("C:\\temp\\x.dsc").as_deref(), Some("C_temp_x.dsc"));
        assert_eq!(safe("a\0b\n.dsc").as_deref(), Some("ab_.dsc"));
        for nothing in ["", "..", "/", "../..", "\0"] {
            assert_eq!(safe(nothing), None, "{nothing:?}");
        }
    }
}
