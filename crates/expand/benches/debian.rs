//! How long expansion takes over all of Debian: loading, one trigger pass over all sources, each source by itself.
//!
//! Run with `cargo bench -p expand`; needs the Debian lists next to the workspace (or the folder named as argument).
#![expect(clippy::print_stdout, reason = "figures are the result")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop anywhere")]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads files and the clock")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use expand::{Asked, BuildRequest, Derivation, Expander};

#[path = "../tests/it/case.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod case;
#[path = "../tests/it/universe.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod universe;

fn timed<R>(what: &str, run: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = run();
    println!("{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1000.0);
    result
}

fn percentiles(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    let total: Duration = times.iter().sum();
    println!(
        "{what}: median {:.1} us, p95 {:.1} us, p99 {:.1} us, max {:.1} us, all {:.1} ms",
        at(50),
        at(95),
        at(99),
        at(100),
        total.as_secs_f64() * 1000.0
    );
}

/// The best of three runs of each request.
fn measure(requests: &[BuildRequest], run: impl Fn(&BuildRequest)) -> Vec<Duration> {
    let once = |request| {
        let start = Instant::now();
        run(request);
        start.elapsed()
    };
    requests.iter().map(|request| (0..3).map(|_| once(request)).min().unwrap()).collect()
}

fn main() {
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let folder =
        named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/debian-universe"));
    if !folder.is_dir() {
        println!("skipped: no Debian lists at {}", folder.display());
        return;
    }
    let universe = timed("read lists", || universe::Universe::read(&folder, "Sources-all.slim.xz").unwrap());
    let pool = timed("build pool", || universe.pool());
    println!("{} packages, {} bytes", pool.len(), pool.memory_bytes());
    let config = case::read_config("x86_64", &universe::config(&folder, false).unwrap());
    let expander = timed("new expander", || Expander::new(&pool, &config));

    let sample: Vec<BuildRequest> =
        universe.sample("debian12", 1500).iter().map(|source| universe.request(source)).collect();
    percentiles("build set", measure(&sample, |request| _ = expander.build_set(request)));
    let traced = |request: &BuildRequest| _ = expander.build_set_traced(request, &mut Derivation::default());
    percentiles("build set, with derivation", measure(&sample, traced));
    percentiles("explanation", measure(&sample[..200], |request| _ = expander.why(request, Asked::default())));
    percentiles("trigger set", measure(&sample, |request| _ = expander.trigger_set(request)));

    let all: Vec<BuildRequest> = universe.sources.keys().map(|source| universe.request(source)).collect();
    println!("{} sources", all.len());
    let sets = timed("trigger pass, one thread", || {
        all.iter().map(|request| expander.trigger_set(request)).collect::<Vec<_>>()
    });
    timed("trigger pass, two threads", || {
        let (left, right) = all.split_at(all.len() / 2);
        std::thread::scope(|scope| {
            for half in [left, right] {
                let expander = &expander;
                scope.spawn(move || half.iter().filter(|request| expander.trigger_set(request).is_ok()).count());
            }
        });
    });
    let resolved = sets.iter().filter(|set| set.is_ok()).count();
    let entries: usize = sets.iter().flatten().map(Vec::len).sum();
    println!("{resolved} resolve, {entries} entries");

    let place: std::collections::HashMap<&str, u32> = universe.sources.keys().map(String::as_str).zip(0..).collect();
    let source: Vec<Option<u32>> = pool.packages().map(|package| place.get(pool.source(package)).copied()).collect();
    let needs: Vec<Vec<u32>> = sets
        .iter()
        .map(|set| set.iter().flatten().filter_map(|package| source[package.0 as usize]).collect())
        .collect();
    let order = timed("build order", || expand::build_order(&needs));
    let largest = order.groups.iter().map(Vec::len).max().unwrap_or(0);
    println!("{} cycles, {} groups, the largest of {largest}", order.cycles.len(), order.groups.len());
}
