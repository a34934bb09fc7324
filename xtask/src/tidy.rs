//! The rules of ARCHITECTURE.md and CONTRIBUTING.md that a program can check.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::bless;
use crate::dependencies::{self, RustFile};

/// Longest file without its tests, in lines.
const FILE_LINES: usize = 600;

/// Words of the dialects, which only `web` (and `kiln`, for its client settings) may use in code.
const DIALECT_WORDS: [&str; 5] = ["copr", "osc", "api_2", "api_3", "srpm_url"];

/// Every broken rule, one line each.
pub(crate) fn problems(root: &Path) -> anyhow::Result<Vec<String>> {
    let sources = rust_sources(root)?;
    let metadata = metadata(root)?;
    let mut problems = arrow_problems(root, &metadata)?;
    problems.extend(dependency_problems(root, &metadata)?);
    problems.extend(generated_problems(root));
    problems.extend(sources.iter().filter_map(length_problem));
    problems.extend(sources.iter().flat_map(dialect_problems));
    problems.extend(place_problems(root)?);
    Ok(problems)
}

struct Source {
    path: PathBuf,
    text: String,
}

/// All Rust files under crates/*/src and xtask/src.
fn rust_sources(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in tracked_files(root)? {
        let is_source =
            path.extension().is_some_and(|ext| ext == "rs") && path.components().any(|part| part.as_os_str() == "src");
        if is_source && let Ok(text) = std::fs::read_to_string(root.join(&path)) {
            sources.push(Source { path, text });
        }
    }
    Ok(sources)
}

fn tracked_files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output().context("git ls-files")?;
    if !output.status.success() {
        bail!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}

/// Compares the table in ARCHITECTURE.md with the dependencies Cargo knows, both ways.
fn arrow_problems(root: &Path, metadata: &serde_json::Value) -> anyhow::Result<Vec<String>> {
    let page = std::fs::read_to_string(root.join("ARCHITECTURE.md")).context("ARCHITECTURE.md")?;
    let allowed = table_of_arrows(&page);
    let actual = actual_arrows(metadata)?;
    let mut problems = Vec::new();
    for (name, uses) in &actual {
        match allowed.get(name) {
            None => problems.push(format!("ARCHITECTURE.md: no row for crate {name}")),
            Some(may) => problems.extend(
                uses.difference(may)
                    .map(|used| format!("crates/{name}: uses {used}, which ARCHITECTURE.md does not allow")),
            ),
        }
    }
    problems.extend(
        allowed
            .keys()
            .filter(|name| !actual.contains_key(*name))
            .map(|name| format!("ARCHITECTURE.md: no crate {name}")),
    );
    Ok(problems)
}

/// Rows `| crate | charter | may use | zone |` as crate to allowed crates.
fn table_of_arrows(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    page.lines()
        .filter_map(|line| {
            let cells: Vec<&str> =
                line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
            let [name, _, uses, zone] = cells.as_slice() else { return None };
            let name = name.strip_prefix('`')?.strip_suffix('`')?;
            ["pure", "bytes", "world"].contains(zone).then(|| {
                let uses = uses.split(',').map(str::trim).filter(|word| !word.is_empty() && *word != "-");
                (name.to_owned(), uses.map(str::to_owned).collect())
            })
        })
        .collect()
}

/// What Cargo knows of the workspace's crates.
fn metadata(root: &Path) -> anyhow::Result<serde_json::Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata")
}

fn dependency_problems(root: &Path, metadata: &serde_json::Value) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    for path in tracked_files(root)? {
        if path.extension().is_some_and(|ext| ext == "rs")
            && let Ok(text) = std::fs::read_to_string(root.join(&path))
        {
            texts.push((path, text));
        }
    }
    let files: Vec<RustFile<'_>> = texts.iter().map(|(path, text)| RustFile { path, text }).collect();
    dependencies::problems(root, metadata, &files)
}

/// Normal dependencies between workspace crates.
fn actual_arrows(metadata: &serde_json::Value) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let packages = metadata["packages"].as_array().context("cargo metadata: no packages")?;
    let names: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut arrows = BTreeMap::new();
    for package in packages {
        let name = package["name"].as_str().context("cargo metadata: a package without a name")?;
        let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
        let uses = dependencies
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|used| names.contains(used))
            .map(str::to_owned);
        arrows.insert(name.to_owned(), uses.collect());
    }
    Ok(arrows)
}

fn generated_problems(root: &Path) -> Vec<String> {
    let restricted = bless::PURE.iter().chain(&bless::BYTES).map(|name| (format!("crates/{name}/clippy.toml"), true));
    std::iter::once(("clippy.toml".to_owned(), false))
        .chain(restricted)
        .filter(|(path, restricted)| {
            std::fs::read_to_string(root.join(path)).unwrap_or_default() != bless::clippy_toml(*restricted)
        })
        .map(|(path, _)| format!("{path}: not as generated (run `cargo xtask bless`)"))
        .collect()
}

fn length_problem(source: &Source) -> Option<String> {
    let lines = source.text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
    (lines > FILE_LINES)
        .then(|| format!("{}: {lines} lines without tests, more than {FILE_LINES}", source.path.display()))
}

fn dialect_problems(source: &Source) -> Vec<String> {
    let free = ["crates/web", "crates/kiln", "xtask"];
    if free.iter().any(|prefix| source.path.starts_with(prefix)) {
        return Vec::new();
    }
    let code = source.text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
    code.filter(|(_, line)| !line.trim_start().starts_with("//"))
        .flat_map(|(index, line)| {
            let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let found: Vec<String> =
                words.map(str::to_ascii_lowercase).filter(|w| DIALECT_WORDS.contains(&w.as_str())).collect();
            found.into_iter().map(move |word| (index + 1, word))
        })
        .map(|(line, word)| format!("{}:{line}: the word {word} belongs to web", source.path.display()))
        .collect()
}

/// Hosts of package registries and mirrors this machine is set up with must not be named in the project.
fn place_problems(root: &Path) -> anyhow::Result<Vec<String>> {
    let hosts = registry_hosts();
    let mut problems = Vec::new();
    for path in tracked_files(root)? {
        let is_lock = path.extension().is_some_and(|ext| ext == "lock");
        let Ok(text) = std::fs::read_to_string(root.join(&path)) else { continue };
        for (index, line) in text.lines().enumerate().filter(|_| !is_lock) {
            if let Some(host) = hosts.iter().find(|host| line.contains(host.as_str())) {
                problems.push(format!("{}:{}: names the host {host}", path.display(), index + 1));
            }
        }
    }
    Ok(problems)
}

fn registry_hosts() -> BTreeSet<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    files
        .extend(std::fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path()));
    files
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .flat_map(|text| {
            let addresses = text.split("://").skip(1).map(|rest| {
                rest.split(|c: char| c == '/' || c == ':' || c.is_whitespace()).next().unwrap_or_default().to_owned()
            });
            addresses.collect::<Vec<_>>()
        })
        .filter(|host| host.contains('.'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_keeps_its_own_rules() {
        let problems = problems(&crate::workspace_root()).unwrap();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    #[test]
    fn the_table_of_arrows_is_read() {
        let arrows = table_of_arrows(
            "| crate | charter | may use | zone |\n|---|---|---|---|\n| `a` | x | - | pure |\n| `b` | y | a, c | world |\n",
        );
        assert_eq!(arrows.len(), 2);
        assert!(arrows["a"].is_empty());
        assert!(arrows["b"].contains("c"));
    }

    #[test]
    fn dialect_words_are_found_in_code_but_not_in_comments_and_tests() {
        let source = Source {
            path: PathBuf::from("crates/model/src/x.rs"),
            text: "// copr says\nlet copr_x = 1;\nlet copr = 1;\n#[cfg(test)]\nlet osc = 2;\n".to_owned(),
        };
        assert_eq!(dialect_problems(&source), ["crates/model/src/x.rs:3: the word copr belongs to web"]);
    }
}
