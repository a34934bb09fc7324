//! Third-party crates: the workspace's list, the page that says why, and the code that uses them must agree.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

/// The page with one row a crate, or a few crates that are here for the same reason.
pub(crate) const PAGE: &str = "docs/decisions/dependencies.md";

/// One Rust file, as far as it is asked which crates it names.
pub(crate) struct RustFile<'a> {
    /// Path below the root.
    pub(crate) path: &'a Path,
    /// Its text.
    pub(crate) text: &'a str,
}

/// A crate of the workspace, and the third-party crates its manifest lists for whatever purpose.
struct Member {
    name: String,
    /// Folder below the root.
    folder: String,
    external: BTreeSet<String>,
}

/// Compares the workspace's list with the page and with the members, and each member's list with its code.
///
/// `metadata` is what `cargo metadata --no-deps` says.
pub(crate) fn problems(root: &Path, metadata: &Value, files: &[RustFile<'_>]) -> anyhow::Result<Vec<String>> {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).context("Cargo.toml")?;
    let page = std::fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    let (listed, explained) = (workspace_list(&manifest), table_rows(&page));
    let members = members(root, metadata)?;
    let used: BTreeSet<String> = members.iter().flat_map(|member| member.external.iter().cloned()).collect();
    let mut problems = Vec::new();
    problems.extend(listed.difference(&explained).map(|name| format!("{PAGE}: no row for {name}")));
    problems.extend(explained.difference(&listed).map(|name| format!("{PAGE}: {name} is no dependency")));
    problems.extend(listed.difference(&used).map(|name| format!("Cargo.toml: no crate uses {name}")));
    problems.extend(used.difference(&listed).map(|name| format!("Cargo.toml: {name} is used but not listed")));
    problems.extend(members.iter().flat_map(|member| unnamed(member, files)));
    Ok(problems)
}

/// The names in `[workspace.dependencies]` that are not crates of our own.
fn workspace_list(manifest: &str) -> BTreeSet<String> {
    let lines = manifest.lines().skip_while(|line| line.trim() != "[workspace.dependencies]").skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .filter(|(_, value)| !value.contains("path ="))
        .map(|(name, _)| name.trim().to_owned())
        .collect()
}

/// The names in the first cells of a page's table, between commas.
fn table_rows(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")).filter_map(|row| row.split_once(" | "));
    let names = rows.flat_map(|(names, _)| names.split(',')).map(str::trim);
    names.filter(|name| *name != "crate").map(str::to_owned).collect()
}

fn members(root: &Path, metadata: &Value) -> anyhow::Result<Vec<Member>> {
    let packages = metadata["packages"].as_array().context("cargo metadata: no packages")?;
    let member = |package: &Value| {
        let name = package["name"].as_str()?.to_owned();
        let folder = Path::new(package["manifest_path"].as_str()?).parent()?;
        let folder = folder.strip_prefix(root).unwrap_or(folder).to_str()?.to_owned();
        let dependencies = package["dependencies"].as_array()?.iter();
        // Crates of our own have no source.
        let external = dependencies.filter(|dependency| !dependency["source"].is_null());
        let external = external.filter_map(|dependency| dependency["name"].as_str()).map(str::to_owned).collect();
        Some(Member { name, folder, external })
    };
    packages.iter().map(|package| member(package).context("cargo metadata: a package that is not readable")).collect()
}

/// Dependencies of a member that none of its files names, nor a file that it shares with another member.
fn unnamed(member: &Member, files: &[RustFile<'_>]) -> Vec<String> {
    let own: Vec<_> = files.iter().filter(|file| file.path.starts_with(&member.folder)).collect();
    let shared: Vec<&str> = own.iter().flat_map(|file| shared_modules(file.text)).collect();
    let lent = files.iter().filter(|file| shared.iter().any(|path| file.path.ends_with(path)));
    let words: BTreeSet<&str> = own
        .iter()
        .copied()
        .chain(lent)
        .flat_map(|file| file.text.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .collect();
    // The library of `md-5` is `md5`.
    let is_named =
        |name: &str| words.contains(name.replace('-', "_").as_str()) || words.contains(name.replace('-', "").as_str());
    let unused = member.external.iter().filter(|name| !is_named(name));
    unused.map(|name| format!("{}: depends on {name}, which its code does not name", member.name)).collect()
}

/// The files that a file takes in by `#[path = "..."]`, without the steps up.
fn shared_modules(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("#[path = \"")?.strip_suffix("\"]"))
        .map(|path| path.trim_start_matches("../"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace]\nmembers = []\n\n[workspace.dependencies]\nown = { path = \"crates/own\" }\n\n\
                            # Data.\nserde = \"1\"\nmd-5 = { version = \"0.11\" }\n\n[profile.dev]\ndebug = 1\n";

    fn names(set: &BTreeSet<String>) -> String {
        set.iter().cloned().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_list_and_the_rows_are_read() {
        assert_eq!(names(&workspace_list(MANIFEST)), "md-5 serde");
        let page =
            "# Dependencies\n\n| crate | why |\n|---|---|\n| serde | data |\n| md-5, sha2 | digests, old and new |\n";
        assert_eq!(names(&table_rows(page)), "md-5 serde sha2");
    }

    #[test]
    fn every_disagreement_is_a_problem() {
        let folder = std::env::temp_dir().join(format!("xtask-dependencies-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("docs/decisions")).unwrap();
        std::fs::write(folder.join("Cargo.toml"), MANIFEST).unwrap();
        std::fs::write(folder.join(PAGE), "| crate | why |\n|---|---|\n| serde | data |\n| gone | once |\n").unwrap();
        let dependency = |name: &str| serde_json::json!({"name": name, "source": "registry"});
        let own = serde_json::json!({"name": "own", "source": null});
        let manifest_path = folder.join("crates/own/Cargo.toml");
        let package = serde_json::json!({
            "name": "own", "manifest_path": manifest_path,
            "dependencies": [own, dependency("serde"), dependency("loose")],
        });
        let file = RustFile { path: Path::new("crates/own/src/lib.rs"), text: "use loose::Knot;" };
        let found = problems(&folder, &serde_json::json!({"packages": [package]}), &[file]);
        std::fs::remove_dir_all(&folder).unwrap();
        let expected = [
            "docs/decisions/dependencies.md: no row for md-5",
            "docs/decisions/dependencies.md: gone is no dependency",
            "Cargo.toml: no crate uses md-5",
            "Cargo.toml: loose is used but not listed",
            "own: depends on serde, which its code does not name",
        ];
        assert_eq!(found.unwrap(), expected);
    }
}
