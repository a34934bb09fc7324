//! What a request brings: a JSON object, a classic form, or a form of several parts with files, all read the same way.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use model::PackageGroups;
use serde_json::{Map, Value};
use service::{UploadedFile, User};
use url::form_urlencoded;

use super::error::V3Error;
use super::form::Form;
use crate::app::App;
use crate::body;
use crate::copr::build_create::safe_file_name;
use crate::multipart::Multipart;
use crate::upload::MAX_FILES;

/// Most fields of one form that are kept.
const MAX_FIELDS: usize = 200;

/// The fields and files of one request.
#[derive(Debug, Default)]
pub(super) struct Input {
    values: Map<String, Value>,
    /// The files of the part `pkgs`, in order.
    pub(super) uploads: Vec<UploadedFile>,
    /// The file of the part `upload_comps`.
    pub(super) groups: Option<PackageGroups>,
}

impl Input {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// 400 if it can not be understood, 413 if it is too large.
    pub(super) async fn read(app: &App, user: &User, request: Request) -> Result<Self, V3Error> {
        let content_type = request.headers().get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let content_type = content_type.map(std::borrow::Cow::into_owned).unwrap_or_default();
        let lower = content_type.to_ascii_lowercase();
        let body = request.into_body();
        if lower.starts_with("multipart/form-data") {
            return Self::from_parts(app, user, &content_type, body).await;
        }
        let raw = body::read(body, body::JSON_BYTES).await?;
        if lower.starts_with("application/x-www-form-urlencoded") {
            return Ok(Self::from_form(&raw));
        }
        Self::from_json(&raw)
    }

    fn from_json(raw: &[u8]) -> Result<Self, V3Error> {
        if raw.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        match serde_json::from_slice(raw) {
            Ok(Value::Object(values)) => Ok(Self { values, ..Self::default() }),
            Ok(Value::Null) => Ok(Self::default()),
            Ok(_) => Err(V3Error::invalid("The body of the request must be a JSON object")),
            Err(error) => Err(V3Error::invalid(format!("The body of the request is not JSON: {error}"))),
        }
    }

    fn from_form(raw: &[u8]) -> Self {
        let mut input = Self::default();
        for (name, value) in form_urlencoded::parse(raw).take(MAX_FIELDS) {
            input.add_text(&name, value.into_owned());
        }
        input
    }

    /// A field that comes again is a list.
    fn add_text(&mut self, name: &str, text: String) {
        match self.values.get_mut(name) {
            None => drop(self.values.insert(name.to_owned(), Value::String(text))),
            Some(Value::Array(items)) => items.push(Value::String(text)),
            Some(first) => *first = Value::Array(vec![first.take(), Value::String(text)]),
        }
    }

    async fn from_parts(app: &App, user: &User, content_type: &str, body: Body) -> Result<Self, V3Error> {
        let mut form = Multipart::new(content_type, body, app.options.upload_bytes)?;
        let mut input = Self::default();
        while let Some(part) = form.next_part().await? {
            match (part.name.as_str(), part.file_name) {
                ("json", _) => {
                    let raw = form.read_all(body::JSON_BYTES).await?;
                    input.values.extend(Self::from_json(&raw)?.values);
                }
                ("pkgs", Some(name)) => {
                    let file = receive(app, user, &name, &mut form).await?;
                    let twice = input.uploads.iter().any(|other| other.name == file.name);
                    if twice || input.uploads.len() >= MAX_FILES {
                        return Err(V3Error::invalid(format!(
                            "pkgs: {} comes twice, or there are too many",
                            file.name
                        )));
                    }
                    input.uploads.push(file);
                }
                ("upload_comps", Some(name)) => {
                    let raw = form.read_all(body::JSON_BYTES).await?;
                    let text = String::from_utf8(raw);
                    let text = text.map_err(|_| V3Error::invalid("upload_comps: not UTF-8"))?;
                    let name = safe_file_name(&name).map(|name| name.to_string()).unwrap_or_default();
                    input.groups = Some(PackageGroups { name, text });
                }
                (_, Some(_)) => {}
                (name, None) => {
                    let raw = form.read_all(body::JSON_BYTES).await?;
                    input.add_text(name, String::from_utf8_lossy(&raw).into_owned());
                }
            }
        }
        Ok(input)
    }

    /// The fields, without those that are null: those count as not sent.
    pub(super) fn form(&mut self) -> Form {
        let values = std::mem::take(&mut self.values);
        Form::new(values.into_iter().filter(|(_, value)| !value.is_null()).collect())
    }
}

async fn receive(app: &App, user: &User, name: &str, form: &mut Multipart) -> Result<UploadedFile, V3Error> {
    let name = safe_file_name(name).ok_or_else(|| V3Error::invalid("pkgs: the file has no usable name"))?;
    let mut upload = app.service.upload(user, name).await?;
    while let Some(piece) = form.next_piece().await? {
        upload.write(&piece).await?;
    }
    Ok(upload.finish().await?)
}
