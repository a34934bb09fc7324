//! Archives inside RPM packages.
#![no_main]

use std::io::Read as _;

use pkgfile::cpio::{CpioLimits, CpioReader};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut reader = CpioReader::new(bytes, CpioLimits { members: 1000, ..CpioLimits::default() });
    while let Ok(Some(entry)) = reader.next_entry() {
        assert!(!entry.path.starts_with(b"/") && !entry.path.split(|byte| *byte == b'/').any(|part| part == b".."));
        let mut content = Vec::new();
        let _ = reader.read_to_end(&mut content);
        assert!(content.len() <= bytes.len());
    }
});
