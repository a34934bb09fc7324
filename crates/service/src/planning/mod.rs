//! Gives every pending task a verdict and prepares what can run.
//!
//! Decides nothing itself: it gathers what [`sched::plan`] needs, then carries out what it says. Read [`run_once`] first.

mod change;
mod config;
mod elsewhere;
mod group;
mod impact;
mod kept;
mod local;
mod needs;
mod offer;
mod origin;
mod outcome;
mod outlook;
mod path;
mod reconcile;
mod why;
mod world;

pub use change::{OutdatedPackage, Refreshed};
pub(crate) use change::{State as ChangeState, run_once as follow_changes};
pub(crate) use config::{repository_config, target_configs};
pub use impact::{ConfigImpact, TargetImpact};
pub use local::{LocalBuild, LocalBuildWish, LocalPackage, SentRecipe};
pub use needs::{BuildNeeds, PackageNeeds};
pub use offer::OfferedPackage;
pub use outlook::{Held, NewestBuild, Outlook};
pub(crate) use path::expand as expand_path;
pub(crate) use reconcile::{State, run_once};
pub use why::PackageWhy;
