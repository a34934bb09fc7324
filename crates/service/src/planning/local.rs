//! What somebody needs who builds a package of this service on another machine: the recipe's root, package by package, with where
//! each comes from.

use std::collections::HashSet;
use std::io::BufReader;
use std::sync::Arc;

use expand::{Asked, PackageId, Why};
use model::{FlagKind, PackageName, PathElement, Project, ProjectId, RepositoryName, TaskId, Verdict};
use pkg::{Arch, Md5, PackageFormat, RecipeKind};
use pkgfile::rpm::{RpmLimits, RpmReader, Tag};
use recipe::Recipe;
use sched::{Environment, Snapshot, WantedTask};
use store::{Blobs, Revision, Session, TargetName};

use super::config::MergedConfig;
use super::group::{self, GroupKey, GroupPlan, Surroundings};
use super::impact::current_tree;
use super::path::Layer;
use super::world::World;
use crate::formats::{RecipeReader, RecipeText, read_text};
use crate::inner::blocking;
use crate::projects::{existing, find_arch};
use crate::rebuild::recipe_of;
use crate::trees::{Effective, flavored, main_of};
use crate::{Service, ServiceError};

/// What is to be built elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalBuildWish {
    /// Package whose switches count, and whose stored recipe is taken if none is sent; `None` consults nothing that is stored.
    pub package: Option<PackageName>,
    /// The recipe, if it is not the stored one.
    pub recipe: Option<SentRecipe>,
    /// Further packages the root is to have.
    pub additions: Vec<String>,
    /// Whether every decision is to be explained.
    pub explained: bool,
}

/// A recipe that somebody sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentRecipe {
    /// File name, which tells its kind; without one the build configuration does.
    pub name: Option<String>,
    /// The text.
    pub bytes: Vec<u8>,
    /// Files beside it that it may take in, by name.
    pub beside: Vec<(String, Vec<u8>)>,
}

/// The root of a build that happens elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalBuild {
    /// The recipe's file name.
    pub file: String,
    /// The revision of the package's files the recipe is from; `None` if it was sent, or came with a build.
    pub revision: Option<Revision>,
    /// Version of the recipe.
    pub version: String,
    /// Packages it makes, as far as known.
    pub subpackages: Vec<String>,
    /// Whether packages of debugging symbols are made.
    pub debug_packages: bool,
    /// The repositories packages are taken from, strongest first.
    pub path: Vec<PathElement>,
    /// The packages: first those that are unpacked, then what virtual machines need, then the others in install order. Or
    /// why there is no root.
    pub packages: Result<Vec<LocalPackage>, Verdict>,
    /// The decisions, if they were asked for.
    pub why: Option<Why>,
}

/// A package of such a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPackage {
    /// Name.
    pub name: String,
    /// Full version: `[epoch:]version[-release]`.
    pub version: String,
    /// Architecture in the package format's own spelling.
    pub arch: String,
    /// The repository it is from.
    pub place: PathElement,
    /// What an rpm package of these bytes is called by its own header; `None` for other formats, and while the file is not here.
    pub header_md5: Option<Md5>,
    /// Whether it is unpacked before anything is installed.
    pub preinstall: bool,
    /// Whether a virtual machine needs it early.
    pub vm_install: bool,
    /// Whether its scripts run right after unpacking.
    pub run_scripts: bool,
    /// Whether its change makes the recipe be built again.
    pub triggers: bool,
}

/// Where the recipe is from.
struct Source {
    name: String,
    kind: RecipeKind,
    bytes: Vec<u8>,
    beside: Vec<(String, Vec<u8>)>,
    revision: Option<Revision>,
}

/// Everything of a target that a local build is made of.
struct Place {
    key: GroupKey,
    layers: Vec<Layer>,
    config: MergedConfig,
    world: Arc<World>,
    additions: model::TargetAdditions,
}

impl Service {
    /// The root of a recipe in a target, made from what the repository path offers now. Nothing is stored or fetched.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::TargetMissing`], [`ServiceError::PackageMissing`],
    /// [`ServiceError::BadValue`] if there is no recipe, or one that can not be read.
    pub async fn local_build(
        &self,
        project: ProjectId,
        target: &TargetName,
        wish: LocalBuildWish,
    ) -> Result<LocalBuild, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, project).await?;
        let key = self.key(&mut session, &project, target).await?;
        let around = match group::surroundings(&self.inner, &mut session, &key).await? {
            Ok(around) => around,
            Err(GroupPlan::Wait(verdict) | GroupPlan::Never(verdict)) => {
                return Err(ServiceError::BadValue { field: "repository", detail: verdict.to_string() });
            }
            Err(GroupPlan::Same | GroupPlan::Each(_)) => {
                return Err(ServiceError::BadValue { field: "repository", detail: "is not ready".to_owned() });
            }
        };
        let debug_packages = debug_packages(&mut session, &project, target, &wish, &around).await?;
        drop(session);
        let Surroundings { layers, texts, inputs, additions, .. } = around;
        let arch = key.1.clone();
        let config = blocking(move || texts.merge(&arch)).await?;
        let inputs = inputs.for_config(&config);
        let source = self.recipe_source(&project, &wish, &config).await?;
        let world = group::world(&self.inner, &key, inputs).await?;
        let place = Place { key, layers, config, world, additions };
        let blobs = self.inner.blobs.clone();
        blocking(move || place.plan(source, &wish, debug_packages, &blobs)).await?
    }

    /// The (repository, arch) a target of a project is.
    pub(super) async fn key(
        &self,
        session: &mut Session,
        project: &Project,
        target: &TargetName,
    ) -> Result<GroupKey, ServiceError> {
        let repositories = session.repositories(project.id).await?;
        let found = find_arch(&repositories, target).map(|(repository, arch)| (repository.id, arch.arch.clone()));
        found.ok_or_else(|| ServiceError::TargetMissing { project: project.name.clone(), target: target.clone() })
    }

    async fn recipe_source(
        &self,
        project: &Project,
        wish: &LocalBuildWish,
        config: &MergedConfig,
    ) -> Result<Source, ServiceError> {
        let wanted = config.evaluated.config.recipe_type.as_str();
        if let Some(sent) = &wish.recipe {
            let package = wish.package.as_ref().map_or("recipe", PackageName::as_str);
            let main = package.split(':').next().unwrap_or(package);
            let name = sent.name.clone().unwrap_or_else(|| format!("{main}.{wanted}"));
            let kind = kind_of(&name)?;
            let SentRecipe { bytes, beside, .. } = sent.clone();
            let bytes = flavored(kind, bytes, package);
            return Ok(Source { name, kind, bytes, beside, revision: None });
        }
        let Some(package) = &wish.package else { return Err(no_recipe()) };
        let missing = || ServiceError::PackageMissing { project: project.name.clone(), package: package.clone() };
        let mut session = self.inner.store.read().await?;
        let found = session.package(project.id, package).await?.ok_or_else(missing)?;
        let main = main_of(&mut session, found).await?;
        drop(session);
        let (revision, files) = match Effective::of(&self.inner, project, &main).await? {
            Some(Effective { revision, files, .. }) => {
                let files = files.map_err(|detail| ServiceError::BadValue { field: "sources", detail })?;
                let name = recipe_of(&main.name, &files, wanted).ok_or_else(no_recipe)?;
                let files = files.into_iter().map(|file| (file.name, file.sha256));
                (Some(revision), (name, files.collect::<Vec<_>>()))
            }
            None => {
                let mut session = self.inner.store.read().await?;
                let tree = current_tree(&mut session, project.id, package).await?.ok_or_else(no_recipe)?;
                let files = tree.files.into_iter().map(|file| (file.name, file.sha256));
                (None, (tree.recipe_file, files.collect()))
            }
        };
        let (name, files) = files;
        let kind = kind_of(name.as_str())?;
        let recipe = files.iter().find(|(file, _)| *file == name).map(|(_, sha256)| *sha256).ok_or_else(no_recipe)?;
        let bytes = self.inner.with_blobs(move |blobs| blobs.read(&recipe)).await?;
        let bytes = flavored(kind, bytes, package.as_str());
        // Only spec files take in what lies beside them; what is that small is worth having at hand.
        let mut beside = Vec::new();
        for (file, sha256) in files.into_iter().filter(|(file, _)| kind == RecipeKind::Spec && *file != name) {
            let path = self.inner.blobs.path(&sha256);
            if fs_err::metadata(&path).is_ok_and(|found| found.len() <= BESIDE_BYTES) {
                beside.push((file.to_string(), fs_err::read(path)?));
            }
        }
        Ok(Source { name: name.to_string(), kind, bytes, beside, revision })
    }
}

/// Most bytes of a stored file that a recipe may take in here.
const BESIDE_BYTES: u64 = 256 << 10;

fn no_recipe() -> ServiceError {
    ServiceError::BadValue { field: "recipe", detail: "no build recipe file found".to_owned() }
}

fn kind_of(name: &str) -> Result<RecipeKind, ServiceError> {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "dsc" => Ok(RecipeKind::Dsc),
        "spec" => Ok(RecipeKind::Spec),
        _ => {
            let name: String = name.chars().take(80).collect();
            Err(ServiceError::BadValue {
                field: "recipe",
                detail: format!("{name:?} is no recipe this service builds"),
            })
        }
    }
}

/// Whether a build in a target makes packages of debugging symbols: what the target says, unless the package says otherwise.
async fn debug_packages(
    session: &mut Session,
    project: &Project,
    target: &TargetName,
    wish: &LocalBuildWish,
    around: &Surroundings,
) -> Result<bool, ServiceError> {
    let default = around.additions.debug_packages;
    let Some(name) = &wish.package else { return Ok(default) };
    let Some(package) = session.package(project.id, name).await? else { return Ok(default) };
    let main = main_of(session, package).await?;
    let about = session.about_package(main.id).await?;
    let place: (&RepositoryName, &Arch) = (&target.repository, &target.arch);
    Ok(about.is_on(FlagKind::DebugInfo, Some(place), default))
}

impl Place {
    /// Blocks.
    fn plan(
        self,
        source: Source,
        wish: &LocalBuildWish,
        debug_packages: bool,
        blobs: &Blobs,
    ) -> Result<LocalBuild, ServiceError> {
        let config = &self.config.evaluated.config;
        let reader = RecipeReader::new(&self.key.1, config, &self.additions);
        let package = wish.package.as_ref().map_or("", PackageName::as_str);
        let beside = |name: &str| source.beside.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes.clone());
        let text = RecipeText { kind: source.kind, name: &source.name, bytes: &source.bytes, beside: &beside };
        let mut recipe = read_text(&text, package, &reader).map_err(|detail| {
            let ending = source.name.rsplit_once('.').map_or("", |(_, ending)| ending);
            let detail = format!("could not parse build description ({ending}): {detail}");
            ServiceError::BadValue { field: "recipe", detail }
        })?;
        recipe.add_requires(&wish.additions);
        let Recipe { version, subpackages, .. } = recipe.clone();
        let task = WantedTask { task: TaskId::new(0), package: package.to_owned(), recipe: Ok(recipe), ordered: None };
        let snapshot = self.config.question(&self.key.1, &self.world, &self.additions, std::slice::from_ref(&task));
        let packages = sched::environment(&snapshot, &task).map(|environment| self.packages(&environment, blobs));
        let why = if wish.explained { self.explain(&snapshot, &task) } else { None };
        Ok(LocalBuild {
            file: source.name,
            revision: source.revision,
            version,
            subpackages,
            debug_packages,
            path: self.layers.iter().map(Layer::element).collect(),
            packages,
            why,
        })
    }

    fn explain(&self, snapshot: &Snapshot<'_>, task: &WantedTask) -> Option<Why> {
        let asked = Asked {
            dependency: None,
            line: &|keyword, entry| self.config.line(keyword, entry),
            repository: &|package| Some(self.element(package)?.to_string()),
            with_fixes: false,
        };
        sched::explain(snapshot, task, asked).ok()
    }

    /// The repository a package is from: each layer has two ranks, its results and what it mirrors.
    fn element(&self, package: PackageId) -> Option<PathElement> {
        self.layers.get(usize::from(self.world.pool.repository(package) / 2)).map(Layer::element)
    }

    fn packages(&self, environment: &Environment, blobs: &Blobs) -> Vec<LocalPackage> {
        let pool = &self.world.pool;
        let root = &environment.root;
        let first = root.preinstall.iter().filter_map(|name| pool.find(name));
        let all = first.chain(environment.vm_install.iter().copied()).chain(root.packages.iter().copied());
        let mut seen = HashSet::new();
        let all = all.filter(|package| seen.insert(*package));
        let preinstall: HashSet<&str> = root.preinstall.iter().map(String::as_str).collect();
        let run_scripts: HashSet<&str> = root.run_scripts.iter().map(String::as_str).collect();
        let describe = |package: PackageId| {
            let name = pool.name(package);
            Some(LocalPackage {
                name: name.to_owned(),
                version: pool.evr(package).to_owned(),
                arch: pool.arch(package).to_owned(),
                place: self.element(package)?,
                header_md5: self.header_md5(package, blobs),
                preinstall: preinstall.contains(name),
                vm_install: environment.vm_install.contains(&package),
                run_scripts: run_scripts.contains(name),
                triggers: environment.triggering.binary_search(&package).is_ok(),
            })
        };
        all.filter_map(describe).collect()
    }

    fn header_md5(&self, package: PackageId, blobs: &Blobs) -> Option<Md5> {
        if self.world.pool.format() != PackageFormat::Rpm {
            return None;
        }
        rpm_identity(&self.world, package, blobs)
    }
}

/// The MD5 digest in the signature header of an rpm package whose file is here. Who compares it knows no other digest.
pub(super) fn rpm_identity(world: &World, package: PackageId, blobs: &Blobs) -> Option<Md5> {
    let file = std::fs::File::open(blobs.path(&world.sha256(package)?)).ok()?;
    let reader = RpmReader::open(BufReader::new(file), RpmLimits::default()).ok()?;
    let md5 = reader.package().signature_header().binary(Tag::SIG_MD5)?;
    Some(Md5::from_bytes(md5.try_into().ok()?))
}
