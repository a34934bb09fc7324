//! What tests share: small worlds of packages as text, a web server that misbehaves on demand. Never part of a program.
#![expect(clippy::unwrap_used, reason = "a fixture that fails must fail the test")]

pub mod http;
pub mod world;
