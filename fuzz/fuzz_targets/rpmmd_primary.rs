//! `primary.xml`, `filelists.xml` and `other.xml`.
#![no_main]

use repo::is_safe_path;
use repo::rpmmd::{RpmMdLimits, read_filelists, read_other, read_primary};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = RpmMdLimits { bytes: 1 << 20, package_bytes: 1 << 16, event_bytes: 1 << 12, entries: 1000 };
    let mut reader = bytes;
    let _ = read_primary(&mut reader, &limits, &mut |entry| {
        assert!(is_safe_path(&entry.location) && !entry.meta.name.is_empty());
    });
    let mut reader = bytes;
    let _ = read_filelists(&mut reader, &limits, &mut drop);
    let mut reader = bytes;
    let _ = read_other(&mut reader, &limits, &mut drop);
});
