//! The files of the build user that rpm reads: macros and compiler flags.

use model::BuildSettings;

/// Text of `~/.rpmmacros`: the configuration's raw macros, then what the build itself decides.
///
/// Rule: obs-build's order, in which the last definition wins; a configuration that lets `%jobs` or `%_smp_mflags` follow
/// `RPM_BUILD_NCPUS` keeps its own.
pub(super) fn macros(settings: &BuildSettings, topdir: &str, parallel: u32) -> String {
    let mut text = settings.raw_macros.clone();
    // Also ends a definition whose last line asks to be continued.
    text += "\n";
    text += if settings.debug_packages {
        "%_enable_debug_packages 1\n%_build_create_debug 1\n"
    } else {
        "%debug_package %{nil}\n"
    };
    for (name, value) in [("jobs", format!("{parallel}")), ("_smp_mflags", format!("-j{parallel}"))] {
        if !follows_environment(&settings.raw_macros, name) {
            text += &format!("%{name} {value}\n");
        }
    }
    text += &format!("%_topdir {topdir}\n");
    text
}

/// Whether a macro is defined by what `RPM_BUILD_NCPUS` says.
fn follows_environment(raw: &str, name: &str) -> bool {
    let body = |line: &str| line.strip_prefix('%')?.strip_prefix(name)?.strip_prefix([' ', '\t']).map(str::to_owned);
    raw.lines().filter_map(body).next_back().is_some_and(|body| body.contains("RPM_BUILD_NCPUS"))
}

/// Text of `~/.rpmrc`: one line of compiler flags an architecture, with those for all (`*`) behind; `None` without any.
///
/// Rule: `optflags` of obs-build's queryconfig: with `*` alone nothing is written; builds with debugging symbols add `-g`.
pub(super) fn rpmrc(settings: &BuildSettings) -> Option<String> {
    let all = settings.optflags.get("*").filter(|flags| !flags.is_empty());
    let all = all.map(|flags| format!(" {flags}")).unwrap_or_default();
    let debug = if settings.debug_packages { " -g" } else { "" };
    let lines = settings.optflags.iter().filter(|(arch, _)| *arch != "*");
    let text: String = lines.map(|(arch, flags)| format!("optflags: {arch} {flags}{all}{debug}\n")).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(raw: &str, debug_packages: bool, optflags: &[(&str, &str)]) -> BuildSettings {
        let optflags = optflags.iter().map(|(arch, flags)| ((*arch).to_owned(), (*flags).to_owned())).collect();
        BuildSettings { raw_macros: raw.to_owned(), debug_packages, optflags, ..BuildSettings::default() }
    }

    #[test]
    fn the_build_adds_to_the_macros_of_the_configuration() {
        let text = macros(&settings("%dist .t1\n%long a\\\n", false, &[]), "/top", 4);
        let expected = "%dist .t1\n%long a\\\n\n%debug_package %{nil}\n%jobs 4\n%_smp_mflags -j4\n%_topdir /top\n";
        assert_eq!(text, expected);
        let text = macros(&settings("", true, &[]), "/top", 1);
        assert!(text.contains("%_enable_debug_packages 1\n") && !text.contains("%debug_package"), "{text}");
    }

    #[test]
    fn macros_that_follow_the_environment_stay() {
        let raw = "%_smp_mflags -j${RPM_BUILD_NCPUS}\n%jobs_more 1\n%jobs 7\n";
        let text = macros(&settings(raw, false, &[]), "/top", 4);
        assert!(!text.contains("-j4") && text.contains("%jobs 4\n"), "{text}");
    }

    #[test]
    fn flags_for_all_architectures_go_behind_those_of_each() {
        let flags = [("x86_64", "-O2"), ("*", "-Wall"), ("i586", "-Os")];
        let expected = "optflags: i586 -Os -Wall\noptflags: x86_64 -O2 -Wall\n";
        assert_eq!(rpmrc(&settings("", false, &flags)).as_deref(), Some(expected));
        let expected = "optflags: i586 -Os -g\n";
        assert_eq!(rpmrc(&settings("", true, &[("i586", "-Os")])).as_deref(), Some(expected));
        assert_eq!(rpmrc(&settings("", true, &[("*", "-Wall")])), None);
    }
}
