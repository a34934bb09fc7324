//! Jobs that make sources: foreign code runs in a root, and what it leaves is read as if somebody had handed it in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{JobFile, RecipeSpec};

/// What a job does in its root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobWork {
    /// Builds a recipe; its results are packages.
    Recipe(RecipeSpec),
    /// Makes the source of a build; its results are the files of one.
    Source(SourceScript),
}

/// What is wanted of a job that makes a source, before its root is planned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceJob {
    /// What must be in the root, in the words of the root's recipes: `git`, `python3 >= 3.9`.
    pub packages: Vec<String>,
    /// Files it finds in [`SourceScript::INPUT`]; something else must keep their blobs alive (uploads of the build).
    pub files: Vec<JobFile>,
    /// What runs.
    pub script: SourceScript,
}

/// Programs that run one after the other as the build user; what lies in [`Self::RESULT`] at the end is the result.
///
/// Values come in through variables, never through the text of a step, so that nothing has to be quoted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceScript {
    /// The programs.
    pub steps: Vec<ScriptStep>,
    /// What they have in their environment beside the usual.
    pub variables: BTreeMap<String, String>,
}

/// One program of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptStep {
    /// What logs and failures call it.
    pub name: String,
    /// Its text, run as a file of its own: it begins with `#!`.
    pub text: String,
}

impl SourceScript {
    /// Folder of the files the job was given.
    pub const INPUT: &str = "/build/input";
    /// Folder the steps begin in; empty at first.
    pub const WORK: &str = "/build/work";
    /// Folder whose plain files are the result; empty at first.
    pub const RESULT: &str = "/build/result";
}

impl JobWork {
    /// The recipe, if it builds one.
    #[must_use]
    pub const fn recipe(&self) -> Option<&RecipeSpec> {
        match self {
            Self::Recipe(recipe) => Some(recipe),
            Self::Source(_) => None,
        }
    }
}
