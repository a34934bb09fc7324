//! Generated configurations through the peer, obs-build's `Build.pm`: `cargo xtask peer config`.
//!
//! The peer is run as a program of its own. Its newest semantics are in a checkout of its git, named by `--library` or the
//! variable `OBS_BUILD_DIR`; Debian's package of 2021 understands less. Read [`run`] first.

mod dice;
mod generate;
mod macros;

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use prjconf::Options;
use prjconf::cases::{Files, answer_within};

use crate::CaseTally;
use dice::Dice;

/// Asks the peer: reads cases as length-prefixed files, prints length-prefixed canonical JSON.
const SCRIPT: &str = include_str!("ask.pl");

/// What the script says if the peer does not come to an end.
const NO_END: &[u8] = b"NO END";

/// What `cargo xtask peer config` is asked to do.
struct Request {
    library: PathBuf,
    count: u64,
    seed: u64,
    /// The number of the first case.
    first: u64,
    /// Where cases that differ are written, one folder each.
    keep: Option<PathBuf>,
}

impl Request {
    fn parse(options: &[&str]) -> anyhow::Result<Self> {
        let library = std::env::var_os("OBS_BUILD_DIR").unwrap_or_else(|| "/usr/lib/obs-build".into());
        let mut request = Self { library: library.into(), count: 1000, seed: 1, first: 0, keep: None };
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let value = options.next().with_context(|| format!("{option} needs a value"))?;
            match *option {
                "--library" => request.library = value.into(),
                "--count" => request.count = value.parse().with_context(|| format!("--count {value}"))?,
                "--seed" => request.seed = value.parse().with_context(|| format!("--seed {value}"))?,
                "--first" => request.first = value.parse().with_context(|| format!("--first {value}"))?,
                "--keep" => request.keep = Some(value.into()),
                _ => bail!("{option}: no such option"),
            }
        }
        Ok(request)
    }
}

/// The peer's only limit is that of tokens, so ours are put out of the way; the stack is large enough for it.
fn limits() -> Options {
    Options { nesting: 3000, work: 100, ..Options::for_arch("") }
}

const STACK_BYTES: usize = 1 << 30;

/// Runs generated cases through the peer and us.
///
/// Options: `--library FOLDER --count CASES --seed NUMBER --first NUMBER --keep FOLDER`. A difference is no error, but counted.
///
/// # Errors
///
/// The peer can not be run, or says something unreadable.
pub(crate) fn run(options: &[&str]) -> anyhow::Result<CaseTally> {
    let request = Request::parse(options)?;
    if !has_peer(&request.library) {
        bail!("{}: Build.pm with newest semantics is not there; set OBS_BUILD_DIR", request.library.display());
    }
    let (tally, different) = compare_with_large_stack(
        &request.library,
        request.seed,
        request.first..request.first.saturating_add(request.count),
    )?;
    if let Some(keep) = &request.keep {
        for (name, files) in &different {
            write_case(&keep.join(name), files)?;
        }
    }
    Ok(tally)
}

/// Whether a folder has a peer that records errors; the one of 2021 does not.
fn has_peer(library: &Path) -> bool {
    std::fs::read(library.join("Build.pm")).is_ok_and(|text| text.windows(15).any(|part| part == b"combine_configs"))
}

type Different = Vec<(String, Files)>;

fn compare_with_large_stack(library: &Path, seed: u64, numbers: Range<u64>) -> anyhow::Result<(CaseTally, Different)> {
    let library = library.to_owned();
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || compare(&library, seed, numbers))?;
    thread.join().map_err(|_| anyhow::anyhow!("the comparison panicked"))?
}

/// Asks for all numbers. A peer that dies of a question is started anew behind it.
fn compare(library: &Path, seed: u64, numbers: Range<u64>) -> anyhow::Result<(CaseTally, Different)> {
    let mut comparison =
        Comparison { seed, tally: CaseTally::default(), different: Different::new(), without_answer: 0 };
    let mut next = numbers.start;
    while next < numbers.end {
        next = comparison.one_peer(library, next..numbers.end)?;
    }
    if comparison.without_answer > 0 {
        println!(
            "{} questions the peer does not answer, or not in ten seconds; not counted",
            comparison.without_answer
        );
    }
    Ok((comparison.tally, comparison.different))
}

struct Comparison {
    seed: u64,
    tally: CaseTally,
    different: Different,
    without_answer: u64,
}

impl Comparison {
    /// Asks one process of the peer as long as it lives; the result is the number to go on with.
    fn one_peer(&mut self, library: &Path, numbers: Range<u64>) -> anyhow::Result<u64> {
        let mut child = Command::new("perl")
            .arg("-I")
            .arg(library)
            .args(["-e", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("perl can not be started")?;
        let mut input = child.stdin.take().context("perl has no standard input")?;
        let mut output = BufReader::new(child.stdout.take().context("perl has no standard output")?);
        let (seed, asked) = (self.seed, numbers.clone());
        let writer = std::thread::spawn(move || {
            // A peer that dies closes the pipe; the reader notices it as well.
            asked
                .into_iter()
                .try_for_each(|number| write_question(&mut input, &generate::case(&mut Dice::new(seed, number))))
        });
        let mut next = numbers.start;
        while next < numbers.end {
            match read_block(&mut output) {
                Ok(expected) => self.answer(next, expected),
                Err(_) => break,
            }
            next += 1;
        }
        let is_dead = next < numbers.end;
        drop(output);
        let _ = writer.join();
        child.wait().context("perl")?;
        if is_dead && self.tally.passed == 0 && self.without_answer > 10 {
            bail!("the peer answers nothing");
        }
        self.without_answer += u64::from(is_dead);
        Ok(next + u64::from(is_dead))
    }

    fn answer(&mut self, number: u64, expected: Vec<u8>) {
        if expected.starts_with(NO_END) {
            self.without_answer += 1;
            return;
        }
        let mut files = generate::case(&mut Dice::new(self.seed, number));
        let found = answer_within(&files, &limits());
        let passed = without_pattern_message(&found) == without_pattern_message(&expected);
        let name = format!("seed-{}-{number}", self.seed);
        self.tally.add(&name, passed);
        if !passed {
            files.insert("found.json".to_owned(), found);
            files.insert("expected.json".to_owned(), expected);
            self.different.push((name, files));
        }
    }
}

/// The answer without what is said about a bad `%gsub` pattern: the peer quotes its regular expression library and its own
/// file name there. That there is such a message still counts.
fn without_pattern_message(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer).into_owned();
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = ["gsub macro: ", "bad pattern in %gsub: "].iter().filter_map(|mark| rest.find(mark)).min() {
        let end = rest[at..].find('"').map_or(rest.len(), |end| at + end);
        out.push_str(&rest[..at]);
        out.push_str("bad pattern");
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Number of files, then for each its name and its bytes, all with their length in front.
fn write_question(out: &mut impl Write, files: &Files) -> std::io::Result<()> {
    let mut question = format!("{}\n", files.len()).into_bytes();
    for (name, bytes) in files {
        for block in [name.as_bytes(), bytes] {
            question.extend_from_slice(format!("{}\n", block.len()).as_bytes());
            question.extend_from_slice(block);
        }
    }
    out.write_all(&question)
}

fn read_block(input: &mut impl Read) -> anyhow::Result<Vec<u8>> {
    let mut len = 0_usize;
    loop {
        let mut byte = [0_u8];
        input.read_exact(&mut byte)?;
        match byte[0] {
            b'\n' => break,
            digit @ b'0'..=b'9' => len = len * 10 + usize::from(digit - b'0'),
            other => bail!("a length has the byte {other}"),
        }
    }
    let mut block = vec![0; len];
    input.read_exact(&mut block)?;
    Ok(block)
}

fn write_case(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::write(&path, bytes).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_configurations_mean_the_same_to_the_newest_peer() {
        let Some(library) = std::env::var_os("OBS_BUILD_DIR").map(PathBuf::from).filter(|path| has_peer(path)) else {
            eprintln!("SKIPPED: OBS_BUILD_DIR names no checkout of obs-build");
            return;
        };
        let (tally, different) = compare_with_large_stack(&library, 2026, 0..500).unwrap();
        assert_eq!(tally.passed, 500, "{:?}", different.first());
    }

    #[test]
    fn a_case_depends_on_its_numbers_only_and_all_features_occur() {
        let mut all = Vec::new();
        for number in 0..2000 {
            let files = generate::case(&mut Dice::new(7, number));
            assert_eq!(files, generate::case(&mut Dice::new(7, number)));
            files.values().for_each(|bytes| all.extend_from_slice(bytes));
        }
        let all = String::from_utf8_lossy(&all).to_lowercase();
        for keyword in prjconf::keyword::KEYWORDS {
            assert!(all.contains(&keyword.spelling.to_lowercase()), "{}", keyword.spelling);
        }
        for topic in [prjconf::reference::Topic::Condition, prjconf::reference::Topic::BuiltinMacro] {
            for term in prjconf::reference::of_topic(topic) {
                assert!(all.contains(term.name), "{}", term.name);
            }
        }
    }
}
