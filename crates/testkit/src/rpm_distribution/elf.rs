//! The names by which rpms ask for shared libraries: `libc.so.6(GLIBC_2.34)(64bit)`.
//!
//! Reads what the linker wrote of a 64-bit little-endian library (System V gABI: "Dynamic Section", "Symbol Versioning" of the
//! LSB): its soname and the versions it defines. Everything else has no names.

const DYNAMIC: u32 = 6;
const VERSION_DEFINITIONS: u32 = 0x6fff_fffd;
const TAG_SONAME: u64 = 14;
/// The definition that repeats the soname.
const FLAG_BASE: u16 = 1;

/// What a file provides. Rule: rpm's `elfdeps --provides`.
pub(super) fn provides(file: &[u8]) -> Vec<String> {
    names(file).unwrap_or_default()
}

fn names(file: &[u8]) -> Option<Vec<String>> {
    // 64 bits, little-endian.
    if !file.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let table = usize::try_from(u64_at(file, 40)?).ok()?;
    let (size, count) = (usize::from(u16_at(file, 58)?), usize::from(u16_at(file, 60)?));
    let sections = || (0..count).filter_map(|index| Section::read(file, table, size, index));
    let dynamic = sections().find(|section| section.kind == DYNAMIC)?;
    let strings = Section::read(file, table, size, dynamic.link)?.content(file)?;
    let soname = dynamic.content(file)?.chunks_exact(16).find(|entry| u64_at(entry, 0) == Some(TAG_SONAME))?;
    let soname = string_at(strings, u64_at(soname, 8)?)?;
    let mut names = vec![format!("{soname}()(64bit)")];
    if let Some(section) = sections().find(|section| section.kind == VERSION_DEFINITIONS) {
        let strings = Section::read(file, table, size, section.link)?.content(file)?;
        names.extend(versions(section.content(file)?, strings).map(|version| format!("{soname}({version})(64bit)")));
    }
    Some(names)
}

/// Names of the defined versions, in order.
fn versions<'a>(definitions: &'a [u8], strings: &'a [u8]) -> impl Iterator<Item = &'a str> {
    let mut next = Some(0);
    let definition = move || {
        let at: usize = next?;
        let entry = definitions.get(at..)?;
        let step = u32_at(entry, 16)?;
        next = if step == 0 { None } else { at.checked_add(usize::try_from(step).ok()?) };
        let first = entry.get(usize::try_from(u32_at(entry, 12)?).ok()?..)?;
        Some((u16_at(entry, 2)?, string_at(strings, u64::from(u32_at(first, 0)?))?))
    };
    std::iter::from_fn(definition).filter(|(flags, _)| flags & FLAG_BASE == 0).map(|(_, name)| name)
}

#[derive(Debug, Clone, Copy)]
struct Section {
    kind: u32,
    start: usize,
    bytes: usize,
    link: usize,
}

impl Section {
    fn read(file: &[u8], table: usize, size: usize, index: usize) -> Option<Self> {
        let header = file.get(table.checked_add(size.checked_mul(index)?)?..)?;
        Some(Self {
            kind: u32_at(header, 4)?,
            start: usize::try_from(u64_at(header, 24)?).ok()?,
            bytes: usize::try_from(u64_at(header, 32)?).ok()?,
            link: usize::try_from(u32_at(header, 40)?).ok()?,
        })
    }

    fn content(self, file: &[u8]) -> Option<&[u8]> {
        file.get(self.start..)?.get(..self.bytes)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..)?.get(..2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.get(..4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..)?.get(..8)?.try_into().ok()?))
}

fn string_at(strings: &[u8], at: u64) -> Option<&str> {
    let rest = strings.get(usize::try_from(at).ok()?..)?;
    std::str::from_utf8(rest.split(|byte| *byte == 0).next()?).ok()
}
