//! Version orderings: rpm, Debian (as build services order it, and as dpkg does), Arch and Alpine.
//!
//! All functions are total, linear in the length of their arguments and work on any text. Start with [`compare`].

use std::cmp::Ordering;

use crate::PackageFormat;

/// A version split into its three parts; the parts are not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evr<'a> {
    /// Digits in front of the first colon; `0` if there are none.
    pub epoch: &'a str,
    /// What is left between epoch and release.
    pub version: &'a str,
    /// Text behind the last `-`, if there is one.
    pub release: Option<&'a str>,
}

impl<'a> Evr<'a> {
    /// Splits `[epoch:]version[-release]`.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (epoch, rest) = match text.as_bytes().get(digits) {
            Some(b':') if digits > 0 => (&text[..digits], &text[digits + 1..]),
            _ => ("0", text),
        };
        match rest.rsplit_once('-') {
            Some((version, release)) => Self { epoch, version, release: Some(release) },
            None => Self { epoch, version: rest, release: None },
        }
    }
}

/// Result of comparing a provided version with a required one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MatchOrder {
    /// Both are complete as far as they go.
    Ordered(Ordering),
    /// Only the provided side lacks a release: it stands for all releases of its version.
    ProvidedOpen,
    /// Only the required side lacks a release.
    RequiredOpen,
}

/// Compares two complete versions the way packages of `format` are ordered in a repository.
///
/// Rule: `verscmp` of obs-build's package classes; Arch uses rpm's order there.
#[must_use]
pub fn compare(format: PackageFormat, left: &str, right: &str) -> Ordering {
    match format {
        PackageFormat::Rpm | PackageFormat::Arch => compare_rpm(left, right),
        PackageFormat::Deb => compare_deb(left, right),
        PackageFormat::Apk => compare_apk(left, right),
    }
}

/// Compares a provided with a required version, where rpm lets a missing release stand for every release.
///
/// Rule: libsolv's `pool_evrcmp` with `EVRCMP_MATCH_RELEASE` (rpm, Arch), plain order otherwise.
pub(crate) fn compare_for_match(format: PackageFormat, provided: &str, required: &str) -> MatchOrder {
    if !matches!(format, PackageFormat::Rpm | PackageFormat::Arch) {
        return MatchOrder::Ordered(compare(format, provided, required));
    }
    let (left, right) = (Evr::parse(provided), Evr::parse(required));
    let order = compare_rpm_part(left.epoch, right.epoch);
    if order.is_ne() {
        return MatchOrder::Ordered(order);
    }
    if left.version.is_empty() || right.version.is_empty() {
        return MatchOrder::Ordered(Ordering::Equal);
    }
    let order = compare_rpm_part(left.version, right.version);
    if order.is_ne() {
        return MatchOrder::Ordered(order);
    }
    match (non_empty(left.release), non_empty(right.release)) {
        (Some(left), Some(right)) => MatchOrder::Ordered(compare_rpm_part(left, right)),
        (None, Some(_)) => MatchOrder::ProvidedOpen,
        (Some(_), None) => MatchOrder::RequiredOpen,
        (None, None) => MatchOrder::Ordered(Ordering::Equal),
    }
}

fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// Compares two complete rpm versions: epoch, version, release; a missing release is the empty one.
#[must_use]
pub fn compare_rpm(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (left, right) = (Evr::parse(left), Evr::parse(right));
    compare_rpm_part(left.epoch, right.epoch)
        .then_with(|| compare_rpm_part(left.version, right.version))
        .then_with(|| compare_rpm_part(left.release.unwrap_or(""), right.release.unwrap_or("")))
}

/// Compares two version strings (no epoch, no release) the way rpm does.
///
/// Runs of digits compare as numbers, runs of letters as text; `~` sorts before the end of the string, `^` behind it but
/// before everything else. All other characters only separate.
///
/// Rule: rpm's `rpmvercmp`.
#[must_use]
pub fn compare_rpm_part(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    loop {
        left = strip_rpm_separators(left);
        right = strip_rpm_separators(right);
        match (left.first(), right.first()) {
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                left = &left[1..];
                right = &right[1..];
                continue;
            }
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            (Some(b'^'), None) => return Ordering::Greater,
            (None, Some(b'^')) => return Ordering::Less,
            (Some(b'^'), Some(_)) => return Ordering::Less,
            (Some(_), Some(b'^')) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(_), Some(_)) => {}
        }
        let order = if left[0].is_ascii_digit() {
            if !right[0].is_ascii_digit() {
                return Ordering::Greater;
            }
            compare_numbers(take_run(&mut left, u8::is_ascii_digit), take_run(&mut right, u8::is_ascii_digit))
        } else {
            if right[0].is_ascii_digit() {
                return Ordering::Less;
            }
            take_run(&mut left, u8::is_ascii_alphabetic).cmp(take_run(&mut right, u8::is_ascii_alphabetic))
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn strip_rpm_separators(text: &[u8]) -> &[u8] {
    let separators = text.iter().take_while(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'~' | b'^')).count();
    &text[separators..]
}

/// Cuts the longest prefix of bytes that satisfy `belongs` off `text`.
fn take_run<'a>(text: &mut &'a [u8], belongs: impl Fn(&u8) -> bool) -> &'a [u8] {
    let length = text.iter().take_while(|b| belongs(b)).count();
    let (run, rest) = text.split_at(length);
    *text = rest;
    run
}

/// Compares two runs of digits as numbers of any size; an empty run is zero.
fn compare_numbers(left: &[u8], right: &[u8]) -> Ordering {
    let strip = |digits: &[u8]| digits.iter().take_while(|b| **b == b'0').count();
    let (left, right) = (&left[strip(left)..], &right[strip(right)..]);
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Compares two Debian versions the way build services do.
///
/// DIFFERS from dpkg, as obs-build and libsolv do: an empty run of digits is not `0` (`1.` is less than `1.0`), and a
/// missing revision is less than `-0`. Use [`compare_dpkg`] for Debian's own order.
///
/// Rule: obs-build's `Build::Deb::verscmp`.
#[must_use]
pub fn compare_deb(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (left, right) = (Evr::parse(left), Evr::parse(right));
    compare_deb_part(left.epoch, right.epoch)
        .then_with(|| compare_deb_part(left.version, right.version))
        .then_with(|| compare_deb_part(left.release.unwrap_or(""), right.release.unwrap_or("")))
}

fn compare_deb_part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    loop {
        let both_digits = starts_with_digit(left) && starts_with_digit(right);
        if both_digits {
            let order =
                compare_numbers(take_run(&mut left, u8::is_ascii_digit), take_run(&mut right, u8::is_ascii_digit));
            if order.is_ne() {
                return order;
            }
            continue;
        }
        let (first, second) = (left.first().copied(), right.first().copied());
        let order = deb_rank(first).cmp(&deb_rank(second));
        if order.is_ne() || first.is_none() {
            return order;
        }
        left = &left[1..];
        right = &right[1..];
    }
}

fn starts_with_digit(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_digit)
}

/// Tilde, end, control characters, digits, upper case, lower case, all the rest by code.
fn deb_rank(byte: Option<u8>) -> (u8, u8) {
    match byte {
        Some(b'~') => (0, 0),
        None => (1, 0),
        Some(b @ ..=31) => (2, b),
        // Two digit runs are compared as numbers before this.
        Some(b'0'..=b'9') => (3, 0),
        Some(b @ b'A'..=b'Z') => (4, b),
        Some(b @ b'a'..=b'z') => (5, b),
        Some(b) => (6, b),
    }
}

/// Compares two Debian versions the way dpkg does.
///
/// Rule: Debian policy 5.6.12 and dpkg's `verrevcmp`: an empty run of digits is zero, and so is a missing revision.
#[must_use]
pub fn compare_dpkg(left: &str, right: &str) -> Ordering {
    let (left, right) = (Evr::parse(left), Evr::parse(right));
    compare_numbers(left.epoch.as_bytes(), right.epoch.as_bytes())
        .then_with(|| compare_dpkg_part(left.version, right.version))
        .then_with(|| compare_dpkg_part(left.release.unwrap_or(""), right.release.unwrap_or("")))
}

fn compare_dpkg_part(left: &str, right: &str) -> Ordering {
    // What may stand in place of a character: tilde, then end or digit, then letters, then the rest.
    let rank = |byte: Option<&u8>| match byte {
        Some(b'~') => -1,
        None | Some(b'0'..=b'9') => 0,
        Some(b) if b.is_ascii_alphabetic() => i32::from(*b),
        Some(b) => i32::from(*b) + 256,
    };
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        while left.first().is_some_and(|b| !b.is_ascii_digit()) || right.first().is_some_and(|b| !b.is_ascii_digit()) {
            let order = rank(left.first()).cmp(&rank(right.first()));
            if order.is_ne() {
                return order;
            }
            left = left.get(1..).unwrap_or_default();
            right = right.get(1..).unwrap_or_default();
        }
        let order = compare_numbers(take_run(&mut left, u8::is_ascii_digit), take_run(&mut right, u8::is_ascii_digit));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// One piece of an Alpine version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ApkSegment<'a> {
    Number(&'a [u8]),
    Letter(u8),
    Suffix { word: &'a [u8], number: &'a [u8] },
    Hash(&'a [u8]),
    Revision(&'a [u8]),
    End,
    Invalid,
}

impl ApkSegment<'_> {
    /// Order of different classes, small to large.
    fn class(self) -> u8 {
        match self {
            Self::Invalid => 0,
            Self::End => 1,
            Self::Revision(_) => 2,
            Self::Hash(_) => 3,
            Self::Suffix { .. } => 4,
            Self::Letter(_) => 5,
            Self::Number(_) => 6,
        }
    }

    /// Whether this is a suffix that sorts in front of the plain version.
    fn is_before_release(self) -> bool {
        matches!(self, Self::Suffix { word: b"alpha" | b"beta" | b"pre" | b"rc", .. })
    }
}

/// Compares two Alpine versions; a leading `~` on a side makes that side a prefix to match.
///
/// Rule: obs-build's `Build::Apk::verscmp`, which follows apk-tools.
#[must_use]
pub fn compare_apk(left: &str, right: &str) -> Ordering {
    let (left_fuzzy, left) = left.strip_prefix('~').map_or((false, left), |rest| (true, rest));
    let (right_fuzzy, right) = right.strip_prefix('~').map_or((false, right), |rest| (true, rest));
    if left == right {
        return Ordering::Equal;
    }
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    let mut first = true;
    loop {
        let (one, two) = (next_apk_segment(&mut left, first), next_apk_segment(&mut right, first));
        first = false;
        if one.class() != two.class() {
            let used_up = (left_fuzzy && one == ApkSegment::End) || (right_fuzzy && two == ApkSegment::End);
            return match (used_up, one.is_before_release(), two.is_before_release()) {
                (true, ..) => Ordering::Equal,
                (_, true, _) => Ordering::Less,
                (_, _, true) => Ordering::Greater,
                _ => one.class().cmp(&two.class()),
            };
        }
        if matches!(one, ApkSegment::End | ApkSegment::Invalid) {
            return Ordering::Equal;
        }
        let order = compare_apk_segments(one, two);
        if order.is_ne() {
            return order;
        }
    }
}

fn next_apk_segment<'a>(text: &mut &'a [u8], first: bool) -> ApkSegment<'a> {
    let bytes = *text;
    let tail = |skip: usize, belongs: fn(&u8) -> bool| {
        let mut rest = bytes.get(skip..).unwrap_or_default();
        let run = take_run(&mut rest, belongs);
        (!run.is_empty()).then_some((run, rest))
    };
    let is_hash = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let (segment, rest) = if first {
        // The first number has no dot in front of it.
        match tail(0, u8::is_ascii_digit) {
            Some((run, rest)) => (ApkSegment::Number(run), rest),
            None => (ApkSegment::Invalid, bytes),
        }
    } else {
        match bytes.first() {
            None => (ApkSegment::End, bytes),
            Some(b'.') => tail(1, u8::is_ascii_digit)
                .map_or((ApkSegment::Invalid, bytes), |(run, rest)| (ApkSegment::Number(run), rest)),
            Some(letter @ b'a'..=b'z') => (ApkSegment::Letter(*letter), &bytes[1..]),
            Some(b'_') => tail(1, u8::is_ascii_lowercase).map_or((ApkSegment::Invalid, bytes), |(word, mut rest)| {
                let number = take_run(&mut rest, u8::is_ascii_digit);
                (ApkSegment::Suffix { word, number }, rest)
            }),
            Some(b'~') => {
                tail(1, is_hash).map_or((ApkSegment::Invalid, bytes), |(run, rest)| (ApkSegment::Hash(run), rest))
            }
            Some(b'-') if bytes.get(1) == Some(&b'r') => tail(2, u8::is_ascii_digit)
                .map_or((ApkSegment::Invalid, bytes), |(run, rest)| (ApkSegment::Revision(run), rest)),
            Some(_) => (ApkSegment::Invalid, bytes),
        }
    };
    *text = rest;
    segment
}

/// Compares two segments of one class.
fn compare_apk_segments(left: ApkSegment<'_>, right: ApkSegment<'_>) -> Ordering {
    match (left, right) {
        (ApkSegment::Number(left), ApkSegment::Number(right)) => {
            if left.first() == Some(&b'0') || right.first() == Some(&b'0') {
                left.cmp(right)
            } else {
                compare_numbers(left, right)
            }
        }
        (ApkSegment::Suffix { word: left, number: left_number }, ApkSegment::Suffix { word, number }) => {
            apk_suffix_rank(left)
                .cmp(&apk_suffix_rank(word))
                .then_with(|| left.cmp(word))
                .then_with(|| compare_numbers(left_number, number))
        }
        (ApkSegment::Revision(left), ApkSegment::Revision(right)) => compare_numbers(left, right),
        (ApkSegment::Letter(left), ApkSegment::Letter(right)) => left.cmp(&right),
        (ApkSegment::Hash(left), ApkSegment::Hash(right)) => left.cmp(right),
        _ => Ordering::Equal,
    }
}

fn apk_suffix_rank(word: &[u8]) -> usize {
    const SUFFIXES: [&[u8]; 9] = [b"alpha", b"beta", b"pre", b"rc", b"cvs", b"svn", b"git", b"hg", b"p"];
    SUFFIXES.iter().position(|suffix| *suffix == word).unwrap_or(SUFFIXES.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(compare: fn(&str, &str) -> Ordering, left: &str, order: char, right: &str) {
        let wanted = match order {
            '<' => Ordering::Less,
            '=' => Ordering::Equal,
            _ => Ordering::Greater,
        };
        assert_eq!(compare(left, right), wanted, "{left} {order} {right}");
        assert_eq!(compare(right, left), wanted.reverse(), "{right} against {left}");
    }

    #[test]
    fn rpm_orders_segments_tildes_and_carets() {
        for (left, order, right) in [
            ("1.0", '<', "1.0.1"),
            ("1.10", '>', "1.9"),
            ("1.0~rc1", '<', "1.0"),
            ("1.0^git1", '>', "1.0"),
            ("1.0^git1", '<', "1.0.1"),
            ("1.0^git1", '<', "1.01"),
            ("1.0~^x", '>', "1.0~"),
            ("1_2-3", '=', "1.2-3"),
            ("1a", '<', "1.1"),
            ("a", '<', "1"),
            ("002", '=', "2"),
            ("1:1", '>', "2"),
            ("0:1", '=', "1"),
            ("1-1", '>', "1"),
        ] {
            check(compare_rpm, left, order, right);
        }
    }

    #[test]
    fn debian_orders_as_build_services_do() {
        for (left, order, right) in [
            ("1.", '<', "1.0"),
            ("1.0", '<', "1.0-0"),
            ("1.0~rc1", '<', "1.0"),
            ("1.0+b1", '>', "1.0a"),
            ("1:1", '>', "9"),
            ("1.010", '=', "1.10"),
            ("1.2.3", '<', "1.2.10"),
            ("1-1+deb12", '>', "1-1"),
        ] {
            check(compare_deb, left, order, right);
        }
    }

    #[test]
    fn dpkg_takes_missing_numbers_and_revisions_for_zero() {
        for (left, order, right) in [
            ("1.", '=', "1.0"),
            ("1.0", '=', "1.0-0"),
            ("1.0", '<', "1.0-1"),
            ("1.0~", '<', "1.0"),
            ("1.0~~", '<', "1.0~"),
            ("1.0~~a", '<', "1.0~"),
            ("1.0a", '<', "1.0+"),
            ("0:1", '=', "1"),
            ("1.a", '>', "1.0"),
            ("2.4.7-1", '<', "2.4.7-z"),
        ] {
            check(compare_dpkg, left, order, right);
        }
    }

    #[test]
    fn alpine_knows_suffixes_and_prefix_matches() {
        for (left, order, right) in [
            ("1.2.3_alpha1", '<', "1.2.3"),
            ("1.2.3_p1", '>', "1.2.3"),
            ("1.2.3-r1", '>', "1.2.3"),
            ("1.2.3-r10", '>', "1.2.3-r9"),
            ("1.2a", '>', "1.2"),
            ("1.10", '>', "1.9"),
            ("1.02", '<', "1.1"),
            ("3.2.5-r0", '=', "~3.2"),
            ("3.2.5-r0", '>', "~3.1"),
            ("1.2_rc1", '<', "1.2.1"),
        ] {
            check(compare_apk, left, order, right);
        }
    }

    #[test]
    fn a_missing_release_stands_for_all_releases_in_rpm_matches() {
        let matched = |provided, required| compare_for_match(PackageFormat::Rpm, provided, required);
        assert_eq!(matched("1", "1-1"), MatchOrder::ProvidedOpen);
        assert_eq!(matched("1-1", "1"), MatchOrder::RequiredOpen);
        assert_eq!(matched("2", "1-1"), MatchOrder::Ordered(Ordering::Greater));
    }

    #[test]
    fn megabyte_versions_are_compared_in_one_walk() {
        let long = "1.".repeat(500_000);
        let other = format!("{long}~");
        for format in PackageFormat::ALL {
            assert_eq!(compare(format, &long, &long), Ordering::Equal);
            let _ = compare(format, &long, &other);
        }
        assert_eq!(compare_rpm(&long, &other), Ordering::Greater);
        let digits = "9".repeat(1_000_000);
        assert_eq!(compare_deb(&digits, &format!("1{digits}")), Ordering::Less);
    }
}
