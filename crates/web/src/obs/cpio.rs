//! cpio archives in the "new ASCII" form, as the client sends and wants them: magic `070701`, everything padded to 4 bytes.

/// In front of every member.
const MAGIC: &[u8] = b"070701";
const HEADER_BYTES: usize = 110;
const TRAILER: &str = "TRAILER!!!";
/// Most members of an archive that is read.
const MAX_MEMBERS: usize = 1000;

/// Whether some bytes are such an archive.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The members of an archive by name, in its order; nothing if it is damaged. What stands behind its end does not count.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<(String, &[u8])>> {
    let (mut members, mut at) = (Vec::new(), 0);
    loop {
        let header = bytes.get(at..at + HEADER_BYTES)?;
        if !is_archive(header) || members.len() >= MAX_MEMBERS {
            return None;
        }
        let number = |field: usize| -> Option<usize> {
            let digits = header.get(6 + 8 * field..14 + 8 * field)?;
            usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        };
        let (size, name_size) = (number(6)?, number(11)?);
        let name_at = at + HEADER_BYTES;
        let name = bytes.get(name_at..name_at.checked_add(name_size)?)?;
        let name = std::str::from_utf8(name.strip_suffix(b"\0")?).ok()?;
        if name == TRAILER {
            return Some(members);
        }
        let content_at = padded(name_at + name_size);
        let end = content_at.checked_add(size)?;
        members.push((name.to_owned(), bytes.get(content_at..end)?));
        at = padded(end);
    }
}

const fn padded(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// What stands in front of the content of a file; `None` if the file is too large for the form.
pub(super) fn header(name: &str, bytes: u64, modified_at: i64) -> Option<Vec<u8>> {
    let bytes = u32::try_from(bytes).ok()?;
    let modified_at = u32::try_from(modified_at).unwrap_or_default();
    let name_size = u32::try_from(name.len() + 1).ok()?;
    let fields = [0, 0o100_644, 0, 0, 1, modified_at, bytes, 0, 0, 0, 0, name_size, 0];
    let mut header = MAGIC.to_vec();
    for field in fields {
        header.extend_from_slice(format!("{field:08X}").as_bytes());
    }
    header.extend_from_slice(name.as_bytes());
    header.push(0);
    header.resize(padded(header.len()), 0);
    Some(header)
}

/// What stands behind the content of a file.
pub(super) fn padding(bytes: u64) -> &'static [u8] {
    const NOTHING: &[u8] = &[0; 3];
    let count = usize::try_from((4 - bytes % 4) % 4).unwrap_or_default();
    NOTHING.get(..count).unwrap_or_default()
}

/// A small file, whole.
pub(super) fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let mut member = header(name, content.len() as u64, 0).unwrap_or_default();
    member.extend_from_slice(content);
    member.extend_from_slice(padding(content.len() as u64));
    member
}

/// The end of an archive.
pub(super) fn end() -> Vec<u8> {
    header(TRAILER, 0, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_padding_behind_the_end_ignored() {
        let mut archive = Vec::new();
        for (name, content) in [("a.spec", "Name: a"), ("bb", ""), ("ccc", "1234")] {
            archive.extend(file(name, content.as_bytes()));
            assert_eq!(archive.len() % 4, 0);
        }
        archive.extend(end());
        archive.resize(archive.len().next_multiple_of(512), 0);
        let members = read(&archive).unwrap();
        let names: Vec<(&str, usize)> = members.iter().map(|(name, bytes)| (name.as_str(), bytes.len())).collect();
        assert_eq!(names, [("a.spec", 7), ("bb", 0), ("ccc", 4)]);
    }

    #[test]
    fn damaged_archives_are_no_archives() {
        let mut archive = file("a", b"content");
        archive.extend(end());
        for length in 0..archive.len() - 3 {
            assert!(read(&archive[..length]).is_none(), "{length}");
        }
        let mut huge = archive.clone();
        huge[6 + 8 * 6..14 + 8 * 6].copy_from_slice(b"FFFFFFFF");
        assert!(read(&huge).is_none());
        huge[6 + 8 * 11..14 + 8 * 11].copy_from_slice(b"FFFFFFFF");
        assert!(read(&huge).is_none());
    }
}
