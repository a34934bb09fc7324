//! Paths of archive members that nobody trusts.

/// A path below the root of an archive without `.`, doubled and trailing slashes; `None` if it is absolute, climbs with
/// `..`, has a NUL or is longer than 65,535 bytes.
pub(crate) fn below_root(path: &[u8]) -> Option<Vec<u8>> {
    if path.starts_with(b"/") || path.contains(&0) || path.len() > usize::from(u16::MAX) {
        return None;
    }
    let mut safe = Vec::with_capacity(path.len());
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => continue,
            b".." => return None,
            _ => {}
        }
        if !safe.is_empty() {
            safe.push(b'/');
        }
        safe.extend_from_slice(part);
    }
    Some(safe)
}

/// A path as errors show it: printable and shortened.
pub(crate) fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path.get(..120).unwrap_or(path)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_root() {
        assert_eq!(below_root(b"./usr//bin/./x/").as_deref(), Some(&b"usr/bin/x"[..]));
        assert_eq!(below_root(b".").as_deref(), Some(&b""[..]));
        for path in [&b"/etc/x"[..], b"../x", b"a/../x", b"a/..", b"a\0b"] {
            assert_eq!(below_root(path), None, "{path:?}");
        }
    }
}
