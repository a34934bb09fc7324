//! Which results count: those of the newest build of each package.

use std::collections::BTreeMap;

use model::{BuildId, JobFile, PackageName, RepositoryId, ResultKind, TaskId};
use pkg::Arch;
use store::{RepositoryResult, Session};

use crate::ServiceError;

/// A result that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CurrentResult {
    /// Package of the project.
    pub(crate) package: PackageName,
    /// Architecture of the task.
    pub(crate) arch: Arch,
    /// Build.
    pub(crate) build: BuildId,
    /// Kind.
    pub(crate) kind: ResultKind,
    /// The file.
    pub(crate) file: JobFile,
}

impl CurrentResult {
    /// Whether it is a binary package.
    pub(crate) fn is_package(&self) -> bool {
        self.kind == ResultKind::Package
    }
}

/// The results of the newest successful build of each package on each architecture of a repository; by architecture,
/// package and name.
pub(crate) async fn current_results(
    session: &mut Session,
    repository: RepositoryId,
) -> Result<Vec<CurrentResult>, ServiceError> {
    Ok(newest(session.repository_results(repository).await?))
}

/// `results` has the newest task first.
fn newest(results: Vec<RepositoryResult>) -> Vec<CurrentResult> {
    let mut chosen: BTreeMap<(Arch, PackageName), TaskId> = BTreeMap::new();
    let mut current = Vec::new();
    for found in results {
        let task = *chosen.entry((found.arch.clone(), found.package.clone())).or_insert(found.task);
        if task == found.task {
            let RepositoryResult { package, arch, build, result, .. } = found;
            current.push(CurrentResult { package, arch, build, kind: result.kind, file: result.file });
        }
    }
    let key = |result: &CurrentResult| (result.arch.clone(), result.package.clone(), result.file.name.clone());
    current.sort_by_cached_key(key);
    current
}

#[cfg(test)]
mod tests {
    use model::{FileName, ResultFile};
    use pkg::Sha256;

    use super::*;

    fn result(task: i64, package: &str, arch: &str, file: &str) -> RepositoryResult {
        let name = FileName::parse(file).unwrap();
        RepositoryResult {
            task: TaskId::new(task),
            build: BuildId::new(task),
            package: PackageName::parse(package).unwrap(),
            arch: Arch::parse(arch).unwrap(),
            result: ResultFile {
                kind: ResultKind::Package,
                file: JobFile { name, bytes: 1, sha256: Sha256::of(file.as_bytes()) },
                package: None,
            },
        }
    }

    #[test]
    fn the_newest_build_of_a_package_replaces_all_files_of_older_ones() {
        let results = vec![
            result(9, "a", "x86_64", "a_2.deb"),
            result(8, "a", "aarch64", "a_1_arm64.deb"),
            result(7, "b", "x86_64", "b_1.deb"),
            result(7, "b", "x86_64", "b-doc_1.deb"),
            result(6, "a", "x86_64", "a_1.deb"),
            result(6, "a", "x86_64", "a-doc_1.deb"),
        ];
        let names: Vec<String> = newest(results).into_iter().map(|result| result.file.name.to_string()).collect();
        assert_eq!(names, ["a_1_arm64.deb", "a_2.deb", "b-doc_1.deb", "b_1.deb"]);
    }
}
