//! From a snapshot of a (repository, arch): a verdict with its reason for each task that wants to be built, and the root of
//! those that can be.
//!
//! Pure: no clock, no store, no network; the same snapshot gives the same plan. It does not choose which worker gets what,
//! nor fetch anything. Read [`Snapshot`] first, then [`plan`]; which packages are built again because something changed says
//! [`fates`].

mod block;
mod change;
mod config;
mod environment;
mod impact;
mod needs;
mod plan;
mod settings;
mod snapshot;
mod why;

pub use change::{Fate, KnownPackage, LastBuild, RebuildPolicy, fates};
pub use config::expand_config;
pub use environment::{Environment, environment};
pub use impact::{PackageImpact, impact};
pub use needs::{Needs, needs};
pub use plan::plan;
pub use settings::{build_settings, macro_words};
pub use snapshot::{BlockPolicy, BuiltBy, OpenTask, Origins, Plan, PlannedTask, RootPlan, Snapshot, WantedTask};
pub use why::explain;
