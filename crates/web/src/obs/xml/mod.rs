//! XML as small documents: read within bounds, written with everything escaped.

mod read;
mod write;

pub(super) use read::{Element, XmlError, read};
pub(super) use write::Node;
