//! Dependency expansion: from a pool of packages, a configuration and wishes to the exact set to install, and its order.
//!
//! Start with [`Pool`] (built once per repository path by [`PoolBuilder`]), then [`Expander`]. Touches nothing outside its
//! arguments; the same arguments give the same answer, in the same order. What it deliberately does not do: search. A
//! decision once made is never taken back, so that people can follow why a package is there.

mod affected;
mod bits;
mod config;
mod expander;
pub mod meta;
mod order;
mod pool;
mod request;
mod rich;
mod rules;
mod run;
mod sets;
mod trace;
mod whole;
mod why;

pub use affected::{Affected, Users, for_each_name};
pub use config::{ExpandConfig, NamedAlternatives};
pub use expander::{Expander, Expansion};
pub use order::{BuildOrder, Cycle, InstallOrder, build_needs, build_order};
pub use pool::{PackageId, Pool, PoolBuilder, PoolFileError};
pub use request::Request;
pub use rules::Options;
pub use sets::{BuildRequest, Preinstalls};
pub use trace::{Cause, DependencyRef, Derivation, NoTrace, Rule, Trace};
pub use whole::{WholeRequest, WholeSet};
pub use why::{
    Asked, Asker, Candidate, Change, ConfigLine, DropReason, Dropped, Fix, Focus, Hint, LineFinder, LineOrigin, Link,
    Outcome, Trouble, Why,
};
