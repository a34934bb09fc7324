//! Macros, expressions and conditions.

use super::dice::Dice;

const NAMES: &[&str] = &["m", "n", "s", "f", "g", "u", "v", "k", "ml", "nil", "ix86", "_target_cpu"];

/// A `%define` or `%global` with its line feed.
pub(super) fn define(dice: &mut Dice) -> String {
    let word = dice.pick(&["%define", "%define", "%define", "%global", "  %define", "%{define", "\t%global"]);
    let (name, options) = match dice.roll(6) {
        0 => (dice.pick(&["f", "g"]), dice.pick(&["()", "(a)", "(ab:)", "(a:b)", "( )", "(-)", "(ab"])),
        _ => (dice.pick(NAMES), ""),
    };
    let body = match dice.roll(14) {
        0 => dice
            .pick(&["%1", "%1 %2", "[%*]", "%#", "%{-a} %{-b*}", "%{-a*}x%**", "%{-a:yes}%{!?-a:no}", "%0", "%{!-a:z}"])
            .to_owned(),
        1 => dice
            .pick(&["Prefer:", "%%if 0", "%%else", "%%endif", "%%", "# x", "%nosuch", "2+3", "-3", "1.5"])
            .to_owned(),
        2 => format!("{} \\\n{}", token(dice, 1), dice.pick(&["Prefer: q", "%endif", "%%if 1", "x", "", "a \\\nb"])),
        3 => dice.pick(&["v1.2-3", "1:2~rc1", "2^git", "x y", "a.tar.gz", "/usr/lib/x", "  x  y ", "aXbXc"]).to_owned(),
        4..=6 => token(dice, 3),
        _ => dice.roll(2000).to_string(),
    };
    let close = if word == "%{define" { "}" } else { "" };
    let end = dice.pick(&["\n", "\n", "\n", "\n", " \n", "\\\n"]);
    format!("{word} {name}{options} {body}{close}{end}")
}

/// A condition without its line feed.
pub(super) fn condition_line(dice: &mut Dice) -> String {
    const ARCHES: &[&str] = &[
        "x86_64",
        "i586",
        "%ix86",
        "i586 x86_64",
        "aarch64 armv7l",
        "%arm64 x86_64",
        "x86_64,i586",
        "",
        "%nosuch",
        "%m",
    ];
    match dice.roll(14) {
        0..=2 => format!("%ifarch {}", dice.pick(ARCHES)),
        3 => format!("%ifnarch {}", dice.pick(ARCHES)),
        4 => format!("%ifos {}", dice.pick(&["linux", "bsd", "", "bsd linux"])),
        5 => format!("%ifnos {}", dice.pick(&["linux", "bsd", ""])),
        6 => dice
            .pick(&[
                "%if",
                "%iffy 1",
                "%if1",
                "%if!0",
                "%if(1)",
                "%if\t1",
                "  %if 1",
                "%if 1 # x",
                "%ifdef x",
                "%if 0 x",
            ])
            .to_owned(),
        _ => format!("%if {}", expression(dice, 3)),
    }
}

/// An expression; mostly right, sometimes with an error.
pub(super) fn expression(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        return operand(dice);
    }
    let deeper = depth - 1;
    match dice.roll(16) {
        0..=2 => format!(
            "{} {} {}",
            expression(dice, deeper),
            dice.pick(&["==", "!=", "<", "<=", ">", ">="]),
            expression(dice, deeper)
        ),
        3..=4 => format!(
            "{} {} {}",
            expression(dice, deeper),
            dice.pick(&["&&", "||", "&&", "||", "&", "|", "="]),
            expression(dice, deeper)
        ),
        5..=6 => {
            format!("{} {} {}", expression(dice, deeper), dice.pick(&["+", "-", "*", "/"]), expression(dice, deeper))
        }
        7 => format!("({})", expression(dice, deeper)),
        8 => format!("{}{}", dice.pick(&["!", "-", "! ", "- ", "!!"]), expression(dice, deeper)),
        9 => format!("{} ? {} : {}", expression(dice, deeper), expression(dice, deeper), expression(dice, deeper)),
        10 => format!("lua:string.{}({})", dice.pick(FUNCTIONS), expression(dice, deeper)),
        11 => dice
            .pick(&["(1", "1)", "1 ? 2", "\"a", "@", "foo(1)", "1 +", "", "lua:string.lower(1", "lua:os.time()", ")"])
            .to_owned(),
        _ => operand(dice),
    }
}

const FUNCTIONS: &[&str] = &["lower", "upper", "len", "reverse", "rep", "sub", "lower", "nosuch"];

fn operand(dice: &mut Dice) -> String {
    match dice.roll(15) {
        0..=3 => dice
            .pick(&["0", "1", "2", "3", "7", "10", "007", "1550", "15.3", "4294967296", "99999999999", "00"])
            .to_owned(),
        4 => dice.pick(&["\"\"", "\"0\"", "\"a\"", "\"abc\"", "\"1\"", "\"x y\""]).to_owned(),
        5 => dice.pick(&["v\"1.2\"", "v\"1:2-3\"", "v\"\"", "v\"2~rc1\"", "v\"2^g\"", "v\"10\"", "v\"1\""]).to_owned(),
        6 => dice.pick(&["a", "abc", "x86_64", "_x", "v", "a1"]).to_owned(),
        7..=9 => dice.pick(&["0%{?m}", "0%{?u}", "0%{?n}", "%m", "%{n}", "%s", "%u", "%k", "%{?u}0"]).to_owned(),
        10 => dice.pick(&["\"%{?s}\"", "\"%m\"", "\"%_target_cpu\"", "v\"%{?v}\"", "\"%{?u}\""]).to_owned(),
        11 => dice
            .pick(&["%{defined m}", "%{undefined m}", "%{with x}", "%{without x}", "%{defined u}", "%{?with_x}0"])
            .to_owned(),
        12 => token(dice, 2),
        _ => dice.roll(5).to_string(),
    }
}

/// A word with macros.
pub(super) fn token(dice: &mut Dice, depth: usize) -> String {
    let text = inner(dice, depth);
    if dice.once_in(4) {
        format!("{text}{}", dice.pick(&["x", " y", "%", "%%", "}", "{", ")", "]", ":", " z w"]))
    } else {
        text
    }
}

fn inner(dice: &mut Dice, depth: usize) -> String {
    let name = dice.pick(NAMES);
    if depth == 0 {
        return dice.pick(&["a", "b", "X", "1", "5", "a b", "%m", "%{n}", "%{?u}", "-a", "-b c", "x-y"]).to_owned();
    }
    let deeper = depth - 1;
    match dice.roll(22) {
        0..=2 => format!("%{name}"),
        3..=4 => format!("%{{{name}}}"),
        5 => format!("%{}{name}", dice.pick(&["?", "!?", "?!", "!", "??"])),
        6..=7 => format!("%{{{}{name}:{}}}", dice.pick(&["?", "!?", "?!", "!", "", "?", "!?"]), token(dice, deeper)),
        8 => format!("%{{{}{name}}}", dice.pick(&["?", "!?", "?!", "!", "-", "!-", "?-"])),
        9 => format!("%{{{} {}}}", dice.pick(&["f", "g", "m", "f"]), token(dice, deeper)),
        10 => format!("%{} {}", dice.pick(&["f", "g"]), token(dice, deeper)),
        11 => format!("%{{{}:{}}}", dice.pick(ONE_ARGUMENT), token(dice, deeper)),
        12 => format!("%{{{} {}}}", dice.pick(ONE_ARGUMENT), token(dice, deeper)),
        13 => format!("%{} {}", dice.pick(ONE_ARGUMENT), token(dice, deeper)),
        14 => match dice.roll(6) {
            0 => format!("%{{rep {} {}}}", token(dice, 0), dice.pick(&["0", "1", "3", "-1", "x", ""])),
            1 => format!(
                "%{{sub {} {} {}}}",
                token(dice, 0),
                dice.pick(&["1", "2", "-2", "0", "x"]),
                dice.pick(&["", "3", "-1", "0"])
            ),
            2 => format!(
                "%{{gsub {} {} {} {}}}",
                dice.pick(GSUB_TEXTS),
                dice.pick(GSUB_PATTERNS),
                dice.pick(&["-", "xy", "%m", ""]),
                dice.pick(&["", "1", "0", "2", "x"])
            ),
            3 => format!("%{{bcond x {}}}", dice.pick(&["0", "1", "", "yes"])),
            4 => format!("%{} x", dice.pick(&["bcond_with", "bcond_without"])),
            _ => format!("%{{bcond_override_default x {}}}", dice.pick(&["0", "1", "%m"])),
        },
        15 => format!("%{{expr:{}}}", expression(dice, 2)),
        16 => format!("%[{}]", expression(dice, 2)),
        17 => format!("%{{quote:{}}}", token(dice, deeper)),
        18 => format!("{} {}", token(dice, deeper), token(dice, deeper)),
        19 => dice
            .pick(&[
                "%(echo x)",
                "%{dnl x}",
                "%dnl x",
                "%{load:x}",
                "%undefine m",
                "%{undefine m}",
                "%{lua:x}",
                "%{getenv:X}",
                "%{",
                "%{}",
                "%{ m}",
                "%{m",
                "% m",
                "%-x",
                "%.",
                "%*",
                "%**",
                "%#",
                "%1",
                "%{\\}}",
                "%{{m}}",
            ])
            .to_owned(),
        20 => format!("%{{define {name} {}}}", token(dice, deeper)),
        _ => inner(dice, 0),
    }
}

const ONE_ARGUMENT: &[&str] = &[
    "lower",
    "upper",
    "len",
    "reverse",
    "shrink",
    "span",
    "expand",
    "basename",
    "dirname",
    "suffix",
    "defined",
    "undefined",
    "with",
    "without",
    "quote",
    "expr",
];

const GSUB_TEXTS: &[&str] = &["hello", "a-b-c", "xabcx", "a.b.c", "aXbXc", "%s", "%m"];

const GSUB_PATTERNS: &[&str] =
    &["a", "-", ".", "l+", "x*", "^h", "b", "a?", "o$", "%%d", "%%s", "[a-c]", "X", "a.", "l-"];
