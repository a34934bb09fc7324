use std::ops::Range;

use super::changes::{Change, changes};
use super::lines;

/// Joins what two sides made of one text; `None` if both changed the same or neighbouring lines in different ways.
///
/// Rule: GNU diff3's: changes that touch are one, and one that both sides made alike is no conflict.
#[must_use]
pub fn merge(base: &[u8], mine: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let (base, mine, theirs) = (lines(base), lines(mine), lines(theirs));
    let (mut left, mut right) = (Side::new(&base, &mine)?, Side::new(&base, &theirs)?);
    let (mut text, mut at) = (Vec::new(), 0);
    while let Some(start) = left.next_start().into_iter().chain(right.next_start()).min() {
        // What touches belongs together, and brings what touches it.
        let mut end = start;
        let (mut by_left, mut by_right) = (false, false);
        loop {
            let (more_left, more_right) = (left.take(&mut end), right.take(&mut end));
            by_left |= more_left;
            by_right |= more_right;
            if !more_left && !more_right {
                break;
            }
        }
        let (of_left, of_right) = (left.part(start..end)?, right.part(start..end)?);
        push(&mut text, base.get(at..start)?);
        match (by_left, by_right) {
            (true, true) if of_left != of_right => return None,
            (true, _) => push(&mut text, of_left),
            (false, _) => push(&mut text, of_right),
        }
        at = end;
    }
    push(&mut text, base.get(at..)?);
    Some(text)
}

fn push(text: &mut Vec<u8>, lines: &[&[u8]]) {
    lines.iter().for_each(|line| text.extend_from_slice(line));
}

/// One side's changes, and how far they were looked at.
struct Side<'a> {
    lines: &'a [&'a [u8]],
    changes: Vec<Change>,
    taken: usize,
    /// The first line of this side that stands for no line of the base looked at before.
    before: (usize, usize),
}

impl<'a> Side<'a> {
    fn new(base: &[&[u8]], lines: &'a [&'a [u8]]) -> Option<Self> {
        Some(Self { lines, changes: changes(base, lines)?, taken: 0, before: (0, 0) })
    }

    fn next_start(&self) -> Option<usize> {
        self.changes.get(self.taken).map(|change| change.old.start)
    }

    /// Takes the next change, if it begins at or before `end`, which then moves to its end.
    fn take(&mut self, end: &mut usize) -> bool {
        match self.changes.get(self.taken).filter(|change| change.old.start <= *end) {
            Some(change) => {
                *end = change.old.end.max(*end);
                self.taken += 1;
                true
            }
            None => false,
        }
    }

    /// The lines of this side that stand for lines of the base; every change up to their end was taken.
    fn part(&mut self, of_base: Range<usize>) -> Option<&'a [&'a [u8]]> {
        let (base, own) = self.before;
        let start = own + of_base.start.checked_sub(base)?;
        let last = self.taken.checked_sub(1).and_then(|index| self.changes.get(index));
        let end = match last.filter(|change| change.old.start >= of_base.start) {
            Some(change) => change.new.end + of_base.end.checked_sub(change.old.end)?,
            None => start + of_base.len(),
        };
        self.before = (of_base.end, end);
        self.lines.get(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, mine: &str, theirs: &str) -> Option<String> {
        let spread = |text: &str| -> String { text.chars().map(|c| format!("{c}\n")).collect() };
        let merged = merge(spread(base).as_bytes(), spread(mine).as_bytes(), spread(theirs).as_bytes())?;
        Some(String::from_utf8(merged).unwrap().replace('\n', ""))
    }

    #[test]
    fn changes_of_both_sides_are_joined() {
        assert_eq!(check("abcdefg", "aXbcdefg", "abcdefGg").as_deref(), Some("aXbcdefGg"));
        assert_eq!(check("abcdefg", "abcdefg", "abg").as_deref(), Some("abg"));
        assert_eq!(check("abcdefg", "bcdefg", "abcdef").as_deref(), Some("bcdef"));
        assert_eq!(check("abcdefg", "aBcdefg", "abcdeFg").as_deref(), Some("aBcdeFg"));
        assert_eq!(check("", "", "ab").as_deref(), Some("ab"));
        assert_eq!(check("abcdefgh", "abcdefghX", "Yabcdefgh").as_deref(), Some("YabcdefghX"));
    }

    #[test]
    fn what_both_did_alike_is_no_conflict_and_anything_else_at_one_place_is() {
        assert_eq!(check("abc", "aXc", "aXc").as_deref(), Some("aXc"));
        assert_eq!(check("abc", "aXc", "aYc"), None);
        assert_eq!(check("abc", "ac", "aYc"), None);
        assert_eq!(check("abc", "aXbc", "aYbc"), None);
        // Neighbours.
        assert_eq!(check("abcd", "aXcd", "abYd"), None);
        assert_eq!(check("abcde", "aXcde", "abcYe").as_deref(), Some("aXcYe"));
    }

    proptest::proptest! {
        #[test]
        fn one_side_that_changed_nothing_gives_the_other(base in "[abc]{0,30}", other in "[abc]{0,30}") {
            proptest::prop_assert_eq!(check(&base, &base, &other), Some(other.clone()));
            proptest::prop_assert_eq!(check(&base, &other, &base), Some(other.clone()));
            proptest::prop_assert_eq!(check(&base, &other, &other), Some(other));
        }

        #[test]
        fn sides_do_not_matter(base in "[abcde]{0,20}", mine in "[abcde]{0,20}", theirs in "[abcde]{0,20}") {
            proptest::prop_assert_eq!(check(&base, &mine, &theirs), check(&base, &theirs, &mine));
        }
    }
}
