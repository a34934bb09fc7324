use expand::{PackageId, Pool, PoolBuilder};
use expect_test::{Expect, expect};
use model::{TargetAdditions, TaskId};
use pkg::{Arch, PackageFormat};
use recipe::{Target, dsc};
use sched::{BlockPolicy, Snapshot, WantedTask, plan};

/// Packages on lines `P:`; those whose version is `0` are known, but their file is not at hand.
const WORLD: &str = "
    P: base
    P: libc requires base
    P: sh requires libc
    P: make requires libc
    P: gcc requires libc, base
    P: ssl-a provides ssl
    P: ssl-b provides ssl
    P: far 0 requires libc
    P: mine 1 all source other
";

const CONFIG: &str = "
    Type: dsc
    BinaryType: deb
    ExpandFlags: preinstallexpand
    Preinstall: sh
    Runscripts: libc gone
    Required: make
    Support: gcc
";

fn pool() -> Pool {
    let mut builder = PoolBuilder::new(PackageFormat::Deb);
    for package in testkit::world::packages(WORLD) {
        builder.add_repository_package(0, &package);
    }
    builder.finish()
}

fn wanted(number: i64, package: &str, fields: &str) -> WantedTask {
    let text = format!("Source: {package}\nVersion: 1\nBinary: {package}\n{fields}");
    let arch = Arch::parse("x86_64").unwrap();
    let (recipe, findings) = dsc::parse(&text, &Target { arch: &arch, profiles: &[] });
    assert!(findings.is_empty(), "{findings:?}");
    WantedTask { task: TaskId::new(number), package: package.to_owned(), recipe: Ok(recipe.unwrap()) }
}

struct Case<'a> {
    config: &'a str,
    extra: &'a [&'a str],
    block: BlockPolicy,
    tasks: Vec<WantedTask>,
}

fn case(config: &str, tasks: Vec<WantedTask>) -> Case<'_> {
    Case { config, extra: &[], block: BlockPolicy::Never, tasks }
}

/// Draws a plan: the verdict, then for a root `preinstalled | scripts | all | missing`.
fn check(case: &Case<'_>, expected: &Expect) {
    let pool = pool();
    let arch = Arch::parse("x86_64").unwrap();
    let text: String = case.config.lines().map(|line| format!("{}\n", line.trim_start())).collect();
    let evaluated = prjconf::evaluate(&prjconf::parse(text.as_bytes()), &prjconf::Options::for_arch("x86_64"));
    let is_local = |package: PackageId| pool.evr(package) != "0";
    let packages = case.extra.iter().map(ToString::to_string).collect();
    let additions = TargetAdditions { packages, ..TargetAdditions::default() };
    let plan = plan(&Snapshot {
        arch: &arch,
        config: &evaluated.config,
        config_error: evaluated.parse_error.as_deref(),
        pool: &pool,
        is_local: &is_local,
        additions: &additions,
        block: case.block,
        tasks: &case.tasks,
        open: &[],
        origins: None,
    });
    let names = |packages: &[PackageId]| packages.iter().map(|p| pool.name(*p)).collect::<Vec<_>>().join(" ");
    let mut drawn = String::new();
    for task in plan.tasks {
        drawn += &format!("{}: {}\n", task.task, task.verdict);
        if let Some(root) = task.root {
            let (preinstall, scripts) = (root.preinstall.join(" "), root.run_scripts.join(" "));
            drawn += &format!("  {preinstall} | {scripts} | {}\n", names(&root.packages));
            if !root.missing.is_empty() {
                drawn += &format!("  missing: {}\n", names(&root.missing));
            }
        }
    }
    expected.assert_eq(&drawn);
}

#[test]
fn a_root_is_complete_and_in_install_order() {
    let tasks = vec![wanted(1, "p", "Build-Depends: ssl-b\n")];
    check(
        &case(CONFIG, tasks),
        &expect![[r#"
        1: scheduled
          base libc sh | libc | base ssl-b libc make sh gcc
    "#]],
    );
}

#[test]
fn packages_that_are_far_away_are_fetched_first() {
    let tasks = vec![wanted(1, "p", "Build-Depends: far\n")];
    check(
        &case(CONFIG, tasks),
        &expect![[r#"
        1: waiting for packages to be downloaded
          base libc sh | libc | base libc far make sh gcc
          missing: far
    "#]],
    );
}

#[test]
fn extra_packages_are_in_every_root() {
    let tasks = vec![wanted(1, "p", "")];
    check(
        &Case { extra: &["ssl-a"], ..case(CONFIG, tasks) },
        &expect![[r#"
        1: scheduled
          base libc sh | libc | base ssl-a libc make sh gcc
    "#]],
    );
}

#[test]
fn what_can_not_be_resolved_says_why() {
    let tasks =
        vec![wanted(1, "p", "Build-Depends: ssl, nothing (>= 2)\n"), wanted(2, "q", "Build-Depends: gcc (>> 1)\n")];
    check(
        &case(CONFIG, tasks),
        &expect![[r#"
        1: unresolvable: nothing provides nothing >= 2, have choice for ssl: ssl-a ssl-b
        2: unresolvable: nothing provides gcc >> 1, (got version 1)
    "#]],
    );
}

#[test]
fn a_preinstall_that_can_not_be_resolved_stops_everything() {
    check(
        &case(&format!("{CONFIG}\nPreinstall: ssl"), vec![wanted(1, "p", "")]),
        &expect![[r#"
        1: unresolvable: preinstalls: have choice for ssl: ssl-a ssl-b
    "#]],
    );
}

#[test]
fn recipes_for_elsewhere_are_excluded() {
    let tasks = vec![
        wanted(1, "p", "Architecture: arm64 armhf\n"),
        wanted(2, "q", "Architecture: linux-any\n"),
        wanted(3, "r", "Architecture: all\n"),
    ];
    check(
        &case(CONFIG, tasks.clone()),
        &expect![[r#"
        1: excluded: the recipe builds only for arm64 armhf
        2: scheduled
          base libc sh | libc | base libc make sh gcc
        3: scheduled
          base libc sh | libc | base libc make sh gcc
    "#]],
    );
    check(
        &case(&format!("{CONFIG}\nType: spec"), tasks.clone()),
        &expect![[r#"
        1: excluded: the configuration builds only spec recipes
        2: excluded: the configuration builds only spec recipes
        3: excluded: the configuration builds only spec recipes
    "#]],
    );
    check(
        &case(&format!("{CONFIG}\nType: excluded"), tasks),
        &expect![[r#"
        1: excluded: the configuration builds only excluded recipes
        2: excluded: the configuration builds only excluded recipes
        3: excluded: the configuration builds only excluded recipes
    "#]],
    );
}

#[test]
fn a_configuration_that_can_not_be_used_breaks_every_task() {
    let tasks = || vec![wanted(1, "p", "")];
    check(
        &case("%if 1\n%if (\n", tasks()),
        &expect![[r#"
        1: broken: build configuration: line 2: syntax error in expression
    "#]],
    );
    check(
        &case("Required: make", tasks()),
        &expect![[r#"
        1: broken: build configuration: no build type
    "#]],
    );
    check(
        &case(&format!("{CONFIG}\nBinaryType: rpm"), tasks()),
        &expect![[r#"
        1: broken: build configuration: wants rpm packages, but the path has deb
    "#]],
    );
}

#[test]
fn a_recipe_that_can_not_be_used_breaks_its_task_only() {
    let broken = WantedTask { recipe: Err("p.dsc: no source".to_owned()), ..wanted(1, "p", "") };
    check(
        &case(CONFIG, vec![broken, wanted(2, "q", "")]),
        &expect![[r#"
        1: broken: p.dsc: no source
        2: scheduled
          base libc sh | libc | base libc make sh gcc
    "#]],
    );
}

#[test]
fn on_change_a_task_waits_for_older_ones_it_needs() {
    let needs = |number, package| wanted(number, package, "Build-Depends: mine\n");
    let tasks = vec![wanted(5, "other", "Build-Depends: mine\n"), needs(6, "p"), needs(4, "q")];
    check(
        &Case { block: BlockPolicy::Older, ..case(CONFIG, tasks) },
        &expect![[r#"
        5: scheduled
          base libc sh | libc | base mine libc make sh gcc
        6: blocked by other
          base libc sh | libc | base mine libc make sh gcc
        4: scheduled
          base libc sh | libc | base mine libc make sh gcc
    "#]],
    );
}

#[test]
fn tasks_that_ask_for_the_same_are_expanded_once() {
    let pool = pool();
    let arch = Arch::parse("x86_64").unwrap();
    let text: String = CONFIG.lines().map(|line| format!("{}\n", line.trim_start())).collect();
    let evaluated = prjconf::evaluate(&prjconf::parse(text.as_bytes()), &prjconf::Options::for_arch("x86_64"));
    let asked = std::cell::Cell::new(0);
    let is_local = |_: PackageId| {
        asked.set(asked.get() + 1);
        true
    };
    let tasks: Vec<WantedTask> = (1..=50).map(|number| wanted(number, "p", "Build-Depends: ssl-b\n")).collect();
    let other = [wanted(51, "p", "Build-Depends: ssl-a\n")];
    let roots_of = |tasks: &[WantedTask]| {
        let plan = plan(&Snapshot {
            arch: &arch,
            config: &evaluated.config,
            config_error: None,
            pool: &pool,
            is_local: &is_local,
            additions: &TargetAdditions::default(),
            block: BlockPolicy::Never,
            tasks,
            open: &[],
            origins: None,
        });
        plan.tasks.into_iter().map(|task| task.root.unwrap()).collect::<Vec<_>>()
    };
    let roots = roots_of(&tasks);
    let looked = asked.take();
    assert_eq!(looked, roots[0].packages.len(), "each package of the one root is looked at once");
    assert!(roots.iter().all(|root| *root == roots[0]));
    let both = [&tasks[..], &other].concat();
    let roots = roots_of(&both);
    assert_ne!(roots[0], roots[50]);
    assert_eq!(asked.get(), roots[0].packages.len() + roots[50].packages.len());
}
