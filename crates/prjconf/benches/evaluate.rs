//! CPU time of parsing and evaluating configurations, and of checking one.
//!
//! `cargo bench -p prjconf` measures generated texts. If `PRJCONF_BENCH` names a folder, its `*.conf` files are measured too:
//! the largest alone, and all of them one after the other. `scripts/bench-prjconf.sh` shows them beside Perl's figures.
#![expect(clippy::disallowed_methods, reason = "a measurement reads files and its surroundings")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter};
use criterion::{Criterion, Throughput};
use prjconf::{Options, check, evaluate, parse};
use rustix::time::{ClockId, clock_gettime};

/// The CPU time of this process. On a busy machine the clock on the wall tells of the work of others.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
    }

    fn end(&self, start: Duration) -> Duration {
        self.start().saturating_sub(start)
    }

    fn add(&self, left: &Duration, right: &Duration) -> Duration {
        *left + *right
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_secs_f64() * 1e9
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        &Milliseconds
    }
}

/// Nanoseconds as milliseconds, whatever their size, so that figures can be compared at a glance.
struct Milliseconds;

impl Milliseconds {
    fn scale(values: &mut [f64]) {
        for value in values {
            *value /= 1e6;
        }
    }
}

impl ValueFormatter for Milliseconds {
    fn scale_values(&self, _: f64, values: &mut [f64]) -> &'static str {
        Self::scale(values);
        "ms CPU"
    }

    fn scale_throughputs(&self, _: f64, _: &Throughput, values: &mut [f64]) -> &'static str {
        Self::scale(values);
        "ms CPU"
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        Self::scale(values);
        "ms CPU"
    }
}

fn main() {
    let mut criterion = Criterion::default().with_measurement(CpuTime).configure_from_args();
    measure(&mut criterion, "generated", &[generated(3949).into_bytes()]);
    let checked = generated(2000).into_bytes();
    criterion.bench_function("check-2000", |bencher| {
        bencher.iter(|| check(&parse(black_box(&checked)), &["x86_64", "i586", "aarch64"]));
    });
    if let Ok(folder) = std::env::var("PRJCONF_BENCH") {
        let mut texts = texts_of(Path::new(&folder));
        measure(&mut criterion, "all", &texts);
        texts.sort_by_key(|text| text.iter().filter(|byte| **byte == b'\n').count());
        measure(&mut criterion, "largest", texts.split_off(texts.len().saturating_sub(1)).as_slice());
    }
    criterion.final_summary();
}

/// Parses and evaluates all texts; dropping the results counts.
fn measure(criterion: &mut Criterion<CpuTime>, name: &str, texts: &[Vec<u8>]) {
    let options = Options::for_arch("x86_64");
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            for text in texts {
                drop(black_box(evaluate(&parse(black_box(text)), &options)));
            }
        });
    });
}

/// The configurations of a folder, by name.
fn texts_of(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "conf"));
    files.sort();
    files.iter().filter_map(|file| std::fs::read(file).ok()).collect()
}

/// Lines in the proportions of a rolling distribution: many build flags and preferences, some conditions and macros.
fn generated(lines: usize) -> String {
    let mut text = String::from("%define gcc_version 13\nPreinstall: rpm bash glibc\nRequired: gcc make\n");
    let mut count = 3;
    while count < lines {
        let _ = match count % 40 {
            0 => writeln!(text, "%if 0%{{?gcc_version}} > {}\nPrefer: gcc{count}\n%endif", count % 20),
            1 => writeln!(text, "%ifarch %ix86 x86_64\nPrefer: lib{count} -lib{count}-32bit\n%endif"),
            2..=4 => writeln!(text, "Ignore: package{count}:dependency{count},other"),
            5 => writeln!(text, "Substitute: old{count} new{count} extra{count}="),
            6..=14 => writeln!(text, "Prefer: libfoo{count} -libbar{count}-devel baz{count}:qux"),
            15 | 16 => writeln!(text, "# a comment about the next {count} lines\n"),
            _ => writeln!(text, "BuildFlags: onlybuild:package-with-a-name-{count}"),
        };
        count += match count % 40 {
            0 | 1 => 3,
            15 | 16 => 2,
            _ => 1,
        };
    }
    text
}
