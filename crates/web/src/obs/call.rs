//! What a handler gets of a request, and the answers it gives.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::{FileName, PackageName, Project, ProjectName, RepositoryName};
use pkg::Arch;
use service::{TargetName, UploadedFile, User};

use super::error::ObsError;
use super::xml::{self, Element, Node};
use crate::app::App;
use crate::body::{self, BodyReader};
use crate::query::Query;

/// An answer or a refusal.
pub(super) type Answer = Result<Response, ObsError>;

/// A request of somebody who is known.
pub(super) struct Call {
    /// What every handler shares.
    pub(super) app: App,
    /// Who asks.
    pub(super) user: User,
    /// The parameters.
    pub(super) query: Query,
    /// The headers.
    pub(super) headers: HeaderMap,
}

/// Reads a body as a document.
pub(super) async fn read_xml(body: Body) -> Result<Element, ObsError> {
    Ok(xml::read(&read_bytes(body).await?)?)
}

/// Reads a body that holds no file.
pub(super) async fn read_bytes(body: Body) -> Result<Vec<u8>, ObsError> {
    Ok(body::read(body, body::JSON_BYTES).await?)
}

impl Call {
    /// A body as a kept file.
    pub(super) async fn upload(&self, name: FileName, body: Body) -> Result<UploadedFile, ObsError> {
        let mut upload = self.app.service.upload(&self.user, name).await?;
        let mut reader = BodyReader::new(body, self.app.options.upload_bytes);
        while let Some(piece) = reader.next().await? {
            upload.write(&piece).await?;
        }
        Ok(upload.finish().await?)
    }

    /// What the caller says of a change.
    pub(super) fn comment(&self) -> &str {
        self.query.get("comment").unwrap_or_default()
    }

    /// A parameter that is 0 or 1.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ObsError> {
        match self.query.get(name) {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(_) => Err(ObsError::invalid(format!("parameter '{name}' is not boolean"))),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, ObsError> {
        let bad = |_| ObsError::invalid(format!("parameter '{name}' is not a number"));
        self.query.get(name).map(|text| text.parse().map_err(bad)).transpose()
    }

    /// A project that exists.
    pub(super) async fn project(&self, name: &str) -> Result<Project, ObsError> {
        Ok(self.app.service.project_by_name(&project_name(name)?).await?)
    }
}

/// A name that a client sent; one that can not exist is missing.
pub(super) fn project_name(text: &str) -> Result<ProjectName, ObsError> {
    ProjectName::parse(text).map_err(|error| ObsError::invalid(error.to_string()))
}

/// As [`project_name`].
pub(super) fn package_name(text: &str) -> Result<PackageName, ObsError> {
    PackageName::parse(text).map_err(|error| ObsError::invalid(error.to_string()))
}

/// As [`project_name`].
pub(super) fn file_name(text: &str) -> Result<FileName, ObsError> {
    FileName::parse(text).map_err(|error| ObsError::invalid(error.to_string()))
}

/// As [`project_name`].
pub(super) fn repository_name(text: &str) -> Result<RepositoryName, ObsError> {
    RepositoryName::parse(text).map_err(|error| ObsError::invalid(error.to_string()))
}

/// As [`project_name`].
pub(super) fn arch_name(text: &str) -> Result<Arch, ObsError> {
    Arch::parse(text).map_err(|error| ObsError::invalid(error.to_string()))
}

/// As [`project_name`].
pub(super) fn target_name(repository: &str, arch: &str) -> Result<TargetName, ObsError> {
    Ok(TargetName { repository: repository_name(repository)?, arch: arch_name(arch)? })
}

/// A document.
pub(super) fn document(node: &Node) -> Response {
    ([(CONTENT_TYPE, "text/xml; charset=utf-8")], node.render()).into_response()
}

/// Text as it is.
pub(super) fn plain(bytes: impl Into<Body>) -> Response {
    let mut response = (StatusCode::OK, [(CONTENT_TYPE, "text/plain")], bytes.into()).into_response();
    crate::files::security_headers(&mut response);
    response
}

/// The answer of everything that worked and has nothing to say.
pub(super) fn ok() -> Response {
    document(&Node::new("status").with("code", "ok").child(Node::leaf("summary", "Ok")))
}

/// A list of names.
pub(super) fn directory(names: impl IntoIterator<Item = impl ToString>) -> Response {
    let entries: Vec<Node> = names.into_iter().map(|name| Node::new("entry").with("name", name)).collect();
    document(&Node::new("directory").with("count", entries.len()).children(entries))
}
