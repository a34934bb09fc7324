use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use model::{BuildId, FileName};
use service::{BuildOrder, NewBuild, NewSource, QueueWish, TargetName, UploadedFile, User};

use super::error::NativeError;
use super::request::{Caller, parse, project_called, target_called};
use super::wire::{AfterBuild, SubmitRequest, Submitted};
use crate::app::App;
use crate::body;
use crate::multipart::Multipart;
use crate::upload::{MAX_FILES, recipe_first};

/// `POST /builds`: JSON with an address, or a form with the part `build` and one part `file` for each file.
pub(super) async fn create(
    State(app): State<App>,
    Caller(user): Caller,
    request: Request,
) -> Result<(StatusCode, Json<Submitted>), NativeError> {
    let content_type = request.headers().get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let content_type = content_type.map(std::borrow::Cow::into_owned).unwrap_or_default();
    let body = request.into_body();
    let (wanted, source) = if content_type.contains("multipart/form-data") {
        read_form(&app, &user, &content_type, body).await?
    } else {
        let raw = body::read(body, body::JSON_BYTES).await?;
        let wanted: SubmitRequest = parse(&raw)?;
        let url =
            wanted.url.clone().ok_or_else(|| NativeError::invalid("the build has neither an address nor files"))?;
        (wanted, NewSource::Url(url))
    };
    let project = project_called(&app, &wanted.project).await?;
    let targets: Vec<TargetName> = wanted.targets.iter().map(|name| target_called(name)).collect::<Result<_, _>>()?;
    let new = NewBuild {
        project: project.id,
        source,
        targets: Some(targets).filter(|targets| !targets.is_empty()),
        network: wanted.network,
        limits: wanted.limits,
        queue: QueueWish { background: wanted.background, order: order(&wanted)? },
    };
    let build = app.service.submit(&user, new).await?;
    Ok((StatusCode::CREATED, Json(Submitted { build })))
}

fn order(wanted: &SubmitRequest) -> Result<BuildOrder, NativeError> {
    let with = wanted.with_build_id.map(BuildId::new);
    match (&wanted.after_build_id, with, wanted.batch_size) {
        (Some(AfterBuild::Word(word)), with, Some(size)) if word == "auto" => Ok(BuildOrder::Ordered { with, size }),
        (Some(AfterBuild::Word(word)), _, None) if word == "auto" => Err(NativeError::invalid(
            "after_build_id \"auto\" needs batch_size, the number of builds of the submission",
        )),
        (Some(AfterBuild::Word(word)), ..) => {
            let shown: String = word.chars().take(80).collect();
            Err(NativeError::invalid(format!("after_build_id {shown:?} is neither a number nor \"auto\"")))
        }
        (_, _, Some(_)) => Err(NativeError::invalid("batch_size goes with after_build_id \"auto\"")),
        (Some(AfterBuild::Build(_)), Some(_), None) => {
            Err(NativeError::invalid("with_build_id and after_build_id exclude each other"))
        }
        (Some(AfterBuild::Build(build)), None, None) => Ok(BuildOrder::After(BuildId::new(*build))),
        (None, Some(build), None) => Ok(BuildOrder::With(build)),
        (None, None, None) => Ok(BuildOrder::Free),
    }
}

async fn read_form(
    app: &App,
    user: &User,
    content_type: &str,
    body: Body,
) -> Result<(SubmitRequest, NewSource), NativeError> {
    let mut form = Multipart::new(content_type, body, app.options.upload_bytes)?;
    let mut wanted = None;
    let mut files: Vec<UploadedFile> = Vec::new();
    while let Some(part) = form.next_part().await? {
        match (part.name.as_str(), part.file_name) {
            ("build", _) => wanted = Some(form.read_all(body::JSON_BYTES).await?),
            ("file", Some(name)) => {
                let file = receive(app, user, &name, &mut form).await?;
                if files.len() >= MAX_FILES || files.iter().any(|other| other.name == file.name) {
                    return Err(NativeError::invalid(format!("{}: sent twice, or too many files", file.name)));
                }
                files.push(file);
            }
            (name, _) => {
                let shown: String = name.chars().take(80).collect();
                return Err(NativeError::invalid(format!("the form has an unknown part {shown:?}")));
            }
        }
    }
    let wanted = wanted.ok_or_else(|| NativeError::invalid("the form has no part named build"))?;
    let wanted: SubmitRequest = parse(&wanted)?;
    if wanted.url.is_some() || files.is_empty() {
        return Err(NativeError::invalid("a form has files and no address"));
    }
    Ok((wanted, NewSource::Files(recipe_first(files))))
}

async fn receive(app: &App, user: &User, name: &str, form: &mut Multipart) -> Result<UploadedFile, NativeError> {
    let name = FileName::parse(name).map_err(|error| NativeError::invalid(error.to_string()))?;
    let mut upload = app.service.upload(user, name).await?;
    while let Some(piece) = form.next_piece().await? {
        upload.write(&piece).await?;
    }
    Ok(upload.finish().await?)
}
