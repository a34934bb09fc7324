//! What callers store for the writer of rpm-md: packages, outlines, and where chunks lie.
#![no_main]

use pkg::Sha256;
use repo::is_safe_path;
use repo::rpmmd::{ChunkCache, PackageOutline, PackageXml};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(outline) = PackageOutline::from_bytes(bytes) {
        assert!(is_safe_path(outline.location()));
        assert!(bytes.starts_with(&outline.to_bytes()));
    }
    if let Ok(package) = PackageXml::from_bytes(bytes) {
        let again = PackageXml::from_bytes(&package.to_bytes().expect("there is memory")).expect("it was just written");
        assert_eq!(again, package);
    }
    // With the digest that belongs to it, so the fields behind it are reached.
    let layout = [bytes, Sha256::of(bytes).as_bytes()].concat();
    let _ = ChunkCache::default().refill(&layout, &mut |sha256| {
        let (content, _) = bytes.split_at(bytes.len() / 2);
        (Sha256::of(content) != *sha256).then(|| content.to_vec())
    });
});
