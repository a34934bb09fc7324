//! Every word of `ExpandFlags` that means something here: what it changes, and that words meant for others change nothing.

use expand::{BuildRequest, Expander, PoolBuilder, Request};
use pkg::{PackageFormat, PackageMeta};

use super::case::read_config;

const CONFIG: &str = "Type: kiwi\nPreinstall: pre\nSupport: sup\nRequired: base\n";

fn package(name: &str, fill: impl FnOnce(&mut PackageMeta)) -> PackageMeta {
    let mut package = PackageMeta {
        name: name.to_owned(),
        evr: "1-1".to_owned(),
        arch: "noarch".to_owned(),
        provides: vec![format!("{name} = 1-1")],
        ..PackageMeta::default()
    };
    fill(&mut package);
    package
}

/// What everything comes to under a configuration with these flags: the answers as one text.
fn answers(flags: &str) -> [String; 6] {
    let config = read_config("x86_64", &format!("{CONFIG}Expandflags: {flags}\n"));
    let mut builder = PoolBuilder::new(PackageFormat::Rpm).with_modules(config.modules());
    if config.has_flag("unorderedimagerepos") {
        builder = builder.with_unordered_repositories();
    }
    let one = |text: &str| vec![text.to_owned()];
    for package in [
        package("pre", |package| package.requires = one("prelib")),
        package("prelib", |_| {}),
        package("sup", |package| package.requires = one("suplib")),
        package("suplib", |_| {}),
        package("base", |_| {}),
        package("app", |package| package.recommends = one("extra")),
        package("extra", |_| {}),
        package("langpack", |package| package.supplements = one("app")),
        package("foe", |package| package.conflicts = one("app")),
        package("script", |package| package.requires = one("/no/where")),
        package("old", |_| {}),
    ] {
        builder.add_repository_package(0, &package);
    }
    builder.add_module_package(0, &package("modular", |_| {}), &one("perl-5.30"));
    builder.add_repository_package(1, &package("old", |package| package.evr = "2-1".to_owned()));
    let pool = builder.finish();
    let expander = Expander::new(&pool, &config);
    let shown = |answer: Result<Vec<expand::PackageId>, Vec<pkg::problem::DependencyProblem>>| match answer {
        Ok(ids) => ids.iter().map(|id| format!("{}-{}", pool.name(*id), pool.evr(*id))).collect::<Vec<_>>().join(" "),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let request = |dep: &str| BuildRequest { dependencies: one(dep), own_binaries: Vec::new() };
    [
        expander.preinstalls().map_or_else(|problem| problem.to_string(), |lists| lists.preinstall.join(" ")),
        shown(expander.expand(&Request::parse(["app"]))),
        shown(expander.expand(&Request::parse(["app", "foe"]))),
        shown(expander.expand(&Request::parse(["script", "modular", "old"]))),
        shown(expander.build_set(&request("app"))),
        shown(expander.trigger_set(&request("app sup"))),
    ]
}

const PREINSTALLS: usize = 0;
const WEAK: usize = 1;
const CONFLICTS: usize = 2;
const FOUND: usize = 3;
const BUILD: usize = 4;

#[track_caller]
fn assert_changes(flag: &str, which: usize, without: &str, with: &str) {
    assert_eq!((answers("")[which].as_str(), answers(flag)[which].as_str()), (without, with), "{flag}");
}

#[test]
fn each_expand_flag_changes_what_it_should() {
    assert_changes("preinstallexpand", PREINSTALLS, "pre", "pre prelib");
    assert_changes("dorecommends", WEAK, "app-1-1", "app-1-1 extra-1-1");
    assert_changes("dosupplements", WEAK, "app-1-1", "app-1-1 langpack-1-1");
    assert_changes("ignoreconflicts", CONFLICTS, "foe conflicts with app", "app-1-1 foe-1-1");
    let missing = "nothing provides modular";
    assert_changes("module:perl-5.30", FOUND, missing, "modular-1-1 old-1-1 script-1-1");
    assert_changes("module:perl-5.30 unorderedimagerepos", FOUND, missing, "modular-1-1 old-2-1 script-1-1");
    let path = "nothing provides modular, nothing provides /no/where needed by script";
    assert_changes("keepfilerequires", FOUND, missing, path);
    let base = "app-1-1 base-1-1 pre-1-1 prelib-1-1 sup-1-1 suplib-1-1";
    assert_changes("kiwi-nobasepackages", BUILD, base, "app-1-1");
}

#[test]
fn what_support_needs_triggers_rebuilds_unless_a_flag_says_otherwise() {
    let config = |flags: &str| read_config("x86_64", &format!("Required: base\nSupport: sup\nExpandflags: {flags}\n"));
    let mut builder = PoolBuilder::new(PackageFormat::Rpm);
    for (name, requires) in [("base", "sup"), ("sup", "suplib"), ("suplib", "")] {
        let requires = requires.split_whitespace().map(str::to_owned).collect();
        builder.add_repository_package(0, &package(name, |package| package.requires = requires));
    }
    let pool = builder.finish();
    let triggers = |flags: &str| {
        let config = config(flags);
        let packages = Expander::new(&pool, &config).trigger_set(&BuildRequest::default()).unwrap();
        packages.into_iter().map(|id| pool.name(id)).collect::<Vec<_>>()
    };
    assert_eq!(triggers(""), ["base", "suplib"]);
    assert_eq!(triggers("ignorerebuildforsupport"), ["base"]);
}

#[test]
fn words_for_others_change_nothing() {
    for flag in ["docker-nobasepackages", "macroserial:7", "noinstalldeps", "module:perl", "nosuchflag"] {
        assert_eq!(answers(flag), answers(""), "{flag}");
    }
}
