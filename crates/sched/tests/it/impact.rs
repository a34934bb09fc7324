//! What another configuration would change, and explanations under one.

use expand::{Asked, Pool, PoolBuilder};
use expect_test::{Expect, expect};
use model::{TargetAdditions, TaskId, Verdict};
use pkg::{Arch, PackageFormat};
use prjconf::Evaluated;
use recipe::{Target, dsc};
use sched::{BlockPolicy, Snapshot, WantedTask, explain, impact};

const WORLD: &str = "
    P: make
    P: ssl-a 1.1 provides ssl
    P: ssl-b 3.0 provides ssl requires crypto
    P: crypto
    P: tool
";

const CONFIG: &str = "Type: dsc\nBinaryType: deb\nRequired: make\n";

fn pool() -> Pool {
    let mut builder = PoolBuilder::new(PackageFormat::Deb);
    testkit::world::packages(WORLD).iter().for_each(|package| builder.add_repository_package(0, package));
    builder.finish()
}

fn wanted(package: &str, requires: &str) -> WantedTask {
    let text = format!("Source: {package}\nVersion: 1\nBinary: {package}\nBuild-Depends: {requires}\n");
    let arch = Arch::parse("x86_64").unwrap();
    let (recipe, _) = dsc::parse(&text, &Target { arch: &arch, profiles: &[] });
    WantedTask { task: TaskId::new(1), package: package.to_owned(), recipe: Ok(recipe.unwrap()) }
}

static NOTHING: TargetAdditions =
    TargetAdditions { packages: Vec::new(), with: Vec::new(), without: Vec::new(), debug_packages: false };

fn evaluate(lines: &str) -> Evaluated {
    let text = format!("{CONFIG}{lines}\n");
    prjconf::evaluate(&prjconf::parse(text.as_bytes()), &prjconf::Options::for_arch("x86_64"))
}

fn snapshot<'a>(pool: &'a Pool, arch: &'a Arch, config: &'a Evaluated, tasks: &'a [WantedTask]) -> Snapshot<'a> {
    Snapshot {
        arch,
        config: &config.config,
        config_error: config.parse_error.as_deref(),
        pool,
        is_local: &|_| true,
        additions: &NOTHING,
        block: BlockPolicy::Never,
        tasks,
        open: &[],
        origins: None,
    }
}

fn check(before: &str, after: &str, expected: Expect) {
    let (pool, arch) = (pool(), Arch::parse("x86_64").unwrap());
    let tasks = [wanted("plain", "tool"), wanted("secure", "ssl"), wanted("fixed", "ssl-a"), wanted("lost", "nosuch")];
    let (before, after) = (evaluate(before), evaluate(after));
    let found = impact(&snapshot(&pool, &arch, &before, &tasks), &snapshot(&pool, &arch, &after, &tasks));
    let mut drawn = String::new();
    for one in found {
        drawn += &format!("{}: {} -> {}", one.package, one.before, one.after);
        drawn += &format!("; +{:?} -{:?}", one.added, one.removed);
        drawn += if one.rebuild { "; rebuild" } else { "" };
        drawn += if one.other_settings { "; settings\n" } else { "\n" };
    }
    expected.assert_eq(&drawn);
}

#[test]
fn the_same_configuration_changes_nothing() {
    check("Prefer: ssl-a", "# a remark\nPrefer: ssl-a", expect![[""]]);
}

#[test]
fn a_preference_changes_the_roots_of_those_who_choose() {
    check(
        "Prefer: ssl-a",
        "Prefer: ssl-b",
        expect![[r#"
        secure: scheduled -> scheduled; +["crypto 1", "ssl-b 3.0"] -["ssl-a 1.1"]; rebuild
    "#]],
    );
}

#[test]
fn roots_come_and_go() {
    check(
        "",
        "Prefer: ssl-b",
        expect![[r#"
        secure: unresolvable: have choice for ssl: ssl-a ssl-b -> scheduled; +[] -[]; rebuild
    "#]],
    );
    check(
        "Prefer: ssl-b",
        "Substitute: nosuch tool",
        expect![[r#"
        secure: scheduled -> unresolvable: have choice for ssl: ssl-a ssl-b; +[] -[]
        lost: unresolvable: nothing provides nosuch -> scheduled; +[] -[]; rebuild
    "#]],
    );
}

#[test]
fn support_changes_roots_without_a_rebuild() {
    check(
        "Prefer: ssl-a",
        "Prefer: ssl-a\nSupport: tool",
        expect![[r#"
        secure: scheduled -> scheduled; +["tool 1"] -[]
        fixed: scheduled -> scheduled; +["tool 1"] -[]
    "#]],
    );
}

#[test]
fn settings_and_errors_are_seen() {
    check(
        "Prefer: ssl-a",
        "Prefer: ssl-a\nMacros:\n%deb_build_options nocheck",
        expect![[r#"
        plain: scheduled -> scheduled; +[] -[]; settings
        secure: scheduled -> scheduled; +[] -[]; settings
        fixed: scheduled -> scheduled; +[] -[]; settings
    "#]],
    );
    check(
        "Prefer: ssl-a",
        "Type: spec",
        expect![[r#"
        plain: scheduled -> excluded: the configuration builds only spec recipes; +[] -[]
        secure: scheduled -> excluded: the configuration builds only spec recipes; +[] -[]
        fixed: scheduled -> excluded: the configuration builds only spec recipes; +[] -[]
        lost: unresolvable: nothing provides nosuch -> excluded: the configuration builds only spec recipes; +[] -[]
    "#]],
    );
}

#[test]
fn an_explanation_is_only_for_what_dependencies_decide() {
    let (pool, arch, config) = (pool(), Arch::parse("x86_64").unwrap(), evaluate("Prefer: ssl-a"));
    let tasks = [wanted("secure", "ssl")];
    let snapshot = snapshot(&pool, &arch, &config, &tasks);
    let why = explain(&snapshot, &tasks[0], Asked { dependency: Some("ssl"), ..Asked::default() }).unwrap();
    assert_eq!(why.focus.unwrap().packages, ["ssl-a"]);
    let broken = WantedTask { recipe: Err("no recipe".to_owned()), ..tasks[0].clone() };
    let verdict = explain(&snapshot, &broken, Asked::default()).unwrap_err();
    assert_eq!(verdict, Verdict::Broken { detail: "no recipe".to_owned() });
}
