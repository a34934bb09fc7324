//! Names that something reads: flags, formats, types.

/// Build flags: those the peer's tools read and those shipped configurations use.
pub(crate) const BUILD_FLAGS: &[&str] = &[
    "allowrootforbuild",
    "buildengine.arch",
    "buildengine.docker",
    "buildengine.dsc",
    "buildengine.spec",
    "ccachetype",
    "cgroup2",
    "changelogfulltimestamps",
    "container-build-format",
    "container-compression-format",
    "container-timestamp",
    "cumulaterpms",
    "define_specfile",
    "dockerarg",
    "excludebuild",
    "forcebinaryidmeta",
    "genmetaalgo",
    "kiwiprofile",
    "kvm-max-cpu-compat-power8",
    "logidlelimit",
    "modulemdplatform",
    "nochecks",
    "nodisturl",
    "norelsync",
    "nouseforbuild",
    "obsgendiff",
    "onlybuild",
    "productcompose-buildoption",
    "productcompose-onlydirectrepos",
    "rpm-buildroot-override",
    "rpm-nodebugmagic",
    "sbom",
    "setvcs",
    "signflavor",
    "slsaprovenance",
    "slsaversion",
    "spdx-declared-license",
    "spdx-files-generation",
    "useccache",
    "vmfsoptions",
    "vmfstype",
];

/// Expansion flags.
pub(crate) const EXPAND_FLAGS: &[&str] = &[
    "docker-nobasepackages",
    "dorecommends",
    "dosupplements",
    "ignoreconflicts",
    "ignorerebuildforsupport",
    "keepfilerequires",
    "kiwi-nobasepackages",
    "macroserial",
    "module",
    "noautoenablemodule",
    "preinstallexpand",
    "unorderedimagerepos",
];

/// Publish flags.
pub(crate) const PUBLISH_FLAGS: &[&str] = &[
    "archsync",
    "artifacthub",
    "create_empty",
    "createempty",
    "keepobsolete",
    "noearlykiwipublish",
    "noearlypublish",
    "nofailedpackages",
    "singleexport",
    "withreports",
    "withsbom",
    "ympdist",
];

/// Repository formats and modifiers.
pub(crate) const REPOTYPES: &[&str] = &[
    "apk",
    "arch",
    "archorder",
    "checksumsfile",
    "debian",
    "hdlist2",
    "helm",
    "none",
    "packagesubdir",
    "repotag",
    "resarchhack",
    "rpm-md",
    "rpm-md-legacy",
    "singleexport",
    "sleimage",
    "sleimage-media",
    "slepool",
    "splitdebug",
    "staticlinks",
    "suse",
    "vagrant",
    "zyppservice",
];

/// Pattern formats.
pub(crate) const PATTERNTYPES: &[&str] = &["comps", "none", "rpm-md", "ymp"];

/// Recipe types, and the two values that switch a repository off.
pub(crate) const TYPES: &[&str] = &[
    "apk",
    "appimage",
    "arch",
    "collax",
    "disabled",
    "docker",
    "dsc",
    "excluded",
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

/// Package formats.
pub(crate) const BINARY_TYPES: &[&str] = &["apk", "arch", "deb", "none", "rpm"];

/// Build engines.
pub(crate) const ENGINES: &[&str] = &["debbuild", "debootstrap", "mock", "podman"];

/// Macros a server puts in front of a configuration; undefined elsewhere, but no mistake.
pub(crate) const SERVER_MACROS: &[&str] =
    &["_project", "_repository", "_is_this_project", "_is_in_project", "_obs_feature_exclude_cpu_constraints"];

/// Old spellings with what replaces them.
pub(crate) const OLD_FLAGS: &[(&str, &str)] = &[
    ("docker-nobasepackages", "it has no effect any more: docker builds never get base packages"),
    ("noearlykiwipublish", "write `noearlypublish`"),
    ("createempty", "write `create_empty`"),
];
