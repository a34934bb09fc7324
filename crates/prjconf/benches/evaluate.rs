//! CPU time of parsing and evaluating one configuration.
//!
//! `cargo bench -p prjconf --bench evaluate -- --table LARGEST FILE...` prints the rows that `scripts/bench-prjconf.sh` shows beside Perl's.
//! `cargo bench -p prjconf --bench evaluate -- FILE...` measures files; without arguments a generated configuration of 3,949 lines that
//! looks like a large distribution's. Prints the median and the smallest time of 201 runs.
#![expect(clippy::print_stdout, clippy::disallowed_methods, clippy::cast_precision_loss, reason = "a measurement")]

use std::fmt::Write as _;
use std::time::Duration;

use prjconf::{Options, evaluate, parse};

const RUNS: usize = 201;

fn main() {
    if std::env::args().any(|argument| argument == "--table") {
        return table();
    }
    let files: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if files.is_empty() {
        measure("generated", generated(3949).as_bytes());
    }
    for file in files {
        match std::fs::read(&file) {
            Ok(text) => measure(&file, &text),
            Err(error) => println!("{file}: {error}"),
        }
    }
}

/// The largest file alone, then all of them together.
fn table() {
    let mut files = std::env::args().skip_while(|argument| argument != "--table").skip(1);
    let largest: Vec<Vec<u8>> = files.next().into_iter().filter_map(|file| std::fs::read(file).ok()).collect();
    let all: Vec<Vec<u8>> =
        files.filter(|file| !file.starts_with("--")).filter_map(|file| std::fs::read(file).ok()).collect();
    println!("kiln  largest  {:8.3} ms CPU", milliseconds(&largest, 1001));
    println!("kiln  all {:4} {:8.3} ms CPU", all.len(), milliseconds(&all, 101));
}

/// The median CPU time of some runs over all texts, dropping the results included.
fn milliseconds(texts: &[Vec<u8>], runs: usize) -> f64 {
    let options = Options::for_arch("x86_64");
    let mut times: Vec<u128> = (0..runs)
        .map(|_| {
            let start = cpu_nanoseconds();
            for text in texts {
                drop(std::hint::black_box(evaluate(&parse(text), &options)));
            }
            cpu_nanoseconds().saturating_sub(start)
        })
        .collect();
    times.sort_unstable();
    times.get(runs / 2).map_or(0.0, |time| *time as f64 / 1e6)
}

/// The CPU time this process has used. On a busy machine the clock on the wall tells of the work of others.
fn cpu_nanoseconds() -> u128 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default().as_nanos()
}

fn measure(name: &str, text: &[u8]) {
    let options = Options::for_arch("x86_64");
    let mut times: Vec<u128> = (0..RUNS)
        .map(|_| {
            let start = cpu_nanoseconds();
            drop(std::hint::black_box(evaluate(&parse(text), &options)));
            cpu_nanoseconds().saturating_sub(start)
        })
        .collect();
    times.sort_unstable();
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    let microseconds = |index: usize| times.get(index).copied().unwrap_or_default() / 1000;
    println!("{name}: {lines} lines, median {} us, minimum {} us", microseconds(RUNS / 2), microseconds(0));
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
