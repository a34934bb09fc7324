//! Build configurations: several texts joined; every byte knows its source.
#![no_main]

use prjconf::{
    Options, PathElement, ServerContext, SourceText, Span, combine, dump, evaluate, scheduler_config, server_config,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // Bytes that no text has cut the input into texts, base first.
    let parts: Vec<&[u8]> = bytes.split(|byte| *byte == 0xff).take(6).collect();
    let names = ["a", "b", "c", "d", "e", "f"];
    let texts: Vec<SourceText<'_>> = parts.iter().zip(names).map(|(text, name)| SourceText { name, text }).collect();
    let tree = combine(&texts);
    for (start, byte) in tree.text().iter().enumerate() {
        let place = tree.locate(Span { start, end: start + 1 });
        if let Some(source) = place.source {
            assert_eq!(parts[source.0].get(place.span.start), Some(byte), "byte {start} is not where it is said to be");
        }
    }
    let _ = dump(&evaluate(&tree, &Options::for_arch("x86_64")));
    let path: Vec<PathElement<'_>> = parts
        .iter()
        .zip(names)
        .rev()
        .map(|(text, project)| PathElement { project, repository: "r", text: Some(text) })
        .collect();
    let context = ServerContext { project: "a", repository: "r", ..ServerContext::default() };
    for tree in [server_config(&context, &path), scheduler_config(&context, &path)] {
        let _ = dump(&evaluate(&tree, &Options::for_arch("i586")));
    }
});
