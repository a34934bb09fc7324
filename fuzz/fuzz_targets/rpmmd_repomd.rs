//! `repomd.xml`.
#![no_main]

use repo::is_safe_path;
use repo::rpmmd::{Repomd, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(repomd) = Repomd::parse(bytes) else { return };
    for file in &repomd.files {
        assert!(is_safe_path(&file.path));
        let _ = (file.compression(), open_file(file, b"").is_ok(), repomd.file(&file.kind));
    }
});
