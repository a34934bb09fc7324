//! Tar archives.
#![no_main]

use std::io::Read as _;

use pkgfile::tar::{TarLimits, TarReader};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut reader = TarReader::new(bytes, TarLimits::default());
    while let Ok(Some(entry)) = reader.next_entry() {
        let mut content = Vec::new();
        if reader.read_to_end(&mut content).is_ok() {
            assert_eq!(content.len() as u64, entry.bytes);
        }
    }
});
