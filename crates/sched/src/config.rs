//! The part of a build configuration that decides which packages are taken.

use expand::ExpandConfig;
use prjconf::BuildConfig;

/// What the expander needs of a configuration. `extra_packages` count as `Required`: who adds a package to every root
/// wants it there whatever else changes.
#[must_use]
pub fn expand_config(config: &BuildConfig, extra_packages: &[String]) -> ExpandConfig {
    let substitute = config.substitute.iter().map(|(name, list)| {
        let names = list.iter().map(|replacement| replacement.name.clone()).collect();
        (name.clone(), names)
    });
    let mut required = config.required.clone();
    required.extend(extra_packages.iter().filter(|name| !config.required.contains(name)).cloned());
    ExpandConfig {
        build_type: config.recipe_type.clone(),
        binary_type: config.binarytype.clone(),
        build_engine: config.buildengine.clone().unwrap_or_default(),
        prefer: config.prefer.clone(),
        ignore: config.ignore.clone(),
        conflict: config.conflict.clone(),
        order: config.order.iter().cloned().collect(),
        substitute: substitute.collect(),
        file_provides: config.fileprovides.clone(),
        preinstall: config.preinstall.clone(),
        vm_install: config.vminstall.clone(),
        run_scripts: config.runscripts.clone(),
        required,
        support: config.support.clone(),
        keep: config.keep.clone(),
        ignore_rebuild: config.ignorerebuild.clone(),
        expand_flags: config.expandflags.clone(),
        build_flags: config.buildflags.clone(),
    }
}
