//! Links between packages: files that are another package's, with changes.
//!
//! [`Link`] is what the file [`FILE`] says. [`expand`] gives the files that it stands for, [`keep`] goes the other way: it
//! writes down edited files as changes of what the link points to. Where the files are is the caller's business: it names
//! contents by any value that is equal for equal contents, and reads those that have to be looked into.

mod added;
mod document;
mod expand;
mod keep;

use std::collections::BTreeMap;

pub use added::AddedPatch;
pub use document::{FILE, Link, LinkError, Patch};
pub use expand::{Conflict, Trees, expand};
pub use keep::{Kept, Wanted, keep};

/// Files by name, each with what names its content.
pub type Files<T> = BTreeMap<String, T>;

/// A file of a tree that was put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<T> {
    /// One that is there already.
    Known(T),
    /// One that was made.
    Made(Vec<u8>),
}

/// Reads a content; `None` if it is too large to be looked into.
pub type Read<'a, T> = dyn FnMut(&T) -> Option<Vec<u8>> + 'a;
