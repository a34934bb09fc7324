//! The manual says something about every keyword and finding, and its examples are right.

use std::path::Path;

use prjconf::keyword::KEYWORDS;
use prjconf::reference::{Topic, of_topic};
use prjconf::{Code, Grade, check, parse};

fn workspace() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn manual() -> String {
    std::fs::read_to_string(workspace().join("docs/formats/prjconf.5.md")).unwrap()
}

/// The part of the manual under a heading.
fn section<'a>(manual: &'a str, heading: &str) -> Option<&'a str> {
    let start = manual.find(&format!("\n{heading}\n"))? + heading.len() + 2;
    let rest = &manual[start..];
    let end = rest.find("\n### ").unwrap_or(rest.len()).min(rest.find("\n## ").unwrap_or(rest.len()));
    Some(&rest[..end])
}

/// The texts of all examples.
fn examples(text: &str) -> Vec<&str> {
    text.split("```prjconf\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn every_keyword_has_a_section_with_an_example() {
    let manual = manual();
    for keyword in KEYWORDS {
        let heading = format!("### {}", keyword.spelling);
        let section = section(&manual, &heading).unwrap_or_else(|| panic!("no section {heading}"));
        let is_old = matches!(keyword.spelling, "Changetarget:" | "SingleExport:");
        let shown = examples(section).iter().any(|example| example.contains(keyword.spelling));
        assert!(shown || is_old, "{heading}: no example");
    }
    let headings = manual.split("\n## KEYWORDS\n").nth(1).unwrap().split("\n## ").next().unwrap();
    for heading in headings.lines().filter_map(|line| line.strip_prefix("### ")) {
        assert!(KEYWORDS.iter().any(|keyword| keyword.spelling == heading), "{heading} is no keyword");
    }
}

#[test]
fn the_manual_and_the_hover_texts_are_the_same() {
    let manual = manual();
    for keyword in KEYWORDS {
        let section = section(&manual, &format!("### {}", keyword.spelling)).unwrap();
        let shown: Vec<&str> = section.split("```").next().unwrap().split_whitespace().collect();
        let kind = keyword.argument_kind();
        let kind = if kind.is_empty() { String::new() } else { format!("{kind}. ") };
        assert_eq!(shown.join(" "), format!("`{}` - {kind}{}", keyword.grammar(), keyword.effect));
    }
}

#[test]
fn the_manual_lists_all_names() {
    let mut names = String::new();
    for topic in Topic::ALL {
        names.push_str(&format!("### {}\n\n| form | meaning |\n|---|---|\n", topic.title()));
        for term in of_topic(*topic) {
            let old = term.instead.map_or(String::new(), |instead| format!(" (old; {instead})"));
            names.push_str(&format!("| `{}` | {}{old} |\n", term.form.replace('|', "\\|"), term.effect));
        }
        names.push('\n');
    }
    let manual = manual();
    let section = manual.split("\n## NAMES\n\n").nth(1).unwrap_or_default();
    assert!(section.starts_with(&names), "the section NAMES has to begin with:\n\n{names}");
}

#[test]
fn every_example_is_free_of_warnings() {
    let manual = manual();
    let examples = examples(&manual);
    assert!(examples.len() > 40);
    for example in examples {
        let found = check(&parse(example.as_bytes()), &["x86_64", "i586"]);
        let bad: Vec<_> = found.iter().filter(|finding| finding.grade() > Grade::Hint).collect();
        assert!(bad.is_empty(), "{example}{bad:?}");
    }
}

#[test]
fn every_keyword_has_a_case_in_the_corpus() {
    let mut texts = String::new();
    for case in std::fs::read_dir(workspace().join("corpus/config")).unwrap() {
        let Ok(files) = std::fs::read_dir(case.unwrap().path()) else { continue };
        for path in files.map(|file| file.unwrap().path()) {
            if path.extension().is_some_and(|extension| extension == "conf") {
                texts.push('\n');
                texts.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap()).to_lowercase());
            }
        }
    }
    let missing: Vec<&str> = KEYWORDS
        .iter()
        .map(|keyword| keyword.spelling)
        .filter(|spelling| !texts.contains(&format!("\n{}", spelling.to_lowercase())))
        .collect();
    assert!(missing.is_empty(), "no case: {missing:?}");
}

#[test]
fn the_table_of_findings_is_complete_and_its_examples_make_them() {
    let manual = manual();
    for code in Code::ALL {
        let row = format!("| {} | {} | {} | `", code.code(), code.name(), code.grade().as_str());
        let start = manual.find(&row).unwrap_or_else(|| panic!("no row {row}")) + row.len();
        let example = manual[start..].split('`').next().unwrap().replace('⏎', "\n");
        let text = format!("{example}\n");
        let found = check(&parse(text.as_bytes()), &["x86_64", "i586"]);
        let needs_weaker_text = *code == Code::UselessRemoval;
        assert!(needs_weaker_text || found.iter().any(|finding| finding.code == *code), "{row}{example}: {found:?}");
    }
}
