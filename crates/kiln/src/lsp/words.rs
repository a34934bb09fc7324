//! Words an editor offers. What they mean is in the manual, prjconf(5), which is also where hovers come from.

use prjconf::keyword::{Keyword, Kind, List, Map, Scalar};

/// The manual; the text of a hover is the section of its keyword.
const MANUAL: &str = include_str!("../../../../docs/formats/prjconf.5.md");

/// The section of the manual about a keyword, without its heading.
pub(super) fn section(keyword: &Keyword) -> Option<&'static str> {
    let heading = format!("\n### {}\n", keyword.spelling);
    let (_, rest) = MANUAL.split_once(&heading)?;
    let end = ["\n### ", "\n## "].iter().filter_map(|next| rest.find(next)).min().unwrap_or(rest.len());
    rest.get(..end).map(str::trim)
}

/// The words that may stand behind a keyword; empty if they are names of packages and the like.
pub(super) const fn arguments(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::List(List::BuildFlags) => BUILD_FLAGS,
        Kind::List(List::ExpandFlags) => EXPAND_FLAGS,
        Kind::List(List::PublishFlags) => PUBLISH_FLAGS,
        Kind::ReplaceList(List::Repotype) => REPOTYPES,
        Kind::ReplaceList(List::Patterntype) => &["comps", "none", "rpm-md", "ymp"],
        Kind::Scalar(Scalar::Type) => TYPES,
        Kind::Scalar(Scalar::BinaryType) => &["apk", "arch", "deb", "none", "rpm"],
        Kind::Scalar(Scalar::BuildEngine) => &["debbuild", "debootstrap", "mock", "podman"],
        Kind::Scalar(Scalar::HostArch) | Kind::Map(Map::OptFlags) => ARCHES,
        _ => &[],
    }
}

/// Words that start a line and are no keyword.
pub(super) const CONDITIONS: &[&str] = &[
    "%if",
    "%ifarch",
    "%ifnarch",
    "%ifos",
    "%ifnos",
    "%elif",
    "%elifarch",
    "%elifos",
    "%else",
    "%endif",
    "%define",
    "%global",
];

/// Macros that are built in.
pub(super) const BUILT_IN: &[&str] = &[
    "basename",
    "bcond",
    "bcond_with",
    "bcond_without",
    "defined",
    "dirname",
    "expand",
    "expr",
    "gsub",
    "len",
    "lower",
    "quote",
    "rep",
    "reverse",
    "shrink",
    "span",
    "sub",
    "suffix",
    "undefined",
    "upper",
    "with",
    "without",
];

/// Architectures people build for.
pub(super) const ARCHES: &[&str] =
    &["aarch64", "armv6l", "armv7l", "i586", "i686", "ppc64", "ppc64le", "riscv64", "s390x", "x86_64"];

const BUILD_FLAGS: &[&str] = &[
    "allowrootforbuild",
    "buildengine.",
    "ccachetype:",
    "cgroup2",
    "changelogfulltimestamps",
    "container-build-format:",
    "container-compression-format:",
    "container-timestamp:",
    "cumulaterpms",
    "define_specfile",
    "dockerarg:",
    "excludebuild:",
    "genmetaalgo:",
    "kiwiprofile:",
    "logidlelimit:",
    "nochecks",
    "nodisturl",
    "norelsync",
    "nouseforbuild:",
    "obsgendiff",
    "onlybuild:",
    "rpm-buildroot-override:",
    "rpm-nodebugmagic",
    "sbom:",
    "slsaprovenance",
    "spdx-declared-license",
    "spdx-files-generation",
    "useccache:",
    "vmfsoptions:",
    "vmfstype:",
];

const EXPAND_FLAGS: &[&str] = &[
    "dorecommends",
    "dosupplements",
    "ignoreconflicts",
    "ignorerebuildforsupport",
    "keepfilerequires",
    "kiwi-nobasepackages",
    "macroserial:",
    "module:",
    "noautoenablemodule",
    "preinstallexpand",
    "unorderedimagerepos",
];

const PUBLISH_FLAGS: &[&str] = &[
    "archsync",
    "artifacthub:",
    "create_empty",
    "keepobsolete",
    "noearlypublish",
    "nofailedpackages",
    "singleexport",
    "withreports",
    "withsbom",
    "ympdist:",
];

const REPOTYPES: &[&str] =
    &["apk", "arch", "debian", "hdlist2", "helm", "none", "rpm-md", "rpm-md-legacy", "suse", "vagrant"];

const TYPES: &[&str] = &[
    "apk",
    "appimage",
    "arch",
    "collax",
    "docker",
    "dsc",
    "fissile",
    "flatpak",
    "helm",
    "kiwi",
    "livebuild",
    "mkosi",
    "mock",
    "none",
    "preinstallimage",
    "productcompose",
    "simpleimage",
    "snapcraft",
    "spec",
];

#[cfg(test)]
mod tests {
    use prjconf::keyword::KEYWORDS;

    use super::*;

    #[test]
    fn every_keyword_has_a_section_of_the_manual() {
        for keyword in KEYWORDS {
            let section = section(keyword).unwrap_or_default();
            assert!(section.len() > 20 && !section.contains("\n### "), "{}: {section:?}", keyword.spelling);
        }
    }

    #[test]
    fn no_word_that_is_offered_is_unknown() {
        for keyword in KEYWORDS {
            for word in arguments(keyword.kind) {
                let value = if word.ends_with('.') {
                    "spec:mock"
                } else if word.ends_with(':') {
                    "x"
                } else {
                    ""
                };
                let text = format!("{} {word}{value} x\n", keyword.spelling);
                let tree = prjconf::parse(text.as_bytes());
                let found = prjconf::check(&tree, &["x86_64"]);
                let unknown = found.iter().find(|one| {
                    one.message.contains(&format!("{word}{value}`")) && one.code.name().starts_with("unknown")
                });
                assert_eq!(unknown, None, "{text}");
            }
        }
    }
}
