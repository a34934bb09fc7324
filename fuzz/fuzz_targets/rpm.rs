//! RPM packages.
#![no_main]

use pkgfile::rpm::{RelationKind, RpmLimits, RpmReader};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = RpmLimits { header_bytes: 1 << 20, payload_bytes: 1 << 20, ..RpmLimits::default() };
    let Ok(reader) = RpmReader::open(bytes, limits) else { return };
    let package = reader.package();
    let _ = (package.files(), package.changelog(), package.scripts(), package.identity(), package.signatures());
    for kind in RelationKind::ALL {
        for relation in package.relations(kind) {
            let _ = (relation.text(), relation.operator());
        }
    }
    for entry in reader.list().into_iter().flatten() {
        assert!(!entry.path.starts_with(b"/") && !entry.path.split(|byte| *byte == b'/').any(|part| part == b".."));
    }
});
