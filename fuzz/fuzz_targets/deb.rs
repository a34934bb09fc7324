//! Debian packages.
#![no_main]

use pkgfile::deb::{DebLimits, DebReader};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = DebLimits { control_bytes: 1 << 20, data_bytes: 1 << 20, ..DebLimits::default() };
    if let Ok(mut reader) = DebReader::open(bytes, limits) {
        for entry in reader.list().into_iter().flatten() {
            assert!(!entry.path.starts_with(b"/") && !entry.path.split(|byte| *byte == b'/').any(|part| part == b".."));
        }
    }
});
