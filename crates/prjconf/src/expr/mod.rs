//! Expressions: `%if`, `%{expr:…}` and `%[…]`.

mod eval;
pub(crate) mod lexer;
pub(crate) mod number;
pub(crate) mod value;
pub(crate) mod version;

pub(crate) use eval::{evaluate_condition, evaluate_to_text, evaluate_value_form};
