//! Reads a spec file for every target of a build.
//!
//! Which files it names may depend on the target's macros, so the source gets what any of them names. No code of the spec
//! file runs: where its answer would need that, the name stays unresolved and says so.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use model::{BuildId, FailureCause, FileName, PackageName, SourceFile};
use pkg::Sha256;
use prjconf::BuildConfig;
use recipe::Grade;
use recipe::spec::{self, NumberedFile, SpecContext, SpecFile, SpecOptions};
use store::Blobs;

use super::cause::invalid;
use super::dsc::RECIPE_BYTES;
use super::reconcile::NotMade;
use crate::inner::{Inner, blocking};
use crate::{ServiceError, planning};

/// What the targets' readings of a spec file say together.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// Name and version, as the first target has them.
    identity: Option<(String, String)>,
    /// Why there is no identity.
    errors: Vec<String>,
    /// The sources and patches of all targets by name.
    pub(super) named: BTreeMap<String, Named>,
    /// Files that it would take in if they were there.
    pub(super) wanted: BTreeSet<FileName>,
}

/// A file a spec file names.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// `Source0`, `Patch3`
    pub(super) tag: String,
    /// As it stands there, macros replaced.
    pub(super) location: String,
    /// `#!RemoteAsset: sha256:…`
    pub(super) sha256: Option<Sha256>,
}

/// Reads a spec file that is among `files`.
pub(super) async fn read(
    inner: &Inner,
    build: BuildId,
    recipe: &FileName,
    files: &[SourceFile],
) -> Result<Readings, NotMade> {
    let configs = planning::target_configs(inner, build).await?;
    let (blobs, recipe, files) = (inner.blobs.clone(), recipe.clone(), files.to_vec());
    blocking(move || {
        let found = files.iter().find(|file| file.name == recipe);
        let found = found.ok_or_else(|| invalid(recipe.as_str(), "is not among the sources"))?;
        if found.bytes > RECIPE_BYTES {
            let limit_bytes = RECIPE_BYTES;
            return Err(FailureCause::SourceTooLarge { file: recipe.to_string(), limit_bytes }.into());
        }
        let text = blobs.read(&found.sha256).map_err(ServiceError::from)?;
        let mut readings = Readings::default();
        for config in &configs {
            readings.add_target(&blobs, &files, &text, recipe.as_str(), config);
        }
        Ok(readings)
    })
    .await?
}

impl Readings {
    fn add_target(&mut self, blobs: &Blobs, files: &[SourceFile], text: &[u8], recipe: &str, config: &BuildConfig) {
        let wanted = RefCell::new(BTreeSet::new());
        let beside = |name: &str| {
            let found = files.iter().find(|file| file.name.as_str() == name && file.bytes <= RECIPE_BYTES);
            match found {
                Some(file) => blobs.read(&file.sha256).ok(),
                None => {
                    wanted.borrow_mut().extend(FileName::parse(name));
                    None
                }
            }
        };
        let options = SpecOptions { file_name: Some(recipe), files: Some(&beside), ..SpecOptions::default() };
        let (spec, findings) = spec::parse(text, &SpecContext::new(config), &options);
        self.wanted.extend(wanted.into_inner());
        if self.identity.is_none() {
            self.identity = spec.recipe().map(|recipe| (recipe.name, recipe.version));
            self.errors = findings
                .into_iter()
                .filter(|finding| finding.grade == Grade::Error)
                .map(|finding| finding.message)
                .collect();
        }
        let numbered = |word: &str, file: &NumberedFile| {
            let number = file.number.map(|number| number.to_string()).unwrap_or_default();
            (format!("{word}{number}"), file.clone())
        };
        let sources = spec.sources.iter().map(|file| numbered("Source", file));
        for (tag, file) in sources.chain(spec.patches.iter().map(|file| numbered("Patch", file))) {
            let sha256 = asset_digest(&spec, &file);
            let name = file.file_name().to_owned();
            self.named.entry(name).or_insert(Named { tag, location: file.location, sha256 });
        }
    }

    /// Name and version.
    pub(super) fn identity(&self, recipe: &FileName) -> Result<(PackageName, String), FailureCause> {
        let Some((name, version)) = &self.identity else {
            let detail =
                if self.errors.is_empty() { "has no name or no version".to_owned() } else { self.errors.join("; ") };
            return Err(invalid(recipe.as_str(), &detail));
        };
        let name = PackageName::parse(name).map_err(|error| invalid(recipe.as_str(), &error.to_string()))?;
        if version.contains('%') {
            return Err(invalid(
                recipe.as_str(),
                &format!("its version {version} can not be told without running code"),
            ));
        }
        Ok((name, version.clone()))
    }
}

/// The digest that a remark in the spec file promises for a source.
fn asset_digest(spec: &SpecFile, file: &NumberedFile) -> Option<Sha256> {
    let of_file = |asset: &&spec::RemoteAsset| {
        asset.url.as_deref() == Some(&file.location) || asset.file.as_deref() == Some(file.file_name())
    };
    let digest = spec.remote_assets.iter().find(of_file)?.digest.as_deref()?;
    Sha256::parse(digest.strip_prefix("sha256:")?).ok()
}

impl Named {
    /// The name of the file; or why there is none.
    pub(super) fn file_name(&self, recipe: &FileName) -> Result<FileName, FailureCause> {
        let name = self.location.rsplit_once('/').map_or(self.location.as_str(), |(_, name)| name);
        let Self { tag, location, .. } = self;
        if location.contains('%') && (name.contains('%') || self.url().is_none()) {
            let detail = format!("{tag} is {location}, which names no file: a macro in it is not defined");
            return Err(invalid(recipe.as_str(), &detail));
        }
        FileName::parse(name)
            .map_err(|_| invalid(recipe.as_str(), &format!("{tag} is {location}, which names no file")))
    }

    /// The address, if it has one.
    pub(super) fn url(&self) -> Option<&str> {
        self.location.contains("://").then_some(self.location.as_str())
    }
}
