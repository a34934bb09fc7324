use super::changes::{Change, changes};
use super::lines;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// What a difference calls the two texts.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// The old one.
    pub old: &'a str,
    /// The new one.
    pub new: &'a str,
}

/// The difference of two texts in the unified format with three lines around each change; nothing if they are equal, `None`
/// if they have too many lines.
#[must_use]
pub fn unified(labels: Labels<'_>, old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let (old, new) = (lines(old), lines(new));
    let changes = changes(&old, &new)?;
    let mut text = Vec::new();
    if changes.is_empty() {
        return Some(text);
    }
    text.extend(format!("--- {}\n+++ {}\n", labels.old, labels.new).into_bytes());
    let mut rest = changes.as_slice();
    while let Some(first) = rest.first() {
        let near = |pair: &[Change]| matches!(pair, [left, right] if right.old.start - left.old.end <= 2 * CONTEXT);
        let count = 1 + rest.windows(2).take_while(|pair| near(pair)).count();
        let (group, behind) = rest.split_at(count.min(rest.len()));
        let last = group.last().unwrap_or(first);
        hunk(&mut text, (&old, &new), group, (first, last));
        rest = behind;
    }
    Some(text)
}

fn hunk(text: &mut Vec<u8>, (old, new): (&[&[u8]], &[&[u8]]), group: &[Change], (first, last): (&Change, &Change)) {
    let before = first.old.start.min(CONTEXT);
    let after = old.len().saturating_sub(last.old.end).min(CONTEXT);
    let (old_start, new_start) = (first.old.start - before, first.new.start.saturating_sub(before));
    let (old_count, new_count) = (last.old.end + after - old_start, last.new.end + after - new_start);
    text.extend(format!("@@ -{} +{} @@\n", span(old_start, old_count), span(new_start, new_count)).into_bytes());
    let mut at = old_start;
    for change in group {
        put(text, b' ', old.get(at..change.old.start));
        put(text, b'-', old.get(change.old.clone()));
        put(text, b'+', new.get(change.new.clone()));
        at = change.old.end;
    }
    put(text, b' ', old.get(at..last.old.end + after));
}

/// `START,COUNT` with lines counted from 1; a single line needs no count, and nothing lies behind the line before it.
fn span(start: usize, count: usize) -> String {
    match count {
        0 => format!("{start},0"),
        1 => (start + 1).to_string(),
        _ => format!("{},{count}", start + 1),
    }
}

fn put(text: &mut Vec<u8>, mark: u8, lines: Option<&[&[u8]]>) {
    for line in lines.unwrap_or_default() {
        text.push(mark);
        text.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            text.extend_from_slice(b"\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str) -> String {
        let text = unified(Labels { old: "a", new: "b" }, old.as_bytes(), new.as_bytes()).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// The expected texts are GNU diff's, of `diff -u --label a --label b`.
    #[test]
    fn differences_look_as_everybody_knows_them() {
        assert_eq!(check("x\n", "x\n"), "");
        assert_eq!(check("", "x\n"), "--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n");
        assert_eq!(check("x\n", ""), "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
        assert_eq!(
            check("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
        assert_eq!(check("a", "b\n"), "--- a\n+++ b\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n");
    }

    #[test]
    fn changes_that_are_far_apart_are_hunks_of_their_own() {
        let old: String = (1..=20).map(|line| format!("{line}\n")).collect();
        assert_eq!(check(&old, &old.replace("\n2\n", "\nx\n").replace("19\n", "y\n")).matches("@@ -").count(), 2);
        assert_eq!(check(&old, &old.replace("\n2\n", "\nx\n").replace("\n9\n", "\ny\n")).matches("@@ -").count(), 1);
        assert_eq!(check(&old, &old.replace("\n2\n", "\nx\n").replace("\n10\n", "\ny\n")).matches("@@ -").count(), 2);
    }
}
