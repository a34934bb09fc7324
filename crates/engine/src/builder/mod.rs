//! Builders, one a kind of recipe and one for scripts: what is done inside a prepared root, and what its results must be.
//!
//! What differs between kinds is behind [`Builder`] and [`Listener`]; nothing else of the engine asks for the kind.

mod dsc;
pub(crate) mod script;
mod spec;

use std::path::{Path, PathBuf};

use model::{FailureCause, JobFile, JobSpec, JobWork, ResultFile, ResultKind};
use pkg::{PackageFormat, RecipeKind};

use crate::log::JobLog;
use crate::run::Stop;
use crate::sandbox::protocol::Action;

/// How recipes of one kind are built.
pub(crate) trait Builder: Sync {
    /// Whether it can be done in a root of packages of a format.
    fn fits(&self, format: PackageFormat) -> bool;

    /// Label of the step after which results are there.
    fn last_step<'a>(&self, job: &'a JobSpec) -> &'a str;

    /// The kind of result without which a job has failed.
    fn main_result(&self) -> ResultKind {
        ResultKind::Package
    }

    /// The actions that build a job's recipe; file number n is source number n.
    fn actions(&self, job: &JobSpec) -> Vec<Action>;

    /// What kind of result a file name is, if any.
    fn kind_of(&self, name: &str) -> Option<ResultKind>;

    /// Somebody who hears what the steps print.
    fn listener<'a>(&self, job: &'a JobSpec) -> Box<dyn Listener + 'a>;

    /// Checks all results against each other and against their formats, and gives those that are handed over.
    ///
    /// # Errors
    /// The reason why the recipe is not taken for built.
    fn check(
        &self,
        job: &JobSpec,
        results: &Results,
        log: &mut JobLog<'_>,
    ) -> Result<Vec<(ResultFile, PathBuf)>, FailureCause>;
}

/// Hears the steps of one build, and knows what their ends mean.
pub(crate) trait Listener {
    /// A step begins.
    fn began(&mut self, step: &str);
    /// Bytes were printed.
    fn printed(&mut self, bytes: &[u8]);
    /// A step ended well; gives the reason why that counts as a failure all the same.
    fn ended(&mut self, step: &str) -> Option<FailureCause>;
    /// A step ended with a status; gives what says more than that.
    fn failed(&self, step: &str, status: i32, results: &Results) -> Option<Stop>;
}

/// The files a build left, copied out of the sandbox.
#[derive(Debug)]
pub(crate) struct Results {
    /// Where they are.
    pub folder: PathBuf,
    /// What they are, in the order they came.
    pub files: Vec<JobFile>,
}

impl Results {
    /// Where a file is.
    pub(crate) fn path(&self, file: &JobFile) -> PathBuf {
        self.folder.join(file.name.as_str())
    }
}

/// How some work is done; `None` if this engine can not.
pub(crate) fn builder(work: &JobWork) -> Option<&'static dyn Builder> {
    match work {
        JobWork::Source(_) => Some(&script::Script),
        JobWork::Recipe(recipe) => match recipe.kind {
            RecipeKind::Dsc => Some(&dsc::Dsc),
            RecipeKind::Spec => Some(&spec::Spec),
            RecipeKind::Arch => None,
        },
    }
}

/// A result is not what it claims to be.
pub(crate) fn invalid(file: &str, detail: impl Into<String>) -> FailureCause {
    FailureCause::ResultInvalid { file: file.to_owned(), detail: detail.into() }
}

/// The worker's trouble with a result.
pub(crate) fn trouble(what: &Path, error: &std::io::Error) -> FailureCause {
    FailureCause::Worker { detail: format!("{}: {error}", what.display()) }
}

/// How many processes a recipe may start at once: what its configuration says, or as many as this machine has processors.
fn parallel(job: &JobSpec) -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    job.settings.parallel.unwrap_or_else(|| u32::try_from(processors).unwrap_or(1))
}

/// An error with its cause.
fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
