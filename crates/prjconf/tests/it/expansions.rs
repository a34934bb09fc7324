//! Single expansions, one by one, as the peer answered them.

use std::path::Path;

use prjconf::{Options, evaluate, parse};

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                _ => '\\',
            },
            other => other,
        });
    }
    plain
}

#[test]
fn texts_expand_as_the_peer_expands_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/config/expansions.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let mut passed = 0;
    for group in text.split("\n== ").skip(1) {
        let (head, pairs) = group.split_once("\n--\n").unwrap();
        let (id, macros) = head.split_once('\n').unwrap_or((head, ""));
        let config = evaluate(&parse(format!("Macros:\n{macros}\n").as_bytes()), &Options::for_arch("x86_64")).config;
        for pair in pairs.lines().filter(|line| !line.is_empty()) {
            let (text, expected) = pair.split_once('\t').unwrap();
            let found = config.eval(&unescape(text)).text;
            assert_eq!(found, unescape(expected), "{id}: {text}");
            passed += 1;
        }
    }
    assert!(passed > 400, "{passed} only");
}
