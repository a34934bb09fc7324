//! Reads which archives this machine's apt uses: `sources.list`, `*.list` and `*.sources`.
//!
//! Only `deb` entries count; options in brackets are skipped. Rule: sources.list(5).

use pkg::deb822;

/// One archive and one suite of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AptSource {
    /// Address of the folder that holds `dists/`, without a slash at its end.
    pub(crate) url: String,
    /// Suite.
    pub(crate) suite: String,
    /// Components.
    pub(crate) components: Vec<String>,
}

/// Reads the one-line format.
pub(crate) fn parse_list(text: &str) -> Vec<AptSource> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<AptSource> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    let mut words = rest.split_whitespace();
    let url = words.next()?;
    let suite = words.next()?;
    Some(AptSource {
        url: url.trim_end_matches('/').to_owned(),
        suite: suite.to_owned(),
        components: words.map(str::to_owned).collect(),
    })
}

/// Reads the deb822 format; disabled stanzas and those without `deb` are skipped.
pub(crate) fn parse_sources(text: &str) -> Vec<AptSource> {
    let mut found = Vec::new();
    for stanza in deb822::paragraphs(text) {
        let words = |name: &str| -> Vec<String> {
            let value = stanza.field(name).map(|field| field.unfolded().into_owned()).unwrap_or_default();
            value.split_whitespace().map(str::to_owned).collect()
        };
        let enabled = stanza.get("Enabled").is_none_or(|value| !matches!(value, "no" | "false" | "0"));
        if !enabled || !words("Types").iter().any(|kind| kind == "deb") {
            continue;
        }
        for url in words("URIs") {
            for suite in words("Suites") {
                let url = url.trim_end_matches('/').to_owned();
                found.push(AptSource { url, suite, components: words("Components") });
            }
        }
    }
    found
}

/// Every source of this machine, in apt's order of reading: `sources.list`, then the files of `sources.list.d` by name.
///
/// Files that can not be read count as empty: a machine without apt has no sources.
pub(crate) fn read_machine(folder: &std::path::Path) -> Vec<AptSource> {
    let mut found =
        fs_err::read_to_string(folder.join("sources.list")).map(|text| parse_list(&text)).unwrap_or_default();
    let Ok(entries) = fs_err::read_dir(folder.join("sources.list.d")) else {
        return found;
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let parse = match path.extension().and_then(|extension| extension.to_str()) {
            Some("list") => parse_list,
            Some("sources") => parse_sources,
            _ => continue,
        };
        found.extend(fs_err::read_to_string(&path).map(|text| parse(&text)).unwrap_or_default());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(sources: &[AptSource]) -> Vec<String> {
        sources.iter().map(|s| format!("{} {} {}", s.url, s.suite, s.components.join(","))).collect()
    }

    #[test]
    fn one_line_entries_are_read_with_options_and_comments() {
        let text = "# deb http://old.example.org/debian bookworm main\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://deb.example.org/debian/ bookworm main contrib # ours\n\
                    deb-src http://deb.example.org/debian bookworm main\n\
                    debris\n";
        assert_eq!(draw(&parse_list(text)), ["http://deb.example.org/debian bookworm main,contrib"]);
    }

    #[test]
    fn stanzas_are_read_for_every_suite_and_disabled_ones_are_not() {
        let text = "Types: deb deb-src\n# dated\nURIs: http://deb.example.org/debian\nSuites: bookworm bookworm-updates\n\
                    Components: main\n\nTypes: deb-src\nURIs: http://src.example.org\nSuites: bookworm\n\n\
                    Enabled: no\nTypes: deb\nURIs: http://off.example.org\nSuites: bookworm\n";
        assert_eq!(
            draw(&parse_sources(text)),
            ["http://deb.example.org/debian bookworm main", "http://deb.example.org/debian bookworm-updates main"]
        );
    }

    #[test]
    fn a_machine_without_apt_has_no_sources() {
        assert!(read_machine(std::path::Path::new("/nonexistent")).is_empty());
    }
}
