//! Adds distributions from presets: a project with a mirrored repository, a build configuration and the targets it offers.

mod add;
mod apt_sources;
mod archives;
mod preset;

pub use add::{DistributionOptions, MirrorStatus};
