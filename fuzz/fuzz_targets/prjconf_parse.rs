//! Build configurations: the tree is the text, and every position in it can be told.
#![no_main]

use prjconf::{check, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let tree = parse(bytes);
    let items: Vec<&[u8]> = tree.items().iter().map(|item| tree.item_text(item)).collect();
    let joined = items.join(&b'\n');
    let without_last_line_feed = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    assert!(joined == bytes || joined == without_last_line_feed, "an item is lost");
    for finding in check(&tree, &["x86_64", "i586"]) {
        let span = finding.span;
        assert!(span.start <= span.end && span.end <= bytes.len(), "{finding:?}");
        assert!(!finding.message.contains('\n') && finding.help.is_none_or(|help| !help.contains('\n')));
        assert_eq!(tree.locate(span).line, tree.line_number(span.start));
    }
});
