//! Public behaviour of the configuration language.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests read their cases")]

mod cases;
mod expansions;
mod findings;
mod hostile;
mod layout;
mod manual;
mod origins;
mod peer;
