//! Build configurations: another layout, the same meaning for every architecture.
#![no_main]

use prjconf::{Options, dump, evaluate, format, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let tree = parse(bytes);
    let formatted = format(&tree);
    let formatted_tree = parse(&formatted);
    for arch in ["x86_64", "i586"] {
        let options = Options::for_arch(arch);
        let (mut before, mut after) = (evaluate(&tree, &options), evaluate(&formatted_tree, &options));
        // Only the line number of a message may change.
        let without_line =
            |error: Option<String>| error.map(|text| text.split_once(": ").map(|(_, text)| text.to_owned()));
        assert_eq!(without_line(before.parse_error.take()), without_line(after.parse_error.take()));
        assert!(dump(&before) == dump(&after), "the meaning for {arch} is another");
    }
    assert!(format(&formatted_tree) == formatted, "a second formatting changes something");
});
