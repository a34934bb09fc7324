//! Debian archives, as APT reads them (Debian's repository format page, apt-secure(8), `sources.list(5)`).
//!
//! Reading: [`Release`] names the indices,
//! [`read_packages`] and [`read_sources`] read them.

mod date;
mod index;
mod release;
mod sources;

pub use date::{format_date, parse_date};
pub use index::{IndexEntry, IndexError, IndexLimits, IndexSummary, read_packages};
pub use release::{IndexFile, Release, ReleaseError, ReleaseFile};
pub use sources::{SourceEntry, SourceIndexFile, newest_source, read_sources};

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
