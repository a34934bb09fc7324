//! Comparing version values in expressions.
//!
//! This is rpm's order with the habits of the configuration language: a missing release is older than any release.

use std::cmp::Ordering;

/// Compares `[epoch:]version[-release]`.
///
/// Rule: Build.pm's version comparison without wildcards; section "versions" of the manual, prjconf(5).
pub(crate) fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let (left_epoch, left_version, left_release) = split(left);
    let (right_epoch, right_version, right_release) = split(right);
    compare_digits(left_epoch, right_epoch)
        .then_with(|| compare_part(left_version, right_version))
        .then_with(|| compare_part(left_release, right_release))
}

fn split(text: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (epoch, rest) = match text.split_at(digits) {
        (epoch, [b':', rest @ ..]) if digits > 0 => (epoch, rest),
        _ => (&text[..0], text),
    };
    match rest.iter().rposition(|byte| *byte == b'-') {
        Some(dash) => {
            let (version, release) = rest.split_at(dash);
            (epoch, version, release.get(1..).unwrap_or_default())
        }
        None => (epoch, rest, &[]),
    }
}

fn compare_digits(left: &[u8], right: &[u8]) -> Ordering {
    let (left, right) = (without_zeros(left), without_zeros(right));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

fn without_zeros(text: &[u8]) -> &[u8] {
    let zeros = text.iter().take_while(|byte| **byte == b'0').count();
    text.get(zeros..).unwrap_or_default()
}

fn compare_part(mut left: &[u8], mut right: &[u8]) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    loop {
        left = without_separators(left);
        right = without_separators(right);
        match (left, right) {
            ([b'~', left_rest @ ..], [b'~', right_rest @ ..]) => (left, right) = (left_rest, right_rest),
            ([b'~', ..], _) => return Ordering::Less,
            (_, [b'~', ..]) => return Ordering::Greater,
            ([b'^', left_rest @ ..], [b'^', right_rest @ ..]) => (left, right) = (left_rest, right_rest),
            ([b'^', ..], _) => return if right.is_empty() { Ordering::Greater } else { Ordering::Less },
            (_, [b'^', ..]) => return if left.is_empty() { Ordering::Less } else { Ordering::Greater },
            ([], []) => return Ordering::Equal,
            ([], _) => return Ordering::Less,
            (_, []) => return Ordering::Greater,
            _ => match compare_run(&mut left, &mut right) {
                Ordering::Equal => {}
                decided => return decided,
            },
        }
    }
}

/// Compares one run of digits or letters and steps over it.
fn compare_run(left: &mut &[u8], right: &mut &[u8]) -> Ordering {
    if left.first().is_some_and(u8::is_ascii_digit) {
        let left_run = take_run(left, u8::is_ascii_digit);
        let right_run = take_run(right, u8::is_ascii_digit);
        if right_run.is_empty() {
            return Ordering::Greater;
        }
        return compare_digits(left_run, right_run);
    }
    let left_run = take_run(left, u8::is_ascii_alphabetic);
    let right_run = take_run(right, u8::is_ascii_alphabetic);
    if right_run.is_empty() { Ordering::Less } else { left_run.cmp(right_run) }
}

fn take_run<'a>(text: &mut &'a [u8], belongs: fn(&u8) -> bool) -> &'a [u8] {
    let count = text.iter().take_while(|byte| belongs(byte)).count();
    let (run, rest) = text.split_at(count);
    *text = rest;
    run
}

fn without_separators(text: &[u8]) -> &[u8] {
    let separators =
        text.iter().take_while(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'^'))).count();
    text.get(separators..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered() {
        for (older, newer) in [
            ("1.2", "1.10"),
            ("9", "1:1"),
            ("1-1", "1-2"),
            ("1", "1-5"),
            ("1~rc1", "1"),
            ("1", "1^git"),
            ("1^git", "1.1"),
            ("1.a", "1.1"),
            ("1a", "1b"),
            ("1.2", "1.2.0"),
            ("", "1"),
        ] {
            assert_eq!(compare(older.as_bytes(), newer.as_bytes()), Ordering::Less, "{older} {newer}");
            assert_eq!(compare(newer.as_bytes(), older.as_bytes()), Ordering::Greater, "{newer} {older}");
        }
        for (left, right) in [("1.2", "1.02"), ("1_2", "1.2"), ("0:1", "1")] {
            assert_eq!(compare(left.as_bytes(), right.as_bytes()), Ordering::Equal, "{left} {right}");
        }
    }
}
