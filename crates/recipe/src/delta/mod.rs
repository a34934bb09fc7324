//! Differences between texts, line by line: found, shown, merged, applied.
//!
//! Lines are bytes with their line end; nothing here asks for an encoding. Everything is bounded: texts of more than
//! [`MOST_LINES`] lines are not compared at all, and where the shortest difference would cost too much, a longer one is given.

mod blame;
mod changes;
mod lines;
mod merge;
mod patch;
mod unified;

pub use blame::blame;
pub use changes::{Change, changes};
pub use lines::{MOST_LINES, is_text, lines};
pub use merge::merge;
pub use patch::{PatchError, Patched, apply};
pub use unified::{Labels, unified};
