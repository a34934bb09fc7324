//! Turns a build description into a [`Recipe`]: name, version, what the build needs, what comes out, where it builds.
//!
//! One module a kind of description. Nothing here runs code or opens files; trouble in a description is a [`Finding`], and
//! reading goes on as far as it can.

mod finding;
mod recipe;

pub mod dsc;
pub mod spec;

pub use finding::{Finding, Grade};
pub use recipe::{Recipe, SourceFile, Target};
