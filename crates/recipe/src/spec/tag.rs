//! The lines of a preamble.

use super::multiline::is_space;

/// A tag line: the keyword in lower case, and its argument without blanks around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) keyword: String,
    /// Never empty; `None` only for `#!` words.
    pub(super) argument: Option<&'a str>,
}

impl<'a> Tag<'a> {
    /// Reads `KEYWORD: ARGUMENT` and `#!KEYWORD`.
    ///
    /// Rule: Build.pm's pattern `^(\S+)\s*:\s*(\S.*)`, in which the last fitting colon of the first word counts.
    pub(super) fn of_line(line: &'a str) -> Option<Self> {
        let end = line.find(is_space).unwrap_or(line.len());
        let (first, rest) = line.split_at_checked(end).filter(|(first, _)| !first.is_empty())?;
        if let Some(behind) = rest.trim_start_matches(is_space).strip_prefix(':')
            && let Some(tag) = Self::new(first, behind)
        {
            return Some(tag);
        }
        for (position, _) in first.rmatch_indices(':').take_while(|(position, _)| *position > 0).take(MAX_COLONS) {
            let keyword = first.get(..position)?;
            if let Some(tag) = line.get(position + 1..).and_then(|behind| Self::new(keyword, behind)) {
                return Some(tag);
            }
        }
        let is_word = first.len() > 2 && first.starts_with("#!");
        is_word.then(|| Tag { keyword: first.to_ascii_lowercase(), argument: None })
    }

    fn new(keyword: &str, behind: &'a str) -> Option<Self> {
        let argument = behind.trim_matches(is_space);
        (!argument.is_empty()).then(|| Tag { keyword: keyword.to_ascii_lowercase(), argument: Some(argument) })
    }
}

/// Colons of a word that are tried; only a colon at the end of the line does not fit.
const MAX_COLONS: usize = 8;

/// Whether a source or a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileTag {
    Source,
    Patch,
}

/// A `Source:` or `Patch:` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileLine<'a> {
    pub(super) tag: FileTag,
    /// The number behind the word, if there is one.
    pub(super) number: Option<u64>,
    pub(super) location: &'a str,
}

impl<'a> FileLine<'a> {
    /// Reads `SourceNUMBER: LOCATION` and `PatchNUMBER: LOCATION`; words between number and colon are skipped.
    pub(super) fn of_line(line: &'a str) -> Option<Self> {
        let (tag, rest) = starts_with_ignoring_case(line, "source")
            .map(|rest| (FileTag::Source, rest))
            .or_else(|| Some((FileTag::Patch, starts_with_ignoring_case(line, "patch")?)))?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = rest.split_at_checked(digits)?;
        let (between, behind) = rest.split_once(':')?;
        if !(between.is_empty() || between.starts_with(is_space)) {
            return None;
        }
        let location = behind.split(is_space).find(|word| !word.is_empty())?;
        let number = (!number.is_empty()).then(|| number.parse().unwrap_or(u64::MAX));
        Some(FileLine { tag, number, location })
    }
}

/// What follows a word at the start of a line, in any case of letters.
pub(super) fn starts_with_ignoring_case<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let (start, rest) = line.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(line: &str) -> Option<(String, Option<&str>)> {
        Tag::of_line(line).map(|tag| (tag.keyword, tag.argument))
    }

    #[test]
    fn the_last_fitting_colon_of_the_first_word_counts() {
        assert_eq!(tag("URL: http://x"), Some(("url".to_owned(), Some("http://x"))));
        assert_eq!(tag("URL:http://x"), Some(("url:http".to_owned(), Some("//x"))));
        assert_eq!(tag("Requires(pre) :  a b "), Some(("requires(pre)".to_owned(), Some("a b"))));
        assert_eq!(tag("Name:a:"), Some(("name".to_owned(), Some("a:"))));
        assert_eq!(tag("Name:"), None);
        assert_eq!(tag(" Name: a"), None);
        assert_eq!(tag("#!ForceMultiversion x"), Some(("#!forcemultiversion".to_owned(), None)));
        assert_eq!(tag("#!BuildIgnore: a"), Some(("#!buildignore".to_owned(), Some("a"))));
    }

    #[test]
    fn sources_have_numbers_and_locations() {
        let read = |line| FileLine::of_line(line).map(|file| (file.tag, file.number, file.location));
        assert_eq!(read("Source: http://a/b c"), Some((FileTag::Source, None, "http://a/b")));
        assert_eq!(read("PATCH007:x"), Some((FileTag::Patch, Some(7), "x")));
        assert_eq!(read("Source1 extra: x"), Some((FileTag::Source, Some(1), "x")));
        assert_eq!(read("Sources: x"), None);
        assert_eq!(read("Source1:"), None);
    }
}
