//! Derivations: why each package is there, why a root can not be made, and what helps.

use expand::{Asked, BuildRequest, Derivation, ExpandConfig, Expander, LineOrigin, Outcome, Pool, PoolBuilder, Why};
use expect_test::{Expect, expect};
use pkg::{PackageFormat, PackageMeta};

const WORDS: [&str; 4] = ["provides:", "requires:", "recommends:", "conflicts:"];

/// `name provides: ... requires: ...`, lists separated by commas.
fn packages(text: &str) -> Vec<PackageMeta> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let list = |word: &str| -> Vec<String> {
                let rest = line.split_once(word).map_or("", |(_, rest)| rest);
                let rest = WORDS.iter().fold(rest, |rest, next| rest.split_once(next).map_or(rest, |(list, _)| list));
                rest.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
            };
            let name = line.split(' ').next().unwrap_or_default().to_owned();
            let mut provides = list("provides:");
            provides.push(format!("{name} = 1"));
            PackageMeta {
                evr: "1".to_owned(),
                arch: "all".to_owned(),
                provides,
                requires: list("requires:"),
                recommends: list("recommends:"),
                conflicts: list("conflicts:"),
                name,
                ..PackageMeta::default()
            }
        })
        .collect()
}

fn pool(packages: &[PackageMeta]) -> Pool {
    let mut builder = PoolBuilder::new(PackageFormat::Deb);
    packages.iter().for_each(|package| builder.add_repository_package(0, package));
    builder.finish()
}

fn request(items: &[&str]) -> BuildRequest {
    BuildRequest { dependencies: items.iter().map(|item| (*item).to_owned()).collect(), own_binaries: Vec::new() }
}

fn config(text: &str) -> ExpandConfig {
    let tree = prjconf::parse(text.as_bytes());
    ExpandConfig::from(&prjconf::evaluate(&tree, &prjconf::Options::for_arch("x86_64")).config)
}

fn why(packages_text: &str, config_text: &str, items: &[&str], dependency: Option<&str>) -> Why {
    let pool = pool(&packages(packages_text));
    let tree = prjconf::parse(config_text.as_bytes());
    let evaluated = prjconf::evaluate(&tree, &prjconf::Options::for_arch("x86_64"));
    let config = ExpandConfig::from(&evaluated.config);
    let line = |keyword: &str, entry: &str| {
        let place = evaluated.locate(&tree, keyword, entry)?;
        let (start, end) = (place.span.start as u64, place.span.end as u64);
        Some(LineOrigin { project: "tools".to_owned(), line: place.line as u64, start, end })
    };
    let asked = Asked { dependency, line: &line, ..Asked::default() };
    let expander = Expander::new(&pool, &config);
    let why = expander.why(&request(items), asked);
    assert_eq!(why, expander.why(&request(items), asked));
    match expander.build_set(&request(items)) {
        Ok(root) => {
            assert!(why.problems.is_empty());
            let mut names: Vec<&str> = why.taken.iter().map(|link| link.package.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, root.iter().map(|package| pool.name(*package)).collect::<Vec<_>>());
        }
        Err(problems) => {
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert_eq!(texts, why.problems.iter().map(|trouble| trouble.message.clone()).collect::<Vec<_>>());
        }
    }
    why
}

fn check(packages: &str, config: &str, items: &[&str], text: Expect) {
    text.assert_eq(&why(packages, config, items, None).to_text());
}

fn check_one(packages: &str, config: &str, items: &[&str], dependency: &str, text: Expect) {
    text.assert_eq(&why(packages, config, items, Some(dependency)).to_text());
}

const WORLD: &str = "
    app requires: libc >= 1, mta, editor | vim
    libc
    exim provides: mta requires: libc
    postfix provides: mta requires: libc, tls
    vim requires: terminal
    nano
    xterm provides: terminal
    konsole provides: terminal
    gnutls provides: tls
    openssl provides: tls
    shell recommends: xterm, openssl
";

#[test]
fn the_tree_names_dependency_and_rule_of_each_package() {
    check(
        WORLD,
        "Prefer: postfix\nRequired: shell\nIgnore: vim:libc\n",
        &["app"],
        expect![[r#"
        root of 7 packages
        ├─ the recipe
        │  └─ app 1
        │     ├─ libc 1 (libc >= 1)
        │     ├─ vim 1 (editor | vim)
        │     │  └─ xterm 1 (terminal; recommended by a package of the root, not konsole)
        │     └─ postfix 1 (mta; Prefer: postfix (tools:1), not exim)
        │        └─ openssl 1 (tls; recommended by a package of the root, not gnutls)
        └─ Required
           └─ shell 1 (Required: shell (tools:2))
    "#]],
    );
}

#[test]
fn lines_of_the_configuration_are_named_with_their_place() {
    check(
        WORLD,
        "\nPrefer: -exim\nSupport: vim\nPrefer: vim:konsole\nIgnore: tls\nSubstitute: thing app\n",
        &["thing"],
        expect![[r#"
            root of 5 packages
            ├─ Substitute for thing
            │  └─ app 1 (Substitute: thing (tools:6))
            │     ├─ libc 1 (libc >= 1)
            │     └─ postfix 1 (mta; Prefer: -exim (tools:2), not exim)
            └─ Support
               └─ vim 1 (Support: vim (tools:3))
                  └─ konsole 1 (terminal; Prefer: vim:konsole (tools:4), not xterm)
            not followed
            ├─ thing needed by the recipe (Substitute: thing (tools:6))
            └─ tls needed by postfix (Ignore: tls (tools:5))
        "#]],
    );
}

#[test]
fn an_exclusion_decides_between_two() {
    check(
        WORLD,
        "Conflict: libc:exim\n",
        &["libc", "mta", "gnutls"],
        expect![[r#"
        root of 3 packages
        └─ the recipe
           ├─ libc 1
           ├─ gnutls 1
           └─ postfix 1 (mta; exim is in conflict with libc)
    "#]],
    );
}

#[test]
fn all_ways_to_a_package_are_shown_shortest_first() {
    check_one(
        WORLD,
        "Prefer: exim xterm\n",
        &["app", "vim", "exim"],
        "libc",
        expect![[r#"
        libc is in the root
        └─ the recipe
           ├─ app 1
           │  ├─ libc 1 (libc >= 1)
           │  └─ exim 1 (mta; was there already)
           │     └─ libc 1
           └─ exim 1
              └─ libc 1
    "#]],
    );
    check_one(
        WORLD,
        "Prefer: exim xterm\n",
        &["app"],
        "terminal",
        expect![[r#"
        terminal is in the root: xterm
        └─ the recipe
           └─ app 1
              └─ vim 1 (editor | vim)
                 └─ xterm 1 (terminal; Prefer: xterm (tools:1), not konsole)
    "#]],
    );
    check_one(
        WORLD,
        "Prefer: exim xterm\nIgnore: app:libc\n",
        &["app"],
        "tls",
        expect![[r#"
        tls is not in the root; it would be provided by gnutls openssl
    "#]],
    );
    check_one(
        WORLD,
        "Prefer: exim xterm\nIgnore: mta\n",
        &["app"],
        "mta",
        expect![[r#"
        mta is not in the root; it would be provided by exim postfix
        mta needed by app (Ignore: mta (tools:2))
    "#]],
    );
}

#[test]
fn a_choice_offers_lines_that_were_tried() {
    check(
        WORLD,
        "",
        &["app"],
        expect![[r#"
        1. have choice for mta needed by app: exim postfix
           └─ the recipe
              └─ app 1
           fix: Prefer: exim (tried: then have choice for terminal needed by vim: konsole xterm)
           fix: Prefer: postfix (tried: then 2 other problems)
        2. have choice for terminal needed by vim: konsole xterm
           └─ the recipe
              └─ app 1
                 └─ vim 1 (editor | vim)
           fix: Prefer: konsole (tried: then have choice for mta needed by app: exim postfix)
           fix: Prefer: xterm (tried: then have choice for mta needed by app: exim postfix)
        together these lines make it work (tried: root of 5 packages):
           Prefer: exim
           Prefer: konsole
    "#]],
    );
}

#[test]
fn a_missing_package_is_told_with_its_chain_and_near_names() {
    check(
        "app requires: lib\nlib requires: libicu70\nlibicu72\n",
        "",
        &["app", "libcu72"],
        expect![[r#"
            1. nothing provides libcu72
               └─ asked for by the recipe
               hint: there is libicu72
               fix: Substitute: libcu72 libicu72 (tried: then nothing provides libicu70 needed by lib)
            together these lines make it work (tried: root of 3 packages, a dependency is left out):
               Substitute: libcu72 libicu72
               Ignore: lib:libicu70
        "#]],
    );
}

const CONFLICT: &str = "
    app requires: mta, safe
    exim provides: mta requires: daemon
    postfix provides: mta
    daemon conflicts: safe
    safe
";

#[test]
fn a_conflict_shows_both_sides_and_another_choice() {
    check(
        CONFLICT,
        "Prefer: exim\n",
        &["app"],
        expect![[r#"
            1. conflict for providers of daemon needed by exim, (provider daemon conflicts with safe)
               └─ the recipe
                  └─ app 1
                     ├─ exim 1 (mta; Prefer: exim (tools:1), not postfix)
                     └─ safe 1
               fix: Prefer: !exim postfix (tried: root of 3 packages)
        "#]],
    );
    check(
        "app requires: one, two\none conflicts: two\ntwo\n",
        "",
        &["app"],
        expect![[r#"
        1. one conflicts with two
           └─ the recipe
              └─ app 1
                 ├─ one 1
                 └─ two 1
           fix: Ignore: app:one (tried: root of 2 packages, a dependency is left out)
           fix: Ignore: app:two (tried: root of 2 packages, a dependency is left out)
    "#]],
    );
    check(
        "app requires: mta\nexim provides: mta\nsafe conflicts: mta",
        "",
        &["app", "safe"],
        expect![[r#"
        1. conflict for providers of mta needed by app, (provider exim is in conflict with safe)
           └─ the recipe
              ├─ app 1
              └─ safe 1
           fix: Ignore: app:mta (tried: root of 2 packages, a dependency is left out)
    "#]],
    );
}

/// Takes a fix at its word: adds its lines to the text of the configuration.
fn assert_true(packages_text: &str, config_text: &str, items: &[&str]) {
    let pool = pool(&packages(packages_text));
    let why = why(packages_text, config_text, items, None);
    let fixes = why.problems.iter().flat_map(|trouble| trouble.fixes.iter().map(move |fix| (Some(trouble), fix)));
    let all: Vec<_> = fixes.chain(why.remedy.iter().map(|fix| (None, fix))).collect();
    assert!(!all.is_empty(), "{}", why.to_text());
    for (trouble, fix) in all {
        let config = config(&format!("{config_text}\n{}\n", fix.lines.join("\n")));
        let result = Expander::new(&pool, &config).build_set(&request(items));
        match (&fix.outcome, result) {
            (Outcome::Resolves { packages }, Ok(root)) => assert_eq!(*packages, root.len() as u64),
            (Outcome::Further { problems }, Err(found)) => {
                let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                assert_eq!(*problems, found, "{fix:?}");
                assert!(trouble.is_some_and(|trouble| !found.contains(&trouble.message)));
            }
            (_, result) => panic!("{fix:?} gives {result:?}"),
        }
    }
}

#[test]
fn every_offered_line_does_what_is_promised() {
    assert_true(WORLD, "", &["app"]);
    assert_true(WORLD, "Prefer: postfix\n", &["app", "!openssl", "-libc"]);
    assert_true("app requires: lib\nlib requires: libicu70\nlibicu72\n", "", &["app", "libicu71"]);
    assert_true(CONFLICT, "Prefer: exim\n", &["app"]);
    assert_true("app requires: one, two\none conflicts: two\ntwo\n", "", &["app"]);
}

/// The packages and dependencies that the chains of a problem name, and nothing else of the world.
fn facts(world: &[PackageMeta], why: &Why) -> Vec<(String, String)> {
    let links = why.problems.iter().take(1).flat_map(|trouble| trouble.chains.iter().flatten());
    let mut edges: Vec<(String, String)> = links
        .filter_map(|link| match &link.needed_by {
            expand::Asker::Package { name } => Some((name.clone(), link.dependency.clone())),
            _ => None,
        })
        .collect();
    edges.sort();
    edges.dedup();
    assert!(edges.iter().all(|(name, _)| world.iter().any(|package| package.name == *name)));
    edges
}

#[test]
fn the_facts_of_a_problem_make_it_and_none_can_be_left_away() {
    let world = "
        app requires: big, small
        big requires: middle, noise
        middle requires: libicu70
        small requires: noise
        noise
        near requires: big
    ";
    let all = packages(world);
    let found = why(world, "", &["near", "app"], None);
    let problem = found.problems[0].message.clone();
    let edges = facts(&all, &found);
    let still_there = |edges: &[(String, String)]| {
        let reduced: Vec<PackageMeta> = all
            .iter()
            .map(|package| {
                let has = |dependency: &String| {
                    let is_fact = edges.contains(&(package.name.clone(), dependency.clone()));
                    is_fact || problem == format!("nothing provides {dependency} needed by {}", package.name)
                };
                let requires = package.requires.iter().filter(|dependency| has(dependency)).cloned().collect();
                PackageMeta { requires, ..package.clone() }
            })
            .collect();
        let result = Expander::new(&pool(&reduced), &ExpandConfig::default()).build_set(&request(&["near", "app"]));
        result.err().is_some_and(|problems| problems.iter().any(|found| found.to_string() == problem))
    };
    assert!(still_there(&edges));
    for left_away in 0..edges.len() {
        let mut fewer = edges.clone();
        fewer.remove(left_away);
        assert!(!still_there(&fewer), "{edges:?} without {left_away}");
    }
}

#[test]
fn a_derivation_has_one_step_for_each_package() {
    let pool = pool(&packages(WORLD));
    let config = config("Prefer: exim xterm\n");
    let expander = Expander::new(&pool, &config);
    let mut derivation = Derivation::default();
    let root = expander.build_set_traced(&request(&["app"]), &mut derivation).unwrap();
    assert_eq!(derivation.steps().len(), root.len());
}
