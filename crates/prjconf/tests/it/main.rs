//! Public behaviour of the configuration language.
#![cfg(test)]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod cases;
