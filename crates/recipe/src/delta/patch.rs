use super::lines;

/// Comparisons of lines that applying one patch may cost.
const MOST_WORK: usize = 50_000_000;
/// Lines of context that may be missing at either end of a hunk.
const MOST_FUZZ: usize = 2;

/// Why a patch was not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// No part of it is a difference in the unified format.
    #[error("it has no difference in the unified format")]
    Empty,
    /// A part that can not be read.
    #[error("line {0} is not of the unified format")]
    Malformed(usize),
    /// A file it changes is not there.
    #[error("there is no file {0:?}")]
    FileMissing(String),
    /// The lines around a change are not found.
    #[error("hunk {hunk} does not fit {file:?}")]
    Unfit {
        /// File.
        file: String,
        /// Which change of it, from 1.
        hunk: usize,
    },
}

/// A file that a patch changed: its new content, or nothing if the patch takes it away.
pub type Patched = (String, Option<Vec<u8>>);

/// Applies a patch to files in one folder; gives those it changed.
///
/// Folders in its names do not count. Of the two names, the new one counts if there is such a file, else the old one; a file
/// that comes from nowhere (`/dev/null`, or no lines before) is made.
///
/// Rule: what GNU patch does without `-p`, with its fuzz of two lines; reversed and other formats are refused.
///
/// # Errors
/// [`PatchError`]; nothing was changed then.
pub fn apply(patch: &[u8], read: &mut dyn FnMut(&str) -> Option<Vec<u8>>) -> Result<Vec<Patched>, PatchError> {
    let mut done: Vec<Patched> = Vec::new();
    let files = parse(patch)?;
    if files.is_empty() {
        return Err(PatchError::Empty);
    }
    let mut work = MOST_WORK;
    for file in files {
        let mut content = |name: &str| match done.iter().find(|(known, _)| known == name) {
            Some((_, content)) => content.clone(),
            None => read(name),
        };
        let candidates = [file.new.as_str(), file.old.as_str()];
        let named: Vec<&str> = candidates.into_iter().filter(|name| *name != "null" && !name.is_empty()).collect();
        let found = named.iter().find_map(|name| Some((*name, content(name)?)));
        let (name, before) = match (found, named.first()) {
            (Some((name, before)), _) => (name.to_owned(), before),
            (None, Some(name)) if file.is_new() => ((*name).to_owned(), Vec::new()),
            (None, name) => {
                return Err(PatchError::FileMissing(name.map_or_else(String::new, |&name| name.to_owned())));
            }
        };
        let after =
            apply_hunks(&before, &file, &mut work).map_err(|hunk| PatchError::Unfit { file: name.clone(), hunk })?;
        let gone = file.new == "null" && after.is_empty();
        done.retain(|(known, _)| *known != name);
        done.push((name, (!gone).then_some(after)));
    }
    Ok(done)
}

/// The changes of one file.
struct FilePatch<'a> {
    old: String,
    new: String,
    hunks: Vec<Hunk<'a>>,
}

impl FilePatch<'_> {
    fn is_new(&self) -> bool {
        self.old == "null" || matches!(self.hunks.as_slice(), [only] if only.old_lines().next().is_none())
    }
}

struct Hunk<'a> {
    /// First line in the old file, from 0.
    start: usize,
    /// Mark and line, with its end unless it has none.
    lines: Vec<(u8, &'a [u8])>,
}

impl<'a> Hunk<'a> {
    fn old_lines(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.lines.iter().filter(|(mark, _)| *mark != b'+').map(|(_, line)| *line)
    }
}

/// The last part of a name in a header; `null` for `/dev/null`.
fn label(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line.get(4..).unwrap_or(&[])).into_owned();
    let name = text.split('\t').next().unwrap_or_default().trim();
    // A date may follow behind blanks.
    let name = name.strip_suffix(".orig").unwrap_or(name);
    name.rsplit('/').next().unwrap_or_default().to_owned()
}

fn parse(patch: &[u8]) -> Result<Vec<FilePatch<'_>>, PatchError> {
    let lines = lines(patch);
    let mut files: Vec<FilePatch<'_>> = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let next = lines.get(at + 1).copied().unwrap_or_default();
        if line.starts_with(b"--- ") && next.starts_with(b"+++ ") {
            files.push(FilePatch { old: label(line), new: label(next), hunks: Vec::new() });
            at += 2;
        } else if let (true, Some(file)) = (line.starts_with(b"@@ -"), files.last_mut()) {
            let (hunk, behind) = read_hunk(&lines, at)?;
            file.hunks.push(hunk);
            at = behind;
        } else {
            at += 1;
        }
    }
    files.retain(|file| !file.hunks.is_empty());
    Ok(files)
}

/// `@@ -START[,COUNT] +START[,COUNT] @@`: start and count of the old lines, count of the new ones.
fn header(line: &[u8]) -> Option<(usize, usize, usize)> {
    let text = std::str::from_utf8(line).ok()?;
    let mut parts = text.strip_prefix("@@ -")?.split(' ');
    let span = |text: &str| -> Option<(usize, usize)> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let (start, old) = span(parts.next()?)?;
    let (_, new) = span(parts.next()?.strip_prefix('+')?)?;
    Some((if old == 0 { start } else { start.checked_sub(1)? }, old, new))
}

fn read_hunk<'a>(lines: &[&'a [u8]], at: usize) -> Result<(Hunk<'a>, usize), PatchError> {
    let first = lines.get(at).copied().unwrap_or_default();
    let (start, mut old, mut new) = header(first).ok_or(PatchError::Malformed(at + 1))?;
    let mut hunk = Hunk { start, lines: Vec::new() };
    let mut next = at + 1;
    while old > 0 || new > 0 {
        let line = lines.get(next).copied().ok_or(PatchError::Malformed(next))?;
        let (mark, text) = match line.split_first() {
            // Mailers eat the blank of an empty line.
            Some((b'\n', _)) | None => (b' ', line),
            Some((mark @ (b' ' | b'-' | b'+'), text)) => (*mark, text),
            Some(_) => return Err(PatchError::Malformed(next + 1)),
        };
        let (in_old, in_new) = (mark != b'+', mark != b'-');
        old = old.checked_sub(usize::from(in_old)).ok_or(PatchError::Malformed(next + 1))?;
        new = new.checked_sub(usize::from(in_new)).ok_or(PatchError::Malformed(next + 1))?;
        let ends = lines.get(next + 1).is_some_and(|line| line.starts_with(b"\\"));
        let text = if ends { text.strip_suffix(b"\n").unwrap_or(text) } else { text };
        hunk.lines.push((mark, text));
        next += if ends { 2 } else { 1 };
    }
    Ok((hunk, next))
}

/// The content after all hunks; the number of the first that does not fit is the error.
fn apply_hunks(before: &[u8], file: &FilePatch<'_>, work: &mut usize) -> Result<Vec<u8>, usize> {
    let before = lines(before);
    let (mut after, mut done, mut drift) = (Vec::new(), 0, 0_i64);
    for (number, hunk) in file.hunks.iter().enumerate() {
        let place = find(&before, hunk, (done, drift), work).ok_or(number + 1)?;
        drift = i64::try_from(place.at).unwrap_or(0) - i64::try_from(hunk.start + place.skipped).unwrap_or(0);
        before.get(done..place.at).unwrap_or_default().iter().for_each(|line| after.extend_from_slice(line));
        for (mark, line) in hunk.lines.get(place.skipped..hunk.lines.len() - place.cut).unwrap_or_default() {
            if *mark != b'-' {
                after.extend_from_slice(line);
            }
        }
        let old = hunk.old_lines().count();
        done = place.at + old.saturating_sub(place.skipped + place.cut);
    }
    before.get(done..).unwrap_or_default().iter().for_each(|line| after.extend_from_slice(line));
    Ok(after)
}

struct Place {
    at: usize,
    /// Lines of context left out at the beginning.
    skipped: usize,
    /// And at the end.
    cut: usize,
}

/// Where a hunk fits, nearest to where it says.
fn find(before: &[&[u8]], hunk: &Hunk<'_>, (done, drift): (usize, i64), work: &mut usize) -> Option<Place> {
    let context = |mut lines: Box<dyn Iterator<Item = &(u8, &[u8])> + '_>| -> usize {
        let mut count = 0;
        while lines.next().is_some_and(|(mark, _)| *mark == b' ') {
            count += 1;
        }
        count
    };
    let (head, tail) = (context(Box::new(hunk.lines.iter())), context(Box::new(hunk.lines.iter().rev())));
    let old: Vec<&[u8]> = hunk.old_lines().collect();
    for fuzz in 0..=MOST_FUZZ {
        // Only as much is left out as the longer context has more than the shorter.
        let (skipped, cut) = (fuzz.min(head), fuzz.min(tail));
        if fuzz > 0 && skipped < fuzz && cut < fuzz {
            break;
        }
        let Some(wanted) = old.get(skipped..old.len().saturating_sub(cut)) else { continue };
        let expected = i64::try_from(hunk.start + skipped).ok()?.saturating_add(drift).max(0);
        let expected = usize::try_from(expected).ok()?.min(before.len());
        if wanted.is_empty() {
            return (expected >= done).then_some(Place { at: expected, skipped, cut });
        }
        let last = before.len().checked_sub(wanted.len());
        for distance in 0..=before.len() {
            for at in [expected.checked_add(distance), expected.checked_sub(distance)].into_iter().flatten() {
                if at < done || last.is_none_or(|last| at > last) {
                    continue;
                }
                let here = before.get(at..at + wanted.len())?;
                let equal = here.iter().zip(wanted).take_while(|(left, right)| same(left, right)).count();
                *work = work.checked_sub(equal + 1)?;
                if equal == wanted.len() {
                    return Some(Place { at, skipped, cut });
                }
            }
        }
    }
    None
}

/// Whether two lines are equal; a line end that only one has, because a patch was cut, does not count.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.strip_suffix(b"\n").unwrap_or(left) == right.strip_suffix(b"\n").unwrap_or(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::{Labels, unified};

    fn applied(patch: &str, files: &[(&str, &str)]) -> Result<Vec<(String, Option<String>)>, String> {
        let mut read =
            |name: &str| files.iter().find(|(known, _)| *known == name).map(|(_, content)| content.as_bytes().to_vec());
        let done = apply(patch.as_bytes(), &mut read).map_err(|error| error.to_string())?;
        Ok(done
            .into_iter()
            .map(|(name, content)| (name, content.map(|text| String::from_utf8(text).unwrap())))
            .collect())
    }

    fn one(patch: &str, content: &str) -> Result<String, String> {
        Ok(applied(patch, &[("f", content)])?.remove(0).1.unwrap())
    }

    const PATCH: &str = "junk\n--- a/f.orig\n+++ a/f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n";

    #[test]
    fn a_patch_fits_where_its_lines_are() {
        assert_eq!(one(PATCH, "1\n2\n3\n4\n5\n6\n7\n8\n9\n").unwrap(), "1\n2\n3\n4\nfive\n6\n7\n8\n9\n");
        assert_eq!(one(PATCH, "a\nb\nc\n1\n2\n3\n4\n5\n6\n7\n8\n").unwrap(), "a\nb\nc\n1\n2\n3\n4\nfive\n6\n7\n8\n");
        // Two lines of context may differ.
        assert_eq!(one(PATCH, "x\nx\nx\n4\n5\n6\nx\nx\n").unwrap(), "x\nx\nx\n4\nfive\n6\nx\nx\n");
        assert_eq!(one(PATCH, "x\nx\nx\nx\n5\n6\nx\nx\n").unwrap_err(), "hunk 1 does not fit \"f\"");
        assert_eq!(applied(PATCH, &[("g", "")]).unwrap_err(), "there is no file \"f\"");
    }

    #[test]
    fn files_are_made_and_taken_away() {
        let made = applied("--- /dev/null\n+++ new\n@@ -0,0 +1,2 @@\n+a\n+b\n", &[]).unwrap();
        assert_eq!(made, [("new".to_owned(), Some("a\nb\n".to_owned()))]);
        let gone = applied("--- old\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", &[("old", "a\n")]).unwrap();
        assert_eq!(gone, [("old".to_owned(), None)]);
        let away = applied("--- ../../etc/passwd\n+++ ../../etc/passwd\n@@ -0,0 +1 @@\n+a\n", &[]).unwrap();
        assert_eq!(away[0].0, "passwd");
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        assert_eq!(applied("hello\n", &[]).unwrap_err(), "it has no difference in the unified format");
        assert!(one("--- f\n+++ f\n@@ -1,2 +1 @@\n-a\n", "a\n").unwrap_err().starts_with("line "));
        assert!(one("--- f\n+++ f\n@@ -1,99999999999999999999 +1 @@\n-a\n", "a\n").is_err());
        assert!(one("--- f\n+++ f\n@@ -1 +1 @@\n?a\n", "a\n").unwrap_err().starts_with("line 4"));
    }

    #[test]
    fn a_patch_that_fits_nowhere_in_a_long_file_ends_soon() {
        let hunk = format!("@@ -1,200 +1,200 @@\n{}-z\n+y\n", " a\n".repeat(199));
        let patch = format!("--- f\n+++ f\n{}", hunk.repeat(50));
        assert!(one(&patch, &"a\n".repeat(190_000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn a_difference_makes_the_new_text(old in "[ab\n]{0,60}", new in "[ab\n]{0,60}") {
            let patch = unified(Labels { old: "f.orig", new: "f" }, old.as_bytes(), new.as_bytes()).unwrap();
            if patch.is_empty() {
                proptest::prop_assert_eq!(old, new);
            } else {
                proptest::prop_assert_eq!(one(std::str::from_utf8(&patch).unwrap(), &old).unwrap(), new);
            }
        }

        #[test]
        fn nothing_panics(patch in "(---|\\+\\+\\+| |\\+|-|@@ -[0-9],[0-9] \\+[0-9],[0-9] @@|f|\n){0,40}") {
            let _ = one(&patch, "a\nb\n");
        }
    }
}
