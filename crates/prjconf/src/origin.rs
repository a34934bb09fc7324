//! Where each entry of a result comes from.

use crate::apply::{Said, Texts, Word};
use crate::finish::Kept;
use crate::keyword::{Kind, List, Map, Scalar};
use crate::lines::{Lines, Record};
use crate::text::encode;
use crate::tree::{Span, Tree};

/// The place of an entry in the text of a tree; [`Tree::locate`] gives source and line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The bytes of the entry itself; of its whole line, if the line was made by macros.
    pub span: Span,
    /// Whether macros made the line, so that the bytes there may differ from the entry.
    pub is_expanded: bool,
}

/// The origins of all entries of one result. Asked with the tree that was evaluated.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    records: Vec<Record>,
    expanded: Vec<u8>,
    lists: Kept,
    order: Vec<Word>,
    maps: [Vec<Word>; Map::COUNT],
    scalars: [Option<Word>; Scalar::COUNT],
    constraints: Vec<Option<Word>>,
}

/// The words of a result, still without the texts they are in.
pub(crate) struct Places {
    lists: Kept,
    order: Vec<Word>,
    maps: [Vec<Word>; Map::COUNT],
    scalars: [Option<Word>; Scalar::COUNT],
    constraints: Vec<Option<Word>>,
}

impl Places {
    pub(crate) fn new(said: &Said<'_>, lists: Kept) -> Self {
        Self {
            lists,
            order: said.order.values().copied().collect(),
            maps: said.maps.each_ref().map(|lines| lines.entries.iter().map(|entry| entry.key).collect()),
            scalars: said.scalars.each_ref().map(|line| line.as_ref().map(|line| line.keyword)),
            constraints: said.constraints.iter().map(|words| words.first().copied()).collect(),
        }
    }
}

impl Origins {
    pub(crate) fn new(places: Places, lines: Lines) -> Self {
        let Places { lists, order, maps, scalars, constraints } = places;
        Self { records: lines.records, expanded: lines.expanded, lists, order, maps, scalars, constraints }
    }

    /// The origin of the entry at an index of a list, `Constraint:` included.
    #[must_use]
    pub fn of_list(&self, tree: &Tree, list: List, index: usize) -> Option<Origin> {
        let word = match list {
            List::Constraint => (*self.constraints.get(index)?)?,
            _ => *self.lists.get(list as usize)?.get(index)?,
        };
        self.origin(tree, word)
    }

    /// The origin of the last line of a scalar keyword.
    #[must_use]
    pub fn of_scalar(&self, tree: &Tree, scalar: Scalar) -> Option<Origin> {
        self.origin(tree, (*self.scalars.get(scalar as usize)?)?)
    }

    /// The origin of the first entry with this text: a list word, a key of a map, an `Order:` entry, the line of a scalar.
    ///
    /// Linear in the number of entries of the keyword.
    #[must_use]
    pub fn find(&self, tree: &Tree, kind: Kind, entry: &str) -> Option<Origin> {
        let words: &[Word] = match kind {
            Kind::List(list) | Kind::ReplaceList(list) => self.lists.get(list as usize)?,
            Kind::Map(map) => self.maps.get(map as usize)?,
            Kind::Order => &self.order,
            Kind::Scalar(scalar) => return self.of_scalar(tree, scalar),
            Kind::Constraint | Kind::Macros | Kind::DistMacro | Kind::FromScratch => return None,
        };
        let wanted = encode(entry);
        let word = words.iter().find(|word| self.text(tree, **word) == Some(&wanted))?;
        self.origin(tree, *word)
    }

    fn text<'a>(&'a self, tree: &'a Tree, word: Word) -> Option<&'a [u8]> {
        let text = if word.is_expanded { self.expanded.as_slice() } else { tree.text() };
        text.get(word.start as usize..word.end as usize)
    }

    fn origin(&self, tree: &Tree, word: Word) -> Option<Origin> {
        let record = self.records.get(word.record as usize)?;
        Some(origin_of(tree, record, word))
    }
}

/// The span of a word: its own bytes, or its whole line if macros made it.
pub(crate) fn origin_of(tree: &Tree, record: &Record, word: Word) -> Origin {
    let item = tree.items().get(record.item as usize);
    let line = item.map_or(Span::default(), |item| Span { start: item.start as usize, end: item.end as usize });
    if !word.is_expanded {
        return Origin { span: Span { start: word.start as usize, end: word.end as usize }, is_expanded: false };
    }
    let raw = tree.text().get(line.start..line.end).unwrap_or_default();
    let leading = raw.len() - crate::text::trim_start(raw).len();
    let trailing = raw.len() - crate::text::trim_end(raw).len();
    let span = Span { start: line.start + leading, end: line.end.saturating_sub(trailing).max(line.start + leading) };
    Origin { span, is_expanded: true }
}

/// The origin of a word while its texts are still at hand.
pub(crate) fn origin_in(texts: Texts<'_>, word: Word) -> Option<Origin> {
    texts.lines.records.get(word.record as usize).map(|record| origin_of(texts.tree, record, word))
}
