//! `view=blame`: a text with the revision behind each of its lines.

use model::{FileName, PackageName, Project, Timestamp, UserName};
use service::Description;

use super::call::{Answer, Call, plain};
use super::error::ObsError;
use super::meta;
use crate::pages::words::time;

/// Most lines of one answer; each is longer than it was.
const MOST_LINES: usize = 100_000;

/// A revision of a text.
pub(super) struct Version {
    /// Its number.
    pub(super) revision: u64,
    /// Who made it, if that is known.
    pub(super) author: Option<UserName>,
    /// When.
    pub(super) at: Timestamp,
    /// What it says.
    pub(super) text: Vec<u8>,
}

/// The newest text of some, oldest first, each line behind its revision, who wrote it, when, and its number.
pub(super) fn answer(versions: &[Version]) -> Answer {
    let texts: Vec<&[u8]> = versions.iter().map(|version| version.text.as_slice()).collect();
    let last = texts.last().copied().unwrap_or_default();
    let lines = service::lines(last);
    let origins = service::blame(&texts).filter(|_| lines.len() <= MOST_LINES);
    let origins = origins.ok_or_else(|| ObsError::invalid("the text has too many lines for view=blame"))?;
    let mut shown = Vec::new();
    for (number, (line, origin)) in lines.iter().zip(origins).enumerate() {
        let Some(version) = versions.get(origin) else { continue };
        let author = version.author.as_ref().map_or("-", UserName::as_str);
        let at = time(version.at);
        shown.extend_from_slice(format!("{:>4} ({author:<12} {at} {:>4}) ", version.revision, number + 1).as_bytes());
        shown.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            shown.push(b'\n');
        }
    }
    Ok(plain(shown))
}

/// Keeps the versions up to a revision, if one is named.
pub(super) fn until(call: &Call, versions: Vec<Version>) -> Result<Vec<Version>, ObsError> {
    let Some(revision) = call.query.get("rev").filter(|text| !matches!(*text, "" | "latest")) else {
        return Ok(versions);
    };
    let revision: u64 = revision.parse().map_err(|_| ObsError::invalid("view=blame wants rev to be a number"))?;
    if !versions.iter().any(|version| version.revision == revision) {
        return Err(ObsError::missing("no such revision"));
    }
    Ok(versions.into_iter().filter(|version| version.revision <= revision).collect())
}

fn version<T>((description, said): &(Description, T), render: impl Fn(&T) -> String) -> Version {
    let Description { revision, author, created_at, .. } = description;
    Version { revision: *revision, author: Some(author.clone()), at: *created_at, text: render(said).into_bytes() }
}

/// `GET /source/P/_meta?view=blame`.
pub(super) async fn of_project(call: &Call, project: &Project) -> Answer {
    let found = call.app.service.project_descriptions(project.id).await?;
    let render = |said: &_| meta::described(&project.name, said).render();
    let mut versions: Vec<Version> = found.iter().map(|one| version(one, render)).collect();
    if versions.is_empty() {
        // A project that no _meta ever described.
        let text = meta::project(&call.app.service.project_view(&project.name).await?).render();
        let author = Some(project.owner.clone());
        versions.push(Version { revision: 1, author, at: project.created_at, text: text.into_bytes() });
    }
    answer(&until(call, versions)?)
}

/// `GET /source/P/K/_meta?view=blame`.
pub(super) async fn of_package(call: &Call, project: &Project, package: &PackageName) -> Answer {
    let found = call.app.service.package_descriptions(project.id, package).await?;
    let render = |about: &_| meta::package(&project.name, package, about).render();
    let mut versions: Vec<Version> = found.iter().map(|one| version(one, render)).collect();
    if versions.is_empty() {
        let about = call.app.service.about_package(project.id, package).await?;
        let text = meta::package(&project.name, package, &about).render();
        let author = Some(project.owner.clone());
        versions.push(Version { revision: 1, author, at: project.created_at, text: text.into_bytes() });
    }
    answer(&until(call, versions)?)
}

/// `GET /source/P/K/FILE?view=blame`.
pub(super) async fn of_file(call: &Call, project: &Project, package: &PackageName, file: &FileName) -> Answer {
    let texts = call.app.service.file_texts(project.id, package, file).await?;
    let version = |(revision, text): (service::Revision, Vec<u8>)| Version {
        revision: revision.number,
        author: Some(revision.author),
        at: revision.created_at,
        text,
    };
    if texts.is_empty() {
        return Err(ObsError::missing(format!("{file}: no such file")));
    }
    // A revision that did not change the file is as the one before.
    let wanted = call.query.get("rev").and_then(|text| text.parse::<u64>().ok()).unwrap_or(u64::MAX);
    let versions: Vec<Version> = texts.into_iter().map(version).filter(|version| version.revision <= wanted).collect();
    answer(&versions)
}
