use super::{changes, lines};

/// Which of some texts, oldest first, brought each line of the last one; `None` for more lines than are compared.
///
/// Rule: what `git blame` shows of a file without renames.
#[must_use]
pub fn blame(texts: &[&[u8]]) -> Option<Vec<usize>> {
    let mut origins = vec![0; texts.first().map_or(0, |text| lines(text).len())];
    for (number, pair) in texts.windows(2).enumerate() {
        let [old, new] = pair else { continue };
        let (old, new) = (lines(old), lines(new));
        let mut next = Vec::with_capacity(new.len());
        let mut done = 0;
        for change in changes(&old, &new)? {
            next.extend_from_slice(origins.get(done..change.old.start).unwrap_or_default());
            next.extend(change.new.clone().map(|_| number + 1));
            done = change.old.end;
        }
        next.extend_from_slice(origins.get(done..).unwrap_or_default());
        origins = next;
    }
    Some(origins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_from_the_text_that_brought_it() {
        let texts: [&[u8]; 4] = [b"a\nb\nc\n", b"a\nB\nc\n", b"new\na\nB\n", b"new\na\nb\n"];
        assert_eq!(blame(&texts[..1]).unwrap(), [0, 0, 0]);
        assert_eq!(blame(&texts[..2]).unwrap(), [0, 1, 0]);
        assert_eq!(blame(&texts[..3]).unwrap(), [2, 0, 1]);
        assert_eq!(blame(&texts).unwrap(), [2, 0, 3]);
        assert!(blame(&[]).unwrap().is_empty() && blame(&[b"", b"x"]).unwrap() == [1]);
    }
}
