//! `primary.xml`, `filelists.xml` and `other.xml`.
#![no_main]

use repo::is_safe_path;
use repo::rpmmd::{ListedFile, RpmMdLimits, find_owners, read_filelists, read_other, read_primary};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = RpmMdLimits { bytes: 1 << 20, package_bytes: 1 << 16, event_bytes: 1 << 12, entries: 1000 };
    let mut reader = bytes;
    let _ = read_primary(&mut reader, &limits, &mut |entry| {
        assert!(is_safe_path(&entry.location) && !entry.meta.name.is_empty());
    });
    let mut reader = bytes;
    let mut listed = Vec::new();
    let summary = read_filelists(&mut reader, &limits, &mut |entry| {
        for file in entry.files {
            let (ListedFile::Directory(path) | ListedFile::Ghost(path) | ListedFile::File(path)) = file;
            listed.push((entry.id.clone(), path));
        }
    });
    // Who looks for all paths finds all owners.
    if let Ok(summary) = summary {
        let wanted = listed.iter().map(|(_, path)| path.clone()).collect();
        let mut found = Vec::new();
        let mut reader = bytes;
        let again = find_owners(&mut reader, &limits, &wanted, &mut |id, path| {
            found.push((id.name.clone(), path.to_owned()));
        });
        assert_eq!(again.expect("it was readable"), summary);
        assert_eq!(found, listed.into_iter().map(|(id, path)| (id.name, path)).collect::<Vec<_>>());
    }
    let mut reader = bytes;
    let _ = read_other(&mut reader, &limits, &mut drop);
});
