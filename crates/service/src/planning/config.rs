//! The build configuration of a repository, merged along its path.

use pkg::{Arch, Sha256};
use prjconf::{Evaluated, Options, PathElement, ServerContext};
use store::Session;

use super::path::Layer;
use crate::ServiceError;

/// The configurations of a path, strongest first.
#[derive(Debug)]
pub(super) struct ConfigTexts {
    /// Project, repository, text.
    parts: Vec<(String, String, Vec<u8>)>,
}

/// A merged configuration.
#[derive(Debug)]
pub(super) struct MergedConfig {
    /// The text as merged.
    pub(super) text: Vec<u8>,
    /// Names the text.
    pub(super) sha256: Sha256,
    /// What it says for the architecture.
    pub(super) evaluated: Evaluated,
}

/// Reads the newest configuration of each layer.
pub(super) async fn texts(session: &mut Session, layers: &[Layer]) -> Result<ConfigTexts, ServiceError> {
    let mut parts = Vec::new();
    for layer in layers {
        let config = session.config(layer.project).await?;
        let repository = &layer.repository;
        parts.push((repository.project.to_string(), repository.name.to_string(), config.text));
    }
    Ok(ConfigTexts { parts })
}

impl ConfigTexts {
    /// Merges as a server does and evaluates for an architecture.
    pub(super) fn merge(&self, arch: &Arch) -> MergedConfig {
        let path: Vec<PathElement<'_>> = self
            .parts
            .iter()
            .map(|(project, repository, text)| PathElement {
                project,
                repository,
                text: Some(text.as_slice()).filter(|text| !text.is_empty()),
            })
            .collect();
        let (project, repository) = path.first().map_or(("", ""), |own| (own.project, own.repository));
        let context = ServerContext { project, repository, ..ServerContext::default() };
        let tree = prjconf::server_config(&context, &path);
        let text = tree.text().to_vec();
        let evaluated = prjconf::evaluate(&tree, &Options::for_arch(arch.as_str()));
        MergedConfig { sha256: Sha256::of(&text), text, evaluated }
    }
}
