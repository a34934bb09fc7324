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
    /// What is taken instead of one of those packages where nothing provides it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub otherwise: BTreeMap<String, Vec<String>>,
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

impl SourceJob {
    /// The packages of the root, where `has` says which names something provides; in order, none twice.
    pub fn packages_where(&self, has: impl Fn(&str) -> bool) -> Vec<String> {
        let mut packages: Vec<String> = Vec::new();
        for name in &self.packages {
            let instead = self.otherwise.get(name).filter(|_| !has(name));
            for name in instead.map_or(std::slice::from_ref(name), Vec::as_slice) {
                if !packages.contains(name) {
                    packages.push(name.clone());
                }
            }
        }
        packages
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_replaced_once() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let otherwise = [("tito".to_owned(), words("python3 git pip"))].into();
        let job = SourceJob { packages: words("git tito rpm-build"), otherwise, ..SourceJob::default() };
        assert_eq!(job.packages_where(|_| true), words("git tito rpm-build"));
        assert_eq!(job.packages_where(|_| false), words("git python3 pip rpm-build"));
    }
}
