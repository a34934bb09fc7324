//! Formats, recipe types and engines.

use super::{Term, Topic, old, row};

const fn repotype(name: &'static str, form: &'static str, effect: &'static str) -> Term {
    row(Topic::Repotype, name, form, effect)
}

pub(super) const REPOTYPES: &[Term] = &[
    repotype("apk", "apk", "a repository of Alpine packages"),
    repotype("arch", "arch", "a repository of pacman"),
    repotype("archorder", "archorder:ARCH[:ARCH…]", "the order of architectures"),
    repotype("checksumsfile", "checksumsfile[:rawsig]", "a file with the checksums of all files"),
    repotype("debian", "debian", "a repository of apt"),
    repotype("hdlist2", "hdlist2", "a repository of urpmi"),
    repotype("helm", "helm", "an index of charts"),
    repotype("none", "none", "nothing is written"),
    repotype("packagesubdir", "packagesubdir:FOLDER", "packages go into this folder"),
    repotype("repotag", "repotag:TAG", "a tag of the repository, percent-encoded"),
    repotype("resarchhack", "resarchhack", "packages of a result keep the architecture of their repository"),
    repotype(
        "rpm-md",
        "rpm-md[:OPTION…]",
        "a repository of dnf and zypper; options: `sha512`, `legacy`, `zchunk`, `filelists-ext`, `compression-zstd`, `deltainfo`, `prestodelta`, `rsyncable`",
    ),
    repotype("rpm-md-legacy", "rpm-md-legacy", "as `rpm-md:legacy`"),
    old(
        Topic::Repotype,
        "singleexport",
        "singleexport",
        "old form of the publish flag",
        "write `PublishFlags: singleexport`",
    ),
    repotype("sleimage", "sleimage", "layout of images of SUSE products"),
    repotype("sleimage-media", "sleimage-media", "layout of media of SUSE products"),
    repotype("slepool", "slepool[:NAME]", "layout of pools of SUSE products"),
    repotype("splitdebug", "splitdebug:SUFFIX[:MODE]", "debug packages go into a second repository with this suffix"),
    repotype("staticlinks", "staticlinks", "links without version and release to the newest files"),
    repotype("suse", "suse", "a repository in the format of YaST"),
    repotype("vagrant", "vagrant", "an index of boxes"),
    repotype("zyppservice", "zyppservice", "a service of zypper"),
];

const fn patterntype(name: &'static str, effect: &'static str) -> Term {
    row(Topic::Patterntype, name, name, effect)
}

pub(super) const PATTERNTYPES: &[Term] = &[
    patterntype("comps", "groups in the format of dnf"),
    patterntype("none", "nothing is written"),
    patterntype("rpm-md", "patterns in the metadata of the repository"),
    patterntype("ymp", "one-click installation files"),
];

const fn recipe(name: &'static str, effect: &'static str) -> Term {
    row(Topic::RecipeType, name, name, effect)
}

pub(super) const RECIPE_TYPES: &[Term] = &[
    recipe("apk", "`APKBUILD` of Alpine"),
    recipe("appimage", "`appimage.yml`"),
    recipe("arch", "`PKGBUILD` of pacman"),
    recipe("collax", "recipes of Collax"),
    recipe("disabled", "the repository is switched off"),
    recipe("docker", "`Dockerfile`"),
    recipe("dsc", "Debian source packages"),
    recipe("excluded", "the repository is switched off, its packages are excluded"),
    recipe("fissile", "recipes of Cloud Foundry's fissile"),
    recipe("flatpak", "`flatpak.yaml` and its kin"),
    recipe("helm", "`Chart.yaml`"),
    recipe("kiwi", "image descriptions of kiwi"),
    recipe("livebuild", "image descriptions of live-build"),
    recipe("mkosi", "image descriptions of mkosi"),
    recipe("mock", "source rpm packages, built by mock"),
    recipe("none", "no recipe is looked for"),
    recipe("preinstallimage", "images of build environments"),
    recipe("productcompose", "`productcompose` descriptions"),
    recipe("simpleimage", "root file systems as an archive"),
    recipe("snapcraft", "`snapcraft.yaml`"),
    recipe("spec", "rpm's spec files"),
];

const fn binary(name: &'static str, effect: &'static str) -> Term {
    row(Topic::BinaryType, name, name, effect)
}

pub(super) const BINARY_TYPES: &[Term] = &[
    binary("apk", "Alpine's packages"),
    binary("arch", "pacman's packages"),
    binary("deb", "Debian's packages"),
    binary("none", "no packages"),
    binary("rpm", "rpm packages"),
];

const fn engine(name: &'static str, effect: &'static str) -> Term {
    row(Topic::BuildEngine, name, name, effect)
}

pub(super) const BUILD_ENGINES: &[Term] = &[
    engine("debbuild", "builds Debian packages from spec files"),
    engine("debootstrap", "sets up the environment of dsc builds"),
    engine("mock", "builds rpm packages with mock"),
    engine("podman", "builds containers with podman"),
];
