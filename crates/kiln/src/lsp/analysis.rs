//! What a document means, and where.

use prjconf::{Definition, Location, SourceId, Span, Symbol, SymbolKind, Tree};
use serde_json::{Value, json};

use super::document::Document;
use crate::client::segment;
use crate::commands::config::{arches, arches_to_check};

/// Reads a file beside the document of an address.
pub(super) type Loader = fn(uri: &str, name: &str) -> Option<Vec<u8>>;

/// A document with the files it names in its first line.
pub(super) struct Analysis<'a> {
    pub(super) uri: &'a str,
    pub(super) document: &'a Document,
    /// The document alone; its offsets are the document's.
    pub(super) own: Tree,
    /// The document with the files in front of it.
    pub(super) tree: Tree,
    /// What the tree calls the document.
    name: String,
    loader: Loader,
}

impl<'a> Analysis<'a> {
    pub(super) fn new(uri: &'a str, document: &'a Document, loader: Loader) -> Self {
        let name = decoded(uri.rsplit('/').next().unwrap_or_default());
        let tree = tree(uri, &name, document.text(), loader);
        Self { uri, document, own: prjconf::parse(document.text().as_bytes()), tree, name, loader }
    }

    /// The tree of the document up to an offset.
    pub(super) fn tree_before(&self, offset: usize) -> Tree {
        tree(self.uri, &self.name, self.document.text().get(..offset).unwrap_or_default(), self.loader)
    }

    /// The architectures the document is looked at for.
    pub(super) fn arches(&self) -> Vec<String> {
        arches(&[], &[self.tree.text()])
    }

    /// The span in the document, if it is there and not in another file.
    fn in_document(&self, location: &Location) -> Option<Span> {
        let last = self.tree.sources().names().len().checked_sub(1)?;
        (location.source == Some(SourceId(last))).then_some(location.span)
    }

    /// Everything that is wrong or doubtful, as diagnostics of the protocol.
    pub(super) fn diagnostics(&self) -> Vec<Value> {
        let arches = arches_to_check(&[], self.tree.text());
        let arches: Vec<&str> = arches.iter().map(String::as_str).collect();
        let diagnostic = |finding: prjconf::Finding| {
            let span = self.in_document(&self.tree.locate(finding.span))?;
            let severity = match finding.grade() {
                prjconf::Grade::Error => 1,
                prjconf::Grade::Warning => 2,
                prjconf::Grade::Hint => 4,
            };
            let help = finding.help.map(|help| format!("\nhelp: {help}")).unwrap_or_default();
            Some(json!({
                "range": self.document.range(span.start, span.end),
                "severity": severity,
                "code": finding.code.code(),
                "source": "kiln",
                "message": format!("{}{help}", finding.message),
            }))
        };
        prjconf::check(&self.tree, &arches).into_iter().filter_map(diagnostic).collect()
    }

    /// The definitions of a macro in the joined text.
    pub(super) fn definitions(&self, name: &str) -> Vec<Definition> {
        prjconf::definitions(&self.tree).into_iter().filter(|definition| definition.name == name).collect()
    }

    /// The places an editor jumps to from an offset: the definition of the macro there that holds, here or in another file.
    pub(super) fn definition_places(&self, offset: usize) -> Vec<Value> {
        let Some(Symbol { kind: SymbolKind::Macro(name), .. }) = prjconf::symbol_at(&self.own, offset) else {
            return Vec::new();
        };
        if let Some(Definition { name_span: span, .. }) = prjconf::definition_of(&self.own, &name, offset) {
            return vec![json!({"uri": self.uri, "range": self.document.range(span.start, span.end)})];
        }
        self.definitions(&name).iter().filter_map(|definition| self.place_elsewhere(definition)).collect()
    }

    fn place_elsewhere(&self, definition: &Definition) -> Option<Value> {
        let location = self.tree.locate(definition.name_span);
        location.source?;
        let text = String::from_utf8((self.loader)(self.uri, &location.name)?).ok()?;
        let other = Document::new(text, None);
        let folder = self.uri.rsplit_once('/').map_or("", |(folder, _)| folder);
        let uri = format!("{folder}/{}", segment(&location.name));
        Some(json!({"uri": uri, "range": other.range(location.span.start, location.span.end)}))
    }
}

/// Without the files it names if one of them is missing.
fn tree(uri: &str, name: &str, text: &str, loader: Loader) -> Tree {
    let loaded = prjconf::load(name, text.as_bytes(), &mut |other| loader(uri, other));
    loaded.unwrap_or_else(|_| prjconf::parse(text.as_bytes()))
}

/// A part of an address without its percent signs.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = behind.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
