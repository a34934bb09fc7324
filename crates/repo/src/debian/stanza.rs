use pkg::deb822::{ControlFields, push_field};
use pkg::{Md5, Sha256};

use super::is_safe_path;

/// One package's paragraph of a `Packages` index, made once and kept by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    name: String,
    version: String,
    architecture: String,
    text: String,
    sha256: Sha256,
}

/// A file in the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolFile {
    /// Path relative to the archive's root.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest.
    pub sha256: Sha256,
    /// MD5 digest, for clients older than APT 1.0; usually left out.
    pub md5: Option<Md5>,
}

/// Why a package can not stand in an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StanzaError {
    /// A field is missing, or its value would break the index or a path.
    #[error("{field} {value:?} is missing or not valid")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// Its value, shortened.
        value: String,
    },
}

/// Fields that tell of the file, which only we know.
const OURS: [&str; 7] = ["Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Description"];

impl Stanza {
    /// The paragraph of a package: its control fields, then the file's, then its description.
    ///
    /// # Errors
    /// [`StanzaError`] if name, version, architecture or path are not what Debian policy 5.6 allows.
    pub fn new(control: &ControlFields, file: &PoolFile) -> Result<Self, StanzaError> {
        let name = checked(control, "Package", is_package_name)?;
        let version = checked(control, "Version", is_version)?;
        let architecture = checked(control, "Architecture", is_package_name)?;
        if !is_safe_path(&file.path) || file.path.contains(char::is_whitespace) {
            return Err(invalid("Filename", &file.path));
        }
        let mut text = String::with_capacity(1024);
        for (field, value) in control.iter() {
            if !OURS.iter().any(|ours| field.eq_ignore_ascii_case(ours)) {
                push_field(&mut text, field, value);
            }
        }
        push_field(&mut text, "Filename", &file.path);
        push_field(&mut text, "Size", &file.bytes.to_string());
        if let Some(md5) = file.md5 {
            push_field(&mut text, "MD5sum", &md5.to_string());
        }
        push_field(&mut text, "SHA256", &file.sha256.to_string());
        if let Some(description) = control.get("Description") {
            push_field(&mut text, "Description", description);
        }
        text.push('\n');
        let sha256 = Sha256::of(text.as_bytes());
        Ok(Self { name, version, architecture, text, sha256 })
    }

    /// The paragraph with the blank line behind it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Digest of [`Stanza::text`].
    #[must_use]
    pub const fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// Architecture in Debian's spelling, or `all`.
    #[must_use]
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// What indices are sorted by.
    pub(super) fn order(&self) -> (&str, &str, &str, &Sha256) {
        (&self.name, &self.version, &self.architecture, &self.sha256)
    }
}

fn checked(control: &ControlFields, field: &'static str, is_valid: fn(&str) -> bool) -> Result<String, StanzaError> {
    let value = control.get(field).unwrap_or_default();
    if is_valid(value) { Ok(value.to_owned()) } else { Err(invalid(field, value)) }
}

fn invalid(field: &'static str, value: &str) -> StanzaError {
    StanzaError::Field { field, value: value.chars().take(80).collect() }
}

fn is_package_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_');
    (1..=200).contains(&name.len())
        && name.bytes().all(is_allowed)
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}

fn is_version(version: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'~' | b':' | b'_');
    (1..=200).contains(&version.len()) && version.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pkg::deb822::{Paragraph, package_meta};

    fn control(text: &str) -> ControlFields {
        ControlFields::from_paragraph(&Paragraph::from_text(text))
    }

    fn file(path: &str) -> PoolFile {
        PoolFile { path: path.into(), bytes: 10, sha256: Sha256::of(b"x"), md5: None }
    }

    #[test]
    fn the_file_is_described_by_us_and_not_by_the_package() {
        let control = control(
            "Package: a\nVersion: 1\nArchitecture: all\nDescription: short\n long\nSize: 99\nfilename: /etc/passwd\nX: y\n",
        );
        let stanza = Stanza::new(&control, &file("pool/a.deb")).unwrap();
        let expected = format!(
            "Package: a\nVersion: 1\nArchitecture: all\nX: y\nFilename: pool/a.deb\nSize: 10\nSHA256: {}\n\
             Description: short\n long\n\n",
            Sha256::of(b"x")
        );
        assert_eq!(stanza.text(), expected);
        assert!(package_meta(&Paragraph::from_text(stanza.text())).is_some());
    }

    #[test]
    fn names_that_break_an_index_are_refused() {
        for text in [
            "Package: a b\nVersion: 1\nArchitecture: all\n",
            "Package: a\nArchitecture: all\n",
            "Package: ../a\nVersion: 1\nArchitecture: all\n",
            "Package: a\nVersion: 1/2\nArchitecture: all\n",
            "Package: a\nVersion: 1\nArchitecture: x/y\n",
        ] {
            assert!(Stanza::new(&control(text), &file("pool/a.deb")).is_err(), "{text}");
        }
        let good = control("Package: a\nVersion: 1\nArchitecture: all\n");
        for path in ["../a.deb", "/a.deb", "a b.deb", "a\nb.deb"] {
            assert!(Stanza::new(&good, &file(path)).is_err(), "{path:?}");
        }
    }
}
