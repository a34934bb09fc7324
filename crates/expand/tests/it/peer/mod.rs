//! Random worlds through the peers that are installed, compared with our answers.
//!
//! Needs Perl, obs-build and perl-BSSolv (on Debian the packages `obs-build` and `libbssolv-perl`).

mod dice;
mod world;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use dice::Dice;
pub(crate) use world::{Side, World};

const SCRIPT: &str = include_str!("peer.pl");

/// Where the peers are.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The folder with `Build.pm`.
    pub(crate) obs_build: PathBuf,
    /// The build tree of a perl-BSSolv that is not installed.
    pub(crate) bssolv: Option<PathBuf>,
}

impl Default for Places {
    fn default() -> Self {
        Self { obs_build: PathBuf::from("/usr/lib/obs-build"), bssolv: None }
    }
}

/// What the peers at hand know; Debian's are older than what the rules were taken from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peers {
    pub(crate) bssolv_is_new: bool,
    pub(crate) obsbuild_is_new: bool,
}

/// A running Perl that answers cases.
pub(crate) struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub(crate) peers: Peers,
}

impl Oracle {
    /// Starts the peers; nothing if they are not installed.
    pub(crate) fn start(places: &Places) -> Option<Self> {
        let mut child = Command::new("perl")
            .arg("-e")
            .arg(SCRIPT)
            .arg(&places.obs_build)
            .args(&places.bssolv)
            .env("PERL_HASH_SEED", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let (input, output) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let peers = Peers { bssolv_is_new: false, obsbuild_is_new: false };
        let mut oracle = Self { child, input, output, peers };
        let first = oracle.read()?;
        let is_new = |key: &str| first[key].as_i64() == Some(1);
        oracle.peers = Peers { bssolv_is_new: is_new("bssolv_is_new"), obsbuild_is_new: is_new("obsbuild_is_new") };
        Some(oracle)
    }

    fn read(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }

    /// The answer of the peer that counts for the world.
    pub(crate) fn answer(&mut self, world: &World) -> Option<Value> {
        self.answer_of(world.side, world)
    }

    fn answer_of(&mut self, side: Side, world: &World) -> Option<Value> {
        let engine = if side == Side::Libsolv { "bssolv" } else { "perl" };
        let case =
            json!({"engine": engine, "config": world.config, "packages": world.packages, "request": world.request});
        writeln!(self.input, "{case}").ok()?;
        self.input.flush().ok()?;
        self.read()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // Both only fail if it is gone already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// World number `index` of a run.
pub(crate) fn world(seed: u64, index: u64, peers: Peers) -> World {
    world::make(&mut Dice::new(seed, index), peers)
}

/// How our answer compares with the peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Agrees,
    /// Both fail, with other lines.
    OtherLines,
    Differs,
}

/// Compares an answer with the peer's, as far as the peer's is part of the contract.
///
/// The peers stop at other places once something is wrong, so one list of problems may hold more than the other.
fn compare(side: Side, ours: &Value, theirs: &Value) -> Verdict {
    let (our_lines, their_lines) = (lines(ours, side), lines(theirs, side));
    // Of a failing preinstall expansion only the first problem is told; the order of problems is no part of the contract.
    let is_preinstalls = |lines: &Option<Vec<String>>| {
        lines.iter().flatten().any(|line| line.starts_with("preinstalls: ") || line.starts_with("vminstalls: "))
    };
    if is_preinstalls(&our_lines) && is_preinstalls(&their_lines) {
        return Verdict::Agrees;
    }
    let agrees = match (our_lines, their_lines) {
        (Some(ours), Some(theirs)) => {
            let agrees =
                ours == theirs || side == Side::Libsolv && (lists_all(&ours, &theirs) || lists_all(&theirs, &ours));
            return if agrees { Verdict::Agrees } else { Verdict::OtherLines };
        }
        // An old peer does not tell everything.
        (None, None) => match (ours.as_object(), theirs.as_object()) {
            (Some(ours), Some(theirs)) => {
                !theirs.is_empty() && theirs.iter().all(|(key, value)| ours.get(key) == Some(value))
            }
            _ => false,
        },
        _ => false,
    };
    if agrees { Verdict::Agrees } else { Verdict::Differs }
}

fn lists_all(ours: &[String], theirs: &[String]) -> bool {
    let provider =
        |line: &str| line.strip_prefix("(provider ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    theirs.iter().all(|line| {
        // libsolv tells all reasons why a provider is refused, we the first kind that applies.
        let is_told = provider(line).is_some_and(|name| ours.iter().any(|our| provider(our).as_ref() == Some(&name)));
        // It does not say that a rich requirement of the request is the reason.
        let plain =
            |line: &String| line.find(" conflicts with (").map(|end| format!("{} is in conflict", &line[..end]));
        is_told || ours.contains(line) || ours.iter().any(|our| plain(our).as_ref() == Some(line))
    })
}

/// The lines of problems, sorted; only libsolv tells which versions there are, and of many not the same ones.
fn lines(answer: &Value, side: Side) -> Option<Vec<String>> {
    let lines = answer.get("errors")?.as_array()?;
    let plain = |line: &Value| line.as_str().unwrap_or_default().replace(" << ", " < ").replace(" >> ", " > ");
    let lines: Vec<String> = lines.iter().map(plain).collect();
    let is_hint = |line: &String| line.starts_with("(got version ");
    let mut kept: Vec<String> = Vec::new();
    for block in lines.chunk_by(|one, other| is_hint(one) == is_hint(other)) {
        if !is_hint(&block[0]) || (side == Side::Libsolv && block.len() < 4) {
            kept.extend_from_slice(block);
        }
    }
    kept.sort();
    kept.dedup();
    Some(kept)
}

/// What a run found.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) agreed: usize,
    /// Worlds in which the peer did not come to an end, or with rich dependencies that multiply out beyond our limit.
    pub(crate) unanswered: usize,
    /// Worlds of each operation.
    pub(crate) operations: BTreeMap<String, usize>,
    /// Each world whose answers differ, by number, with both answers.
    pub(crate) differences: Vec<(u64, World, Value, Value)>,
}

/// Answers `count` worlds and compares; stops early after `most` differences.
pub(crate) fn run(
    oracle: &mut Oracle,
    answer: &dyn Fn(&World) -> Option<Value>,
    seed: u64,
    count: u64,
    most: usize,
) -> Tally {
    let mut tally = Tally::default();
    for index in 0..count {
        let world = world(seed, index, oracle.peers);
        let (ours, mut theirs) = (answer(&world).unwrap_or(Value::Null), oracle.answer(&world).unwrap_or(Value::Null));
        let operation = world.request.lines().next().unwrap_or_default().trim_start_matches("op: ").to_owned();
        *tally.operations.entry(operation).or_default() += 1;
        world.drop_unknown_packages(&mut theirs);
        if theirs["died"].as_str().is_some_and(|text| text.starts_with("timeout")) || is_too_large(&ours) {
            tally.unanswered += 1;
            continue;
        }
        let verdict = match compare(world.side, &ours, &theirs) {
            // The older ones have other texts.
            Verdict::OtherLines if !oracle.peers.bssolv_is_new => Verdict::Agrees,
            // Where both fail, ours may as well be the lines of the Perl expander.
            Verdict::OtherLines if world.side == Side::Libsolv => {
                let other = oracle.answer_of(Side::ObsBuild, &world).unwrap_or(Value::Null);
                compare(Side::ObsBuild, &ours, &other)
            }
            verdict => verdict,
        };
        if verdict == Verdict::Agrees {
            tally.agreed += 1;
        } else {
            tally.differences.push((index, world, ours, theirs));
            if tally.differences.len() >= most {
                break;
            }
        }
    }
    tally
}

/// Whether a rich dependency was refused for its size: the generator makes none that can not be parsed.
fn is_too_large(ours: &Value) -> bool {
    let mut lines = ours["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
    lines.any(|line| line.starts_with("cannot parse dependency "))
}

/// Writes a world as a case folder, with the peer's answer.
///
/// # Errors
/// If the folder can not be written.
pub(crate) fn keep(folder: &Path, world: &World, theirs: &Value) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let answer = serde_json::to_string_pretty(theirs)? + "\n";
    let name = if world.side == Side::Libsolv { "bssolv.json" } else { "expected.json" };
    for (name, text) in
        [("config", &world.config), ("packages", &world.packages), ("request", &world.request), (name, &answer)]
    {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
