//! The macro language: table, tokens, expansion and built-in macros.
//!
//! Read [`expand::Expander`] first. Everything works on bytes. The work a text can cause is bounded: 1001 tokens for
//! each expanded text (the language's own limit), and [`budget::Budget`] for the bytes all expansions of one evaluation produce.

pub(crate) mod budget;
pub(crate) mod builtin;
pub(crate) mod expand;
pub(crate) mod gsub;
pub(crate) mod strings;
pub(crate) mod table;
pub(crate) mod token;
