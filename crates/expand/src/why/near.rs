//! Names that are nearly the same.

use crate::pool::{PackageId, Pool};

/// Names that are shown.
const MOST_NAMES: usize = 3;
/// Names longer than this are not compared.
const LONGEST_NAME: usize = 100;

/// What is provided under a name much like `wanted`, nearest first.
///
/// Near are names that differ only in digits (`libicu70`, `libicu72`), those at most two letters away, one for short
/// names, and those with one more word at the end (`node-uglify`, `node-uglify-js`).
pub(super) fn near_names(pool: &Pool, wanted: &str) -> Vec<String> {
    if wanted.len() > LONGEST_NAME {
        return Vec::new();
    }
    let wanted_stem = stem(wanted);
    let most = if wanted.len() < 6 { 1 } else { 2 };
    let mut found: Vec<(usize, &str)> = Vec::new();
    for name in pool.packages().map(|package: PackageId| pool.name(package)) {
        if name == wanted || name.len() > LONGEST_NAME {
            continue;
        }
        if stem_matches(&wanted_stem, name) {
            found.push((0, name));
        } else if name.len().abs_diff(wanted.len()) <= most
            && let Some(distance) = distance(wanted.as_bytes(), name.as_bytes(), most)
        {
            found.push((distance, name));
        } else if has_one_more_word(wanted, name) {
            found.push((most + 1, name));
        }
    }
    found.sort_unstable();
    found.into_iter().take(MOST_NAMES).map(|(_, name)| name.to_owned()).collect()
}

fn is_counted(byte: u8) -> bool {
    !(byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'+'))
}

/// The name without digits and punctuation; none if little is left.
fn stem(name: &str) -> Option<Vec<u8>> {
    let stem: Vec<u8> = name.bytes().filter(|byte| is_counted(*byte)).map(|byte| byte.to_ascii_lowercase()).collect();
    (stem.len() >= 3).then_some(stem)
}

fn stem_matches(stem: &Option<Vec<u8>>, name: &str) -> bool {
    let Some(stem) = stem else { return false };
    let letters = name.bytes().filter(|byte| is_counted(*byte)).map(|byte| byte.to_ascii_lowercase());
    letters.eq(stem.iter().copied())
}

fn has_one_more_word(short: &str, long: &str) -> bool {
    let word = long.strip_prefix(short).and_then(|rest| rest.strip_prefix('-'));
    short.len() >= 4 && word.is_some_and(|word| !word.is_empty() && !word.contains('-'))
}

/// How many letters have to be put in, left out, changed or swapped with their neighbour, if not more than `most`.
fn distance(one: &[u8], other: &[u8], most: usize) -> Option<usize> {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other_letter) in other.iter().enumerate() {
            let mut cost = last[column] + usize::from(letter != other_letter);
            cost = cost.min(last[column + 1] + 1).min(current[column] + 1);
            let is_swap = row > 0 && column > 0 && one[row - 1] == *other_letter && other[column - 1] == *letter;
            if is_swap {
                cost = cost.min(before_last[column - 1] + 1);
            }
            current.push(cost);
        }
        if current.iter().all(|cost| *cost > most) {
            return None;
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted_and_swaps_are_one() {
        assert_eq!(distance(b"libssl", b"libsl", 2), Some(1));
        assert_eq!(distance(b"libssl", b"lisbsl", 2), Some(1));
        assert_eq!(distance(b"libssl", b"libxyz", 2), None);
        assert_eq!(distance(b"", b"ab", 2), Some(2));
    }

    #[test]
    fn digits_do_not_count_for_the_stem() {
        assert!(stem_matches(&stem("libicu70"), "libicu72"));
        assert!(stem_matches(&stem("python-yaml"), "python3-yaml"));
        assert!(!stem_matches(&stem("libicu70"), "libicu-dev"));
        assert!(!stem_matches(&stem("g1"), "g2"));
    }

    #[test]
    fn a_name_may_have_one_more_word() {
        assert!(has_one_more_word("node-uglify", "node-uglify-js"));
        assert!(!has_one_more_word("node-uglify", "node-uglify-js-es"));
        assert!(!has_one_more_word("node-uglify", "node-uglifyjs"));
    }
}
