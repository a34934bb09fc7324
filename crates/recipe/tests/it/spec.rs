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
