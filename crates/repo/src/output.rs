//! What writers of every format give back.

use pkg::Sha256;

/// A file to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Its paths below the repository's root: its name, and for Debian behind it the name made of its digest (`by-hash`),
    /// which has to stay readable for a while after the next publication.
    pub paths: Vec<String>,
    /// Its content.
    pub content: Vec<u8>,
    /// Digest of the content.
    pub sha256: Sha256,
}

/// Whether a path from an index stays below the place it is relative to.
///
/// One or more components, none of them empty, `.` or `..`; no control characters, no backslash.
#[must_use]
pub fn is_safe_path(path: &str) -> bool {
    let is_safe_part = |part: &str| !matches!(part, "" | "." | "..");
    path.len() <= 4096 && !path.contains(|c: char| c.is_control() || c == '\\') && path.split('/').all(is_safe_part)
}

#[cfg(test)]
mod tests {
    use super::is_safe_path;

    #[test]
    fn paths_that_leave_their_place_are_not_safe() {
        for path in ["pool/main/h/hello/hello_1%3a2_amd64.deb", "a", "a..b/.c"] {
            assert!(is_safe_path(path), "{path}");
        }
        for path in ["", "/etc/passwd", "a/../b", "..", "./a", "a//b", "a/", "a\nb", "a\\b"] {
            assert!(!is_safe_path(path), "{path}");
        }
    }
}
