//! Generated configurations through the peer that is installed, if one is.
//!
//! Debian's `obs-build` is from 2021: texts are generated from what both understand alike. Prints a notice and does nothing
//! if the package is not installed.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use prjconf::{Options, evaluate, parse};

const LIBRARY: &str = "/usr/lib/obs-build";

/// Prints one line for each list or map that both versions have; texts are separated by a line of dashes.
const SCRIPT: &str = r#"
use strict; use Build ':rpm';
local $SIG{__WARN__} = sub {};
local $/; my $n = 0;
for my $text (split(/^-----\n/m, <STDIN>)) {
  my $c = Build::read_config('x86_64', [ split("\n", $text) ]);
  print "case ".$n++."\n";
  for my $k (qw{preinstall required support keep prefer ignore expandflags buildflags repotype patterntype constraint}) {
    print "$k: ".join(' ', @{$c->{$k} || []})."\n";
  }
  for my $k (qw{substitute fileprovides}) {
    print "$k: $_ => ".join(' ', @{$c->{$k}->{$_}})."\n" for sort keys %{$c->{$k}};
  }
  print "optflags: $_ => $c->{optflags}->{$_}\n" for sort keys %{$c->{optflags}};
  print "order: $_\n" for sort keys %{$c->{order}};
  print "ignoreh: $_\n" for sort keys %{$c->{ignoreh}};
  print "type: $c->{type} $c->{binarytype} ".(defined($c->{release}) ? $c->{release} : '-')."\n";
}
"#;

/// The same lines from our result.
fn summary(index: usize, text: &str) -> String {
    let config = evaluate(&parse(text.as_bytes()), &Options::for_arch("x86_64")).config;
    let mut out = format!("case {index}\n");
    for (name, list) in [
        ("preinstall", &config.preinstall),
        ("required", &config.required),
        ("support", &config.support),
        ("keep", &config.keep),
        ("prefer", &config.prefer),
        ("ignore", &config.ignore),
        ("expandflags", &config.expandflags),
        ("buildflags", &config.buildflags),
        ("repotype", &config.repotype),
        ("patterntype", &config.patterntype),
        ("constraint", &config.constraint),
    ] {
        let _ = writeln!(out, "{name}: {}", list.join(" "));
    }
    for (key, values) in config.substitute.iter() {
        let names: Vec<&str> = values.iter().map(|word| prjconf::Replacement::of_word(word).name).collect();
        let _ = writeln!(out, "substitute: {key} => {}", names.join(" "));
    }
    for (key, values) in config.fileprovides.iter() {
        let _ = writeln!(out, "fileprovides: {key} => {}", values.join(" "));
    }
    for (key, words) in config.optflags.iter() {
        let _ = writeln!(out, "optflags: {key} => {}", words.join(" "));
    }
    config.order.iter().for_each(|entry| writeln!(out, "order: {entry}").unwrap());
    config.ignoreh().iter().for_each(|entry| writeln!(out, "ignoreh: {entry}").unwrap());
    let release = config.release.as_deref().unwrap_or("-");
    let _ = writeln!(out, "type: {} {} {release}", config.recipe_type, config.binarytype);
    out
}

/// Pseudo-random numbers with a fixed start, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len())]
    }
}

const KEYWORDS: &[&str] = &[
    "Preinstall:",
    "Required:",
    "SUPPORT:",
    "keep:",
    "Prefer:",
    "Ignore:",
    "ExpandFlags:",
    "BuildFlags:",
    "Repotype:",
    "Patterntype:",
    "Constraint:",
    "Substitute:",
    "FileProvides:",
    "OptFlags:",
    "Order:",
    "Type:",
    "Release:",
    "Nonsense:",
];

const WORDS: &[&str] = &[
    "a",
    "b",
    "c",
    "!a",
    "!b",
    "-a",
    "a:b",
    "b:c,d",
    "!*",
    "a=",
    "rpm",
    "debianutils",
    "%m",
    "%{n}",
    "%{?n}",
    "%{?u}",
    "%{!?u:x}",
    "%{?m:y}",
    "100%%",
    "spec",
    "dsc",
    "kiwi",
    "module:x-1",
    "%{nil}",
    "%u",
    "%{u}z",
    "c:",
    "x:y:z",
];

const CONDITIONS: &[&str] = &[
    "1",
    "0",
    "%m == 5",
    "%m > 4 && %n < 10",
    "\"%n\" == \"7\"",
    "0%{?u}",
    "0%{?m} >= 5",
    "(%m + 1) * 2 == 12",
    "!0%{?u}",
    "\"a\" < \"b\"",
    "1 || 0 && 0",
    "%{defined m}",
    "0%{!?m:1}",
    "%m - 2 - 2 == 1",
    "%m ? 1 : 0",
];

fn generate(dice: &mut Dice) -> String {
    let mut text = String::from("%define m 5\n%define n 7\n");
    let mut open = 0;
    for _ in 0..dice.roll(20) + 3 {
        match dice.roll(10) {
            0 => {
                let _ = writeln!(text, "%if {}", dice.pick(CONDITIONS));
                open += 1;
            }
            1 => {
                let _ =
                    writeln!(text, "{} {}", dice.pick(&["%ifarch", "%ifnarch"]), dice.pick(&["x86_64", "i586 %ix86"]));
                open += 1;
            }
            2 => text.push_str("%else\n"),
            3 => {
                text.push_str("%endif\n");
                open -= 1;
            }
            4 => {
                let _ = writeln!(
                    text,
                    "{} {} {}",
                    dice.pick(&["%define", "%global"]),
                    dice.pick(&["m", "n"]),
                    dice.roll(12)
                );
            }
            _ => {
                let _ = write!(text, "{}", dice.pick(KEYWORDS));
                for _ in 0..dice.roll(4) {
                    let _ = write!(text, " {}", dice.pick(WORDS));
                }
                text.push('\n');
            }
        }
    }
    for _ in 0..open {
        text.push_str("%endif\n");
    }
    text
}

#[test]
fn generated_configurations_mean_the_same_to_the_installed_peer() {
    if !Path::new(LIBRARY).join("Build.pm").is_file() {
        eprintln!("SKIPPED: obs-build is not installed");
        return;
    }
    let mut dice = Dice(2026);
    let texts: Vec<String> = (0..400).map(|_| generate(&mut dice)).collect();
    let mut child = Command::new("perl")
        .args(["-I", LIBRARY, "-e", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = texts.join("-----\n");
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = answers.split_inclusive('\n').collect();
    let mut cases: Vec<String> = Vec::new();
    for line in answers {
        if line.starts_with("case ") {
            cases.push(String::new());
        }
        cases.last_mut().unwrap().push_str(line);
    }
    assert_eq!(cases.len(), texts.len());
    for (index, (text, expected)) in texts.iter().zip(&cases).enumerate() {
        assert_eq!(&summary(index, text), expected, "{text}");
    }
}
