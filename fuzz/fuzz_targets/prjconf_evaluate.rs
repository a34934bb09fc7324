//! Build configurations: an evaluation ends, depends on nothing else, and says where its entries are.
#![no_main]

use prjconf::keyword::{KEYWORDS, Kind};
use prjconf::{Macros, Options, dump, evaluate, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let tree = parse(bytes);
    let options = Options::for_arch("x86_64");
    let evaluated = evaluate(&tree, &options);
    assert!(dump(&evaluated) == dump(&evaluate(&tree, &options)), "two evaluations differ");
    for (index, entry) in evaluated.config.prefer.iter().enumerate() {
        let list = KEYWORDS.iter().find_map(|keyword| match keyword.kind {
            Kind::List(list) if keyword.spelling == "Prefer:" => Some(list),
            _ => None,
        });
        let origin = evaluated.origins.of_list(&tree, list.expect("Prefer is a list"), index);
        let origin = origin.unwrap_or_else(|| panic!("{entry}: no origin"));
        let text = &bytes[origin.span.start..origin.span.end];
        assert!(origin.is_expanded || prjconf::decode(text) == entry, "{entry}: the origin is {text:?}");
    }
    let mut macros = Macros::of_config(&evaluated.config);
    let names: Vec<&str> = evaluated.config.macros.iter().filter_map(|line| line.split([' ', '(']).nth(1)).collect();
    for name in names.into_iter().take(20) {
        let _ = macros.expand(&format!("%{{{name} a -b c}}"));
    }
});
