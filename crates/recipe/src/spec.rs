//! RPM spec files, read with the macros of a build configuration.
//!
//! Lines are joined, expanded and selected by `%if` in `lines`; what is left goes to `tags`. The macro language is that of
//! [`prjconf::Macros`]; commands (`%(…)`) and Lua are not run, which is a finding. Read [`parse`] first; the manual is
//! `docs/formats/spec.5.md`.

mod branch;
mod dependency;
mod file;
mod lines;
mod multiline;
mod reader;
mod reports;
mod section;
mod tag;

use prjconf::{BuildConfig, Macros};

pub use file::{NumberedFile, RemoteAsset, SpecFile, Subpackage};

use crate::{Finding, Grade};

/// Longest spec file that is read, in bytes; the largest in distributions have some 4 MB.
pub const LIMIT_BYTES: usize = 16 << 20;
/// Most entries of each list that are kept.
const LIMIT_ITEMS: usize = 50_000;

/// For what and with what a spec file is read.
///
/// Making one costs about as much as reading a small spec file; keep it for all recipes of a (repository, arch).
#[derive(Clone)]
pub struct SpecContext<'a> {
    config: &'a BuildConfig,
    macros: Macros,
}

/// Gives the content of a file beside a recipe by its name, which is one path component.
pub type Files<'a> = dyn Fn(&str) -> Option<Vec<u8>> + 'a;

/// What is known of one recipe beside its text.
#[derive(Clone, Copy, Default)]
pub struct SpecOptions<'a> {
    /// File name of the recipe; names the package if `Name:` can not be read.
    pub file_name: Option<&'a str>,
    /// `@BUILD_FLAVOR@`: the flavor of a multibuild package.
    pub build_flavor: &'a str,
    /// `@OBS_PACKAGE@`: the name of the package in its project; stays as it is if not given.
    pub package: Option<&'a str>,
    /// The files beside the recipe, for `%include` and `%load`: name to content.
    pub files: Option<&'a Files<'a>>,
}

impl std::fmt::Debug for SpecOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpecOptions")
            .field("file_name", &self.file_name)
            .field("build_flavor", &self.build_flavor)
            .field("package", &self.package)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SpecContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpecContext").field("arch", &self.config.arch).finish_non_exhaustive()
    }
}

impl<'a> SpecContext<'a> {
    /// The context a configuration gives; it was evaluated for the architecture.
    #[must_use]
    pub fn new(config: &'a BuildConfig) -> Self {
        let mut macros = Macros::of_config(config);
        // What rpm has built in and a recipe can use: the files of the sources by number.
        macros.define_parametric("S", "", "%{expand:%%{SOURCE%1}}");
        macros.define_parametric("P", "", "%{expand:%%{PATCH%1}}");
        Self { config, macros }
    }

    /// Defines a macro on top of those of the configuration, as `--define` does.
    #[must_use]
    pub fn define(mut self, name: &str, body: &str) -> Self {
        self.macros.define(name, body);
        self
    }

    /// Switches a build condition on, as `--with NAME` does.
    #[must_use]
    pub fn with(self, name: &str) -> Self {
        self.define(&format!("_with_{name}"), &format!("--with-{name}"))
    }

    /// Switches a build condition off, as `--without NAME` does.
    #[must_use]
    pub fn without(self, name: &str) -> Self {
        self.define(&format!("_without_{name}"), &format!("--without-{name}"))
    }
}

/// Reads a spec file.
///
/// Always gives a result; [`SpecFile::recipe`] is `None` if it is too poor to build from, and a finding says why. Cost is
/// linear in the text and what its macros expand to, which is bounded.
///
/// Rule: Build.pm's reader of spec files (`Build::Rpm::parse`), with what rpm does where that reader gives up; the
/// differences are listed in spec(5).
#[must_use]
pub fn parse(text: &[u8], context: &SpecContext<'_>, options: &SpecOptions<'_>) -> (SpecFile, Vec<Finding>) {
    if text.len() > LIMIT_BYTES {
        let message = format!("the file has {} bytes, more than {LIMIT_BYTES}", text.len());
        return (SpecFile::default(), vec![Finding::new(Grade::Error, "spec-too-long", 0..0, message)]);
    }
    reader::Reader::new(text, context, options).run()
}
