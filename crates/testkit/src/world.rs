//! Packages as text, one a line:
//!
//! ```text
//! P: curl 8.0-1 amd64 requires libc6 >= 2, ssl conflicts wget
//! P: libssl1 provides ssl
//! ```
//!
//! Name, version (`1` if it is left out), architecture (`all` if it is left out), then word lists behind `provides`,
//! `requires`, `conflicts`, `recommends` and `source`, their entries between commas.

use pkg::PackageMeta;

const KEYS: [&str; 5] = ["provides", "requires", "conflicts", "recommends", "source"];

/// Reads the `P:` lines of a text, in order; other lines are skipped.
///
/// # Panics
/// If a `P:` line has no name.
#[must_use]
pub fn packages(text: &str) -> Vec<PackageMeta> {
    text.lines().filter_map(|line| line.trim().strip_prefix("P:")).map(package).collect()
}

fn package(line: &str) -> PackageMeta {
    let mut words = line.split_whitespace().peekable();
    let name = words.next().unwrap().to_owned();
    let evr = words.next_if(|word| !KEYS.contains(word)).unwrap_or("1").to_owned();
    let arch = words.next_if(|word| !KEYS.contains(word)).unwrap_or("all").to_owned();
    let own = format!("{name} = {evr}");
    let mut package = PackageMeta { name, evr, arch, provides: vec![own], ..PackageMeta::default() };
    while let Some(key) = words.next() {
        let mut list = Vec::new();
        while let Some(word) = words.next_if(|word| !KEYS.contains(word)) {
            list.push(word);
        }
        let entries = list.join(" ");
        let entries = entries.split(',').map(|entry| entry.trim().to_owned());
        match key {
            "provides" => package.provides.extend(entries),
            "requires" => package.requires.extend(entries),
            "conflicts" => package.conflicts.extend(entries),
            "recommends" => package.recommends.extend(entries),
            _ => package.source = Some(list.concat()),
        }
    }
    package
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_package() {
        let found = packages("P: curl 8.0-1 amd64 requires libc6 >= 2, a | b conflicts wget\n# no\nP: s source t\n");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].requires, ["libc6 >= 2", "a | b"]);
        assert_eq!((found[0].evr.as_str(), found[0].arch.as_str()), ("8.0-1", "amd64"));
        assert_eq!(found[0].provides, ["curl = 8.0-1"]);
        assert_eq!(found[1].source.as_deref(), Some("t"));
    }
}
