use std::cell::RefCell;

use model::TargetAdditions;
use pkg::{Arch, RecipeKind};
use prjconf::BuildConfig;
use recipe::spec::{self, SpecContext, SpecOptions};
use recipe::{Finding, Grade, Recipe, Target, dsc};
use store::{Blobs, SourceTree};

/// Most bytes of a file beside a recipe that are read into it.
const BESIDE_BYTES: u64 = 4 << 20;

/// Reads recipes for one (repository, arch). What each kind needs is made once, when the first of its kind comes.
pub(crate) struct RecipeReader<'a> {
    arch: &'a Arch,
    config: &'a BuildConfig,
    profiles: Vec<String>,
    additions: &'a TargetAdditions,
    spec: RefCell<Option<SpecContext<'a>>>,
}

impl std::fmt::Debug for RecipeReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecipeReader").field("arch", &self.arch).finish_non_exhaustive()
    }
}

impl<'a> RecipeReader<'a> {
    /// A reader for an architecture, the configuration that was evaluated for it, and what the repository adds to that.
    pub(crate) fn new(arch: &'a Arch, config: &'a BuildConfig, additions: &'a TargetAdditions) -> Self {
        let profiles = sched::macro_words(config, "deb_build_profiles");
        Self { arch, config, profiles, additions, spec: RefCell::default() }
    }

    /// Whether another reader is known to read every recipe of a kind the same.
    pub(crate) fn answers_as(&self, other: &Self, kind: RecipeKind) -> bool {
        match kind {
            RecipeKind::Dsc => self.arch == other.arch && self.profiles == other.profiles,
            RecipeKind::Spec | RecipeKind::Arch => false,
        }
    }

    /// A recipe of the kind the configuration wants, with nothing but build dependencies: what a script's root is planned for.
    pub(crate) fn stand_in(&self, packages: &[String]) -> Result<Recipe, String> {
        let wanted = self.config.recipe_type.as_str();
        let kinds = [RecipeKind::Dsc, RecipeKind::Spec, RecipeKind::Arch];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == wanted);
        Ok(Recipe {
            kind: kind.ok_or_else(|| format!("sources can not be made where {wanted} is built"))?,
            name: String::new(),
            version: String::new(),
            build_requires: packages.to_vec(),
            subpackages: Vec::new(),
            architectures: Vec::new(),
            excluded_architectures: Vec::new(),
            source_files: Vec::new(),
            has_dynamic_requires: false,
            is_signed: false,
        })
    }

    fn dsc(&self, bytes: &[u8]) -> (Option<Recipe>, Vec<Finding>) {
        let target = Target { arch: self.arch, profiles: &self.profiles };
        dsc::parse(&String::from_utf8_lossy(bytes), &target)
    }

    fn spec_context(&self) -> SpecContext<'a> {
        let TargetAdditions { with, without, .. } = self.additions;
        let context = with.iter().fold(SpecContext::new(self.config), |context, name| context.with(name));
        without.iter().fold(context, |context, name| context.without(name))
    }

    fn spec(&self, bytes: &[u8], options: &SpecOptions<'_>) -> (Option<Recipe>, Vec<Finding>) {
        let mut context = self.spec.borrow_mut();
        let context = context.get_or_insert_with(|| self.spec_context());
        let (file, findings) = spec::parse(bytes, context, options);
        (file.recipe(), findings)
    }
}

/// Reads the recipe of a source tree; or says why it can not be built from. `package` is its name in the project. Blocks.
pub(crate) fn read_recipe(
    blobs: &Blobs,
    tree: &SourceTree,
    package: &str,
    reader: &RecipeReader<'_>,
) -> Result<Recipe, String> {
    let name = tree.recipe_file.as_str();
    let found = tree.files.iter().find(|source| source.name == tree.recipe_file);
    let found = found.ok_or_else(|| format!("{name}: is not among the sources"))?;
    let bytes = blobs.read(&found.sha256).map_err(|error| format!("{name}: {error}"))?;
    let beside = |wanted: &str| beside(blobs, tree, wanted);
    read_text(&RecipeText { kind: tree.recipe_kind, name, bytes: &bytes, beside: &beside }, package, reader)
}

/// A recipe that is at hand.
pub(crate) struct RecipeText<'a> {
    pub(crate) kind: RecipeKind,
    /// File name.
    pub(crate) name: &'a str,
    pub(crate) bytes: &'a [u8],
    /// The files beside it by name.
    pub(crate) beside: &'a spec::Files<'a>,
}

/// As [`read_recipe`].
pub(crate) fn read_text(text: &RecipeText<'_>, package: &str, reader: &RecipeReader<'_>) -> Result<Recipe, String> {
    let RecipeText { kind, name, bytes, beside } = *text;
    let (recipe, findings) = match kind {
        RecipeKind::Dsc => reader.dsc(bytes),
        RecipeKind::Spec => {
            let options =
                SpecOptions { file_name: Some(name), build_flavor: "", package: Some(package), files: Some(beside) };
            reader.spec(bytes, &options)
        }
        RecipeKind::Arch => return Err(format!("{name}: this service does not build PKGBUILD files yet")),
    };
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding.grade == Grade::Error)
        .map(|finding| match finding.line(bytes) {
            Some(line) if kind == RecipeKind::Spec => format!("line {line}: {}", finding.message),
            _ => finding.message.clone(),
        })
        .collect();
    match recipe {
        Some(recipe) if errors.is_empty() => Ok(recipe),
        _ if errors.is_empty() => Err(format!("{name}: has no name or no version")),
        _ => Err(format!("{name}: {}", errors.join("; "))),
    }
}

/// A file of the tree by name, if a recipe may take it in.
fn beside(blobs: &Blobs, tree: &SourceTree, wanted: &str) -> Option<Vec<u8>> {
    let found = tree.files.iter().find(|file| file.name.as_str() == wanted)?;
    if found.bytes > BESIDE_BYTES { None } else { blobs.read(&found.sha256).ok() }
}
