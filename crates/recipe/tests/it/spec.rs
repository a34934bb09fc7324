//! Spec files, compared with the tools that read them: Build.pm and rpmspec.
//!
//! `corpus/spec` has our own files with recorded answers. With `KILN_SPEC_FOLDER` naming a folder of spec files the peers
//! are asked about those too; `KILN_OBS_BUILD` names the folder of another Build.pm, `KILN_SPEC_CONFIG` a configuration.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use prjconf::BuildConfig;
use recipe::spec::{SpecContext, SpecFile, SpecOptions, parse};

const BUILD_PM: &str = include_str!("build_pm.pl");

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/spec")
}

fn config(text: &[u8], arch: &str) -> BuildConfig {
    prjconf::evaluate(&prjconf::parse(text), &prjconf::Options::for_arch(arch)).config
}

/// Draws what a file says, one fact a line.
pub(crate) fn draw(spec: &SpecFile) -> String {
    let mut out = String::new();
    let mut say = |key: &str, values: &[String]| {
        for value in values {
            let words: Vec<&str> = value.split_ascii_whitespace().collect();
            writeln!(out, "{key}: {}", words.join(" ")).unwrap();
        }
    };
    let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<String>>();
    say("name", &one(&Some(spec.name.clone()).filter(|name| !name.is_empty())));
    say("epoch", &one(&spec.epoch));
    say("version", &one(&spec.version));
    say("release", &one(&spec.release));
    say("requires", &spec.build_requires);
    say("prerequisite", &spec.prerequisites);
    say("package", &spec.packages.iter().map(|package| package.name.clone()).collect::<Vec<_>>());
    say("exclusive", &one(&spec.exclusive_arch.as_ref().map(|list| list.join(" "))));
    say("exclude", &one(&Some(spec.exclude_arch.join(" ")).filter(|list| !list.is_empty())));
    for (kind, files) in [("source", &spec.sources), ("patch", &spec.patches)] {
        for file in files {
            let number = file.number.map(|number| number.to_string()).unwrap_or_default();
            say(&format!("{kind}{number}"), std::slice::from_ref(&file.location));
        }
    }
    say("constraint", &spec.build_constraints);
    say("target", &one(&spec.build_target));
    say("only-native", &spec.only_native);
    say("also-native", &spec.also_native);
    let flags = [
        ("multiversion", spec.is_multiversion),
        ("nativebuild", spec.is_native_build),
        ("nouseforbuild", spec.is_no_use_for_build),
        ("configdependent", spec.depends_on_config),
    ];
    say("flag", &flags.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
    out.trim_end().to_owned()
}

fn ours(path: &Path, context: &SpecContext<'_>) -> String {
    draw(&parse(&std::fs::read(path).unwrap(), context, &SpecOptions::default()).0)
}

/// Build.pm's answers, one a file; `None`, with a word about it, where it is not installed.
fn build_pm(library: &Path, arch: &str, config: &Path, files: &[PathBuf]) -> Option<Vec<String>> {
    if !library.join("Build/Rpm.pm").exists() {
        eprintln!("skipped: {} has no Build/Rpm.pm", library.display());
        return None;
    }
    let mut command = Command::new("perl");
    command.args(["-e", BUILD_PM]).arg(library).arg(arch).arg(config);
    let Ok(mut child) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        eprintln!("skipped: perl can not be run");
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    let list: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(list.as_bytes()));
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success());
    let text = format!("\n{}", prjconf::decode(&output.stdout));
    let answer =
        |block: &str| block.split_once('\n').map(|(_, answer)| answer.trim_end().to_owned()).unwrap_or_default();
    let answers = text.split("\n== ").skip(1).map(answer);
    Some(answers.collect())
}

/// The spec files of the folder that the environment names.
fn foreign_files() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("KILN_SPEC_FOLDER") else {
        eprintln!("skipped: KILN_SPEC_FOLDER is not set");
        return Vec::new();
    };
    spec_files(Path::new(&folder))
}

fn spec_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "spec")).collect();
    files.sort();
    files
}

fn library() -> PathBuf {
    std::env::var_os("KILN_OBS_BUILD").map_or_else(|| PathBuf::from("/usr/lib/obs-build"), PathBuf::from)
}

/// Writes both answers of every file that differs, and returns the share that does not.
fn share_identical(report: &str, files: &[PathBuf], ours: &[String], theirs: &[String]) -> f64 {
    assert_eq!((ours.len(), theirs.len()), (files.len(), files.len()));
    let mut text = String::new();
    let mut identical = 0;
    for ((file, our), their) in files.iter().zip(ours).zip(theirs) {
        if our == their {
            identical += 1;
            continue;
        }
        writeln!(text, "== {}", file.display()).unwrap();
        let lacks = |text: &str, line: &str| text.lines().filter(|other| *other == line).count() == 0;
        our.lines().filter(|line| lacks(their, line)).for_each(|line| writeln!(text, "+{line}").unwrap());
        their.lines().filter(|line| lacks(our, line)).for_each(|line| writeln!(text, "-{line}").unwrap());
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(report);
    std::fs::write(&path, text).unwrap();
    eprintln!("{report}: {identical} of {} identical; the others: {}", files.len(), path.display());
    f64::from(identical) / f64::from(u32::try_from(files.len()).unwrap())
}

#[test]
fn foreign_files_are_read_as_build_pm_reads_them() {
    let files = foreign_files();
    if files.is_empty() {
        return;
    }
    let config_path = std::env::var_os("KILN_SPEC_CONFIG").map_or_else(|| corpus().join("suse.conf"), PathBuf::from);
    let arch = std::env::var("KILN_SPEC_ARCH").unwrap_or_else(|_| "x86_64".to_owned());
    let config = config(&std::fs::read(&config_path).unwrap(), &arch);
    let context = SpecContext::new(&config);
    let begun = std::time::Instant::now();
    let ours: Vec<String> = files.iter().map(|file| ours(file, &context)).collect();
    eprintln!("{} files in {:?}", files.len(), begun.elapsed());
    let Some(theirs) = build_pm(&library(), &arch, &config_path, &files) else { return };
    let share = share_identical("build-pm.diff", &files, &ours, &theirs);
    assert!(share > 0.9, "{share}");
}

/// The macros rpm itself has, as a configuration; `None`, with a word about it, where rpm is not installed.
fn rpm_config() -> Option<String> {
    let Ok(output) = Command::new("rpm").arg("--showrc").output() else {
        eprintln!("skipped: rpm can not be run");
        return None;
    };
    let text = prjconf::decode(&output.stdout);
    let (_, table) = text.split_once("========================\n").unwrap();
    let (table, _) = table.split_once("========================\n").unwrap_or((table, ""));
    let mut config = "Macros:\n".to_owned();
    for line in table.lines() {
        let level = line.strip_prefix('-').and_then(|rest| rest.split_once([':', '=']));
        match level.and_then(|(level, rest)| level.parse::<u32>().ok().map(|_| rest.trim_start())) {
            Some(entry) if entry.ends_with("<builtin>") => {}
            Some(entry) => write!(config, "\n%{}", entry.replacen('\t', " ", 1)).unwrap(),
            None => write!(config, "\\\n{line}").unwrap(),
        }
    }
    config.push_str("\n:Macros\n");
    Some(config)
}

/// What rpmspec says of a file: sorted facts; `None` if it can not read it. `KILN_RPMSPEC` names another command.
fn rpmspec(file: &Path) -> Option<String> {
    let command = std::env::var_os("KILN_RPMSPEC").unwrap_or_else(|| "rpmspec".into());
    let query = |which: &str, format: &str| {
        let output = Command::new(&command).args(["-q", which, "--qf", format]).arg(file).output().ok()?;
        output.status.success().then(|| prjconf::decode(&output.stdout))
    };
    let source = query("--srpm", "[requires: %{REQUIRENAME} %{REQUIREFLAGS:depflags} %{REQUIREVERSION}\n]")?;
    let packages =
        "package: %{NAME}\n[provides: %{=NAME}: %{PROVIDENAME} %{PROVIDEFLAGS:depflags} %{PROVIDEVERSION}\n]";
    let text = source + &query("--rpms", packages)?;
    let is_implicit = |line: &str| line.contains("rpmlib(") || line.contains("(x86-64) = ") || line.is_empty();
    let lines = text.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
    Some(sorted(lines.filter(|line| !is_implicit(line))))
}

fn sorted(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<std::collections::BTreeSet<String>>().into_iter().collect::<Vec<_>>().join("\n")
}

/// The same facts from us.
fn draw_as_rpmspec(spec: &SpecFile) -> String {
    let requires = spec.build_requires.iter().filter(|text| !text.starts_with('-'));
    let mut lines: Vec<String> = requires.map(|text| format!("requires: {text}")).collect();
    for package in &spec.packages {
        lines.push(format!("package: {}", package.name));
        lines.push(format!("provides: {0}: {0} = {1}", package.name, package.evr));
        lines.extend(package.provides.iter().map(|text| format!("provides: {}: {text}", package.name)));
    }
    sorted(lines.into_iter().filter(|line| !line.contains("(x86-64) = ")))
}

#[test]
fn foreign_files_are_read_as_rpmspec_reads_them() {
    let files = foreign_files();
    let Some(text) = rpm_config().filter(|_| !files.is_empty()) else { return };
    let config = config(&prjconf::encode(&text), "x86_64");
    let context = SpecContext::new(&config);
    let every: usize = std::env::var("KILN_SPEC_EVERY").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let asked = files.iter().step_by(every).filter_map(|file| Some((file.clone(), rpmspec(file)?)));
    let (readable, theirs): (Vec<PathBuf>, Vec<String>) = asked.unzip();
    eprintln!("rpmspec can read {} of {}", readable.len(), files.len().div_ceil(every));
    if readable.is_empty() {
        return;
    }
    let read = |file: &PathBuf| parse(&std::fs::read(file).unwrap(), &context, &SpecOptions::default()).0;
    let ours: Vec<String> = readable.iter().map(|file| draw_as_rpmspec(&read(file))).collect();
    let share = share_identical("rpmspec.diff", &readable, &ours, &theirs);
    assert!(share > 0.8, "{share}");
}

/// Configuration and architecture of the recorded answers.
const TARGETS: [(&str, &str); 4] = [("suse", "x86_64"), ("suse", "i586"), ("fedora", "x86_64"), ("fedora", "aarch64")];

/// One block a target, under a line with its name; a block equal to one before it is not repeated.
fn blocks(answers: &[String]) -> String {
    let mut text = String::new();
    for (place, ((config, arch), answer)) in TARGETS.iter().zip(answers).enumerate() {
        let same = answers.iter().take(place).position(|other| other == answer).map(|same| TARGETS[same]);
        writeln!(text, "## {config} {arch}").unwrap();
        match same {
            Some((config, arch)) => writeln!(text, "as for {config} {arch}\n").unwrap(),
            None => writeln!(text, "{answer}\n").unwrap(),
        }
    }
    text
}

/// Our own files are read as recorded: `NAME.build-pm` has Build.pm's answers, `NAME.kiln` ours where they differ, which
/// spec(5) explains. `KILN_RECORD=1` with `KILN_OBS_BUILD` records anew.
#[test]
fn the_corpus_is_read_as_recorded() {
    let files = spec_files(&corpus());
    assert!(files.len() >= 10);
    let record = std::env::var_os("KILN_RECORD").is_some();
    let mut different = Vec::new();
    for file in &files {
        let (mut ours_of, mut theirs_of) = (Vec::new(), Vec::new());
        for (name, arch) in TARGETS {
            let path = corpus().join(format!("{name}.conf"));
            let config = config(&std::fs::read(&path).unwrap(), arch);
            ours_of.push(ours(file, &SpecContext::new(&config)));
            if record {
                theirs_of.extend(build_pm(&library(), arch, &path, std::slice::from_ref(file)).unwrap());
            }
        }
        let ours = blocks(&ours_of);
        let (recorded, own) = (file.with_extension("build-pm"), file.with_extension("kiln"));
        if record {
            let theirs = blocks(&theirs_of);
            std::fs::write(&recorded, prjconf::encode(&theirs)).unwrap();
            if theirs == ours {
                let _ = std::fs::remove_file(&own);
            } else {
                std::fs::write(&own, prjconf::encode(&ours)).unwrap();
            }
        }
        let expected = std::fs::read(&own).or_else(|_| std::fs::read(&recorded)).unwrap();
        assert_eq!(ours, prjconf::decode(&expected), "{}", file.display());
        if own.exists() {
            different.push(file.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    assert_eq!(different, ["lists", "multiline", "qualifiers"]);
}
