//! Lists and maps of texts that share one piece of memory.
//!
//! A configuration has thousands of short words that live and die together. One allocation each would cost more than reading
//! them, so the results of an evaluation are places in its text. [`TextList`] is the type to read first.

use std::fmt;
use std::sync::Arc;

/// The memory that places lie in.
#[derive(Debug, Default)]
struct Pool {
    /// The text that was evaluated, if words can be taken from it as they are.
    raw: Arc<str>,
    /// Everything else. Its places begin where those of `raw` end.
    added: String,
}

/// A text in a [`Pool`].
///
/// Offsets beyond 4 GiB stop there, as those of items do; such a text is empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    start: u32,
    end: u32,
}

impl Pool {
    fn text(&self, place: Place) -> &str {
        let (start, end) = (place.start as usize, place.end as usize);
        let found = match start.checked_sub(self.raw.len()) {
            Some(start) => self.added.get(start..end.saturating_sub(self.raw.len())),
            None => self.raw.get(start..end),
        };
        found.unwrap_or_default()
    }
}

/// Texts in order, duplicates included.
///
/// Cheap to make and to clone; compares and prints like a list of `String`s. Keeps the text it was evaluated from in memory.
#[derive(Clone, Default)]
pub struct TextList {
    pool: Option<Arc<Pool>>,
    places: Vec<Place>,
}

impl TextList {
    /// The list as something to read from.
    #[must_use]
    pub fn as_slice(&self) -> TextSlice<'_> {
        TextSlice { pool: self.pool.as_deref(), places: &self.places }
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The texts, in order.
    #[must_use]
    pub fn iter(&self) -> TextIter<'_> {
        self.as_slice().iter()
    }

    /// The text at an index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&str> {
        self.as_slice().get(index)
    }

    /// The first text.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.iter().next()
    }

    /// The last text.
    #[must_use]
    pub fn last(&self) -> Option<&str> {
        self.iter().next_back()
    }

    /// Whether one of the texts is this one. Linear.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.iter().any(|other| other == text)
    }

    /// The texts with something between them.
    #[must_use]
    pub fn join(&self, separator: &str) -> String {
        self.as_slice().join(separator)
    }

    /// Copies of the texts, to be changed.
    #[must_use]
    pub fn to_vec(&self) -> Vec<String> {
        self.as_slice().to_vec()
    }
}

/// A part of a [`TextList`], or the values of a key of a [`TextMap`].
#[derive(Clone, Copy)]
pub struct TextSlice<'a> {
    pool: Option<&'a Pool>,
    places: &'a [Place],
}

impl<'a> TextSlice<'a> {
    /// How many texts there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.places.len()
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.places.is_empty()
    }

    /// The texts, in order.
    #[must_use]
    pub fn iter(self) -> TextIter<'a> {
        TextIter { pool: self.pool, places: self.places.iter() }
    }

    /// The text at an index.
    #[must_use]
    pub fn get(self, index: usize) -> Option<&'a str> {
        Some(text_of(self.pool, *self.places.get(index)?))
    }

    /// The texts with something between them.
    #[must_use]
    pub fn join(self, separator: &str) -> String {
        let mut joined = String::new();
        for (index, text) in self.iter().enumerate() {
            if index > 0 {
                joined.push_str(separator);
            }
            joined.push_str(text);
        }
        joined
    }

    /// Copies of the texts, to be changed.
    #[must_use]
    pub fn to_vec(self) -> Vec<String> {
        self.iter().map(str::to_owned).collect()
    }
}

/// The texts of a list, in order.
#[derive(Clone)]
pub struct TextIter<'a> {
    pool: Option<&'a Pool>,
    places: std::slice::Iter<'a, Place>,
}

fn text_of(pool: Option<&Pool>, place: Place) -> &str {
    pool.map_or("", |pool| pool.text(place))
}

impl<'a> Iterator for TextIter<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.places.next().map(|place| text_of(self.pool, *place))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.places.size_hint()
    }
}

impl DoubleEndedIterator for TextIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.places.next_back().map(|place| text_of(self.pool, *place))
    }
}

impl ExactSizeIterator for TextIter<'_> {}

impl<'a> IntoIterator for &'a TextList {
    type Item = &'a str;
    type IntoIter = TextIter<'a>;

    fn into_iter(self) -> TextIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for TextSlice<'a> {
    type Item = &'a str;
    type IntoIter = TextIter<'a>;

    fn into_iter(self) -> TextIter<'a> {
        self.iter()
    }
}

impl<S: AsRef<str>> FromIterator<S> for TextList {
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        let mut pool = PoolBuilder::default();
        let places = texts.into_iter().map(|text| pool.add(text.as_ref())).collect();
        pool.finish().list(places)
    }
}

impl PartialEq for TextList {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for TextList {}

impl PartialEq for TextSlice<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for TextSlice<'_> {}

impl<S: AsRef<str>, const N: usize> PartialEq<[S; N]> for TextList {
    fn eq(&self, other: &[S; N]) -> bool {
        self.iter().eq(other.iter().map(AsRef::as_ref))
    }
}

impl fmt::Debug for TextList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(formatter)
    }
}

impl fmt::Debug for TextSlice<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

/// One key of a [`TextMap`].
#[derive(Debug, Clone, Copy)]
struct MapPlace {
    key: Place,
    /// Range of the values.
    first_value: usize,
    end_value: usize,
}

/// The places of a map in the making, keys in ascending order.
#[derive(Debug, Default)]
pub(crate) struct MapPlaces {
    entries: Vec<MapPlace>,
    values: Vec<Place>,
}

impl MapPlaces {
    pub(crate) fn with_capacity(keys: usize) -> Self {
        Self { entries: Vec::with_capacity(keys), values: Vec::with_capacity(keys) }
    }

    /// Adds a key behind all others.
    pub(crate) fn push(&mut self, key: Place, values: impl Iterator<Item = Place>) {
        let first_value = self.values.len();
        self.values.extend(values);
        self.entries.push(MapPlace { key, first_value, end_value: self.values.len() });
    }

    /// Adds a key with one value, unless it is there.
    pub(crate) fn insert_missing(&mut self, pool: &mut PoolBuilder, key: &str, value: &str) {
        let Err(index) = self.entries.binary_search_by(|entry| pool.text(entry.key).cmp(key)) else { return };
        let first_value = self.values.len();
        self.values.push(pool.add(value));
        let entry = MapPlace { key: pool.add(key), first_value, end_value: self.values.len() };
        self.entries.insert(index, entry);
    }
}

/// Lists of texts by key, the keys in ascending bytewise order. Shares memory like [`TextList`].
#[derive(Clone, Default)]
pub struct TextMap {
    pool: Option<Arc<Pool>>,
    entries: Vec<MapPlace>,
    values: Vec<Place>,
}

impl TextMap {
    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys with their values, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, TextSlice<'_>)> {
        self.entries.iter().map(|entry| (text_of(self.pool.as_deref(), entry.key), self.slice(entry)))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.iter().map(|(key, _)| key)
    }

    /// The values of a key; logarithmic.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<TextSlice<'_>> {
        let pool = self.pool.as_deref();
        let found = self.entries.binary_search_by(|entry| text_of(pool, entry.key).cmp(key)).ok()?;
        self.entries.get(found).map(|entry| self.slice(entry))
    }

    /// Whether there is such a key; logarithmic.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn slice(&self, entry: &MapPlace) -> TextSlice<'_> {
        let places = self.values.get(entry.first_value..entry.end_value).unwrap_or_default();
        TextSlice { pool: self.pool.as_deref(), places }
    }
}

impl PartialEq for TextMap {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for TextMap {}

impl fmt::Debug for TextMap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

/// Collects the memory of some lists and maps while their places are made.
#[derive(Debug, Default)]
pub(crate) struct PoolBuilder {
    pool: Pool,
    /// The length of the shared text.
    raw_len: u32,
}

impl PoolBuilder {
    /// A pool with a text that is shared and one that is copied.
    pub(crate) fn new(raw: Arc<str>, added: &str) -> Self {
        let raw_len = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        Self { pool: Pool { raw, added: added.to_owned() }, raw_len }
    }

    /// Makes room for so many bytes more.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.pool.added.reserve(bytes);
    }

    /// The place of a part of the text that is shared, or of the one that was copied at first.
    #[inline]
    pub(crate) fn shared(&self, start: u32, end: u32, is_in_copied: bool) -> Place {
        let shift = if is_in_copied { self.raw_len } else { 0 };
        Place { start: start.saturating_add(shift), end: end.saturating_add(shift) }
    }

    fn shifted(&self, offset: usize) -> u32 {
        u32::try_from(offset).unwrap_or(u32::MAX).saturating_add(self.raw_len)
    }

    /// Copies a text.
    pub(crate) fn add(&mut self, text: &str) -> Place {
        self.add_all(&[text])
    }

    /// Copies texts as one.
    pub(crate) fn add_all(&mut self, parts: &[&str]) -> Place {
        let start = self.shifted(self.pool.added.len());
        for part in parts {
            self.pool.added.push_str(part);
        }
        Place { start, end: self.shifted(self.pool.added.len()) }
    }

    /// Goes on with the text that was copied last, if it ends in a backslash, which becomes a line feed.
    pub(crate) fn continue_line(&mut self, last: &mut Place, text: &str) -> bool {
        if !self.text(*last).ends_with('\\') {
            return false;
        }
        self.pool.added.pop();
        self.pool.added.push('\n');
        self.pool.added.push_str(text);
        last.end = self.shifted(self.pool.added.len());
        true
    }

    pub(crate) fn text(&self, place: Place) -> &str {
        self.pool.text(place)
    }

    /// Ends the collecting.
    pub(crate) fn finish(self) -> FinishedPool {
        FinishedPool(Arc::new(self.pool))
    }
}

/// Makes lists and maps of places.
#[derive(Debug)]
pub(crate) struct FinishedPool(Arc<Pool>);

impl FinishedPool {
    pub(crate) fn list(&self, places: Vec<Place>) -> TextList {
        if places.is_empty() {
            return TextList::default();
        }
        TextList { pool: Some(Arc::clone(&self.0)), places }
    }

    pub(crate) fn map(&self, places: MapPlaces) -> TextMap {
        let MapPlaces { entries, values } = places;
        if entries.is_empty() {
            return TextMap::default();
        }
        TextMap { pool: Some(Arc::clone(&self.0)), entries, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BuildConfig, Options, evaluate, parse};

    fn config(text: &[u8]) -> BuildConfig {
        evaluate(&parse(text), &Options::for_arch("x86_64")).config
    }

    #[test]
    fn a_list_reads_like_a_list_of_strings() {
        let prefer = config("%define m mä\nPrefer: a %m c\nPrefer: %{m}2\n".as_bytes()).prefer;
        assert_eq!(prefer, ["a", "mä", "c", "mä2"]);
        assert_eq!((prefer.len(), prefer.first(), prefer.last(), prefer.get(4)), (4, Some("a"), Some("mä2"), None));
        assert_eq!(prefer.join(" "), "a mä c mä2");
        assert_eq!(format!("{prefer:?}"), format!("{:?}", prefer.to_vec()));
        assert_eq!(prefer.iter().next_back(), Some("mä2"));
        assert!(prefer.contains("c") && !prefer.contains("a mä"));
        assert_eq!(prefer, prefer.to_vec().iter().collect::<TextList>());
        assert_ne!(prefer, TextList::default());
    }

    #[test]
    fn undecodable_texts_are_copied_decoded() {
        let prefer = config(b"%define m \xe4\nPrefer: a %m \xe4b\n").prefer;
        assert_eq!(prefer, ["a", "\u{eee4}", "\u{eee4}b"]);
        let expanded_only = config(b"Prefer: a %{lua:string.char(228)}\nPrefer: %{quote:b}\n").prefer;
        assert_eq!(expanded_only.first(), Some("a"));
    }

    #[test]
    fn a_map_finds_its_keys() {
        let config = config(b"Preinstall: rpm\nSubstitute: z 1 2= 2=\nSubstitute: b\nSubstitute: z 3= 4 3=\n");
        assert_eq!(config.substitute.keys().collect::<Vec<_>>(), ["b", "system-packages:repo-creation", "z"]);
        assert_eq!(config.substitute.get("z").map(|words| words.join(" ")).as_deref(), Some("3= 4"));
        assert_eq!(config.substitute.get("b").map(TextSlice::len), Some(0));
        assert!(config.substitute.get("a").is_none() && !config.substitute.contains_key(""));
        assert_eq!(format!("{:?}", config.substitute.get("z")), r#"Some(["3=", "4"])"#);
    }

    #[test]
    fn lines_that_end_in_a_backslash_become_one_macro() {
        let macros = config(b"Macros:\n%a 1\\\n2\\\n%3\n%b\n:Macros\n").macros;
        assert_eq!(macros.iter().rev().take(2).collect::<Vec<_>>(), ["%define b", "%define a 1\n2\n%3"]);
    }
}
