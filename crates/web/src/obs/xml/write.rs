use service::xml::escape;

/// An element to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Self>,
    text: Option<String>,
}

impl Node {
    /// An element without anything in it.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), children: Vec::new(), text: None }
    }

    /// An element with text in it.
    pub(crate) fn leaf(name: &'static str, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::new(name) }
    }

    /// With one more attribute.
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// With an attribute, if there is a value.
    pub(crate) fn with_maybe(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With one more element in it.
    pub(crate) fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// With more elements in it.
    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// The document, two blanks a level, with a line end behind it.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        self.write(0, &mut text);
        text
    }

    fn write(&self, level: usize, out: &mut String) {
        out.extend(std::iter::repeat_n("  ", level));
        out.push('<');
        out.push_str(self.name);
        for (name, value) in &self.attributes {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            escape(value, true, out);
            out.push('"');
        }
        match (&self.text, self.children.is_empty()) {
            (None, true) => out.push_str("/>\n"),
            (text, no_children) => {
                out.push('>');
                escape(text.as_deref().unwrap_or_default(), false, out);
                if !no_children {
                    out.push('\n');
                    self.children.iter().for_each(|child| child.write(level + 1, out));
                    out.extend(std::iter::repeat_n("  ", level));
                }
                out.push_str("</");
                out.push_str(self.name);
                out.push_str(">\n");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::xml::read;

    #[test]
    fn a_document_is_indented_and_an_empty_text_stays_a_text() {
        let node = Node::new("project").with("name", "a").child(Node::leaf("title", "")).child(
            Node::new("build")
                .child(Node::new("disable").with_maybe("arch", None::<&str>).with_maybe("repository", Some("r"))),
        );
        let text = "<project name=\"a\">\n  <title></title>\n  <build>\n    <disable repository=\"r\"/>\n  </build>\n</project>\n";
        assert_eq!(node.render(), text);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(value in "\\PC{0,40}", text in "[^\\x00-\\x1f\\x7f-\\x9f\u{fffe}\u{ffff}]{0,40}") {
            let node = Node::new("a").with("b", &value).child(Node::leaf("c", text.clone()));
            let root = read(node.render().as_bytes()).unwrap();
            proptest::prop_assert_eq!(root.attribute("b"), Some(value.as_str()));
            proptest::prop_assert_eq!(root.children[0].text(), text.trim());
        }
    }

    #[test]
    fn hostile_text_never_breaks_a_document() {
        let node = Node::new("a").with("b", "\"<&>\u{0}\u{1b}[31m\n").child(Node::leaf("c", "]]></c><x>\u{8}\r"));
        let root = read(node.render().as_bytes()).unwrap();
        assert_eq!(root.attribute("b"), Some("\"<&>\u{fffd}\u{fffd}[31m\n"));
        assert_eq!(root.children[0].text(), "]]></c><x>\u{fffd}");
    }
}
