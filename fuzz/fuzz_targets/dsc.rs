//! Debian source descriptions.
#![no_main]

use recipe::{Target, dsc};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let arch = pkg::Arch::parse("x86_64").expect("it is one");
    let (recipe, findings) = dsc::parse(text, &Target { arch: &arch, profiles: &["nocheck".to_owned()] });
    for finding in findings {
        assert!(finding.span.end <= text.len());
    }
    for file in recipe.into_iter().flat_map(|recipe| recipe.source_files) {
        assert!(!file.name.contains('/') && !file.name.starts_with('.'));
    }
});
