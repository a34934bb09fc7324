//! Turns a build description into a [`Recipe`]: name, version, what the build needs, what comes out, where it builds.
//!
//! One module a kind of description. Beside them: the files that say where a package's files come from ([`link`]) and how they are built ([`special`]), and what
//! that needs ([`delta`], [`xml`]). Nothing here runs code or opens files; trouble in a description is a [`Finding`], and
//! reading goes on as far as it can.

mod finding;
mod recipe;

pub mod delta;
pub mod dsc;
pub mod link;
pub mod spec;
pub mod special;
pub mod xml;

pub use finding::{Finding, Grade};
pub use recipe::{Recipe, SourceFile, Target};
