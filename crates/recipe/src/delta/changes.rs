use std::collections::HashMap;
use std::ops::Range;

use super::MOST_LINES;

/// Differences after which a search for the shortest way is cut off and begun anew where it got farthest; with this number
/// squared times four bytes it also bounds the memory.
const MOST_STEPS: usize = 1000;

/// Lines of one text that stand for lines of the other; either range may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Lines of the old text, from 0.
    pub old: Range<usize>,
    /// Lines of the new text, from 0.
    pub new: Range<usize>,
}

/// What changed from one text to another, in order, with an unchanged line between any two; `None` for more lines than are
/// compared.
///
/// Rule: Myers, *An O(ND) difference algorithm and its variations*; lines that only one side has are left out of the search,
/// as GNU diff does.
#[must_use]
pub fn changes(old: &[&[u8]], new: &[&[u8]]) -> Option<Vec<Change>> {
    if old.len() > MOST_LINES || new.len() > MOST_LINES {
        return None;
    }
    let same_start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (old.get(same_start..)?, new.get(same_start..)?);
    let same_end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    let old_middle = old_rest.get(..old_rest.len().saturating_sub(same_end))?;
    let new_middle = new_rest.get(..new_rest.len().saturating_sub(same_end))?;
    let mut found = Vec::new();
    let (mut old_at, mut new_at) = (0, 0);
    let end = (old_middle.len(), new_middle.len());
    for (old_line, new_line) in common(old_middle, new_middle).into_iter().chain([end]) {
        if old_line > old_at || new_line > new_at {
            found.push(Change {
                old: same_start + old_at..same_start + old_line,
                new: same_start + new_at..same_start + new_line,
            });
        }
        (old_at, new_at) = (old_line + 1, new_line + 1);
    }
    Some(found)
}

/// Pairs of equal lines, growing on both sides.
fn common(old: &[&[u8]], new: &[&[u8]]) -> Vec<(usize, usize)> {
    let mut seen: HashMap<&[u8], (u32, bool, bool)> = HashMap::new();
    for (lines, is_new) in [(old, false), (new, true)] {
        for line in lines {
            let next = u32::try_from(seen.len()).unwrap_or(u32::MAX);
            let entry = seen.entry(line).or_insert((next, false, false));
            if is_new { entry.2 = true } else { entry.1 = true }
        }
    }
    // Lines of one side only can not be part of a pair.
    let shared = |lines: &[&[u8]]| -> Vec<(usize, u32)> {
        let known = lines.iter().enumerate().filter_map(|(at, line)| Some((at, seen.get(line)?)));
        known.filter(|(_, (_, in_old, in_new))| *in_old && *in_new).map(|(at, (number, ..))| (at, *number)).collect()
    };
    let (old, new) = (shared(old), shared(new));
    let (mut pairs, mut at) = (Vec::new(), (0, 0));
    while at.0 < old.len() && at.1 < new.len() {
        let (found, reached) = search(old.get(at.0..).unwrap_or(&[]), new.get(at.1..).unwrap_or(&[]));
        pairs.extend(found);
        at = (at.0 + reached.0, at.1 + reached.1);
    }
    pairs
}

type Pairs = Vec<(usize, usize)>;

/// Lines of one side: where they are, and a number that is the same for equal lines.
type Numbered<'a> = &'a [(usize, u32)];

/// Searches from the beginning of both sides; gives the pairs of the best way and how far it got, which is more than nothing.
fn search(old: Numbered<'_>, new: Numbered<'_>) -> (Pairs, (usize, usize)) {
    let mut trace: Vec<Vec<usize>> = Vec::new();
    // Farthest old line on each diagonal, as in the paper; `offset` makes indices of diagonals.
    let offset = MOST_STEPS + 1;
    let mut farthest = vec![0_usize; 2 * offset + 1];
    for step in 0..=MOST_STEPS {
        let mut best = (0, offset);
        for diagonal in (offset - step..=offset + step).step_by(2) {
            let from_left = diagonal > offset - step && {
                let (left, right) = (at(&farthest, diagonal - 1), at(&farthest, diagonal + 1));
                diagonal == offset + step || left >= right
            };
            let mut x = match step {
                0 => 0,
                _ if from_left => at(&farthest, diagonal - 1) + 1,
                _ => at(&farthest, diagonal + 1),
            };
            let mut y = (x + offset).saturating_sub(diagonal);
            while old.get(x).zip(new.get(y)).is_some_and(|(old, new)| old.1 == new.1) {
                (x, y) = (x + 1, y + 1);
            }
            if let Some(slot) = farthest.get_mut(diagonal) {
                *slot = x;
            }
            if x >= old.len() && y >= new.len() {
                trace.push(farthest.get(offset - step..=offset + step).unwrap_or(&[]).to_vec());
                return (walk(&trace, diagonal, offset, (old, new)), (old.len(), new.len()));
            }
            let inside = x.min(old.len()) + y.min(new.len());
            if inside > best.0 && x <= old.len() && y <= new.len() {
                best = (inside, diagonal);
            }
        }
        trace.push(farthest.get(offset - step..=offset + step).unwrap_or(&[]).to_vec());
        if step == MOST_STEPS {
            let x = at(&farthest, best.1);
            let reached = (x, (x + offset).saturating_sub(best.1));
            return (walk(&trace, best.1, offset, (old, new)), reached);
        }
    }
    // Not reached: the last step returns.
    (Vec::new(), (old.len(), new.len()))
}

fn at(list: &[usize], index: usize) -> usize {
    list.get(index).copied().unwrap_or(0)
}

/// The pairs on the way that ended on a diagonal, backwards through what each step knew.
fn walk(trace: &[Vec<usize>], end: usize, offset: usize, (old, new): (Numbered<'_>, Numbered<'_>)) -> Pairs {
    let mut pairs = Vec::new();
    let mut diagonal = end;
    for step in (0..trace.len()).rev() {
        let known = |step: usize, diagonal: usize| {
            let row = trace.get(step).map_or(&[][..], Vec::as_slice);
            diagonal.checked_sub(offset - step).map_or(0, |index| at(row, index))
        };
        let mut x = known(step, diagonal);
        let (previous, start) = if step == 0 {
            (diagonal, 0)
        } else {
            let (left, right) = (known(step - 1, diagonal - 1), known(step - 1, diagonal + 1));
            let is_first = diagonal == offset - step;
            if !is_first && (diagonal == offset + step || left >= right) {
                (diagonal - 1, left + 1)
            } else {
                (diagonal + 1, right)
            }
        };
        while x > start {
            x -= 1;
            let y = (x + offset).saturating_sub(diagonal);
            pairs.extend(old.get(x).zip(new.get(y)).map(|(old, new)| (old.0, new.0)));
        }
        diagonal = previous;
    }
    pairs.reverse();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::lines;

    fn check(old: &str, new: &str) -> Vec<(Range<usize>, Range<usize>)> {
        let (old, new): (Vec<String>, Vec<String>) =
            (old.chars().map(|c| format!("{c}\n")).collect(), new.chars().map(|c| format!("{c}\n")).collect());
        let (old, new) = (old.concat(), new.concat());
        let found = changes(&lines(old.as_bytes()), &lines(new.as_bytes())).unwrap();
        found.into_iter().map(|change| (change.old, change.new)).collect()
    }

    /// Puts the new text together from the old one and the changes.
    fn rebuilt(old: &[&[u8]], new: &[&[u8]], changes: &[Change]) -> Vec<u8> {
        let (mut text, mut at) = (Vec::new(), 0);
        for change in changes {
            text.extend(old[at..change.old.start].concat());
            text.extend(new[change.new.clone()].concat());
            at = change.old.end;
        }
        text.extend(old[at..].concat());
        text
    }

    #[test]
    fn changes_are_the_shortest_ones() {
        assert_eq!(check("abc", "abc"), []);
        assert_eq!(check("abc", "abxc"), [(2..2, 2..3)]);
        assert_eq!(check("abc", "ac"), [(1..2, 1..1)]);
        assert_eq!(check("", "ab"), [(0..0, 0..2)]);
        assert_eq!(check("abcabba", "cbabac").iter().map(|(old, new)| old.len() + new.len()).sum::<usize>(), 5);
    }

    proptest::proptest! {
        #[test]
        fn the_changes_make_the_new_text_of_the_old(old in "[abc\n]{0,80}", new in "[abc\n]{0,80}") {
            let (old, new) = (lines(old.as_bytes()), lines(new.as_bytes()));
            let found = changes(&old, &new).unwrap();
            proptest::prop_assert_eq!(rebuilt(&old, &new, &found), new.concat());
        }
    }

    #[test]
    fn texts_that_have_nothing_in_common_but_their_lines_are_compared_in_bounded_time() {
        // Every line occurs on both sides, so that none is left out, in orders that share next to nothing.
        let count: u64 = 6_000;
        let text = |step: u64| -> String { (0..count).map(|at| format!("{}\n", at * step % 6_007)).collect() };
        let (old, new) = (text(7919), text(104_729));
        let (old, new) = (lines(old.as_bytes()), lines(new.as_bytes()));
        let found = changes(&old, &new).unwrap();
        assert_eq!(rebuilt(&old, &new, &found), new.concat());
        let many = vec![&b"\n"[..]; MOST_LINES + 1];
        assert_eq!(changes(&many, &[]), None);
    }
}
