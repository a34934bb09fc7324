//! Each finding has an example here; the manual shows the same.

use std::fmt::Write as _;

use prjconf::{Code, PathElement, ServerContext, SourceText, check, combine, parse, server_config};

const ARCHES: &[&str] = &["x86_64", "i586"];

/// `LINE:TEXT-OF-SPAN: grade CODE message (help)` for each finding.
fn findings(text: &str) -> String {
    let tree = parse(text.as_bytes());
    let mut shown = String::new();
    for finding in check(&tree, ARCHES) {
        let line = tree.locate(finding.span).line;
        let place = String::from_utf8_lossy(&tree.text()[finding.span.start..finding.span.end]).into_owned();
        let (grade, code) = (finding.grade().as_str(), finding.code.code());
        let _ = write!(shown, "{line}:{place:?}: {grade} {code} {}", finding.message);
        let _ = finding.help.map_or(writeln!(shown), |help| writeln!(shown, " ({help})"));
    }
    shown
}

fn codes(text: &str) -> Vec<&'static str> {
    check(&parse(text.as_bytes()), ARCHES).iter().map(|finding| finding.code.code()).collect()
}

/// One text for each code that must make exactly this finding.
const EXAMPLES: &[(Code, &str)] = &[
    (Code::UnknownKeyword, "Perfer: vim\n"),
    (Code::MissingArgument, "Prefer:\n"),
    (Code::UnknownBuildFlag, "BuildFlags: nocheck\n"),
    (Code::UnknownExpandFlag, "ExpandFlags: preinstalexpand\n"),
    (Code::UnknownPublishFlag, "PublishFlags: archsync withsboms\n"),
    (Code::UnknownRepotype, "Repotype: rpmmd\n"),
    (Code::UnknownPatterntype, "Patterntype: yum\n"),
    (Code::OrderWithoutColon, "Order: glibc\n"),
    (Code::FileProvidesEmpty, "FileProvides: /bin/sh\n"),
    (Code::SubstituteEmpty, "Substitute: gone\n"),
    (Code::SubstituteCycle, "Substitute: a b\nSubstitute: b c a\n"),
    (Code::DuplicateEntry, "Prefer: vim emacs vim\n"),
    (Code::Shadowed, "Repotype: rpm-md\nRepotype: debian\n"),
    (Code::UselessEntry, "Ignore: vim:\n"),
    (Code::Deprecated, "Changetarget: i686\n"),
    (Code::InvalidPattern, "PublishFilter: *.rpm\n"),
    (Code::LateFromScratch, "Prefer: vim\nFromScratch:\n"),
    (Code::UnknownValue, "Type: rpm\n"),
    (Code::StrayCharacter, "Prefer: vim # the best\n"),
    (Code::MacroError, "%define n 0\n%if 1/%n\n%endif\n"),
    (Code::UnterminatedCondition, "%define n 0\n%if %n\nPrefer: vim\n"),
    (Code::ElseWithoutIf, "%else\n%endif\n"),
    (Code::EndifWithoutIf, "%endif\n"),
    (Code::SecondElse, "%ifarch i586\n%else\n%else\n%endif\n"),
    (Code::ConstantCondition, "%ifarch x86_64 i586\nPrefer: vim\n%endif\n"),
    (Code::UndefinedMacro, "Prefer: lib%abi\n"),
    (Code::UnusedMacro, "%define version 5\n"),
    (Code::MacrosInCondition, "%ifnarch i586\nMacros:\n%x 1\n%y 2\n:Macro\n"),
    (Code::QuotedZero, "%if \"0%{?suse_version}\"\nPrefer: vim\n%endif\n"),
    (Code::UnknownConditionWord, "%ifarch i586\n%elifnarch i586\n%endif\n"),
    (Code::MidlineCondition, "Prefer: vim %ifarch i586\n%endif\n"),
    (Code::UndefineIgnored, "%undefine vendor\n"),
    (Code::DefineInMacros, "Macros:\n%define dist .el9\n:Macros\n"),
];

#[test]
fn each_code_has_an_example_that_makes_it() {
    for (code, text) in EXAMPLES {
        assert!(codes(text).contains(&code.code()), "{} {text:?} gives {}", code.code(), findings(text));
    }
    let without: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| **code != Code::UselessRemoval && !EXAMPLES.iter().any(|(known, _)| known == *code))
        .map(|code| code.name())
        .collect();
    assert!(without.is_empty(), "no example: {without:?}");
}

/// What the examples do not show: each way a finding of a code can be made.
const FURTHER_WAYS: &[&str] = &[
    "Foo: bar\n",
    "Prefer vim\nPrefer:vim\n:Macros\n",
    "BuildFlags: quitesomethingelse\nExpandFlags: quitesomethingelse\nPublishFlags: quitesomethingelse\n",
    "Repotype: quitesomethingelse\nPatterntype: quitesomethingelse\nType: quitesomethingelse\n",
    "BinaryType: quitesomethingelse\nBuildEngine: quitesomethingelse\n",
    "Prefer: ! vim - x: -vim\nPrefer: vim \\\n",
    "Conflict: a:\nSingleExport: x\nExportFilter: *.rpm x86_64\n",
    "%elif 1\n%endif\n%if 1 +\n%endif\n%if 1 = 1\n%endif\n%if (1\n%endif\n%if 1 ? 2\n%endif\n%if \"a\" * 2\n%endif\n",
    "%if foo(1)\n%endif\n%if lua:string.foo(1)\n%endif\n%if 1/0\n%endif\n",
    "%define a %a\nPrefer: %a %(date) %{load:x}\n",
];

#[test]
fn every_finding_has_a_help() {
    let texts = EXAMPLES.iter().map(|(_, text)| *text).chain(FURTHER_WAYS.iter().copied());
    for text in texts {
        let found = check(&parse(text.as_bytes()), ARCHES);
        assert!(!found.is_empty(), "{text:?} has no findings");
        for finding in found {
            assert!(finding.help.is_some_and(|help| !help.is_empty()), "{text:?}: {}", finding.message);
        }
    }
}

#[test]
fn a_useless_removal_is_only_told_if_the_weaker_texts_are_there() {
    assert!(codes("Prefer: !vim\n").is_empty());
    let base = SourceText { name: "base", text: b"Prefer: emacs\n" };
    let own = SourceText { name: "own", text: b"Prefer: !vim !emacs\n" };
    let tree = combine(&[base, own]);
    let found = check(&tree, &["x86_64"]);
    assert_eq!(found.len(), 1);
    assert!(found[0].help.is_some());
    let place = tree.locate(found[0].span);
    assert_eq!((found[0].code, place.name.as_str(), place.line), (Code::UselessRemoval, "own", 1));
}

#[test]
fn a_package_that_is_taken_out_can_not_be_preferred() {
    assert_eq!(codes("Prefer: -vim emacs vim\n"), ["K015"]);
    assert_eq!(codes("Prefer: vim\nPrefer: -vim\n"), ["K015"]);
    assert!(codes("Prefer: vim !vim -vim\n").is_empty());
}

#[test]
fn messages_and_places_read_well() {
    let text: String = EXAMPLES.iter().map(|(_, text)| format!("{}---\n", findings(text))).collect();
    expect_test::expect_file!["findings.txt"].assert_eq(&text);
}

#[test]
fn a_clean_configuration_has_no_findings() {
    let text = "\
# base
%define gcc 13
Preinstall: rpm bash
Required: gcc%gcc
%if 0%{?suse_version} > 1500
Prefer: -vim vim-small
%else
Substitute: vim vim-small
%endif
%ifarch i586
Substitute: a b
%else
Substitute: a c
%endif
BuildFlags: vmfstype:ext4 excludebuild:foo
Repotype: rpm-md:sha512
Macros:
%dist .el9
:Macros
";
    assert_eq!(findings(text), "");
}

#[test]
fn an_entry_that_is_useless_for_one_architecture_only_is_no_finding() {
    let text = "Substitute: a b\n%ifarch i586\nSubstitute: a c\n%endif\n";
    assert_eq!(findings(text), "");
}

#[test]
fn generated_lines_of_a_joined_text_are_no_findings() {
    let context = ServerContext { project: "p:q", repository: "r", ..ServerContext::default() };
    let base = PathElement { project: "p", repository: "standard", text: Some(b"Prefer: vim\nPerfer: x\n") };
    let tree = server_config(&context, &[base]);
    let found = check(&tree, &["x86_64", "i586"]);
    assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::UnknownKeyword]);
}

/// The lines of the constant conditions of a text, with their values.
fn constant(text: &str) -> Vec<(usize, bool)> {
    let tree = parse(text.as_bytes());
    let found = check(&tree, ARCHES).into_iter().filter(|finding| finding.code == Code::ConstantCondition);
    found.map(|finding| (tree.locate(finding.span).line, finding.message.contains("true"))).collect()
}

#[test]
fn a_condition_nothing_can_change_is_a_finding_though_it_has_macros() {
    for (text, expected) in [
        ("%define n 1\n%if %n == 1\nKeep: a\n%endif\n", &[(2, true)][..]),
        ("%define n 1\n%if 0%{?n} > 1\nKeep: a\n%elif 0%{?n}\nKeep: b\n%endif\n", &[(2, false), (4, true)]),
        ("%if \"%_target_cpu\" == \"s390x\"\nKeep: a\n%endif\n", &[(1, false)]),
        ("%define mine %ix86 x86_64\n%ifarch %mine\nKeep: a\n%endif\n", &[(2, true)]),
        ("%ifarch i586\n%define n 1\n%else\n%define n 2\n%endif\n%if %n < 3\nKeep: a\n%endif\n", &[(6, true)]),
    ] {
        assert_eq!(constant(text), expected, "{text}");
    }
}

#[test]
fn a_condition_something_can_change_is_no_finding() {
    for text in [
        "%if 0%{?suse_version} > 1500\nKeep: a\n%endif\n",
        "%if \"%_target_cpu\" == \"x86_64\"\nKeep: a\n%endif\n",
        "%ifarch i586\n%define n 1\n%else\n%define n 2\n%endif\n%if %n == 1\nKeep: a\n%endif\n",
        "%ifarch %{?arches}\nKeep: a\n%endif\n",
        "%{!?n:%define n 1}\n%if %n\nKeep: a\n%endif\n",
        "%if 0%{?x}\n%define n 1\n%endif\n%if 0%{?n}\nKeep: a\n%endif\n",
        "%ifarch i586\n%define n 1\n%if %n\nKeep: a\n%endif\n%endif\n",
    ] {
        assert_eq!(constant(text), [], "{text}");
    }
}

#[test]
fn what_another_text_or_the_server_defines_may_be_otherwise_elsewhere() {
    let own = "%if %n\nKeep: a\n%endif\n%if %_is_this_project\nKeep: b\n%endif\n";
    let base = SourceText { name: "base", text: b"%define n 1\n" };
    let tree = combine(&[base, SourceText { name: "own", text: own.as_bytes() }]);
    assert_eq!(check(&tree, ARCHES).iter().filter(|finding| finding.code == Code::ConstantCondition).count(), 0);
    let context = ServerContext { project: "p", repository: "r", ..ServerContext::default() };
    let element = PathElement { project: "p", repository: "r", text: Some(own.as_bytes()) };
    let tree = server_config(&context, &[element]);
    assert_eq!(check(&tree, ARCHES).iter().filter(|finding| finding.code == Code::ConstantCondition).count(), 0);
}

#[test]
fn a_condition_that_is_wrong_is_not_called_constant_as_well() {
    assert_eq!(codes("%if 1 +\n%endif\n"), ["K101"]);
    assert_eq!(codes("%define n 0\n%if 1/%n\n%endif\n"), ["K101"]);
}
