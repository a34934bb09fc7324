//! XML as small documents: read within bounds, written with everything escaped.

mod write;

pub(super) use service::xml::{Element, XmlError, read};
pub(super) use write::Node;
