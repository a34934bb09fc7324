//! How long expansion takes over all of Debian: loading, one trigger pass over all sources, each source by itself.
//!
//! Run with `cargo bench -p expand`; needs the Debian lists next to the workspace (or the folder named as argument).
#![expect(clippy::print_stdout, reason = "figures are the result")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop anywhere")]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads files and the clock")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use expand::{Asked, BuildRequest, Derivation, Expander, Pool, Users};

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

/// Memory of this process.
fn resident_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn main() {
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let folder =
        named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/debian-universe"));
    if !folder.is_dir() {
        println!("skipped: no Debian lists at {}", folder.display());
        return;
    }
    let mut universe = timed("read lists", || universe::Universe::read(&folder, "Sources-all.slim.xz").unwrap());
    let pool = timed("build pool", || universe.pool());
    println!("{} packages, {} bytes", pool.len(), pool.memory_bytes());
    let file = timed("write pool file", || pool.to_bytes(&[0; 32]));
    println!("{} bytes of file", file.len());
    let loads = (0..9).map(|_| {
        let start = Instant::now();
        drop(Pool::from_bytes(&[0; 32], &file).unwrap());
        start.elapsed()
    });
    println!("load pool file: best of nine {:.1} ms", loads.min().unwrap().as_secs_f64() * 1000.0);
    let builder = universe.builder();
    let half = builder.to_bytes(&[0; 32]);
    timed("load half-built pool", || expand::PoolBuilder::from_bytes(&[0; 32], &half).unwrap());
    timed("finish a pool", || builder.finish());
    drop((file, half));
    universe.packages = Vec::new();
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
    println!("resident: {} kB", resident_kilobytes());
    let kept: Vec<Option<&[expand::PackageId]>> = sets.iter().map(|set| set.as_deref().ok()).collect();
    let users = timed("index of users", || Users::new(&expander, &all, &kept));
    let zlib = pool.find("zlib1g").unwrap();
    let affected = timed("affected by new content of zlib1g", || users.of_content(zlib));
    let provides: Vec<String> = pool.provides(zlib).collect();
    let changed = timed("affected by a change of zlib1g", || {
        users.of_change(&pool, "zlib1g", provides.iter().map(String::as_str))
    });
    println!("{} rebuild, {} are looked at again", affected.sources.len(), changed.sources.len());
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
