//! Builds that were submitted together wait for what they need of each other.

use expand::PoolBuilder;
use model::{TargetAdditions, TaskId};
use pkg::{Arch, PackageFormat};
use recipe::{Target, dsc};
use sched::{BlockPolicy, OpenTask, Snapshot, WantedTask, plan};

fn wanted(number: i64, package: &str, makes: &str, needs: &str, ordered: Option<i64>) -> WantedTask {
    let text = format!("Source: {package}\nVersion: 1\nBinary: {makes}\nBuild-Depends: {needs}\n");
    let arch = Arch::parse("x86_64").unwrap();
    let recipe = dsc::parse(&text, &Target { arch: &arch, profiles: &[] }).0.ok_or_else(String::new);
    WantedTask { task: TaskId::new(number), package: package.to_owned(), recipe, ordered }
}

#[track_caller]
fn check(tasks: &[WantedTask], open: &[OpenTask], expected: &[&str]) {
    let mut builder = PoolBuilder::new(PackageFormat::Deb);
    let world = "P: old-lib source lib provides virtual\nP: uses-lib requires old-lib\nP: tool\n";
    testkit::world::packages(world).iter().for_each(|package| builder.add_repository_package(0, package));
    let (pool, arch) = (builder.finish(), Arch::parse("x86_64").unwrap());
    let text = b"Type: dsc\nBinaryType: deb\n";
    let config = prjconf::evaluate(&prjconf::parse(text), &prjconf::Options::for_arch("x86_64")).config;
    let plan = plan(&Snapshot {
        arch: &arch,
        config: &config,
        config_error: None,
        pool: &pool,
        is_local: &|_| true,
        additions: &TargetAdditions::default(),
        block: BlockPolicy::Never,
        tasks,
        open,
        origins: None,
    });
    let verdicts = plan.tasks.iter().map(|task| format!("{}: {}", task.task, task.verdict));
    let findings = plan.findings.iter().map(|finding| format!("batch {}: {}", finding.batch, finding.message));
    assert_eq!(verdicts.chain(findings).collect::<Vec<_>>(), expected);
}

#[test]
fn who_needs_what_another_one_makes_waits_for_it_in_whatever_order_they_come() {
    let tasks = [
        wanted(1, "app", "app", "libnew-dev, tool", Some(7)),
        wanted(2, "libnew", "libnew1, libnew-dev", "tool", Some(7)),
        wanted(3, "plugin", "plugin", "app | tool", Some(7)),
    ];
    check(&tasks, &[], &["1: blocked by libnew", "2: scheduled", "3: blocked by app"]);
    // What runs holds up as well; what is through does not, and then the world decides.
    let open = [OpenTask {
        task: TaskId::new(2),
        package: "libnew".to_owned(),
        ordered: Some(7),
        makes: vec!["libnew-dev".to_owned()],
    }];
    check(&tasks[..1], &open, &["1: blocked by libnew"]);
    check(&tasks[..1], &[], &["1: unresolvable: nothing provides libnew-dev"]);
}

#[test]
fn only_those_of_the_same_submission_are_waited_for() {
    let tasks = [
        wanted(1, "app", "app", "tool, libnew", Some(7)),
        wanted(2, "libnew", "libnew", "", Some(8)),
        wanted(3, "libnew", "libnew", "", None),
    ];
    check(&tasks, &[], &["1: unresolvable: nothing provides libnew", "2: scheduled", "3: scheduled"]);
}

#[test]
fn what_a_package_made_before_counts_and_what_is_in_the_root_by_way_of_others() {
    let lib = wanted(9, "lib", "new-lib", "", Some(7));
    let by_name = wanted(1, "one", "one", "virtual", Some(7));
    let by_way = wanted(2, "two", "two", "uses-lib", Some(7));
    let not_at_all = wanted(3, "three", "three", "tool", Some(7));
    check(
        &[by_name, by_way, not_at_all, lib],
        &[],
        &["1: blocked by lib", "2: blocked by lib", "3: scheduled", "9: scheduled"],
    );
}

#[test]
fn a_cycle_is_broken_and_named() {
    let tasks = [
        wanted(1, "a", "a, a-dev", "b-dev, tool", Some(7)),
        wanted(2, "b", "b, b-dev", "a-dev | tool", Some(7)),
        wanted(3, "c", "c", "b-dev", Some(7)),
    ];
    check(
        &tasks,
        &[],
        &[
            "1: blocked by b",
            "2: scheduled",
            "3: blocked by b",
            "batch 7: b, a need each other: b is built before a, with what there is of that",
        ],
    );
}
