//! A root of rpm packages, expanded from the test distribution as a planner would.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use engine::{CancelToken, JobRunner as _};
use expand::{BuildRequest, ExpandConfig, Expander, PoolBuilder};
use model::{FileName, JobReport, JobSpec, JobWork, RecipeSpec, RootPackage, RootSpec};
use pkg::{PackageFormat, PackageMeta, RecipeKind, Sha256};
use pkgfile::rpm::{RpmLimits, RpmReader};
use prjconf::BuildConfig;
use testkit::rpm_distribution::RpmDistribution;

use crate::kit::{Files, Kit, Sink, job_file, kit};

/// What the tests of rpm builds start from.
pub(crate) struct RpmKit {
    pub(crate) kit: &'static Kit,
    pub(crate) config: BuildConfig,
    /// Every package of the distribution by name.
    offers: HashMap<String, (PackageMeta, RootPackage)>,
    pub(crate) paths: HashMap<Sha256, PathBuf>,
}

/// The kit, made once a test program; `None`, after saying why, where there is none.
pub(crate) fn rpm_kit() -> Option<&'static RpmKit> {
    static KIT: OnceLock<Option<RpmKit>> = OnceLock::new();
    KIT.get_or_init(make).as_ref()
}

fn make() -> Option<RpmKit> {
    let kit = kit()?;
    let distribution = RpmDistribution::get_or_say()?;
    let tree = prjconf::parse(RpmDistribution::CONFIG.as_bytes());
    let config = prjconf::evaluate(&tree, &prjconf::Options::for_arch("x86_64")).config;
    let (mut offers, mut paths) = (HashMap::new(), HashMap::new());
    for path in distribution.rpms() {
        let package = root_package(&path);
        paths.insert(package.1.file.sha256, path);
        offers.insert(package.0.name.clone(), package);
    }
    Some(RpmKit { kit, config, offers, paths })
}

/// A package as a root has it.
pub(crate) fn root_package(path: &Path) -> (PackageMeta, RootPackage) {
    let reader = RpmReader::open(fs::File::open(path).unwrap(), RpmLimits::default()).unwrap();
    let meta = reader.into_package().meta().clone();
    let (name, version, arch) = (meta.name.clone(), meta.evr.clone(), meta.arch.clone());
    (meta, RootPackage { name, version, arch, file: job_file(path).unwrap() })
}

impl RpmKit {
    /// The root of a recipe that requires these.
    pub(crate) fn root(&self, requires: &[&str]) -> RootSpec {
        let mut builder = PoolBuilder::new(PackageFormat::Rpm);
        let mut names: Vec<&String> = self.offers.keys().collect();
        names.sort();
        names.iter().for_each(|name| builder.add_repository_package(0, &self.offers[*name].0));
        let (pool, config) = (builder.finish(), ExpandConfig::from(&self.config));
        let expander = Expander::new(&pool, &config);
        let dependencies = requires.iter().map(|text| (*text).to_owned()).collect();
        let set = expander.build_set(&BuildRequest { dependencies, own_binaries: Vec::new() }).unwrap();
        let preinstalls = expander.preinstalls().unwrap();
        let order = expander.install_order(&set).order;
        RootSpec {
            format: PackageFormat::Rpm,
            preinstall: preinstalls.preinstall.clone(),
            run_scripts: preinstalls.run_scripts.clone(),
            packages: order.into_iter().map(|id| self.offers[pool.name(id)].1.clone()).collect(),
        }
    }

    /// A job of these sources, one of which is the recipe.
    pub(crate) fn job(&self, sources: &[PathBuf]) -> (JobSpec, Files) {
        let (mut job, files) = spec_job(self.kit, self.root(&[]), &self.paths, sources);
        job.settings.raw_macros.clone_from(&self.config.rawmacros);
        let flags = self.config.optflags.iter();
        job.settings.optflags = flags.map(|(arch, words)| (arch.to_owned(), words.join(" "))).collect();
        (job, files)
    }

    /// Runs a job of a spec file and what it lists, as changed.
    pub(crate) fn run(&self, spec: &str, change: impl FnOnce(&mut JobSpec, &mut Files)) -> (JobReport, Sink) {
        let folder = tempfile::tempdir().unwrap();
        let (mut job, mut files) = self.job(&source(folder.path(), spec));
        change(&mut job, &mut files);
        let sink = Sink::default();
        let report = self.kit.engine.run(&job, &files, &sink, &CancelToken::new());
        (report, sink)
    }
}

/// A job that builds a spec file in a root of these packages.
pub(crate) fn spec_job(
    kit: &Kit,
    root: RootSpec,
    paths: &HashMap<Sha256, PathBuf>,
    sources: &[PathBuf],
) -> (JobSpec, Files) {
    let (mut job, mut files) = kit.job(sources);
    files.0.extend(paths.clone());
    job.root = root;
    job.title = "test/package testdist x86_64".to_owned();
    job.work =
        JobWork::Recipe(RecipeSpec { kind: RecipeKind::Spec, file: FileName::parse(job.recipe_file()).unwrap() });
    (job, files)
}

/// Writes a spec file and a C program.
pub(crate) fn source(folder: &Path, spec: &str) -> Vec<PathBuf> {
    let (recipe, program) = (folder.join("sample.spec"), folder.join("sample.c"));
    fs::write(&recipe, spec).unwrap();
    fs::write(&program, "#include <stdio.h>\nint main(void) { return puts(\"sample\") < 0; }\n").unwrap();
    vec![recipe, program]
}

/// A spec file whose sections are the given ones.
pub(crate) fn spec(tags: &str, build: &str, more: &str) -> String {
    format!(
        "Name: sample\nVersion: 1.0\nRelease: 1%{{?dist}}\nSummary: Sample\nLicense: MIT\nSource: sample.c\n{tags}\n\
         %description\nA sample.\n\n%prep\n%setup -q -c -T\ncp %{{SOURCE0}} .\n\n%build\n{build}\n\n\
         %install\ninstall -D sample %{{buildroot}}%{{_bindir}}/sample\n\n{more}\n%files\n%{{_bindir}}/sample\n"
    )
}

/// A spec file of a package with no program: what it installs (`$R` is where), its scripts, its files.
pub(crate) fn plain_spec(install: &str, scripts: &str, files: &str) -> String {
    format!(
        "Name: sample\nVersion: 1.0\nRelease: 1%{{?dist}}\nSummary: Sample\nLicense: MIT\nBuildArch: noarch\n\n\
         %description\nA sample.\n\n%install\nR=%{{buildroot}}\n{install}\n\n{scripts}\n%files\n{files}\n"
    )
}

/// A build section that compiles the program.
pub(crate) const COMPILE: &str = "gcc %{optflags} -o sample sample.c";
