/// An architecture or wildcard as its four parts: ABI, C library, kernel, processor.
type Tuple<'a> = [&'a str; 4];

/// Architectures whose name is not their processor's.
const SPECIAL: &[(&str, Tuple<'static>)] = &[
    ("armhf", ["eabihf", "gnu", "linux", "arm"]),
    ("armel", ["eabi", "gnu", "linux", "arm"]),
    ("x32", ["x32", "gnu", "linux", "amd64"]),
    ("powerpcspe", ["spe", "gnu", "linux", "powerpc"]),
];

/// Whether the architecture `host` (`amd64`) is meant by `pattern`, an architecture or a wildcard (`any`, `linux-any`,
/// `any-amd64`).
///
/// Both are Debian's names. `all` and `source` are matched by themselves only. Rule: dpkg's `debarch_is`, policy 11.1.
#[must_use]
pub fn architecture_matches(host: &str, pattern: &str) -> bool {
    if host == pattern {
        return true;
    }
    if matches!(host, "all" | "source" | "") || matches!(pattern, "all" | "source" | "") {
        return false;
    }
    let (Some(host), Some(pattern)) = (tuple(host), wildcard(pattern)) else { return false };
    host.iter().zip(pattern).all(|(part, wanted)| wanted == "any" || *part == wanted)
}

fn wildcard(pattern: &str) -> Option<Tuple<'_>> {
    if !pattern.split('-').any(|part| part == "any") {
        return tuple(pattern);
    }
    padded(pattern, "any")
}

fn tuple(name: &str) -> Option<Tuple<'_>> {
    if let Some((_, special)) = SPECIAL.iter().find(|(special, _)| *special == name) {
        return Some(*special);
    }
    // dpkg reads `linux-amd64` as `amd64`.
    if let Some(rest) = name.strip_prefix("linux-") {
        return tuple(rest);
    }
    let [abi, libc, os, cpu] = padded(name, "")?;
    Some([given_or(abi, "base"), given_or(libc, "gnu"), given_or(os, "linux"), cpu])
}

const fn given_or<'a>(part: &'a str, default: &'a str) -> &'a str {
    if part.is_empty() { default } else { part }
}

/// The parts of `name`, aligned at the right; missing ones at the left are `fill`.
fn padded<'a>(name: &'a str, fill: &'a str) -> Option<Tuple<'a>> {
    let mut parts = [fill; 4];
    let mut free = 4;
    for part in name.rsplit('-') {
        free = usize::checked_sub(free, 1)?;
        *parts.get_mut(free)? = part;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::architecture_matches;

    /// Each answer is dpkg-architecture's (`dpkg-architecture -a HOST -i PATTERN`).
    #[test]
    fn wildcards_match_as_dpkg_says() {
        for (host, pattern) in [
            ("amd64", "amd64"),
            ("amd64", "any"),
            ("amd64", "linux-any"),
            ("amd64", "any-amd64"),
            ("amd64", "gnu-linux-any"),
            ("amd64", "gnu-any-any"),
            ("amd64", "base-gnu-linux-any"),
            ("armhf", "any-arm"),
            ("x32", "any-amd64"),
            ("hurd-i386", "hurd-any"),
            ("hurd-i386", "any-i386"),
            ("musl-linux-amd64", "musl-any-any"),
            ("amd64", "linux-amd64"),
        ] {
            assert!(architecture_matches(host, pattern), "{host} {pattern}");
        }
        for (host, pattern) in [
            ("amd64", "i386"),
            ("amd64", "all"),
            ("all", "any"),
            ("amd64", "hurd-any"),
            ("amd64", "any-arm64"),
            ("armhf", "any-armhf-x"),
            ("amd64", "musl-linux-any"),
            ("kfreebsd-amd64", "linux-any"),
            ("amd64", "a-b-c-d-e-any"),
            ("amd64", ""),
        ] {
            assert!(!architecture_matches(host, pattern), "{host} {pattern}");
        }
    }
}
