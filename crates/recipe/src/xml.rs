//! Small XML documents read within bounds: nothing of what a hostile one can do costs more than reading it.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Real documents have four levels.
const MAX_DEPTH: usize = 16;
/// Real tags have ten attributes.
const MAX_ATTRIBUTES: usize = 32;
/// Longest value of an attribute, in bytes.
const MAX_VALUE_BYTES: usize = 4096;
/// Most elements of one document.
const MAX_ELEMENTS: usize = 50_000;

/// Why a document was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Not UTF-8.
    #[error("the document is not UTF-8")]
    Encoding,
    /// Not well-formed.
    #[error("the document is no XML: {0}")]
    Syntax(String),
    /// More of something than any real document has.
    #[error("the document has {0}")]
    Refused(&'static str),
}

/// An element with everything in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Name, without a prefix.
    pub name: String,
    attributes: Vec<(String, String)>,
    /// Elements in it, in order.
    pub children: Vec<Self>,
    text: String,
}

impl Element {
    /// An element without others in it.
    #[must_use]
    pub fn of(name: &str, attributes: Vec<(String, String)>, text: &str) -> Self {
        Self { name: name.to_owned(), attributes, children: Vec::new(), text: text.to_owned() }
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first attribute that is none of those.
    #[must_use]
    pub fn attribute_other_than(&self, known: &[&str]) -> Option<&str> {
        self.attributes.iter().map(|(key, _)| key.as_str()).find(|key| !known.contains(key))
    }

    /// Its own text without white space around it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.trim()
    }

    /// Its own text as it is.
    #[must_use]
    pub fn raw_text(&self) -> &str {
        &self.text
    }
}

/// Reads a document; gives its root.
///
/// # Errors
/// [`XmlError`] for anything that is not one plain element: document types and entities of one's own among them.
pub fn read(bytes: &[u8]) -> Result<Element, XmlError> {
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::Encoding)?;
    check_characters(text)?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    reader.config_mut().expand_empty_elements = true;
    let mut tree = Tree::default();
    loop {
        let event = reader.read_event().map_err(|error| XmlError::Syntax(error.to_string()))?;
        if matches!(event, Event::Eof) {
            return tree.finish();
        }
        tree.take(event)?;
    }
}

/// Refuses what no document may have: control characters other than those of white space (XML 1.0, section 2.2).
fn check_characters(text: &str) -> Result<(), XmlError> {
    let refused = |c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    match text.contains(refused) {
        true => Err(XmlError::Refused("characters that no document may have")),
        false => Ok(()),
    }
}

/// A document that is being read.
#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    count: usize,
}

impl Tree {
    fn take(&mut self, event: Event<'_>) -> Result<(), XmlError> {
        match event {
            Event::Start(start) => {
                self.count += 1;
                if self.open.len() >= MAX_DEPTH {
                    return Err(XmlError::Refused("elements that are nested too deeply"));
                }
                if self.count > MAX_ELEMENTS {
                    return Err(XmlError::Refused("too many elements"));
                }
                if self.root.is_some() {
                    return Err(XmlError::Refused("more than one element at its top"));
                }
                self.open.push(element(&start)?);
            }
            Event::End(_) => {
                let done = self.open.pop();
                match self.open.last_mut() {
                    Some(parent) => parent.children.extend(done),
                    None => self.root = done,
                }
            }
            Event::Text(text) => self.add(&text.into_inner())?,
            Event::CData(text) => self.add(&text.into_inner())?,
            Event::GeneralRef(reference) => {
                let known = quick_xml::escape::resolve_predefined_entity(&reference).map(str::to_owned);
                let character = || reference.resolve_char_ref().ok().flatten().map(|c| c.to_string());
                let text = known.or_else(character).ok_or(XmlError::Refused("entities of its own"))?;
                check_characters(&text)?;
                self.add(&text)?;
            }
            Event::DocType(_) => return Err(XmlError::Refused("a document type declaration")),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn add(&mut self, text: &str) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(XmlError::Syntax("text outside of its element".to_owned())),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, XmlError> {
        if !self.open.is_empty() {
            return Err(XmlError::Syntax("it ends too early".to_owned()));
        }
        self.root.ok_or_else(|| XmlError::Syntax("it is empty".to_owned()))
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, XmlError> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| XmlError::Syntax(error.to_string()))?;
        if attributes.len() >= MAX_ATTRIBUTES {
            return Err(XmlError::Refused("an element with too many attributes"));
        }
        if attribute.value.len() > MAX_VALUE_BYTES {
            return Err(XmlError::Refused("an attribute with too long a value"));
        }
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
        let value = value.map_err(|error| XmlError::Syntax(error.to_string()))?;
        check_characters(&value)?;
        attributes.push((attribute.key.local_name().into_inner().to_owned(), value.into_owned()));
    }
    Ok(Element { name: start.local_name().into_inner().to_owned(), attributes, ..Element::default() })
}

/// Adds text with everything escaped that means something in XML; characters that XML can not have become the replacement
/// character.
pub fn escape(text: &str, in_attribute: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if in_attribute => out.push_str("&quot;"),
            '\n' | '\t' if in_attribute => out.push_str(&format!("&#{};", u32::from(c))),
            '\r' => out.push_str("&#13;"),
            '\n' | '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn comments_line_ends_and_declarations_do_not_matter() {
        let text = "<?xml version=\"1.0\"?>\r\n<!-- a -->\r\n<p name='a&amp;b'>\r\n <t>x &lt; &#65;<!-- b --></t>\r\n <e/>\r\n</p>\r\n";
        let root = read(text.as_bytes()).unwrap();
        assert_eq!((root.name.as_str(), root.attribute("name")), ("p", Some("a&b")));
        let children: Vec<_> = root.children.iter().map(|child| (child.name.as_str(), child.text())).collect();
        assert_eq!(children, [("t", "x < A"), ("e", "")]);
        assert_eq!(root.attribute_other_than(&["name"]), None);
        assert_eq!(root.attribute_other_than(&[]), Some("name"));
    }

    #[test]
    fn hostile_documents_are_refused_early() {
        let bomb = "<!DOCTYPE p [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><p>&b;</p>";
        assert_eq!(refusal(bomb), "the document has a document type declaration");
        assert_eq!(refusal("<p>&b;</p>"), "the document has entities of its own");
        for text in ["<p>\0</p>", "<p a='\u{1}'/>", "<p>&#1;</p>", "<p a='&#1;'/>", "<p>\u{ffff}</p>"] {
            assert_eq!(refusal(text), "the document has characters that no document may have");
        }
        assert!(refusal("<p a='&b;'/>").starts_with("the document is no XML"));
        assert_eq!(refusal(&"<a>".repeat(100)), "the document has elements that are nested too deeply");
        assert_eq!(
            refusal(&format!("<a b='{}'/>", "x".repeat(5000))),
            "the document has an attribute with too long a value"
        );
        let many: String = (0..100).map(|number| format!(" a{number}='1'")).collect();
        assert_eq!(refusal(&format!("<a{many}/>")), "the document has an element with too many attributes");
        assert_eq!(refusal(&format!("<a>{}</a>", "<b/>".repeat(60_000))), "the document has too many elements");
        for bad in ["", "text", "<a>", "<a></b>", "<a/><b/>", "<a/>text", "<a", "<a b=/>"] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(read(b"<a>\xff</a>").unwrap_err(), XmlError::Encoding);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[<>/a='\"&;!\\-\\[\\] ?x#0]{0,60}") {
            let _ = read(text.as_bytes());
        }
    }
}
