//! What a build configuration says of the way to build.

use model::{BuildSettings, TargetAdditions};
use prjconf::{BuildConfig, Replacement};

/// The settings of a build; `additions` are what its repository says beyond the configuration.
///
/// Rule: obs-build's `build-recipe-dsc`: the command is `Substitute: dsc:build_cmd`, options and profiles are the macros
/// `%deb_build_options` and `%deb_build_profiles`; `%_smp_ncpus_max` bounds the jobs, as it does for rpm.
#[must_use]
pub fn build_settings(config: &BuildConfig, additions: &TargetAdditions) -> BuildSettings {
    let command = config.substitute.get("dsc:build_cmd").into_iter().flatten();
    BuildSettings {
        command: command.map(|word| Replacement::of_word(word).name.to_owned()).collect(),
        target: config.target.clone().filter(|target| !target.is_empty() && target != "0"),
        build_options: macro_words(config, "deb_build_options"),
        build_profiles: macro_words(config, "deb_build_profiles"),
        parallel: macro_words(config, "_smp_ncpus_max").first().and_then(|word| word.parse().ok()).filter(|n| *n > 0),
        raw_macros: config.rawmacros.clone(),
        optflags: config.optflags.iter().map(|(arch, flags)| (arch.to_owned(), flags.join(" "))).collect(),
        with: additions.with.clone(),
        without: additions.without.clone(),
        debug_packages: additions.debug_packages,
    }
}

/// The words a macro of the configuration expands to; none, if it is not defined.
#[must_use]
pub fn macro_words(config: &BuildConfig, name: &str) -> Vec<String> {
    config.macro_value(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> BuildConfig {
        prjconf::evaluate(&prjconf::parse(text.as_bytes()), &prjconf::Options::for_arch("x86_64")).config
    }

    #[test]
    fn options_and_profiles_are_the_words_of_the_last_definition() {
        let config = config(
            "Macros:\n%deb_build_options nocheck\n%deb_build_options_more no\n%deb_build_options noopt   %more\n\
             %more nodoc\n%_smp_ncpus_max 3\n:Macros\nSubstitute: dsc:build_cmd debuild -b\nTarget: x86_64-linux\n\
             OptFlags: * -g\nOptFlags: x86_64 -O2 -Wall\n",
        );
        let settings = build_settings(&config, &TargetAdditions::default());
        assert_eq!(settings.build_options, ["noopt", "nodoc"]);
        assert!(settings.build_profiles.is_empty());
        assert_eq!(settings.parallel, Some(3));
        assert_eq!(settings.command, ["debuild", "-b"]);
        assert_eq!(settings.target.as_deref(), Some("x86_64-linux"));
        let flags = [("*", "-g"), ("x86_64", "-O2 -Wall")].map(|(arch, flags)| (arch.to_owned(), flags.to_owned()));
        assert_eq!(settings.optflags, flags.into());
    }

    #[test]
    fn nothing_said_leaves_everything_to_the_engine() {
        let nothing = TargetAdditions::default();
        assert_eq!(build_settings(&config(""), &nothing), BuildSettings::default());
    }
}
