//! The fingerprint of what a package was built with: one line per dependency, compared to decide about rebuilds.
//!
//! Rule: `gen_meta`, `add_meta` and `diffdepth` of obs-build's PBuild::Meta, which perl-BSSolv shares.

use std::fmt;

use pkg::Md5;
use rustc_hash::{FxHashMap, FxHashSet};

/// A line of a fingerprint.
///
/// The first line of a package's own fingerprint names its source, every other line a dependency: `glibc` is one it was
/// built with, `bash/glibc` is what bash was built with at that time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetaLine {
    /// Names of packages, from the direct dependency on.
    pub path: String,
    /// What identifies the content: 32 hexadecimal digits.
    pub digest: String,
}

impl MetaLine {
    /// Reads `digest`, two blanks, `path`.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (digest, path) = line.split_once("  ")?;
        (!digest.is_empty() && !digest.contains(' ')).then(|| Self { path: path.to_owned(), digest: digest.to_owned() })
    }

    /// How indirect the dependency is: 0 for a direct one.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.path.bytes().filter(|byte| *byte == b'/').count()
    }

    fn components(&self) -> impl Iterator<Item = &str> {
        self.path.split('/')
    }

    fn first(&self) -> &str {
        self.components().next().unwrap_or_default()
    }

    /// What is the same thing wherever it is met: content and last name.
    fn key(&self) -> (String, String) {
        (self.digest.clone(), self.path.rsplit('/').next().unwrap_or_default().to_owned())
    }
}

impl fmt::Display for MetaLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.digest, self.path)
    }
}

/// How lines behind a dependency that itself depends on the package are treated (`genmetaalgo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetaAlgorithm {
    /// They are dropped.
    #[default]
    Drop,
    /// They are dropped together with equal ones that are not nearer.
    DropEqual,
}

/// The lines a dependency contributes: its binary, and what that was built with.
///
/// `stored` is the fingerprint kept when the binary was built. If it was built by `own_package` itself, nothing.
#[must_use]
pub fn lines_of_dependency(binary: &str, stored: &[MetaLine], own_package: Option<&str>) -> Vec<MetaLine> {
    let is_own = stored.first().is_some_and(|line| own_package == line.path.rsplit('/').next());
    if is_own {
        return Vec::new();
    }
    let mut lines: Vec<MetaLine> = stored
        .iter()
        .map(|line| MetaLine { path: format!("{binary}/{}", line.path), digest: line.digest.clone() })
        .collect();
    if let Some(first) = lines.first_mut() {
        binary.clone_into(&mut first.path);
    }
    lines
}

/// Sorts and prunes the lines of all dependencies of a package that makes `own_binaries`.
///
/// Each thing is listed once, where it is nearest; what leads back to the package itself is left out. Sorted by depth,
/// then path.
#[must_use]
pub fn fingerprint(own_binaries: &[String], mut lines: Vec<MetaLine>, algorithm: MetaAlgorithm) -> Vec<MetaLine> {
    let own: FxHashSet<&str> = own_binaries.iter().map(String::as_str).collect();
    let is_own = |line: &MetaLine| line.components().any(|name| own.contains(name));
    let cycle: FxHashSet<String> = lines
        .iter()
        .filter(|line| is_own(line) && !own.contains(line.first()))
        .map(|line| line.first().to_owned())
        .collect();
    lines.sort_by_cached_key(|line| (line.depth(), line.path.clone(), line.digest.clone()));

    let leads_back = |line: &MetaLine| line.components().skip(1).any(|name| cycle.contains(name));
    let mut nearest_back = FxHashMap::default();
    match algorithm {
        MetaAlgorithm::Drop => lines.retain(|line| !leads_back(line)),
        MetaAlgorithm::DropEqual => {
            for line in lines.iter().filter(|line| leads_back(line)) {
                nearest_back.entry(line.key()).or_insert_with(|| line.depth());
            }
        }
    }
    let mut seen = FxHashSet::default();
    lines.retain(|line| !seen.contains(&line.key()) && !is_own(line) && seen.insert(line.key()));
    lines.retain(|line| nearest_back.get(&line.key()).is_none_or(|depth| line.depth() < *depth));
    lines
}

/// Stands for the digest of a package that is known by its index only and was not downloaded yet.
pub const NOT_DOWNLOADED: &str = "d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0";

/// The fingerprint of an image: what goes into it, each package once, nothing of what that was built with.
///
/// Sorted by path, then line.
#[must_use]
pub fn image_fingerprint(packages: impl IntoIterator<Item = MetaLine>) -> Vec<MetaLine> {
    let mut lines: Vec<MetaLine> = packages.into_iter().collect();
    lines.sort();
    lines
}

/// What makes a package be built again besides its own source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rebuild {
    /// Any change of what it is built with.
    #[default]
    Transitive,
    /// A change of its direct dependencies.
    Direct,
}

/// The digest of a stored fingerprint.
#[must_use]
pub fn fingerprint_digest(lines: &[MetaLine]) -> Md5 {
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    Md5::of(lines.join("\n").as_bytes())
}

/// Stands for everything that a new fingerprint is made from: equal to that of the last look, the work of making one can
/// be saved.
///
/// `stored` is the digest of the stored fingerprint. `packages` are the names of the trigger set with their digests, in
/// any order; `host` those of the build host's side of a cross build. Unknown digests are [`NOT_DOWNLOADED`].
///
/// Rule: `lastcheck` of obs-build's PBuild::Checker, which the scheduler of the Open Build Service shares.
#[must_use]
pub fn shortcut(
    stored: Md5,
    algorithm: MetaAlgorithm,
    rebuild: Rebuild,
    packages: &[(&str, &str)],
    host: &[(&str, &str)],
) -> Md5 {
    let mut text = stored.to_string();
    text.push_str(match algorithm {
        MetaAlgorithm::Drop => "",
        MetaAlgorithm::DropEqual => "1",
    });
    text.push_str(match rebuild {
        Rebuild::Transitive => "transitive",
        Rebuild::Direct => "direct",
    });
    for side in [packages, host] {
        let mut side = side.to_vec();
        side.sort_unstable();
        text.extend(side.into_iter().map(|(_, digest)| digest));
    }
    Md5::of(text.as_bytes())
}

/// Whether two fingerprints have the same source and direct dependencies: all that counts with `rebuild="direct"`.
#[must_use]
pub fn is_same_directly(old: &[MetaLine], new: &[MetaLine]) -> bool {
    let direct = |lines: &[MetaLine]| lines.iter().filter(|line| line.depth() == 0).cloned().collect::<Vec<_>>();
    direct(old) == direct(new)
}

/// How near the first difference of two fingerprints is: 0 none, 1 the source, 2 a direct dependency, 3 one step on.
#[must_use]
pub fn difference_depth(old: &[MetaLine], new: &[MetaLine]) -> usize {
    let longest = old.len().max(new.len());
    let Some(index) = (0..longest).find(|index| old.get(*index) != new.get(*index)) else {
        return 0;
    };
    if index == 0 {
        return 1;
    }
    let depths = [old.get(index), new.get(index)];
    2 + depths.into_iter().flatten().map(MetaLine::depth).min().unwrap_or(0)
}

/// One difference between two fingerprints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetaChange<'a> {
    /// The dependency at this path is another one now.
    Changed(&'a str),
    /// There is a dependency more.
    Added(&'a str),
    /// There is a dependency less.
    Removed(&'a str),
}

/// All differences, sorted by path.
#[must_use]
pub fn differences<'a>(old: &'a [MetaLine], new: &'a [MetaLine]) -> Vec<MetaChange<'a>> {
    let sorted = |lines: &'a [MetaLine]| {
        let mut lines: Vec<&MetaLine> = lines.iter().collect();
        lines.sort();
        lines
    };
    let (old, new) = (sorted(old), sorted(new));
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    let mut changes = Vec::new();
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => return changes,
            (Some(before), Some(after)) if before.path == after.path => {
                if before.digest != after.digest {
                    changes.push(MetaChange::Changed(&before.path));
                }
                _ = (old.next(), new.next());
            }
            (Some(before), after) if after.is_none_or(|after| before.path < after.path) => {
                changes.push(MetaChange::Removed(&before.path));
                old.next();
            }
            (_, Some(after)) => {
                changes.push(MetaChange::Added(&after.path));
                new.next();
            }
            (Some(_), None) => {
                old.next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<MetaLine> {
        texts.iter().map(|text| MetaLine::parse(text).expect("two blanks in each line")).collect()
    }

    #[test]
    fn a_dependency_brings_what_it_was_built_with() {
        let stored = lines(&["11  bash", "22  glibc", "33  glibc/gcc"]);
        let brought: Vec<String> =
            lines_of_dependency("bash-devel", &stored, Some("x")).iter().map(ToString::to_string).collect();
        assert_eq!(brought, ["11  bash-devel", "22  bash-devel/glibc", "33  bash-devel/glibc/gcc"]);
        assert!(lines_of_dependency("bash-devel", &stored, Some("bash")).is_empty());
    }

    #[test]
    fn only_direct_dependencies_count_if_asked() {
        assert!(is_same_directly(&lines(&["1  a", "1  b/c"]), &lines(&["1  a", "2  b/c", "1  b/d"])));
        assert!(!is_same_directly(&lines(&["1  a"]), &lines(&["2  a"])));
    }

    #[test]
    fn an_image_lists_its_packages_by_name() {
        assert_eq!(image_fingerprint(lines(&["1  b", "3  a", "2  a"])), lines(&["2  a", "3  a", "1  b"]));
    }

    #[test]
    fn the_shortcut_is_the_one_of_the_peer() {
        let stored = fingerprint_digest(&lines(&["11  bash", "22  glibc"]));
        assert_eq!(stored.to_string(), "c4aadeb75665d3201ee18ee916f15041");
        let packages = [("glibc", "22"), ("gcc", NOT_DOWNLOADED)];
        let of = |algorithm, rebuild, host: &[_]| shortcut(stored, algorithm, rebuild, &packages, host).to_string();
        assert_eq!(of(MetaAlgorithm::Drop, Rebuild::Transitive, &[]), "01ee3e54b1d00ff3c9ebe297bc96b375");
        assert_eq!(
            of(MetaAlgorithm::DropEqual, Rebuild::Direct, &[("make", "33"), ("cc", "44")]),
            "dc90dbd94fd5aa8a71bd3fe0c94878cc"
        );
    }

    #[test]
    fn differences_are_matched_by_path() {
        let (old, new) = (lines(&["1  a", "1  b", "1  d"]), lines(&["1  a", "2  b", "1  c"]));
        assert_eq!(
            differences(&old, &new),
            [MetaChange::Changed("b"), MetaChange::Added("c"), MetaChange::Removed("d")]
        );
        assert_eq!(difference_depth(&old, &new), 2);
        assert_eq!(difference_depth(&old, &old), 0);
        assert_eq!(difference_depth(&lines(&["1  a"]), &lines(&["2  a"])), 1);
        assert_eq!(difference_depth(&lines(&["1  a", "1  b/c"]), &lines(&["1  a"])), 3);
    }
}
