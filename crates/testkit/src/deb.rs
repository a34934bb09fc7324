//! Debian packages and source packages from a few words, byte for byte the same each time.

use pkg::Sha256;

/// A binary package with these control fields and one file in its data.
///
/// `control` is the text of the control file, with a newline at its end.
#[must_use]
pub fn package(control: &str, content: &str) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    member(&mut bytes, "debian-binary", b"2.0\n");
    member(&mut bytes, "control.tar", &tar(&[("./control", control.as_bytes())]));
    member(&mut bytes, "data.tar", &tar(&[("./usr/share/content", content.as_bytes())]));
    bytes
}

/// The text of a `.dsc` for some files; `fields` are further lines (`Build-Depends: ...`), each with its newline.
#[must_use]
pub fn description(source: &str, version: &str, fields: &str, files: &[(&str, &[u8])]) -> String {
    let lines: String =
        files.iter().map(|(name, content)| format!(" {} {} {name}\n", Sha256::of(content), content.len())).collect();
    format!(
        "Format: 3.0 (native)\nSource: {source}\nBinary: {source}\nArchitecture: any\nVersion: {version}\n{fields}\
         Checksums-Sha256:\n{lines}"
    )
}

fn member(archive: &mut Vec<u8>, name: &str, content: &[u8]) {
    archive.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).bytes());
    archive.extend(content);
    if content.len() % 2 == 1 {
        archive.push(b'\n');
    }
}

/// A plain ustar archive.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in files {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, name);
        put(100, "0000644\0");
        put(108, "0000000\0");
        put(116, "0000000\0");
        put(124, &format!("{:011o}\0", content.len()));
        put(136, "00000000000\0");
        put(148, "        ");
        put(156, "0");
        put(257, "ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        archive.extend(*content);
        archive.resize(archive.len().div_ceil(512) * 512, 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}
