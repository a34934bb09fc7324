//! What a spec file says.

use pkg::{Arch, RecipeKind};

use crate::Recipe;
use crate::recipe::DIRECT_END;

/// A spec file, read for one configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpecFile {
    /// `Name:`, or else the file name without `.spec`; empty if neither is known.
    pub name: String,
    /// `Epoch:`
    pub epoch: Option<String>,
    /// `Version:`
    pub version: Option<String>,
    /// `Release:`; build services replace it.
    pub release: Option<String>,
    /// `URL:`
    pub url: Option<String>,
    /// `Summary:`
    pub summary: Option<String>,
    /// What the build needs, as items of an expansion request, in order: `BuildRequires`, `BuildPreReq`, `#!BuildRequires`;
    /// `-name` for `#!BuildIgnore`, `BuildConflicts` and `#!BuildConflicts`.
    pub build_requires: Vec<String>,
    /// Names in `PreReq`, `Requires(pre)` and `Requires(post)` of all packages, each once: needed to install what was
    /// built, so part of the build environment.
    pub prerequisites: Vec<String>,
    /// `#!OnlyNative`: dependencies that go into the host system of a cross build only; `!name` takes one off the list.
    pub only_native: Vec<String>,
    /// `#!AlsoNative`: dependencies that go into both systems of a cross build.
    pub also_native: Vec<String>,
    /// `ExclusiveArch:`; `None` if there is none. An empty list excludes everything.
    pub exclusive_arch: Option<Vec<String>>,
    /// `ExcludeArch:`
    pub exclude_arch: Vec<String>,
    /// `ExclusiveOS:`
    pub exclusive_os: Vec<String>,
    /// `ExcludeOS:`
    pub exclude_os: Vec<String>,
    /// `BuildArch:` of the main package.
    pub build_arch: Vec<String>,
    /// The main package and those of `%package`, in order.
    pub packages: Vec<Subpackage>,
    /// `Source:` tags and `%sourcelist`, by number.
    pub sources: Vec<NumberedFile>,
    /// `Patch:` tags and `%patchlist`, by number.
    pub patches: Vec<NumberedFile>,
    /// `#!RemoteAsset` and `#!RemoteAssetUrl`, in order.
    pub remote_assets: Vec<RemoteAsset>,
    /// `#!BuildConstraint`, one entry a line.
    pub build_constraints: Vec<String>,
    /// `#!BuildTarget`: instead of the configuration's `Target:`.
    pub build_target: Option<String>,
    /// `#!BcntSyncTag`
    pub build_count_tag: Option<String>,
    /// `#!ForceMultiVersion`, or packages of several versions.
    pub is_multiversion: bool,
    /// `#!NativeBuild`: not to be cross built.
    pub is_native_build: bool,
    /// `#!NoUseForBuild`: results are not offered to other builds.
    pub is_no_use_for_build: bool,
    /// There is a `%generate_buildrequires`: more dependencies are known only once the build has begun.
    pub has_dynamic_requires: bool,
    /// Dependencies stand in conditions or name files: another configuration may give another answer.
    pub depends_on_config: bool,
}

/// A binary package a spec file makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subpackage {
    /// Full name.
    pub name: String,
    /// `[epoch:]version[-release]`: its own, or that of the main package.
    pub evr: String,
    /// `BuildArch:` of this package.
    pub build_arch: Option<String>,
    /// `Provides:` as written, without the implicit ones.
    pub provides: Vec<String>,
    /// Whether it has a `%files` section; without one rpm does not make the package.
    pub has_files: bool,
}

/// A source or patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedFile {
    /// Its number; `None` for a `Patch:` beside a `Patch0:`.
    pub number: Option<u64>,
    /// Name or URL; its last path component is the file's name.
    pub location: String,
}

impl NumberedFile {
    /// The file's name: what follows the last slash.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.location.rsplit_once('/').map_or(&self.location, |(_, name)| name)
    }
}

/// A file that may be downloaded before a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteAsset {
    /// Where it is.
    pub url: Option<String>,
    /// `algorithm:hex`.
    pub digest: Option<String>,
    /// The name it gets.
    pub file: Option<String>,
}

impl SpecFile {
    /// Full version: `[epoch:]version[-release]`; empty without `Version:`.
    #[must_use]
    pub fn evr(&self) -> String {
        let Some(version) = &self.version else { return String::new() };
        let epoch = self.epoch.as_ref().map(|epoch| format!("{epoch}:")).unwrap_or_default();
        let release = self.release.as_ref().map(|release| format!("-{release}")).unwrap_or_default();
        format!("{epoch}{version}{release}")
    }

    /// Whether it builds on an architecture: `ExclusiveArch` and `ExcludeArch`, compared word by word.
    #[must_use]
    pub fn builds_on(&self, arch: &str) -> bool {
        let is_listed = |list: &[String]| list.iter().any(|word| word == arch);
        self.exclusive_arch.as_ref().is_none_or(|list| is_listed(list)) && !is_listed(&self.exclude_arch)
    }

    /// The request of a build: dependencies, then behind `--directdepsend--` the prerequisites that are neither asked for
    /// already nor made by this recipe.
    #[must_use]
    pub fn request(&self) -> Vec<String> {
        let mut request = self.build_requires.clone();
        let known: std::collections::HashSet<&str> = self
            .build_requires
            .iter()
            .map(String::as_str)
            .chain(self.packages.iter().map(|package| package.name.as_str()))
            .collect();
        let is_new = |name: &&String| !name.starts_with('%') && !known.contains(name.as_str());
        let mut more: Vec<String> = self.prerequisites.iter().filter(is_new).cloned().collect();
        if !more.is_empty() {
            request.push(DIRECT_END.to_owned());
            request.append(&mut more);
        }
        request
    }

    /// The recipe in the words all kinds share; `None` without a name or version.
    #[must_use]
    pub fn recipe(&self) -> Option<Recipe> {
        let version = self.evr();
        if self.name.is_empty() || version.is_empty() {
            return None;
        }
        let arches = |list: &[String]| {
            let mut arches: Vec<Arch> = list.iter().filter_map(|word| Arch::parse(word).ok()).collect();
            arches.sort();
            arches.dedup();
            arches
        };
        let mut architectures = self.exclusive_arch.as_deref().map(arches).unwrap_or_default();
        if self.exclusive_arch.is_some() && architectures.is_empty() {
            // An empty list would read as "all": name what can not be matched.
            architectures.extend(Arch::parse("none"));
        }
        Some(Recipe {
            kind: RecipeKind::Spec,
            name: self.name.clone(),
            version,
            build_requires: self.request(),
            subpackages: self.packages.iter().map(|package| package.name.clone()).collect(),
            architectures,
            excluded_architectures: arches(&self.exclude_arch),
            source_files: Vec::new(),
            has_dynamic_requires: self.has_dynamic_requires,
            is_signed: false,
        })
    }
}
