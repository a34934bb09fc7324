//! The build configuration language ("prjconf"): a text and an architecture to a [`BuildConfig`].
//!
//! ```text
//! parse(bytes) -> Tree -> evaluate(&Tree, &Options) -> Evaluated { config, findings, parse_error, warnings, origins }
//! ```
//!
//! Passes, each in its own module: lines and blocks (`tree`), continued lines, macros and conditions (`lines`),
//! keywords (`apply`), defaults and texts (`finish`). [`combine`] and its neighbours join several texts first. Everything
//! is pure, deterministic and bounded on any input. The manual is `docs/formats/prjconf.5.md`.

mod apply;
pub mod cases;
mod check;
mod combine;
mod condition;
mod config;
mod diff;
mod dump;
mod evaluate;
mod expr;
mod files;
mod finding;
mod finish;
mod fmt;
pub mod keyword;
mod lines;
mod macro_context;
mod macros;
mod multiline;
mod origin;
pub mod reference;
mod server;
mod source;
mod symbols;
mod text;
mod texts;
mod tree;

pub use check::check;
pub use combine::{SourceText, combine};
pub use config::{BuildConfig, Replacement};
pub use diff::{Change, ChangeKind, Difference, diff, differences, values};
pub use dump::{dump, dump_case, dump_config};
pub use evaluate::{Evaluated, Options, evaluate};
pub use files::{LoadError, load};
pub use finding::{Code, Finding, Grade};
pub use fmt::format;
pub use macro_context::{Expansion, Macros};
pub use origin::{Origin, Origins};
pub use server::{PathElement, ServerContext, scheduler_config, server_config};
pub use source::{Location, SourceId, SourceMap};
pub use symbols::{
    Completion, CompletionKind, Definition, DefinitionKind, Symbol, SymbolKind, completions_at, definition_of,
    definitions, symbol_at, uses,
};
pub use text::{decode, encode, printable};
pub use texts::{TextIter, TextList, TextMap, TextSlice};
pub use tree::{Item, ItemKind, Span, Tree, parse};
