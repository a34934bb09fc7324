//! Why a build gets the root it gets, or none: the derivation of every decision, the facts behind a problem, fixes that
//! were tried.
//!
//! Nothing here takes part in an expansion: it is run once more with a [`Derivation`](crate::Derivation) listening, and
//! everything else is read off the pool afterwards. Read [`Why`] first; [`Expander::why`](crate::Expander::why) makes one.

mod chains;
mod conflicts;
mod explain;
mod fixes;
mod near;
mod problems;
mod text;
mod types;

pub use explain::{Asked, LineFinder};
pub use fixes::Change;
pub use types::{
    Asker, Candidate, ConfigLine, DropReason, Dropped, Fix, Focus, Hint, LineOrigin, Link, Outcome, Trouble, Why,
};
