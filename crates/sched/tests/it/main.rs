//! What the planner says of small worlds.
#![expect(clippy::unwrap_used, reason = "tests")]

mod change;
mod impact;
mod plan;
