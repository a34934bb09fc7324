//! Files of a package that say how it is built, not what: flavors, constraints, aggregates, services.
//!
//! Each is a small document; what is not known in one is refused by its name, because leaving it out would mean another build.

mod aggregate;
mod constraints;
mod flavors;
mod services;
mod worker;

use crate::xml::{Element, XmlError};

pub use aggregate::{Aggregate, AggregateRepository};
pub use constraints::{Constraints, HostLabel, Overwrite};
pub use flavors::flavors;
pub use services::{Service, ServiceMode, services};
pub use worker::{Misfit, Worker};

/// Names of these files.
pub mod file {
    /// Flavors.
    pub const FLAVORS: &str = "_multibuild";
    /// Constraints.
    pub const CONSTRAINTS: &str = "_constraints";
    /// Aggregates.
    pub const AGGREGATE: &str = "_aggregate";
    /// Services.
    pub const SERVICES: &str = "_service";
}

/// Why a document is none of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecialError {
    /// Not XML, or a hostile one.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Something in it that means nothing, or nothing that is known here.
    #[error("{0}")]
    Bad(String),
}

fn bad<T>(text: impl Into<String>) -> Result<T, SpecialError> {
    Err(SpecialError::Bad(text.into()))
}

/// The root of a document, if it is called so and has only these attributes.
fn root(bytes: &[u8], name: &str) -> Result<Element, SpecialError> {
    let root = crate::xml::read(bytes)?;
    if root.name != name {
        return bad(format!("<{}> is not a <{name}>", root.name));
    }
    only(&root, &[])?;
    Ok(root)
}

/// Refuses attributes that are not known.
fn only(element: &Element, known: &[&str]) -> Result<(), SpecialError> {
    match element.attribute_other_than(known) {
        Some(other) => bad(format!("the attribute {other} of <{}> is not known", element.name)),
        None => Ok(()),
    }
}

fn unknown<T>(element: &Element, place: &str) -> Result<T, SpecialError> {
    bad(format!("<{}> in {place} is not known", element.name))
}

/// Whether a text is a word of letters, digits and a few signs, which can be no path.
fn is_word(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.+-".contains(c))
}
