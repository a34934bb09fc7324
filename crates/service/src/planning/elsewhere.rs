//! Looks for what a path lacks in the other repositories of the server.

use std::collections::BTreeSet;

use expand::{Hint, Why};
use pkg::dep::{Dependency, alternatives};
use pkg::problem::DependencyProblem;
use pkg::{Arch, PackageMeta};
use store::{Blobs, MirrorIndexRow, Session};

use super::path::Layer;
use crate::ServiceError;
use crate::inner::{Inner, blocking};
use crate::mirror;

/// Results looked at for one name.
const MOST_RESULTS: u32 = 100;
/// Mirrors read for one explanation; each takes up to a second.
const MOST_MIRRORS: usize = 6;
/// Places named for one problem.
const MOST_HINTS: usize = 4;

/// A (repository, arch) that is not part of the world.
struct Place {
    project: String,
    repository: String,
    arch: String,
    on_path: bool,
}

impl Place {
    fn hint(&self, package: &str, version: &str) -> Hint {
        Hint::Elsewhere {
            package: package.to_owned(),
            version: version.to_owned(),
            project: self.project.clone(),
            repository: self.repository.clone(),
            arch: self.arch.clone(),
            on_path: self.on_path,
        }
    }
}

/// Adds to each problem about something missing where the server has it.
pub(super) async fn add_hints(inner: &Inner, layers: &[Layer], arch: &Arch, why: &mut Why) -> Result<(), ServiceError> {
    let wanted: Vec<Vec<String>> = why.problems.iter().map(|trouble| missing_names(&trouble.problem)).collect();
    if wanted.iter().all(Vec::is_empty) {
        return Ok(());
    }
    let mut session = inner.store.read().await?;
    let mirrors = other_mirrors(&mut session, layers, arch).await?;
    for (trouble, names) in why.problems.iter_mut().zip(&wanted) {
        for name in names {
            trouble.hints.extend(results(&mut session, layers, arch, name).await?);
        }
    }
    drop(session);
    let (blobs, names) = (inner.blobs.clone(), wanted.clone());
    let offered = blocking(move || read_mirrors(&blobs, &mirrors, &names.into_iter().flatten().collect())).await??;
    for (trouble, names) in why.problems.iter_mut().zip(&wanted) {
        let found = offered.iter().filter(|(name, _)| names.contains(name)).map(|(_, hint)| hint.clone());
        trouble.hints.extend(found);
        let mut places = 0;
        trouble.hints.retain(|hint| {
            places += usize::from(matches!(hint, Hint::Elsewhere { .. }));
            !matches!(hint, Hint::Elsewhere { .. }) || places <= MOST_HINTS
        });
    }
    Ok(())
}

/// The names of what nothing provides.
fn missing_names(problem: &DependencyProblem) -> Vec<String> {
    match problem {
        DependencyProblem::NothingProvides { dependency, .. } => {
            alternatives(dependency).map(|single| Dependency::parse(single).name.to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

/// Builds of other repositories, or for other architectures, that left a package of the name.
async fn results(session: &mut Session, layers: &[Layer], arch: &Arch, name: &str) -> Result<Vec<Hint>, ServiceError> {
    let mut seen = BTreeSet::new();
    let mut hints = Vec::new();
    for found in session.results_named(name, MOST_RESULTS).await? {
        let on_path = layers.iter().any(|layer| layer.repository.id == found.repository);
        if (on_path && found.arch == arch.as_str()) || !seen.insert((found.repository.get(), found.arch.clone())) {
            continue;
        }
        let Some(repository) = session.repository_by_id(found.repository).await? else { continue };
        let place = Place {
            project: repository.project.to_string(),
            repository: repository.name.to_string(),
            arch: found.arch,
            on_path,
        };
        hints.push(place.hint(name, &found.version));
    }
    Ok(hints)
}

/// The indices of mirrors that are not part of the world; those for the same architecture first.
async fn other_mirrors(
    session: &mut Session,
    layers: &[Layer],
    arch: &Arch,
) -> Result<Vec<(Place, Vec<MirrorIndexRow>)>, ServiceError> {
    let mut found = Vec::new();
    for repository in session.mirrored_repositories().await? {
        let on_path = layers.iter().any(|layer| layer.repository.id == repository.id);
        for known in repository.arches.iter().filter(|known| !on_path || known.arch != *arch) {
            let indices = session.mirror_indices(repository.id, Some(&known.arch)).await?;
            let place = Place {
                project: repository.project.to_string(),
                repository: repository.name.to_string(),
                arch: known.arch.to_string(),
                on_path,
            };
            found.push((place, indices));
        }
    }
    found.sort_by_key(|(place, _)| place.arch != arch.as_str());
    found.truncate(MOST_MIRRORS);
    Ok(found)
}

/// What mirrors provide under some names, each with its name; of each place and name the first. Blocks.
fn read_mirrors(
    blobs: &Blobs,
    mirrors: &[(Place, Vec<MirrorIndexRow>)],
    names: &BTreeSet<String>,
) -> Result<Vec<(String, Hint)>, ServiceError> {
    let mut found = Vec::new();
    for (place, indices) in mirrors {
        let mut seen = BTreeSet::new();
        let here: Vec<MirrorIndexRow> = indices.iter().filter(|index| blobs.contains(&index.sha256)).cloned().collect();
        mirror::read_indices(blobs, &here, &mut |_, meta: &PackageMeta, _| {
            for provided in &meta.provides {
                let name = Dependency::parse(provided).name;
                if names.contains(name) && seen.insert(name.to_owned()) {
                    found.push((name.to_owned(), place.hint(&meta.name, &meta.evr)));
                }
            }
        })?;
    }
    Ok(found)
}
