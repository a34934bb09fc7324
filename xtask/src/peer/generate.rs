//! Configurations that mix everything the language has.
//!
//! Most lines are well-formed, so that conditions and macros have an effect; some are broken on purpose.

use std::fmt::Write as _;

use prjconf::cases::Files;
use prjconf::keyword::{KEYWORDS, Keyword};
use prjconf::reference::of_topic;

use super::dice::Dice;
use super::macros::{condition_line, define, expression, token};

/// One case: a configuration for one architecture, or several to be joined; perhaps with texts to expand.
pub(super) fn case(dice: &mut Dice) -> Files {
    let mut files = Files::new();
    let arch = dice.pick(&["x86_64", "x86_64", "i586", "aarch64", "noarch", "x86_64:i686:i586"]);
    files.insert("arch".to_owned(), arch.as_bytes().to_vec());
    if dice.once_in(6) {
        files.insert("mode".to_owned(), b"combine".to_vec());
        for number in 1..=dice.roll(3) + 2 {
            files.insert(format!("{number}.conf"), text(dice, 8));
        }
    } else {
        files.insert("input.conf".to_owned(), text(dice, 24));
    }
    if dice.once_in(4) {
        let texts: Vec<String> = (0..=dice.roll(3)).map(|_| token(dice, 3)).collect();
        let texts = texts.join("\n").replace('\0', "");
        files.insert("eval".to_owned(), texts.into_bytes());
    }
    files
}

fn text(dice: &mut Dice, lines: usize) -> Vec<u8> {
    let mut text = String::new();
    if dice.once_in(30) {
        text.push('\u{feff}');
    }
    let mut open = 0_i32;
    for _ in 0..dice.roll(lines) + 2 {
        line(dice, &mut text, &mut open);
    }
    // Most conditions are closed.
    while open > 0 && !dice.once_in(12) {
        text.push_str("%endif\n");
        open -= 1;
    }
    if dice.once_in(8) {
        text.push_str(dice.pick(&["Macros:\n%last 1\n", "Macros:\n", "%define open a \\\n", "%{?m:\n", "\n\n\n"]));
    }
    if dice.once_in(20) {
        text = text.replace('\n', "\r\n");
    }
    if dice.once_in(10) {
        text.pop();
    }
    text.into_bytes()
}

fn line(dice: &mut Dice, text: &mut String, open: &mut i32) {
    match dice.roll(40) {
        0..=4 => {
            let _ = writeln!(text, "{}", condition_line(dice));
            *open += 1;
        }
        5..=6 => text.push_str(dice.pick(&["%else\n", "%else\n", "  %else \n", "%else # x\n", "%elsewhere\n"])),
        7..=9 => {
            text.push_str(dice.pick(&["%endif\n", "%endif\n", "\t%endif\n", "%endif # done\n", "%endiff\n"]));
            *open -= 1;
        }
        10 => {
            let _ = match dice.roll(5) {
                0 => writeln!(text, "%elifarch {}", dice.pick(ARCHES)),
                1 => writeln!(text, "%elifos {}", dice.pick(&["linux", "bsd"])),
                2 => writeln!(text, "%elifnarch {}", dice.pick(ARCHES)),
                _ => writeln!(text, "%elif {}", expression(dice, 2)),
            };
        }
        11..=15 => text.push_str(&define(dice)),
        16 => macros_block(dice, text),
        17 => comment(dice, text),
        18 => {
            let _ = writeln!(text, "{}{}", dice.pick(&["", " ", "#!"]), token(dice, 3));
        }
        19 => {
            let _ = writeln!(
                text,
                "%{{{}m{}:\n{}\n}}",
                dice.pick(&["?", "!?", ""]),
                dice.pick(&["", "x"]),
                directive(dice)
            );
        }
        20 => {
            let _ = writeln!(text, "{} {}", directive(dice), condition_line(dice));
            *open += 1;
        }
        21 => text.push_str(dice.pick(&["\n", " \n", "\t\n", "\u{b}\n", "FromScratch:\n", ":Macros\n", "\\\n"])),
        _ => {
            let _ = writeln!(text, "{}", directive(dice));
        }
    }
}

const ARCHES: &[&str] = &["x86_64", "i586", "%ix86", "i586 x86_64", "aarch64", "%arm64 x86_64", "x86_64,i586", ""];

fn comment(dice: &mut Dice, text: &mut String) {
    let start = dice.pick(&["#", "# ", "  # ", "#!", "#!!line ", "#!!line", "# neededforbuild ", "neededforbuild "]);
    let rest = match dice.roll(5) {
        0 => dice.pick(&["41", "other.conf:7", "a b:7", ":7", "x:", "99999999999999999999"]).to_owned(),
        1 => define(dice).trim_end_matches('\n').to_owned(),
        2 => condition_line(dice),
        3 => token(dice, 2),
        _ => "text".to_owned(),
    };
    let _ = writeln!(text, "{start}{rest}");
}

fn macros_block(dice: &mut Dice, text: &mut String) {
    text.push_str(dice.pick(&["Macros:\n", "macros:\n", "  MACROS: \n", "Macros: x\n", "Macros:\r\n"]));
    if dice.once_in(8) {
        text.push_str(dice.pick(&["!\n", "!\r\n", " !\n", "!x\n"]));
    }
    for _ in 0..dice.roll(5) {
        let _ = match dice.roll(9) {
            0 => writeln!(text, "%bm() {} %1", token(dice, 1)),
            1 => writeln!(text, "%bn(a:b) %{{-a*}} \\\n  second"),
            2 => writeln!(text, "%bo one \\\n# two \\\n%three"),
            3 => writeln!(text, "{}", directive(dice)),
            4 => writeln!(text, "{}", condition_line(dice)),
            5 => writeln!(text, "%define bp 5"),
            6 => writeln!(
                text,
                "{}",
                dice.pick(&["% x", "%", "%b-c d", " %bq 1", "%br", "%bs  two  ", "%b\u{e4}c 1", "\\"])
            ),
            _ => writeln!(text, "%{} {}", dice.pick(&["m", "n", "bm", "dist"]), token(dice, 2)),
        };
    }
    if !dice.once_in(10) {
        text.push_str(dice.pick(&[":Macros\n", ":macros\n", " :MACROS \n", ":Macros\r\n"]));
    }
}

/// A keyword with arguments that fit it more or less.
fn directive(dice: &mut Dice) -> String {
    let index = dice.roll(KEYWORDS.len() + 3);
    let Some(keyword) = KEYWORDS.get(index) else {
        return format!(
            "{} {}",
            dice.pick(&["Foo:", "Prefer", "prefer:a", "Prefer :", "%nosuch:", "100%%:"]),
            word(dice)
        );
    };
    let mut line = dice.pick(&["", "", "", "", " ", "\t"]).to_owned();
    let spelling = match dice.roll(6) {
        0 => keyword.spelling.to_uppercase(),
        1 => keyword.spelling.to_lowercase(),
        _ => keyword.spelling.to_owned(),
    };
    line.push_str(&spelling);
    if keyword.spelling == "FromScratch:" && !dice.once_in(4) {
        line = "Prefer:".to_owned();
    }
    for _ in 0..dice.roll(5) {
        line.push_str(dice.pick(&[" ", " ", " ", " ", "\t", "  ", "\u{b}", "\u{c}", "\r", " \t "]));
        line.push_str(&argument(dice, keyword));
    }
    if dice.once_in(12) {
        line.push_str(dice.pick(&[" ", " \\", " # x", "\t"]));
    }
    line
}

fn argument(dice: &mut Dice, keyword: &Keyword) -> String {
    if dice.once_in(2)
        && let Some(topic) = keyword.topic()
    {
        let terms: Vec<&str> = of_topic(topic).map(|term| term.name).collect();
        let bang = dice.pick(&["", "", "", "!"]);
        let value = dice.pick(&["", "", ":", ":1", ":a", ":a:b", ":x-1"]);
        return format!("{bang}{}{value}", dice.pick(&terms));
    }
    if dice.once_in(5) { token(dice, 2) } else { word(dice) }
}

fn word(dice: &mut Dice) -> String {
    const NAMES: &[&str] = &[
        "a",
        "b",
        "c",
        "d",
        "gcc",
        "rpm",
        "debianutils",
        "pacman",
        "apk-tools",
        "0",
        "1",
        "spec",
        "dsc",
        "kiwi",
        "docker",
        "x86_64",
        "i586",
        "*",
        ".",
        "\u{e4}",
        "system-packages:repo-creation",
        "@BUILD_FLAVOR@",
        "x@BUILD_FLAVOR@y",
        "@OBS_PACKAGE@",
        "<CI_CNT>.<B_CNT>",
        "i686-linux",
        "-",
        "=",
        "A=b",
        "/bin/sh",
        "\\.rpm$",
        "%%",
        "100%",
        "#",
        "\\",
    ];
    let name = dice.pick(NAMES);
    match dice.roll(16) {
        0 => format!("!{name}"),
        1 => format!("-{name}"),
        2 => format!("{name}="),
        3 => format!("{name}:{}", dice.pick(NAMES)),
        4 => format!("{name}:{},{}", dice.pick(NAMES), dice.pick(NAMES)),
        5 => format!("-{name}:{}", dice.pick(NAMES)),
        6 => dice.pick(&["!*", "!*", "!", "!!a", ":", ":,", "a:", ":a", "a,b", "a::b", "a:b:c", "a=="]).to_owned(),
        7 => format!("{name}{}", dice.pick(&["%m", "%{n}", "%{?u}", "%{?m:x}", "%nil", "%{!?u:y}"])),
        _ => name.to_owned(),
    }
}
