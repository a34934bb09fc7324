use super::super::html::{Html, Tag, tag};
use crate::native::wire::FindingAnswer;

/// Findings as a list; each leads to its line.
pub(super) fn list(findings: &[FindingAnswer]) -> Tag {
    let items: Html = findings.iter().map(item).collect();
    tag("ol").class("findings").attr("id", "findings").add(items)
}

/// What is found, in one sentence.
pub(super) fn summary(findings: &[FindingAnswer]) -> String {
    if findings.is_empty() {
        return "Nothing is odd about it.".to_owned();
    }
    let of = |grade: &str| findings.iter().filter(|finding| finding.grade == grade).count() as u64;
    let words = |grade: &str, one: &str, many: &str| {
        Some(of(grade)).filter(|number| *number > 0).map(|number| super::super::words::count(number, one, many))
    };
    let parts =
        [words("error", "error", "errors"), words("warning", "warning", "warnings"), words("hint", "hint", "hints")];
    format!("{}.", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn item(finding: &FindingAnswer) -> Tag {
    let class = match finding.grade.as_str() {
        "error" => "error",
        "warning" => "warning",
        _ => "hint",
    };
    let place = tag("a")
        .href(&format!("?line={}#text", finding.line))
        .attr("data-line", finding.line.to_string())
        .add(format!("line {}", finding.line));
    tag("li")
        .class(class)
        .add(place)
        .add(" ")
        .add(tag("span").class("grade").add(finding.grade.as_str()))
        .add(": ")
        .add(finding.message.as_str())
        .add(finding.help.as_ref().map(|help| tag("div").class("dim").add(help)))
}
