//! What a publication of an rpm-md repository can start from: outlines of its packages and where the chunks of its indices lie, kept
//! as a file so that neither a rested nor a restarted service has to read every package again.
//!
//! The file is a copy that may be deleted at any time. One that is damaged or of another version is read as if it were not there.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use fs_err as fs;
use pkg::Sha256;
use repo::rpmmd::PackageOutline;

use crate::fields::{push_bytes, push_number, take_bytes, take_number, take_sha256, take_text};

/// In front of everything; another number for another form.
const FORM: u64 = 1;

/// A published package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// Of what the index at the top and the one of its architecture say of it.
    pub(super) outlines: [PackageOutline; 2],
    pub(super) bytes: u64,
    pub(super) sha256: Sha256,
}

/// The packages by digest of their result and path, and the layout of each index by its folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) packages: HashMap<(Sha256, String), Known>,
    pub(super) layouts: Vec<(String, Vec<u8>)>,
}

/// Reads what was kept; nothing if there is no such file or it can not be used.
pub(super) fn read(path: &Path) -> Option<Kept> {
    let bytes = fs::read(path).ok()?;
    let kept = decode(&bytes);
    if kept.is_none() {
        tracing::warn!(path = %path.display(), "a kept outline of a repository can not be used; its packages are read again");
    }
    kept
}

/// Keeps packages and layouts in place of what was kept before.
///
/// # Errors
/// The file can not be written; everything works without it.
pub(super) fn write<'a>(
    path: &Path,
    packages: &HashMap<(Sha256, String), Known>,
    layouts: impl ExactSizeIterator<Item = (&'a str, Vec<u8>)>,
) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&encode(packages, layouts))?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn encode<'a>(
    packages: &HashMap<(Sha256, String), Known>,
    layouts: impl ExactSizeIterator<Item = (&'a str, Vec<u8>)>,
) -> Vec<u8> {
    let mut out = FORM.to_le_bytes().to_vec();
    push_number(&mut out, packages.len());
    for ((result, path), known) in packages {
        out.extend_from_slice(result.as_bytes());
        push_bytes(&mut out, path.as_bytes());
        out.extend_from_slice(known.sha256.as_bytes());
        out.extend_from_slice(&known.bytes.to_le_bytes());
        known.outlines.iter().for_each(|outline| push_bytes(&mut out, &outline.to_bytes()));
    }
    push_number(&mut out, layouts.len());
    for (folder, layout) in layouts {
        push_bytes(&mut out, folder.as_bytes());
        push_bytes(&mut out, &layout);
    }
    let sum = Sha256::of(&out);
    out.extend_from_slice(sum.as_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<Kept> {
    let (content, sum) = bytes.split_last_chunk::<32>()?;
    if Sha256::of(content).as_bytes() != sum {
        return None;
    }
    let mut rest = content;
    take_number(&mut rest).filter(|form| *form == FORM)?;
    let mut kept = Kept::default();
    for _ in 0..take_number(&mut rest)? {
        let result = take_sha256(&mut rest)?;
        let path = take_text(&mut rest)?;
        let sha256 = take_sha256(&mut rest)?;
        let bytes = take_number(&mut rest)?;
        let mut outline = || PackageOutline::from_bytes(take_bytes(&mut rest)?).ok();
        let outlines = [outline()?, outline()?];
        kept.packages.insert((result, path), Known { outlines, bytes, sha256 });
    }
    for _ in 0..take_number(&mut rest)? {
        kept.layouts.push((take_text(&mut rest)?, take_bytes(&mut rest)?.to_vec()));
    }
    rest.is_empty().then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use repo::rpmmd::PackageXml;

    fn kept() -> Kept {
        let element = |location: &str| {
            PackageXml::from_elements(location.to_owned(), "<package/>\n".to_owned(), String::new(), String::new())
        };
        let outlines = ["x86_64/1/a.rpm", "1/a.rpm"].map(|location| element(location).outline().clone());
        let known = Known { outlines, bytes: 7, sha256: Sha256::of(b"signed") };
        Kept {
            packages: [((Sha256::of(b"result"), "x86_64/1/a.rpm".to_owned()), known)].into(),
            layouts: vec![(String::new(), b"layout".to_vec()), ("x86_64".to_owned(), Vec::new())],
        }
    }

    fn bytes() -> Vec<u8> {
        let kept = kept();
        encode(&kept.packages, kept.layouts.iter().map(|(folder, layout)| (folder.as_str(), layout.clone())))
    }

    #[test]
    fn what_was_kept_reads_back_the_same() {
        assert_eq!(decode(&bytes()), Some(kept()));
    }

    #[test]
    fn damaged_bytes_are_as_good_as_none() {
        let bytes = bytes();
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None);
        }
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert_eq!(decode(&damaged), None);
        }
    }
}
