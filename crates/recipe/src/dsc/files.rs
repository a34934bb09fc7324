//! The files a source package is made of: Files, with the digests of Checksums-Sha256.

use pkg::Sha256;
use pkg::deb822::Field;

use super::{Reading, shortened};
use crate::{Finding, Grade, SourceFile};

/// Most files of one source package.
const LIMIT_FILES: usize = 1000;

/// The fields that list files, the one we trust first.
const FIELDS: [&str; 3] = ["Checksums-Sha256", "Checksums-Sha1", "Files"];

/// All files any of the fields names; names that could lead out of a folder are refused with a finding.
pub(super) fn read(reading: &mut Reading<'_>) -> Vec<SourceFile> {
    let mut files: Vec<SourceFile> = Vec::new();
    for name in FIELDS {
        let Some(field) = reading.paragraph.field(name) else { continue };
        for line in field.lines().take(LIMIT_FILES) {
            match read_line(line) {
                Ok(file) => add(&mut files, file, &field, reading),
                Err(message) => {
                    let message = format!("{name}: {message}: {:?}", shortened(line));
                    reading.findings.push(Finding::new(Grade::Error, "dsc-bad-file", reading.span(&field), message));
                }
            }
        }
    }
    if let Some(file) = files.iter().find(|file| file.sha256.is_none()) {
        let message = format!("{} has no SHA-256 digest, so its content can not be checked", file.name);
        reading.findings.push(Finding::new(Grade::Warning, "dsc-no-sha256", 0..0, message));
    }
    files
}

fn add(files: &mut Vec<SourceFile>, file: SourceFile, field: &Field<'_>, reading: &mut Reading<'_>) {
    let Some(known) = files.iter().find(|known| known.name == file.name) else { return files.push(file) };
    if known.bytes != file.bytes || (file.sha256.is_some() && known.sha256 != file.sha256) {
        let message = format!("{}: {} is described differently elsewhere", field.name, file.name);
        reading.findings.push(Finding::new(Grade::Error, "dsc-files-differ", reading.span(field), message));
    }
}

/// `DIGEST SIZE NAME`.
fn read_line(line: &str) -> Result<SourceFile, &'static str> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [digest, size, name] = words.as_slice() else { return Err("not a digest, a size and a name") };
    if !size.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("the size is not a number");
    }
    let bytes = size.parse().map_err(|_| "the size is not a number")?;
    if !is_safe_name(name) {
        return Err("not a harmless file name");
    }
    let sha256 = match digest.len() {
        64 => Some(Sha256::parse(digest).map_err(|_| "the digest is not hexadecimal")?),
        32 | 40 if digest.bytes().all(|byte| byte.is_ascii_hexdigit()) => None,
        _ => return Err("the digest is neither SHA-256, SHA-1 nor MD5"),
    };
    Ok(SourceFile { name: (*name).to_owned(), bytes, sha256 })
}

/// One path component of the characters package names and versions have; no hidden files.
fn is_safe_name(name: &str) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'_' | b'~' | b'%' | b':');
    (1..=255).contains(&name.len()) && !name.starts_with(['.', '-']) && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::super::{parse, tests::target};

    const SHA: &str = "31e066137a962676e89f69d1b65382de95a7ef7d914b8cb956f41ea72e0f516b";
    const MD5: &str = "6cd0ffea3884a4e79330338dcc2987d6";

    fn read(fields: &str) -> (Vec<String>, Vec<&'static str>) {
        let (recipe, findings) = parse(&format!("Source: a\nVersion: 1\n{fields}"), &target(&[]));
        let files = recipe.unwrap().source_files.into_iter().map(|file| file.name).collect();
        (files, findings.iter().map(|finding| finding.code).collect())
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in ["../x", "/etc/passwd", "a/b", "..", ".", ".hidden", "-rf", "a\u{7}b", "a\u{e9}"] {
            let (files, findings) = read(&format!("Files:\n {MD5} 1 {name}\n"));
            assert!(files.is_empty() && findings == ["dsc-bad-file"], "{name:?}: {files:?} {findings:?}");
        }
        assert_eq!(read(&format!("Checksums-Sha256:\n {SHA} 1 a_1.orig.tar.xz\n")).0, ["a_1.orig.tar.xz"]);
    }

    #[test]
    fn a_file_without_sha256_is_a_warning() {
        assert_eq!(read(&format!("Files:\n {MD5} 1 a.tar\n")).1, ["dsc-no-sha256"]);
    }

    #[test]
    fn lists_that_contradict_each_other_are_errors() {
        let fields = format!("Checksums-Sha256:\n {SHA} 1 a.tar\nFiles:\n {MD5} 2 a.tar\n");
        assert_eq!(read(&fields), (vec!["a.tar".to_owned()], vec!["dsc-files-differ"]));
    }

    #[test]
    fn damaged_lines_are_reported() {
        for line in ["x 1 a", &format!("{MD5} -1 a"), &format!("{MD5} 1"), &format!("{MD5} 99999999999999999999999 a")]
        {
            assert_eq!(read(&format!("Files:\n {line}\n")), (vec![], vec!["dsc-bad-file"]), "{line}");
        }
    }
}
