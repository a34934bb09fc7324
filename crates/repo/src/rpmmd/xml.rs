//! Pulls elements out of XML within bounds: no document type, no entities but the five of XML, no deep nesting, no tag or
//! text that does not end.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use pkgfile::compression::{Bounded, TooLong};
use quick_xml::events::{BytesEnd, BytesStart, Event};

use super::{RpmMdError, RpmMdLimits, XmlError};

/// Real files have five levels.
const MAX_DEPTH: usize = 16;
/// Real tags have seven attributes.
const MAX_ATTRIBUTES: usize = 64;

type Source<'r> = Window<BufReader<Bounded<&'r mut dyn Read>>>;

/// Reads the elements of one file in order.
pub(super) struct Xml<'r> {
    reader: quick_xml::Reader<Source<'r>>,
    buffer: Vec<u8>,
    depth: usize,
    file: &'static str,
    limits: RpmMdLimits,
    has_root: bool,
}

/// What comes next. Names are without their namespace's prefix; numbers are depths, the root has 1.
pub(super) enum Token<'a> {
    Start(Tag<'a>),
    Text(Cow<'a, str>),
    End(usize, EndTag<'a>),
    /// A comment or the like.
    Nothing,
    Eof,
}

/// An end tag; made up for `<empty/>`.
pub(super) struct EndTag<'a>(BytesEnd<'a>);

impl EndTag<'_> {
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }
}

/// A start tag.
pub(super) struct Tag<'a> {
    pub(super) depth: usize,
    start: BytesStart<'a>,
}

impl Tag<'_> {
    pub(super) fn name(&self) -> &str {
        self.start.local_name().into_inner()
    }

    /// Value of an attribute, by its name without prefix. Values that are damaged count as absent.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = self.start.attributes();
        attributes.with_checks(false);
        let mut attributes = attributes.take(MAX_ATTRIBUTES).map_while(Result::ok);
        let found = attributes.find(|attribute| attribute.key.local_name().into_inner() == name)?;
        let value = found.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok()?;
        Some(value.into_owned())
    }
}

impl<'r> Xml<'r> {
    pub(super) fn new(file: &'static str, reader: &'r mut dyn Read, limits: &RpmMdLimits) -> Self {
        let reader = BufReader::with_capacity(64 << 10, Bounded::new(reader, limits.bytes));
        let window = Window { reader, event_left: 0, package_left: limits.package_bytes };
        let mut reader = quick_xml::Reader::from_reader(window);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, buffer: Vec::new(), depth: 0, file, limits: *limits, has_root: false }
    }

    /// A new package begins: its bytes are counted from here.
    pub(super) fn begin_package(&mut self) {
        self.reader.get_mut().package_left = self.limits.package_bytes;
    }

    pub(super) fn next(&mut self) -> Result<Token<'_>, RpmMdError> {
        let Self { reader, buffer, depth, file, limits, has_root } = self;
        buffer.clear();
        reader.get_mut().event_left = limits.event_bytes;
        let refused = |what| RpmMdError::Refused { file, what };
        let event = match reader.read_event_into(buffer) {
            Ok(event) => event,
            Err(error) => return Err(failed(file, limits, reader.buffer_position(), error)),
        };
        Ok(match event {
            Event::Start(start) => {
                *depth += 1;
                if *depth > MAX_DEPTH {
                    return Err(refused("its elements are nested too deeply"));
                }
                *has_root = true;
                Token::Start(Tag { depth: *depth, start })
            }
            Event::End(end) => {
                let ended = *depth;
                *depth = depth.saturating_sub(1);
                Token::End(ended, EndTag(end))
            }
            Event::Text(text) => Token::Text(text.into_inner()),
            Event::CData(text) => Token::Text(text.into_inner()),
            Event::GeneralRef(reference) => {
                let known = quick_xml::escape::resolve_predefined_entity(&reference).map(Cow::Borrowed);
                let character = || reference.resolve_char_ref().ok().flatten().map(|c| Cow::Owned(c.to_string()));
                Token::Text(known.or_else(character).ok_or_else(|| refused("it has entities of its own"))?)
            }
            Event::DocType(_) => return Err(refused("it has a document type declaration")),
            Event::Eof if *depth > 0 => return Err(refused("it ends too early")),
            Event::Eof if !*has_root => return Err(refused("it is empty")),
            Event::Eof => Token::Eof,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => Token::Nothing,
        })
    }

    /// That the root element is the one this file must have.
    pub(super) fn expect_root(&self, tag: &str, expected: &str) -> Result<(), RpmMdError> {
        if tag == expected {
            return Ok(());
        }
        Err(RpmMdError::Refused { file: self.file, what: "its root element is that of another kind of file" })
    }
}

fn failed(file: &'static str, limits: &RpmMdLimits, position: u64, error: quick_xml::Error) -> RpmMdError {
    let quick_xml::Error::Io(source) = error else {
        return RpmMdError::Malformed { file, position, source: XmlError(error) };
    };
    let inner = source.get_ref();
    if inner.is_some_and(|inner| inner.is::<TooLong>()) {
        return RpmMdError::TooLarge { file, what: "size", limit: limits.bytes };
    }
    if let Some(excess) = inner.and_then(|inner| inner.downcast_ref::<Excess>()) {
        let (what, limit) = match excess {
            Excess::Event => ("a tag or text", limits.event_bytes),
            Excess::Package => ("a package", limits.package_bytes),
        };
        return RpmMdError::TooLarge { file, what, limit: u64::try_from(limit).unwrap_or(u64::MAX) };
    }
    RpmMdError::Read { file: file.to_owned(), source: Arc::clone(&source) }
}

/// What had too many bytes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum Excess {
    #[error("a tag or text is too long")]
    Event,
    #[error("a package is too long")]
    Package,
}

/// Fails when a tag, a text or a package takes more bytes than are left for it; the parser would buffer them all.
struct Window<R> {
    reader: R,
    event_left: usize,
    package_left: usize,
}

impl<R: BufRead> Read for Window<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.fill_buf()?;
        let count = bytes.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Window<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let bytes = self.reader.fill_buf()?;
        let excess = match (self.event_left, self.package_left) {
            (_, 0) => Some(Excess::Package),
            (0, _) => Some(Excess::Event),
            _ => None,
        };
        if let Some(excess) = excess.filter(|_| !bytes.is_empty()) {
            return Err(io::Error::other(excess));
        }
        let room = bytes.len().min(self.event_left).min(self.package_left);
        Ok(bytes.get(..room).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.event_left = self.event_left.saturating_sub(count);
        self.package_left = self.package_left.saturating_sub(count);
        self.reader.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, limits: &RpmMdLimits) -> Result<Vec<String>, RpmMdError> {
        let mut bytes = text.as_bytes();
        let mut xml = Xml::new("primary.xml", &mut bytes, limits);
        let mut seen = Vec::new();
        loop {
            match xml.next()? {
                Token::Start(tag) => seen.push(format!("<{}{}", tag.name(), tag.attribute("a").unwrap_or_default())),
                Token::Text(text) => seen.push(text.into_owned()),
                Token::End(depth, _) => seen.push(depth.to_string()),
                Token::Nothing => {}
                Token::Eof => return Ok(seen),
            }
        }
    }

    #[test]
    fn elements_texts_and_attributes_come_in_order() {
        let text = "<?xml version='1.0'?><r><!-- c --><x:b a='1&lt;&#x41;'/>t&amp;<![CDATA[<]]></r>";
        let seen = read(text, &RpmMdLimits::default()).unwrap();
        assert_eq!(seen, ["<r", "<b1<A", "2", "t", "&", "<", "1"]);
    }

    #[test]
    fn attacks_by_entities_and_nesting_are_refused() {
        let bomb = "<!DOCTYPE r [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><r>&b;</r>";
        for text in [bomb, "<r>&b;</r>", &"<r>".repeat(1000), "<r>", "", "plain"] {
            assert!(matches!(read(text, &RpmMdLimits::default()), Err(RpmMdError::Refused { .. })), "{text:.40}");
        }
        assert!(matches!(read("<r></s>", &RpmMdLimits::default()), Err(RpmMdError::Malformed { .. })));
    }

    #[test]
    fn what_does_not_end_is_too_large() {
        let limits = RpmMdLimits { event_bytes: 1000, package_bytes: 5000, bytes: 10_000, ..RpmMdLimits::default() };
        let long = "x".repeat(1001);
        for text in [format!("<r>{long}</r>"), format!("<r {long}='1'/>"), "<r><a/></r>".repeat(500)] {
            assert!(matches!(read(&text, &limits), Err(RpmMdError::TooLarge { .. })), "{text:.40}");
        }
    }
}
