//! The part of a build configuration that decides which packages are taken.

use expand::ExpandConfig;
use prjconf::BuildConfig;

/// What the expander needs of a configuration. `extra_packages` count as `Required`: who adds a package to every root
/// wants it there whatever else changes.
#[must_use]
pub fn expand_config(config: &BuildConfig, extra_packages: &[String]) -> ExpandConfig {
    let mut wanted = ExpandConfig::from(config);
    wanted.required.extend(extra_packages.iter().filter(|name| !config.required.contains(name)).cloned());
    wanted
}
