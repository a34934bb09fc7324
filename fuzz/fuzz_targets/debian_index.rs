//! `Release`, `Packages` and `Sources`.
#![no_main]

use repo::debian::{IndexLimits, Release, is_safe_path, read_packages, read_sources};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let limits = IndexLimits::default();
    let _ = Release::parse(text);
    let _ = read_packages(&mut text.as_bytes(), &limits, &mut |entry| assert!(is_safe_path(&entry.path)));
    let _ = read_sources(&mut text.as_bytes(), &limits, &mut |entry| {
        assert!(entry.files.iter().all(|file| is_safe_path(&entry.path(file))));
    });
});
