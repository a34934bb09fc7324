//! `%gsub`: replacing a Lua-like pattern.
//!
//! A pattern is a row of single-byte elements, some of them repeated; there are no groups and no alternatives. What is
//! special follows the peer, which turns the pattern into a Perl one and takes the protection away from the *first* of
//! each special character only.

use super::budget::Budget;
use crate::text::is_space;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Byte(u8),
    /// Any byte but LF.
    Any,
    Digit,
    Space,
    /// The start of the text.
    Start,
    /// The end of the text, or in front of an LF at the end.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Greed {
    Greedy,
    Lazy,
    Possessive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Item {
    element: Element,
    min: usize,
    max: usize,
    greed: Greed,
}

/// Replaces up to `limit` matches of a pattern by a literal text.
///
/// DIFFERS from Build.pm: an empty pattern replaces nothing (there it is undefined), and messages about bad patterns are ours.
///
/// # Errors
///
/// The message, if the pattern is not understood or too costly.
pub(crate) fn replace(
    text: &[u8],
    pattern: &[u8],
    new: &[u8],
    limit: usize,
    budget: &mut Budget,
) -> Result<Vec<u8>, Vec<u8>> {
    let items = parse(pattern)?;
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    let mut left = limit;
    let mut empty_at = None;
    while at <= text.len() && left > 0 && !items.is_empty() {
        let allow_empty = empty_at != Some(at);
        match match_at(&items, text, at, allow_empty, &mut left, budget)? {
            Some(end) => {
                out.extend_from_slice(new);
                if end == at {
                    empty_at = Some(at);
                }
                at = end;
            }
            None => {
                out.extend(text.get(at));
                at += 1;
            }
        }
        if out.len() > budget.max_text_bytes() || !budget.spend(new.len() + 1) {
            return Err(b"macro expansion is too large".to_vec());
        }
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    Ok(out)
}

fn parse(pattern: &[u8]) -> Result<Vec<Item>, Vec<u8>> {
    let mut items: Vec<Item> = Vec::new();
    let mut seen = [false; 256];
    let mut at = 0;
    while let Some(&byte) = pattern.get(at) {
        let first = !std::mem::replace(seen.get_mut(usize::from(byte)).unwrap_or(&mut true), true);
        let element = match byte {
            b'^' if at == 0 => Element::Start,
            b'%' => match pattern.get(at + 1) {
                Some(b'd') => {
                    at += 1;
                    Element::Digit
                }
                Some(b's') => {
                    at += 1;
                    Element::Space
                }
                _ => Element::Byte(b'%'),
            },
            b'$' if first => Element::End,
            b'.' if first => Element::Any,
            b'*' | b'?' | b'+' | b'-' if first => {
                quantify(&mut items, pattern, byte, at > 0 && is_quantified(pattern, at))?;
                at += 1;
                continue;
            }
            _ => Element::Byte(byte),
        };
        items.push(Item { element, min: 1, max: 1, greed: Greed::Greedy });
        at += 1;
    }
    Ok(items)
}

/// Whether the byte in front is a quantifier itself: the first of its kind in the pattern.
fn is_quantified(pattern: &[u8], at: usize) -> bool {
    let Some((&previous, head)) = pattern.get(..at).and_then(<[u8]>::split_last) else { return false };
    matches!(previous, b'*' | b'?' | b'+' | b'-') && !head.contains(&previous)
}

fn quantify(items: &mut [Item], pattern: &[u8], byte: u8, behind_quantifier: bool) -> Result<(), Vec<u8>> {
    let Some(item) = items.last_mut() else { return Err(bad_pattern(pattern)) };
    if behind_quantifier {
        item.greed = match (byte, item.greed) {
            (b'?', Greed::Greedy) => Greed::Lazy,
            (b'+', Greed::Greedy) => Greed::Possessive,
            _ => return Err(bad_pattern(pattern)),
        };
        return Ok(());
    }
    (item.min, item.max) = match byte {
        b'?' => (0, 1),
        b'+' => (1, usize::MAX),
        _ => (0, usize::MAX),
    };
    if byte == b'-' {
        item.greed = Greed::Lazy;
    }
    Ok(())
}

fn bad_pattern(pattern: &[u8]) -> Vec<u8> {
    [b"bad pattern in %gsub: ", pattern].concat()
}

/// The end of the match at a position, with backtracking; every step is paid from the budget.
///
/// Each match that is found takes one of those that are `left`, also an empty one that is not allowed here.
fn match_at(
    items: &[Item],
    text: &[u8],
    at: usize,
    allow_empty: bool,
    left: &mut usize,
    budget: &mut Budget,
) -> Result<Option<usize>, Vec<u8>> {
    // For each item that may still give way: where it started and how many bytes it has taken.
    let mut choices: Vec<(usize, usize, usize)> = Vec::new();
    let mut index = 0;
    let mut pos = at;
    loop {
        if !budget.spend(1) {
            return Err(b"macro expansion is too large".to_vec());
        }
        let step = match items.get(index) {
            None if *left == 0 => None,
            None => {
                *left -= 1;
                if pos != at || allow_empty {
                    return Ok(Some(pos));
                }
                None
            }
            Some(item) => take(item, text, pos, budget).inspect(|count| {
                if item.min != item.max && item.greed != Greed::Possessive {
                    choices.push((index, pos, *count));
                }
            }),
        };
        match step {
            Some(count) => {
                pos += count;
                index += 1;
            }
            None => match give_way(items, text, &mut choices) {
                Some((next_index, next_pos)) => (index, pos) = (next_index, next_pos),
                None => return Ok(None),
            },
        }
    }
}

/// How many bytes an item takes first.
fn take(item: &Item, text: &[u8], pos: usize, budget: &mut Budget) -> Option<usize> {
    match item.element {
        Element::Start => return (pos == 0 || item.min == 0).then_some(0),
        Element::End => {
            let rest = text.get(pos..).unwrap_or_default();
            return (rest.is_empty() || rest == b"\n" || item.min == 0).then_some(0);
        }
        _ => {}
    }
    let wanted = if item.greed == Greed::Lazy { item.min } else { item.max };
    let rest = text.get(pos..).unwrap_or_default();
    let count = rest.iter().take(wanted).take_while(|byte| fits(item.element, **byte)).count();
    budget.spend(count / 8);
    (count >= item.min).then_some(count)
}

/// Lets the last item that can take one byte less (or, a lazy one, one more) and says where to go on.
fn give_way(items: &[Item], text: &[u8], choices: &mut Vec<(usize, usize, usize)>) -> Option<(usize, usize)> {
    while let Some((index, start, count)) = choices.pop() {
        let item = items.get(index)?;
        let next = if item.greed == Greed::Lazy {
            let fits_next = text.get(start + count).is_some_and(|byte| fits(item.element, *byte));
            (fits_next && count < item.max).then_some(count + 1)
        } else {
            (count > item.min).then(|| count - 1)
        };
        if let Some(count) = next {
            choices.push((index, start, count));
            return Some((index + 1, start + count));
        }
    }
    None
}

fn fits(element: Element, byte: u8) -> bool {
    match element {
        Element::Byte(wanted) => byte == wanted,
        Element::Any => byte != b'\n',
        Element::Digit => byte.is_ascii_digit(),
        Element::Space => is_space(byte),
        Element::Start | Element::End => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::macros::budget::Limits;

    fn gsub(text: &str, pattern: &str, new: &str, limit: usize) -> String {
        let mut budget = Budget::for_text(0, Limits::default());
        let result = replace(text.as_bytes(), pattern.as_bytes(), new.as_bytes(), limit, &mut budget);
        String::from_utf8(result.unwrap_or_else(|message| message)).unwrap()
    }

    #[test]
    fn patterns_match_as_the_peer_says() {
        for (text, pattern, new, limit, expected) in [
            ("a1b22", "%d+", "X", 99, "aXbX"),
            ("a.b.c", "..", "-", 99, "--c"),
            ("xabcx", "x*", "-", 99, "--a-b-c--"),
            ("abc", "b-", "-", 99, "-a---c-"),
            ("abcabc", "a.*c", "-", 99, "-"),
            ("abcabc", "a.-c", "-", 99, "--"),
            ("aaa", "a", "X", 2, "XXa"),
            ("a^b", "^", "-", 99, "-a^b"),
            ("a$b$", "$", "-", 99, "a$b$-"),
            ("a(b)[c]", "(b)", "-", 99, "a-[c]"),
            ("hello", "l*", "X", 99, "XhXeXXoX"),
            ("aab", "a+", "$0", 99, "$0b"),
            ("a\\.b", "\\.", "-", 99, "a-b"),
            ("aaab", "a+?", "-", 99, "---b"),
            ("aaa", "a*+a", "-", 99, "aaa"),
        ] {
            assert_eq!(gsub(text, pattern, new, limit), expected, "{text} {pattern}");
        }
    }

    #[test]
    fn a_pattern_that_begins_with_a_quantifier_is_a_message() {
        assert!(gsub("a", "*", "x", 9).starts_with("bad pattern"));
    }
}
