//! Flags: those the peer's tools and servers read, and those shipped configurations use.

use super::{Term, Topic, old, row};

const fn build(name: &'static str, form: &'static str, effect: &'static str) -> Term {
    row(Topic::BuildFlag, name, form, effect)
}

pub(super) const BUILD_FLAGS: &[Term] = &[
    build("allowrootforbuild", "allowrootforbuild", "recipes may ask to be built as root"),
    build("buildengine.TYPE", "buildengine.TYPE:ENGINE", "`BuildEngine:` for one recipe type only"),
    build("ccachetype", "ccachetype:NAME", "the compiler cache to use: `ccache` or `sccache`"),
    build("cgroup2", "cgroup2", "mount version 2 of the control groups in virtual machines; it is so anyway"),
    build("changelogfulltimestamps", "changelogfulltimestamps", "changelogs of rpm packages have the time of day"),
    build(
        "container-build-format",
        "container-build-format:FORMAT",
        "`oci` for images in the OCI format, else docker's",
    ),
    build(
        "container-compression-format",
        "container-compression-format:FORMAT",
        "how image layers are compressed, if not with gzip",
    ),
    build(
        "container-timestamp",
        "container-timestamp:TIME",
        "the time stamp of images: a number, `scm` or `source_date_epoch`",
    ),
    build("cumulaterpms", "cumulaterpms[:0]", "install all packages in one call of rpm; `:0` for one call each"),
    build("define_specfile", "define_specfile", "rpmbuild gets the path of the spec file as `%_build_specfile`"),
    build("dockerarg", "dockerarg:NAME=VALUE", "an argument of container builds; repeatable"),
    build("excludebuild", "excludebuild:PACKAGE[:FLAVOR]", "the package is excluded; repeatable"),
    build("forcebinaryidmeta", "forcebinaryidmeta", "rebuild decisions compare the identity of packages only"),
    build("genmetaalgo", "genmetaalgo:NUMBER", "the algorithm that rebuild decisions use"),
    build("kiwiprofile", "kiwiprofile:NAME[,NAME…]", "profiles of image descriptions that select none"),
    build(
        "kvm-max-cpu-compat-power8",
        "kvm-max-cpu-compat-power8",
        "limits the processor of virtual machines on POWER9",
    ),
    build("logidlelimit", "logidlelimit:SECONDS", "a job without output for so long is ended"),
    build("modulemdplatform", "modulemdplatform:VERSION:DIST[:…]", "the platform of module builds"),
    build("nochecks", "nochecks", "no test phase and no linters, unless a build asks for them"),
    build("nodisturl", "nodisturl", "packages do not say where their sources are"),
    build("norelsync", "norelsync", "release counters are not kept equal between architectures"),
    build("nouseforbuild", "nouseforbuild:PACKAGE", "built, but not offered to other builds; repeatable"),
    build("obsgendiff", "obsgendiff", "run the build root's `obsgendiff.d` after a build"),
    build("onlybuild", "onlybuild:PACKAGE[:FLAVOR]", "all other packages are excluded; repeatable"),
    build(
        "productcompose-buildoption",
        "productcompose-buildoption:OPTION",
        "an option of the product composer; repeatable",
    ),
    build(
        "productcompose-onlydirectrepos",
        "productcompose-onlydirectrepos",
        "products see directly listed repositories only",
    ),
    build("rpm-buildroot-override", "rpm-buildroot-override:FOLDER", "rpmbuild's `--buildroot`"),
    build("rpm-nodebugmagic", "rpm-nodebugmagic", "no macros for debug packages are added"),
    build("sbom", "sbom:FORMAT", "write a bill of materials: `spdx` or `cyclonedx`; repeatable"),
    build("setvcs", "setvcs", "rpm packages carry the address of their version control"),
    build("signflavor", "signflavor:NAME", "the flavour of signatures"),
    build("slsaprovenance", "slsaprovenance", "write provenance of build results"),
    build("slsaversion", "slsaversion:VERSION", "the version of provenance documents, such as `v1`"),
    build("spdx-declared-license", "spdx-declared-license:NOASSERTION", "no declared licenses in bills of materials"),
    build("spdx-files-generation", "spdx-files-generation:no", "no single files in bills of materials"),
    build("useccache", "useccache:PACKAGE", "build the package with a compiler cache; repeatable"),
    build("vmfsoptions", "vmfsoptions:nodirindex", "the root file system of virtual machines has no directory index"),
    build(
        "vmfstype",
        "vmfstype:TYPE",
        "the root file system of virtual machines: ext2, ext3, ext4, xfs, btrfs, reiserfs",
    ),
];

const fn expand(name: &'static str, form: &'static str, effect: &'static str) -> Term {
    row(Topic::ExpandFlag, name, form, effect)
}

pub(super) const EXPAND_FLAGS: &[Term] = &[
    old(
        Topic::ExpandFlag,
        "docker-nobasepackages",
        "docker-nobasepackages",
        "no effect any more",
        "it has no effect any more: docker builds never get base packages",
    ),
    expand("dorecommends", "dorecommends", "recommended packages are installed too"),
    expand("dosupplements", "dosupplements", "supplementing packages are installed too"),
    expand("ignoreconflicts", "ignoreconflicts", "conflicts and obsoletes of packages do not count"),
    expand(
        "ignorerebuildforsupport",
        "ignorerebuildforsupport",
        "what only Preinstall and Support pull in triggers no rebuild",
    ),
    expand("keepfilerequires", "keepfilerequires", "dependencies on files count even without `FileProvides:`"),
    expand("kiwi-nobasepackages", "kiwi-nobasepackages", "repositories of images get no base packages"),
    expand("macroserial", "macroserial:NUMBER", "a change of the number has all recipes parsed again"),
    expand("module", "module:NAME-STREAM", "packages of this module are visible; repeatable"),
    expand("noautoenablemodule", "noautoenablemodule", "the module that is built is not visible to its builds"),
    expand("preinstallexpand", "preinstallexpand", "Preinstall and VMInstall are closed under dependencies"),
    expand(
        "unorderedimagerepos",
        "unorderedimagerepos",
        "repositories of images have no order, the highest version wins",
    ),
];

const fn publish(name: &'static str, form: &'static str, effect: &'static str) -> Term {
    row(Topic::PublishFlag, name, form, effect)
}

pub(super) const PUBLISH_FLAGS: &[Term] = &[
    publish("archsync", "archsync", "publish only when all architectures are finished"),
    publish("artifacthub", "artifacthub:REPOSITORY:ID[:NAME[:MAIL]]", "metadata for Artifact Hub"),
    publish("create_empty", "create_empty", "publish metadata even without packages"),
    old(Topic::PublishFlag, "createempty", "createempty", "old spelling of `create_empty`", "write `create_empty`"),
    publish("keepobsolete", "keepobsolete", "results of deleted packages stay while publishing is off"),
    old(
        Topic::PublishFlag,
        "noearlykiwipublish",
        "noearlykiwipublish",
        "old spelling of `noearlypublish`",
        "write `noearlypublish`",
    ),
    publish("noearlypublish", "noearlypublish", "images are not published before the repository is finished"),
    publish(
        "nofailedpackages",
        "nofailedpackages",
        "nothing is published while a package is broken, failed or unresolvable",
    ),
    publish("singleexport", "singleexport", "of packages with one name and architecture only the first is taken"),
    publish("withreports", "withreports", "publish `.report` and `.packages` files"),
    publish("withsbom", "withsbom", "publish bills of materials"),
    publish("ympdist", "ympdist:NAME", "the name of the distribution in `.ymp` files"),
];
