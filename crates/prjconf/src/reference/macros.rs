//! Condition words and macros.

use super::{Term, Topic, row};

const fn condition(name: &'static str, form: &'static str, effect: &'static str) -> Term {
    row(Topic::Condition, name, form, effect)
}

pub(super) const CONDITIONS: &[Term] = &[
    condition("%if", "%if EXPRESSION", "what follows counts if the expression is true"),
    condition("%ifarch", "%ifarch ARCH…", "what follows counts for these architectures"),
    condition("%ifnarch", "%ifnarch ARCH…", "what follows counts for all other architectures"),
    condition("%ifos", "%ifos SYSTEM…", "what follows counts for these systems; it is always `linux`"),
    condition("%ifnos", "%ifnos SYSTEM…", "what follows counts for all other systems"),
    condition("%elif", "%elif EXPRESSION", "what follows counts if nothing before did and the expression is true"),
    condition("%elifarch", "%elifarch ARCH…", "what follows counts if nothing before did, for these architectures"),
    condition("%elifos", "%elifos SYSTEM…", "what follows counts if nothing before did, for these systems"),
    condition("%else", "%else", "what follows counts if nothing before did"),
    condition("%endif", "%endif", "the end of a condition"),
];

const fn builtin(name: &'static str, form: &'static str, effect: &'static str) -> Term {
    row(Topic::BuiltinMacro, name, form, effect)
}

pub(super) const BUILTINS: &[Term] = &[
    builtin("basename", "%{basename:PATH}", "what is behind the last `/`"),
    builtin(
        "bcond",
        "%{bcond NAME DEFAULT}",
        "a build condition: defines `with_NAME` by its default, `_with_NAME` and `_without_NAME`",
    ),
    builtin("bcond_override_default", "%{bcond_override_default NAME VALUE}", "another default of a build condition"),
    builtin("bcond_with", "%bcond_with NAME", "a build condition that is off by default"),
    builtin("bcond_without", "%bcond_without NAME", "a build condition that is on by default"),
    builtin(
        "define",
        "%define NAME[(OPTIONS)] BODY",
        "defines a macro for this configuration; takes the rest of the line, with `\\` at the end also the next",
    ),
    builtin("defined", "%{defined NAME}", "1 if the macro is defined, else 0"),
    builtin("dirname", "%{dirname:PATH}", "what is in front of the last `/`"),
    builtin("dnl", "%dnl TEXT", "nothing: a comment up to the end of the line"),
    builtin("expand", "%{expand:TEXT}", "the text, expanded once more"),
    builtin("expr", "%{expr:EXPRESSION}", "the value of an expression"),
    builtin("global", "%global NAME[(OPTIONS)] BODY", "as `%define`, but the body is expanded now"),
    builtin("gsub", "%{gsub TEXT PATTERN NEW [COUNT]}", "replaces what matches a Lua-like pattern"),
    builtin("len", "%{len:TEXT}", "the number of bytes"),
    builtin("load", "%{load:FILE}", "an error: a configuration can not read files"),
    builtin("lower", "%{lower:TEXT}", "in lower case"),
    builtin("quote", "%{quote:TEXT}", "one argument of another macro, blanks included"),
    builtin("rep", "%{rep TEXT COUNT}", "the text so many times"),
    builtin("reverse", "%{reverse:TEXT}", "the bytes in reverse order"),
    builtin("shrink", "%{shrink:TEXT}", "with runs of blanks made one"),
    builtin("span", "%{span:TEXT}", "the text itself"),
    builtin("sub", "%{sub TEXT FROM [TO]}", "a part; counted from 1, negative from the end"),
    builtin("suffix", "%{suffix:FILE}", "what is behind the last `.`"),
    builtin("undefined", "%{undefined NAME}", "0 if the macro is defined, else 1"),
    builtin("upper", "%{upper:TEXT}", "in upper case"),
    builtin("with", "%{with NAME}", "1 if the build condition is on, else 0"),
    builtin("without", "%{without NAME}", "0 if the build condition is on, else 1"),
];

const fn standard(name: &'static str, form: &'static str, effect: &'static str) -> Term {
    row(Topic::StandardMacro, name, form, effect)
}

/// In the order of the macro table.
pub(super) const STANDARD: &[Term] = &[
    standard("nil", "%nil", "nothing"),
    standard("ix86", "%ix86", "names of 32 bit x86"),
    standard("x86_64", "%x86_64", "names of 64 bit x86"),
    standard("arm32", "%arm32", "names of 32 bit Arm"),
    standard("arm", "%arm", "as `%arm32`"),
    standard("arml", "%arml", "names of little-endian 32 bit Arm"),
    standard("armb", "%armb", "names of big-endian 32 bit Arm"),
    standard("arm64", "%arm64", "names of 64 bit Arm"),
    standard("mips32", "%mips32", "names of 32 bit MIPS"),
    standard("mips64", "%mips64", "names of 64 bit MIPS"),
    standard("mipseb", "%mipseb", "names of big-endian MIPS"),
    standard("mipsel", "%mipsel", "names of little-endian MIPS"),
    standard("mips", "%mips", "names of all MIPS"),
    standard("loongarch64", "%loongarch64", "the name of LoongArch"),
    standard("sparc", "%sparc", "names of SPARC"),
    standard("alpha", "%alpha", "names of Alpha"),
    standard("power64", "%power64", "names of 64 bit POWER"),
    standard("riscv32", "%riscv32", "the name of 32 bit RISC-V"),
    standard("riscv64", "%riscv64", "the name of 64 bit RISC-V"),
    standard("riscv128", "%riscv128", "the name of 128 bit RISC-V"),
    standard("riscv", "%riscv", "names of all RISC-V"),
    standard("_target_cpu", "%_target_cpu", "the architecture of the evaluation; `%ifarch` compares it"),
    standard("_target_os", "%_target_os", "`linux`; `%ifos` compares it"),
];

const fn server(name: &'static str, form: &'static str, effect: &'static str) -> Term {
    row(Topic::ServerMacro, name, form, effect)
}

pub(super) const SERVER: &[Term] = &[
    server(
        "_is_in_project",
        "%_is_in_project",
        "1 in texts of the project that is built and of those above it, else 0",
    ),
    server("_is_this_project", "%_is_this_project", "1 in the text of the project that is built, else 0"),
    server(
        "_obs_feature_exclude_cpu_constraints",
        "%_obs_feature_exclude_cpu_constraints",
        "1 if the scheduler reads the text",
    ),
    server("_project", "%_project", "the project that is built"),
    server("_repository", "%_repository", "the repository of the path the text stands for"),
];
