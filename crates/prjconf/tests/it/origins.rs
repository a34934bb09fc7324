//! Every entry of a result knows the line it comes from.

use prjconf::keyword::List;
use prjconf::{Options, PathElement, ServerContext, SourceText, combine, evaluate, load, parse, server_config};

/// `NAME:LINE` of an entry.
fn place(tree: &prjconf::Tree, keyword: &str, entry: &str) -> String {
    let evaluated = evaluate(tree, &Options::for_arch("x86_64"));
    match evaluated.locate(tree, keyword, entry) {
        Some(place) => format!("{}:{}", place.name, place.line),
        None => "nowhere".to_owned(),
    }
}

#[test]
fn entries_of_joined_texts_cite_source_and_line() {
    let tree = combine(&[
        SourceText { name: "base", text: b"# c\nPrefer: a b\nSubstitute: x y\nType: spec\n" },
        SourceText { name: "own", text: b"Prefer: !a c\n\nPrefer: a\nSubstitute: x z\nOrder: p:q\n" },
    ]);
    assert_eq!(place(&tree, "Prefer", "b"), "base:2");
    assert_eq!(place(&tree, "Prefer", "a"), "own:3");
    assert_eq!(place(&tree, "substitute", "x"), "own:4");
    assert_eq!(place(&tree, "Order", "p:q"), "own:5");
    assert_eq!(place(&tree, "Type", ""), "base:4");
    assert_eq!(place(&tree, "BinaryType", ""), "nowhere");
    assert_eq!(place(&tree, "Prefer", "nosuch"), "nowhere");
}

#[test]
fn the_span_is_the_word_itself_or_the_line_macros_made() {
    let text = b"%define w x y\nPrefer: a %w b\nPrefer: c d\n";
    let tree = parse(text);
    let evaluated = evaluate(&tree, &Options::for_arch("x86_64"));
    let spans: Vec<&[u8]> = (0..evaluated.config.prefer.len())
        .map(|index| evaluated.origins.of_list(&tree, List::Prefer, index).unwrap().span)
        .map(|span| &text[span.start..span.end])
        .collect();
    assert_eq!(evaluated.config.prefer, ["a", "x", "y", "b", "c", "d"]);
    assert_eq!(spans[1], b"Prefer: a %w b");
    assert_eq!(spans[5], b"d");
}

#[test]
fn files_and_projects_are_cited_too() {
    let tree = load("own.conf", b"#!PrependConfigFile: base.conf\nPrefer: b\n", &mut |name| {
        (name == "base.conf").then(|| b"Prefer: a\n".to_vec())
    })
    .unwrap();
    assert_eq!(place(&tree, "Prefer", "a"), "base.conf:1");
    assert_eq!(place(&tree, "Prefer", "b"), "own.conf:2");
    let context = ServerContext { project: "p:q", repository: "r", ..ServerContext::default() };
    let base = PathElement { project: "p", repository: "standard", text: Some(b"\nKeep: k-%_repository\n") };
    let tree = server_config(&context, &[base]);
    assert_eq!(place(&tree, "Keep", "k-standard"), "p/standard:2");
}

#[test]
fn a_missing_prepended_file_is_an_error() {
    let error = load("a", b"#!PrependConfigFile: b\n", &mut |_| None).unwrap_err();
    assert_eq!(error.to_string(), "b: No such file or directory");
}
