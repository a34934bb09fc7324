//! Repositories nobody makes by accident: the expander must stay fast, small and deterministic.

use std::time::{Duration, Instant};

use expand::{BuildRequest, Cause, ExpandConfig, Expander, PackageId, Pool, PoolBuilder, Request, Trace};
use pkg::{PackageFormat, PackageMeta};

fn package(name: &str, provides: &[&str], requires: &[&str]) -> PackageMeta {
    let own = format!("{name} = 1-1");
    PackageMeta {
        name: name.to_owned(),
        evr: "1-1".to_owned(),
        arch: "noarch".to_owned(),
        provides: std::iter::once(own.as_str()).chain(provides.iter().copied()).map(str::to_owned).collect(),
        requires: requires.iter().map(|dep| (*dep).to_owned()).collect(),
        ..PackageMeta::default()
    }
}

fn pool(packages: impl IntoIterator<Item = PackageMeta>) -> Pool {
    let mut builder = PoolBuilder::new(PackageFormat::Rpm);
    for package in packages {
        builder.add_repository_package(0, &package);
    }
    builder.finish()
}

fn answer(pool: &Pool, items: &[&str]) -> Result<Vec<String>, Vec<String>> {
    let config = ExpandConfig::default();
    match Expander::new(pool, &config).expand(&Request::parse(items)) {
        Ok(packages) => Ok(packages.into_iter().map(|package| pool.name(package).to_owned()).collect()),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
    }
}

/// Counts the packages that an expansion looks at, as providers of something or because it takes them.
#[derive(Default)]
struct Work(usize);

impl Trace for Work {
    fn taken(&mut self, _package: PackageId, _cause: impl FnOnce() -> Cause) {
        self.0 += 1;
    }

    fn looked_at(&mut self, providers: usize) {
        self.0 += providers;
    }
}

/// How many packages are looked at for a request.
fn work(pool: &Pool, items: &[&str]) -> usize {
    let (config, mut work) = (ExpandConfig::default(), Work::default());
    _ = Expander::new(pool, &config).expand_traced(&Request::parse(items), &mut work);
    work.0
}

/// Each open dependency is looked at in so many passes at most.
const PASSES: usize = 7;

/// Fails if `run` takes far longer than any linear treatment could.
fn quickly<R>(run: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = run();
    assert!(start.elapsed() < Duration::from_secs(60), "took {:?}", start.elapsed());
    result
}

#[test]
fn a_million_providers_of_one_name_are_one_choice() {
    quickly(|| {
        let many = (0..1_000_000).map(|i| package(&format!("p{i:06}"), &["x = 5"], &[]));
        let askers = (0..200).map(|i| package(&format!("a{i:03}"), &[], &[format!("x >= {}", i % 5).as_str()]));
        let askers: Vec<PackageMeta> = askers.collect();
        let pool = pool(many.chain(askers));
        let problems = answer(&pool, &["a000"]).unwrap_err();
        assert!(problems[0].starts_with("have choice for x >= 0 needed by a000: p000000 p000001 "));
        assert_eq!(answer(&pool, &["a000", "p999999"]).unwrap(), ["a000", "p999999"]);
        let one = work(&pool, &["a000"]);
        assert!((1_000_000..=PASSES * 1_000_000 + 10).contains(&one), "{one}");
        // However many ask: a pass over their lists each, not a walk for each pair.
        let askers: Vec<String> = (0..20).map(|i| format!("a{i:03}")).collect();
        let twenty = work(&pool, &askers.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(twenty <= 20 * one, "{twenty} for twenty, {one} for one");
    });
}

#[test]
fn everything_conflicting_with_everything_is_not_multiplied_out() {
    quickly(|| {
        let packages = (0..100_000).map(|i| PackageMeta {
            conflicts: vec![format!("x < {i}"), "y".to_owned()],
            ..package(&format!("p{i:05}"), &["x = 1", "y"], &[])
        });
        let pool = pool(packages);
        assert!(pool.memory_bytes() < 100_000_000);
        assert_eq!(answer(&pool, &["p00001"]).unwrap(), ["p00001"]);
        assert!(answer(&pool, &["p00001", "p00002"]).is_err());
        let one = work(&pool, &["p00001"]);
        assert!((100_000..=2 * 100_000 + 10).contains(&one), "{one}");
    });
}

#[test]
fn a_million_refused_providers_are_told_in_one_walk() {
    quickly(|| {
        let many = (0..1_000_000).map(|i| package(&format!("p{i:06}"), &["x"], &[]));
        let enemy = PackageMeta { conflicts: vec!["x".to_owned()], ..package("enemy", &[], &[]) };
        let pool = pool(many.chain([enemy]));
        let problems = answer(&pool, &["enemy", "x"]).unwrap_err();
        assert_eq!(problems.len(), 1);
        let looked_at = work(&pool, &["enemy", "x"]);
        assert!((2_000_000..=3_000_000 + 10).contains(&looked_at), "{looked_at}");
        assert!(problems[0].starts_with("conflict for providers of x, (provider p000000 is in conflict with enemy), "));
    });
}

#[test]
fn pools_and_expanders_are_shared_by_threads() {
    let pool = pool([package("a", &[], &["b"]), package("b", &[], &[])]);
    let config = ExpandConfig::default();
    let expander = Expander::new(&pool, &config);
    std::thread::scope(|scope| {
        let answers: Vec<_> = (0..4).map(|_| scope.spawn(|| expander.expand(&Request::parse(["a"])))).collect();
        for answer in answers {
            assert_eq!(answer.join().unwrap().unwrap().len(), 2);
        }
    });
}

#[test]
fn a_chain_of_a_hundred_thousand_requirements_is_followed() {
    quickly(|| {
        let packages = (0..100_000).map(|i| package(&format!("p{i}"), &[], &[format!("p{}", i + 1).as_str()]));
        let pool = pool(packages.chain([package("p100000", &[], &[])]));
        let config = ExpandConfig::default();
        let expander = Expander::new(&pool, &config);
        let packages = expander.expand(&Request::parse(["p0"])).unwrap();
        assert_eq!(packages.len(), 100_001);
        let looked_at = work(&pool, &["p0"]);
        assert!((100_001..=3 * 100_001).contains(&looked_at), "{looked_at}");
        assert_eq!(expander.install_order(&packages).order.len(), 100_001);
    });
}

#[test]
fn rich_dependencies_that_multiply_out_are_refused() {
    quickly(|| {
        let pairs: Vec<String> = (0..40).map(|i| format!("(a{i} and b{i})")).collect();
        let wild = format!("({})", pairs.join(" or "));
        let mut nested = "x".to_owned();
        for i in 0..60 {
            nested = format!("(a{i} if {nested} else b{i})");
        }
        let deep = format!("{}x{}", "(".repeat(100_000), ")".repeat(100_000));
        let names = (0..60).flat_map(|i| [package(&format!("a{i}"), &[], &[]), package(&format!("b{i}"), &[], &[])]);
        let askers = [("wild", &wild), ("nested", &nested), ("deep", &deep)];
        let askers = askers.map(|(name, dep)| package(name, &[], &[dep.as_str()]));
        let pool = pool(names.chain([package("x", &[], &[])]).chain(askers));
        for name in ["wild", "deep"] {
            let problems = answer(&pool, &[name]).unwrap_err();
            assert!(problems[0].starts_with("cannot parse dependency ("), "{}", &problems[0][..60]);
        }
        let looked_at = work(&pool, &["nested"]);
        assert!(looked_at < 100_000, "{looked_at}");
    });
}

#[test]
fn rich_dependencies_as_deep_as_can_be_take_steps_by_their_length() {
    let steps = |depth: usize| {
        let mut nested = "x".to_owned();
        for i in 0..depth {
            nested = format!("(a{i} or {nested})");
        }
        let names = (0..depth).map(|i| package(&format!("a{i}"), &[], &[]));
        let pool = pool(names.chain([package("asker", &[], &[nested.as_str()])]));
        work(&pool, &["asker"])
    };
    let (half, whole) = (steps(30), steps(60));
    assert!((60..=2 * half + 10).contains(&whole), "{whole} for 60, {half} for 30");
}

#[test]
fn versions_of_a_megabyte_are_not_compared_again_for_each_request() {
    let long = "1.".repeat(500_000);
    let provider = |i: u32| package(&format!("p{i}"), &[format!("x = {long}{i}").as_str()], &[]);
    let asker = package("asker", &[], &[format!("x = {long}3").as_str()]);
    quickly(|| {
        let pool = pool((0..8).map(provider).chain([asker]));
        assert_eq!(answer(&pool, &["asker"]).unwrap(), ["asker", "p3"]);
        assert!(work(&pool, &["asker"]) <= 4, "{}", work(&pool, &["asker"]));
        assert!(pool.memory_bytes() < 30_000_000, "{}", pool.memory_bytes());
    });
}

#[test]
fn long_texts_and_odd_names_do_no_harm() {
    quickly(|| {
        let long = "9".repeat(1_000_000);
        let odd =
            ["", "=", "<=>", "(", ")", "()", "|", "a | | b", "!= 3", ":any", "\u{0}", "name = ", " = 1", "- -", "&"];
        let mut packages = vec![package("long", &[format!("x = {long}").as_str()], &[format!("x >= {long}").as_str()])];
        packages.push(package("odd", &odd, &odd));
        packages.push(PackageMeta { conflicts: odd.map(str::to_owned).to_vec(), ..package("other", &[], &[]) });
        packages.push(PackageMeta { obsoletes: odd.map(str::to_owned).to_vec(), ..package("older", &[], &[]) });
        for format in PackageFormat::ALL {
            let mut builder = PoolBuilder::new(format);
            packages.iter().for_each(|package| builder.add_repository_package(0, package));
            let pool = builder.finish();
            assert_eq!(answer(&pool, &["long"]).unwrap(), ["long"]);
            for item in odd {
                let _ = answer(&pool, &[item, "odd", "other", "older"]);
                let _ = answer(&pool, &[&format!("!{item}"), &format!("-{item}"), &format!("!!{item}")]);
            }
        }
    });
}

#[test]
fn the_same_question_always_has_the_same_answer() {
    let packages: Vec<PackageMeta> = (0..500)
        .map(|i: u32| {
            let requires = [format!("c{}", i * 7 % 40), format!("p{}", i * 13 % 500)];
            PackageMeta {
                conflicts: if i % 50 == 3 { vec![format!("p{}", i * 3 % 500)] } else { Vec::new() },
                ..package(
                    &format!("p{i}"),
                    &[format!("c{}", i % 40).as_str()],
                    &requires.iter().map(String::as_str).collect::<Vec<_>>(),
                )
            }
        })
        .collect();
    let config = ExpandConfig { prefer: (0..40).map(|i| format!("p{}", i * 5)).collect(), ..ExpandConfig::default() };
    let request = BuildRequest { dependencies: vec!["p1".to_owned(), "c3".to_owned()], own_binaries: Vec::new() };
    let forward = pool(packages.clone());
    let backward = pool(packages.into_iter().rev());
    let lines = |pool: &Pool| match Expander::new(pool, &config).build_set(&request) {
        Ok(packages) => packages.into_iter().map(|package| pool.name(package).to_owned()).collect::<Vec<_>>(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    let first = lines(&forward);
    assert!(!first.is_empty());
    assert_eq!(first, lines(&forward));
    // The order of packages in their repository does not matter either.
    assert_eq!(first, lines(&backward));
}

#[test]
fn the_number_of_threads_does_not_show() {
    let packages = (0..800_u32).map(|i| {
        // Some ask for what many provide and nobody prefers.
        let second = if i % 50 == 49 { "d".to_owned() } else { format!("p{}", i / 2) };
        let requires = [format!("c{}", i * 7 % 60), second];
        let provides = if i > 700 { "d".to_owned() } else { format!("c{}", i % 60) };
        package(&format!("p{i}"), &[provides.as_str()], &requires.each_ref().map(String::as_str))
    });
    let pool = pool(packages);
    let config = ExpandConfig { prefer: (0..60).map(|i| format!("p{i}")).collect(), ..ExpandConfig::default() };
    let expander = Expander::new(&pool, &config);
    let requests: Vec<Request> = (0..800).map(|i| Request::parse([format!("p{i}"), format!("c{}", i % 60)])).collect();
    let answers = |threads: usize| -> String {
        let share = requests.len().div_ceil(threads);
        std::thread::scope(|scope| {
            let parts: Vec<_> = requests
                .chunks(share)
                .map(|part| {
                    scope.spawn(|| part.iter().map(|r| format!("{:?}\n", expander.expand(r))).collect::<String>())
                })
                .collect();
            parts.into_iter().map(|part| part.join().unwrap()).collect()
        })
    };
    let one = answers(1);
    assert!(one.contains("Ok([") && one.contains("Choice"));
    for threads in [2, 8] {
        assert_eq!(answers(threads), one, "{threads} threads");
    }
}
