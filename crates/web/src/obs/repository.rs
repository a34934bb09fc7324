//! `_repository`: the packages a (repository, arch) offers to builds, as lists, one by one and many at once.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use model::Project;
use pkg::{PackageFormat, Sha256};
use service::{OfferedPackage, TargetName};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

use super::call::{Answer, Call, document};
use super::error::ObsError;
use super::xml::Node;
use super::{binaries, cpio};
use crate::app::App;
use crate::files::{Document, serve_document};

/// Packages brought here at once while an archive of them is sent.
const AT_ONCE: usize = 16;
/// Size of the pieces an archive is sent in, in bytes.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait for the client.
const WAITING: usize = 8;

/// `GET /build/P/R/A/_repository`.
pub(super) async fn show(call: &Call, project: &Project, target: &TargetName) -> Answer {
    let wanted: Vec<String> = call.query.all("binary").map(str::to_owned).collect();
    match call.query.get("view") {
        None if wanted.is_empty() => binaries::repository(call, project, target).await,
        None => list(call, project, target, (wanted, false)).await,
        Some("names") => list(call, project, target, (wanted, true)).await,
        Some("binaryversions" | "availablebinaries") if wanted.is_empty() => Err(ObsError::parameter("binary")),
        Some("binaryversions") => versions(call, project, target, wanted).await,
        Some("cpio") => archive(call, project, target, wanted).await,
        Some(view @ ("cache" | "solvstate" | "solv" | "cpioheaders" | "availablebinaries")) => {
            Err(ObsError::not_yet(format_args!("the view {view:?} of a repository, which only servers ask for")))
        }
        Some(view) => {
            let view: String = view.chars().take(40).collect();
            Err(ObsError::invalid(format!("unsupported view '{view}'")))
        }
    }
}

/// What the files of a format end in.
fn suffix(format: PackageFormat) -> &'static str {
    match format {
        PackageFormat::Deb => "deb",
        PackageFormat::Rpm => "rpm",
        _ => "pkg.tar.zst",
    }
}

async fn list(call: &Call, project: &Project, target: &TargetName, (wanted, short): (Vec<String>, bool)) -> Answer {
    let names = (!wanted.is_empty()).then_some(wanted);
    let node = |package: &OfferedPackage| {
        let name = match short {
            true => format!("{}.{}", package.name, suffix(package.format)),
            false => package.file.to_string(),
        };
        Node::new("binary").with("filename", name).with("size", package.bytes)
    };
    let offered = call.app.service.offered(project.id, target, names).await?;
    let mut nodes: Vec<(String, Node)> = offered.iter().map(|package| (package.name.clone(), node(package))).collect();
    nodes.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(document(&Node::new("binarylist").children(nodes.into_iter().map(|(_, node)| node))))
}

async fn versions(call: &Call, project: &Project, target: &TargetName, wanted: Vec<String>) -> Answer {
    let offered = call.app.service.offered(project.id, target, Some(wanted)).await?;
    let node = |package: &OfferedPackage| {
        Node::new("binary")
            .with("name", format!("{}.{}", package.name, suffix(package.format)))
            .with("sizek", package.bytes.div_ceil(1024))
            .with_maybe("hdrmd5", package.header_md5)
    };
    Ok(document(&Node::new("binaryversionlist").children(offered.iter().map(node))))
}

/// `GET /build/P/R/A/_repository/NAME`: by the name of a package or, of what was built here, of a file.
pub(super) async fn file(call: &Call, project: &Project, target: &TargetName, name: &str) -> Answer {
    let offered = call.app.service.offered(project.id, target, Some(vec![name.to_owned()])).await?;
    let Some(package) = offered.first() else {
        return binaries::repository_file(call, project, target, name).await;
    };
    let found = call.app.service.fetch_offered(std::slice::from_ref(package)).await?;
    let (path, sha256) = found.into_iter().next().ok_or_else(|| ObsError::missing(format!("{name}: no such file")))?;
    let media_type = binaries::media_type(package.file.as_str());
    Ok(serve_document(&call.headers, &Document { path, sha256: Some(sha256), media_type }).await?)
}

/// `view=cpio`: the named packages in one archive, each called by the name that was asked for. Those of a mirror are fetched on
/// the way; what can not be had is said in a last member.
async fn archive(call: &Call, project: &Project, target: &TargetName, wanted: Vec<String>) -> Answer {
    let offered = call.app.service.offered(project.id, target, Some(wanted.clone())).await?;
    let errors: Vec<String> = wanted
        .iter()
        .filter(|name| !offered.iter().any(|package| package.name == **name))
        .map(|name| format!("{name}: not available\n"))
        .collect();
    let (sender, receiver) = mpsc::channel(WAITING);
    let app = call.app.clone();
    tokio::spawn(async move {
        // Nobody is told when the client has left.
        let _left = send(&app, &offered, errors, &sender).await;
    });
    let pieces = stream::unfold(receiver, async |mut receiver| {
        let piece: Bytes = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), receiver))
    });
    let mut response: Response = ([(CONTENT_TYPE, "application/x-cpio")], Body::from_stream(pieces)).into_response();
    crate::files::security_headers(&mut response);
    Ok(response)
}

/// The client does not listen any more.
struct Gone;

type Pieces = mpsc::Sender<Bytes>;

async fn send(app: &App, offered: &[OfferedPackage], mut errors: Vec<String>, pieces: &Pieces) -> Result<(), Gone> {
    for some in offered.chunks(AT_ONCE) {
        // One that an archive does not give must not keep the others away.
        let places: Vec<_> = match app.service.fetch_offered(some).await {
            Ok(places) => places.into_iter().map(Ok).collect(),
            Err(_) => {
                let mut places = Vec::new();
                for package in some {
                    let found = app.service.fetch_offered(std::slice::from_ref(package)).await;
                    places.push(found.map(|found| found.into_iter().next()).map_err(|error| error.to_string()));
                }
                places.into_iter().map(|found| found.and_then(|place| place.ok_or_else(String::new))).collect()
            }
        };
        for (package, place) in some.iter().zip(places) {
            let sent = match place {
                Ok((path, sha256)) => send_file(package, (&path, &sha256), pieces).await?,
                Err(error) => Err(error),
            };
            if let Err(error) = sent {
                errors.push(format!("{}: {}\n", package.name, error.replace('\n', " ")));
            }
        }
    }
    let mut rest = if errors.is_empty() { Vec::new() } else { cpio::file(".errors", errors.concat().as_bytes()) };
    rest.extend(cpio::end());
    put(pieces, rest.into()).await
}

async fn put(pieces: &Pieces, piece: Bytes) -> Result<(), Gone> {
    pieces.send(piece).await.map_err(|_| Gone)
}

/// One member; the inner error says why nothing of it was sent.
async fn send_file(
    package: &OfferedPackage,
    (path, sha256): (&std::path::Path, &Sha256),
    pieces: &Pieces,
) -> Result<Result<(), String>, Gone> {
    let name = format!("{}.{}", package.name, suffix(package.format));
    let Ok(mut file) = tokio::fs::File::open(path).await else {
        return Ok(Err(format!("{sha256} was deleted")));
    };
    let Ok(bytes) = file.metadata().await.map(|found| found.len()) else {
        return Ok(Err(format!("{sha256} can not be read")));
    };
    let Some(header) = cpio::header(&name, bytes, 0) else {
        return Ok(Err("is too large for this kind of archive".to_owned()));
    };
    put(pieces, header.into()).await?;
    let mut left = bytes;
    while left > 0 {
        let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(left).unwrap_or(PIECE_BYTES))];
        // An archive that ends in the middle of a file is one that the client refuses.
        let Ok(read @ 1..) = file.read(&mut piece).await else { return Err(Gone) };
        piece.truncate(read);
        left -= read as u64;
        put(pieces, piece.into()).await?;
    }
    put(pieces, Bytes::from_static(cpio::padding(bytes))).await?;
    Ok(Ok(()))
}
