//! HTML that can not be put together wrongly: text is escaped when it becomes a part of something, names of elements and
//! attributes are words of this program, and links lead only where a link may lead.
//!
//! Read [`tag`] first.

/// Finished markup. Text becomes it by being escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Html(String);

impl Html {
    /// Nothing.
    pub(crate) const fn new() -> Self {
        Self(String::new())
    }

    /// Markup that this program has written out.
    pub(crate) fn markup(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// Markup that another part of this program has put together, having escaped what came from outside.
    pub(crate) fn trusted(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Adds a part at the end.
    pub(crate) fn push(&mut self, part: impl Into<Self>) {
        self.0.push_str(&part.into().0);
    }

    /// As [`Self::push`], for chains.
    pub(crate) fn add(mut self, part: impl Into<Self>) -> Self {
        self.push(part);
        self
    }

    /// The text of the markup.
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

impl From<&str> for Html {
    fn from(text: &str) -> Self {
        Self(escape(text))
    }
}

impl From<String> for Html {
    fn from(text: String) -> Self {
        Self(escape(&text))
    }
}

impl From<&String> for Html {
    fn from(text: &String) -> Self {
        Self(escape(text))
    }
}

impl From<u64> for Html {
    fn from(number: u64) -> Self {
        Self(grouped(number))
    }
}

impl From<usize> for Html {
    fn from(number: usize) -> Self {
        Self(grouped(u64::try_from(number).unwrap_or(u64::MAX)))
    }
}

impl From<Tag> for Html {
    fn from(tag: Tag) -> Self {
        Self(tag.finish())
    }
}

impl<T: Into<Self>> From<Option<T>> for Html {
    fn from(part: Option<T>) -> Self {
        part.map(Into::into).unwrap_or_default()
    }
}

impl<T: Into<Self>> From<Vec<T>> for Html {
    fn from(parts: Vec<T>) -> Self {
        parts.into_iter().collect()
    }
}

impl<T: Into<Self>> FromIterator<T> for Html {
    fn from_iter<I: IntoIterator<Item = T>>(parts: I) -> Self {
        parts.into_iter().fold(Self::new(), Self::add)
    }
}

/// An element that is being put together.
#[derive(Debug, Clone)]
pub(crate) struct Tag {
    name: &'static str,
    /// The start tag without its end, then the content behind a `>`.
    text: String,
    is_open: bool,
}

/// Elements without content.
const VOID: [&str; 6] = ["input", "br", "hr", "link", "meta", "img"];

/// Begins an element.
pub(crate) fn tag(name: &'static str) -> Tag {
    Tag { name, text: format!("<{name}"), is_open: false }
}

impl Tag {
    /// An attribute with a value, before any content. Addresses go through [`Self::href`].
    pub(crate) fn attr(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        debug_assert!(!self.is_open && name != "style" && !name.starts_with("on"), "{name}");
        self.text.push(' ');
        self.text.push_str(name);
        self.text.push_str("=\"");
        self.text.push_str(&escape(value.as_ref()));
        self.text.push('"');
        self
    }

    /// An attribute that is there or not.
    pub(crate) fn flag(mut self, name: &'static str, is_on: bool) -> Self {
        debug_assert!(!self.is_open, "{name}");
        if is_on {
            self.text.push(' ');
            self.text.push_str(name);
        }
        self
    }

    /// Classes.
    pub(crate) fn class(self, words: &'static str) -> Self {
        self.attr("class", words)
    }

    /// Where a link leads: a place of this server, or an `http` address; anything else becomes no link.
    pub(crate) fn href(self, address: &str) -> Self {
        if leads_somewhere(address) { self.attr("href", address) } else { self }
    }

    /// Adds content.
    pub(crate) fn add(mut self, part: impl Into<Html>) -> Self {
        if !self.is_open {
            self.text.push('>');
            self.is_open = true;
        }
        self.text.push_str(&part.into().0);
        self
    }

    fn finish(mut self) -> String {
        if !self.is_open {
            self.text.push('>');
        }
        if !VOID.contains(&self.name) {
            self.text.push_str("</");
            self.text.push_str(self.name);
            self.text.push('>');
        }
        self.text
    }
}

fn leads_somewhere(address: &str) -> bool {
    let here = address.starts_with(['/', '?', '#']) && !address.starts_with("//") && !address.starts_with("/\\");
    here || address.starts_with("http://") || address.starts_with("https://")
}

/// A text with everything escaped that means something in HTML, in content and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Controls may not appear in a document, and hide what a name really is.
            c if hides(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Whether a character shows nothing itself but changes how others look: controls, and those that turn the direction of
/// writing (Unicode's "Trojan Source" characters).
pub(crate) fn hides(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || (character.is_control() && !matches!(character, '\n' | '\t'))
}

/// A link to a place of this server.
pub(crate) fn link(address: &str, text: impl Into<Html>) -> Tag {
    tag("a").href(address).add(text)
}

/// A link to an address from outside: only of a kind that can not run anything; else the text alone.
pub(crate) fn outside_link(address: &str) -> Html {
    if address.starts_with("http://") || address.starts_with("https://") {
        tag("a").attr("rel", "nofollow noopener noreferrer").href(address).add(address).into()
    } else {
        address.into()
    }
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(part: impl Into<Html>) -> String {
        part.into().into_string()
    }

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let hostile = "<script>\"x\" & 'y'\u{1}\u{202e}";
        assert_eq!(escape(hostile), "&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;\u{fffd}\u{fffd}");
        let element = tag("p").attr("title", hostile).add(hostile).add(tag("br")).add(Some("&"));
        assert_eq!(
            text(element),
            "<p title=\"&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;\u{fffd}\u{fffd}\">\
             &lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;\u{fffd}\u{fffd}<br>&amp;</p>"
        );
    }

    #[test]
    fn links_lead_only_where_links_may_lead() {
        for good in ["/x", "?a=b", "#L1", "http://x/", "https://x/"] {
            assert!(text(link(good, "x")).contains("href="), "{good}");
        }
        for bad in ["javascript:alert(1)", "//evil.example", "/\\evil.example", "data:x", " /x", ""] {
            assert_eq!(text(link(bad, "x")), "<a>x</a>", "{bad}");
        }
        assert_eq!(text(outside_link("javascript:alert(1)")), "javascript:alert(1)");
        assert!(text(outside_link("https://x/\"onclick=")).contains("&quot;onclick="));
    }

    #[test]
    fn elements_are_closed_but_for_those_that_have_no_end() {
        assert_eq!(text(tag("td")), "<td></td>");
        assert_eq!(text(tag("input").flag("disabled", true).flag("checked", false)), "<input disabled>");
        assert_eq!(text(vec![tag("b").add(1_234_567_u64), tag("b").add(12_usize)]), "<b>1,234,567</b><b>12</b>");
        assert_eq!((text(Html::new()), text(Html::markup("<br>"))), (String::new(), "<br>".to_owned()));
    }
}
