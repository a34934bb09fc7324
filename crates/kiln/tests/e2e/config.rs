//! `kiln config`: build configurations in files, on standard input and on a server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use expect_test::{Expect, expect, expect_file};
use serde_json::{Value, json};

use crate::kit::{Server, offer_targets};

const PROJECT: &str = "home:admin:tools";

const FAULTY: &str = "\
Prefer: a b
Perfer: x
Order: foo
BuildFlags: vmfstype:ext4 nosuchflag
%if 1 +
%endif
";

/// Runs a command in a folder: exit code, standard output, standard error.
fn run(folder: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kiln"))
        .arg("config")
        .args(arguments)
        .current_dir(folder)
        .env_remove("KILN_URL")
        .env("KILN_CONFIG", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may be gone.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A folder with files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What a command on files prints, with its exit code and its last words.
#[track_caller]
fn check(files: &[(&str, &str)], arguments: &[&str], expected: &Expect) {
    let folder = folder(files);
    let (code, stdout, stderr) = run(folder.path(), arguments, "");
    expected.assert_eq(&format!("{stdout}{stderr}exit {code}\n"));
}

#[test]
fn check_shows_each_finding_in_its_line() {
    check(
        &[("own.conf", FAULTY)],
        &["check", "own.conf"],
        &expect![[r#"
            warning[K001]: unknown keyword `Perfer:`
             --> own.conf:2:1
              |
            2 | Perfer: x
              | ^^^^^^^
              |
              = help: did you mean `Prefer:`?

            warning[K008]: `foo` is not of the form `A:B`
             --> own.conf:3:8
              |
            3 | Order: foo
              |        ^^^
              |
              = help: `A:B` means: install A before B

            warning[K003]: nothing reads the build flag `nosuchflag`
             --> own.conf:4:27
              |
            4 | BuildFlags: vmfstype:ext4 nosuchflag
              |                           ^^^^^^^^^^
              |
              = help: prjconf(5) lists all 38 that are known

            error[K101]: syntax error in expression
             --> own.conf:5:7
              |
            5 | %if 1 +
              |       ^
              |
              = help: operands and operators take turns; quote what is no plain word or number

            error: 1 error, 3 warnings
            exit 2
        "#]],
    );
}

#[test]
fn twenty_faults_are_found_at_their_places() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operating");
    let (code, stdout, stderr) = run(&docs, &["check", "twenty-faults.conf"], "");
    expect_file!["../../../../docs/operating/twenty-faults.txt"].assert_eq(&format!("{stdout}{stderr}"));
    let codes: std::collections::BTreeSet<&str> =
        stdout.lines().filter_map(|line| Some(line.split_once(": ")?.0)).filter(|head| head.ends_with(']')).collect();
    assert_eq!((code, codes.len()), (2, 20), "{codes:?}");
}

#[test]
fn the_page_shows_what_the_check_prints_and_names_every_command() {
    let page = include_str!("../../../../docs/operating/build-configurations.md");
    let folder = folder(&[]);
    let (_, stdout, stderr) = run(folder.path(), &["check", "-"], "Order: glibc\nPerfer: postfix\n");
    assert!(page.contains(&format!("{stdout}{stderr}```")), "{stdout}");
    let (_, help, _) = run(folder.path(), &["--help"], "");
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let missing: Vec<&str> = names
        .filter(|name| {
            !name.is_empty()
                && *name != "help"
                && !page.contains(&format!("`kiln config {name} "))
                && !page.contains(&format!("`kiln config {name}`"))
        })
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn check_reads_several_files_and_those_they_name() {
    let files = [
        ("base.conf", "Perfer: x\n"),
        ("own.conf", "#!PrependConfigFile: base.conf\nOrder: a\n"),
        ("good.conf", "Prefer: a\n"),
    ];
    check(
        &files,
        &["check", "good.conf", "own.conf", "--deny", "warning"],
        &expect![[r#"
        warning[K001]: unknown keyword `Perfer:`
         --> base.conf:1:1
          |
        1 | Perfer: x
          | ^^^^^^^
          |
          = help: did you mean `Prefer:`?

        warning[K008]: `a` is not of the form `A:B`
         --> own.conf:2:8
          |
        2 | Order: a
          |        ^
          |
          = help: `A:B` means: install A before B

        error: 2 warnings
        exit 2
    "#]],
    );
    check(
        &files,
        &["check", "missing.conf", "good.conf"],
        &expect![[r#"
        error: failed to open file `missing.conf`: No such file or directory (os error 2)
        exit 4
    "#]],
    );
}

#[test]
fn check_prints_json_for_machines_and_colours_when_asked() {
    let folder = folder(&[]);
    let (code, stdout, stderr) = run(folder.path(), &["check", "--json", "-"], "# ä\nPerfer: x\n");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let finding = json!({
        "code": "K001", "name": "unknown-keyword", "grade": "warning", "line": 2, "column": 1, "start": 5, "end": 12,
        "message": "unknown keyword `Perfer:`", "help": "did you mean `Prefer:`?", "file": "<stdin>",
    });
    assert_eq!((code, report, stderr.as_str()), (0, json!({"name": "<stdin>", "findings": [finding]}), ""));
    let (_, plain, _) = run(folder.path(), &["check", "-"], "Perfer: x\n");
    let (_, colored, _) = run(folder.path(), &["check", "--color", "always", "-"], "Perfer: x\n");
    assert!(!plain.contains('\u{1b}') && colored.contains("\u{1b}["), "{colored}");
}

#[test]
fn show_says_where_each_entry_is_written() {
    let files = [
        ("base.conf", "Preinstall: bash rpm\nPrefer: a\n"),
        (
            "own.conf",
            "#!PrependConfigFile: base.conf\n%define p b\n%ifarch i586\nPrefer: %p\n%endif\nSubstitute: x y=\nMacros:\n%dist .k\n:Macros\n",
        ),
    ];
    check(
        &files,
        &["show", "own.conf", "--arch", "i586"],
        &expect![[r#"
        KEYWORD     ENTRY                                       FROM
        Preinstall  bash                                        base.conf:1
        Preinstall  rpm                                         base.conf:1
        Prefer      a                                           base.conf:2
        Prefer      b                                           own.conf:4 by macros
        Substitute  system-packages:repo-creation = createrepo  default
        Substitute  x = y=                                      own.conf:6
        Type        spec                                        default
        BinaryType  rpm                                         default
        Release     <CI_CNT>.<B_CNT>                            default
        Macros      dist = .k                                   own.conf:8
        exit 0
    "#]],
    );
    check(
        &files,
        &["show", "own.conf", "--arch", "x86_64", "--keyword", "prefer:"],
        &expect![[r#"
        KEYWORD  ENTRY  FROM
        Prefer   a      base.conf:2
        exit 0
    "#]],
    );
    check(
        &files,
        &["show", "own.conf", "--keyword", "nosuch"],
        &expect![[r#"
        error: "nosuch" is not a keyword
        exit 2
    "#]],
    );
}

#[test]
fn eval_shows_the_value_and_what_it_is_made_of() {
    let files = [("own.conf", "%define v 3\n%define w %v\nMacros:\n%suse_version 1550\n")];
    check(
        &files,
        &["eval", "%w * 2 >= 6 && 0%{?suse_version}", "own.conf"],
        &expect![[r#"
        in the configuration:
          expanded   3 * 2 >= 6 && 0
          value      0
          condition  false
        in recipes:
          expanded   %w * 2 >= 6 && 01550
          condition  none: syntax error in expression
        macros:
          %w = %v (own.conf:2, seen by the configuration)
          %suse_version = 1550 (own.conf:4, seen by recipes)
          %v = 3 (own.conf:1, seen by the configuration)
        exit 0
    "#]],
    );
    check(
        &files,
        &["eval", "%ifarch %arm64", "own.conf", "--arch", "aarch64"],
        &expect![[r#"
        expanded   aarch64
        condition  true
        macros:
          %arm64 = aarch64 (built in)
        exit 0
    "#]],
    );
    check(
        &[],
        &["eval", "7 / 2"],
        &expect![[r#"
        expanded   7 / 2
        value      3.5
        condition  true
        exit 0
    "#]],
    );
    check(
        &[],
        &["eval", "7 /"],
        &expect![[r#"
        error: "7 /": syntax error in expression
        exit 2
    "#]],
    );
}

#[test]
fn diff_compares_meanings_and_exits_with_1() {
    let files = [
        ("a.conf", "Prefer: a b\nSubstitute: x y\nMacros:\n%m 1\n"),
        ("b.conf", "# other layout\nprefer:  a\nPREFER: b\nSubstitute: x y\nMacros:\n%m 1\n"),
        ("c.conf", "Prefer: b c\n%ifarch i586\nSubstitute: x y z=\n%endif\nRelease: 5\nMacros:\n%m 2\n"),
    ];
    check(
        &files,
        &["diff", "a.conf", "b.conf"],
        &expect![[r#"
        exit 0
    "#]],
    );
    check(
        &files,
        &["diff", "a.conf", "c.conf", "--arch", "i586", "--arch", "x86_64"],
        &expect![[r#"
        everywhere:
          - Prefer: a
          + Prefer: c
          ~ Release: <CI_CNT>.<B_CNT> -> 5
          ~ Macros: m = 1 -> 2
        i586:
          ~ Substitute: x = y -> y z=
        x86_64:
          - Substitute: x = y
        exit 1
    "#]],
    );
    check(
        &files,
        &["diff", "--json", "a.conf", "c.conf", "--arch", "i586"],
        &expect![[r#"
        {"targets":["i586"],"differences":[{"targets":["i586"],"keyword":"Prefer","entry":"a","change":"removed"},{"targets":["i586"],"keyword":"Prefer","entry":"c","change":"added"},{"targets":["i586"],"keyword":"Substitute","entry":"x","change":"changed","before":"y","after":"y z="},{"targets":["i586"],"keyword":"Release","change":"changed","before":"<CI_CNT>.<B_CNT>","after":"5"},{"targets":["i586"],"keyword":"Macros","entry":"m","change":"changed","before":"1","after":"2"}]}
        exit 1
    "#]],
    );
    check(
        &files,
        &["diff", "a.conf"],
        &expect![[r#"
        error: a.conf is to be compared with what?
        help: name a second file
        exit 2
    "#]],
    );
}

#[test]
fn fmt_changes_files_in_place_or_only_says_so() {
    let folder = folder(&[("bad.conf", "  PREFER:  a\n\n\n\n# c  \n"), ("good.conf", "Prefer: a\n")]);
    let path = folder.path();
    assert_eq!(
        run(path, &["fmt", "--check", "bad.conf", "good.conf"], ""),
        (1, "bad.conf\n".to_owned(), String::new())
    );
    assert_eq!(run(path, &["fmt", "bad.conf", "good.conf"], ""), (0, "bad.conf\n".to_owned(), String::new()));
    assert_eq!(std::fs::read_to_string(path.join("bad.conf")).unwrap(), "Prefer: a\n\n# c\n");
    assert_eq!(run(path, &["fmt", "--check", "bad.conf", "good.conf"], "").0, 0);
    assert_eq!(run(path, &["fmt", "-"], "order: a:b\n"), (0, "Order: a:b\n".to_owned(), String::new()));
    assert_eq!(std::fs::read_dir(path).unwrap().count(), 2);
}

/// `config dump` of every recorded case is its `expected.json`, byte for byte.
#[test]
fn dump_prints_the_recorded_answers() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for cases in [workspace.join("corpus/config"), workspace.join("../shared/cases/config")] {
        let Ok(entries) = std::fs::read_dir(&cases) else {
            eprintln!("SKIPPED: {} is not there", cases.display());
            continue;
        };
        let cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        let mut count = 0;
        for case in cases.iter().filter(|case| case.join("expected.json").is_file()) {
            let expected = std::fs::read(case.join("expected.json")).unwrap();
            let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
            let found = command.arg("config").args(dump_arguments(case)).current_dir(case).output().unwrap();
            assert!(found.stdout == expected, "{}", case.display());
            count += 1;
        }
        assert!(count > 100, "{count} cases");
    }
}

fn dump_arguments(case: &Path) -> Vec<String> {
    let read = |name: &str| std::fs::read_to_string(case.join(name)).unwrap_or_default();
    let mut arguments = vec!["dump".to_owned(), "--arch".to_owned(), read("arch").trim().to_owned()];
    arguments.extend(read("eval").lines().map(|text| format!("--eval={text}")));
    match read("mode").trim() {
        "combine" => {
            let names = (1..).map(|number| format!("{number}.conf")).take_while(|name| case.join(name).is_file());
            arguments.extend(["--mode".to_owned(), "combine".to_owned()].into_iter().chain(names));
        }
        "dist" => arguments.extend(["--mode", "dist", "input.conf"].map(str::to_owned)),
        _ => arguments.push("input.conf".to_owned()),
    }
    arguments
}

/// A server with a project that has two revisions and two targets.
fn project(folder: &tempfile::TempDir) -> Server {
    let server = Server::start(folder.path(), &[]);
    offer_targets(folder.path());
    let targets = ["--target", "debian-12-x86_64", "--target", "debian-12-i586"];
    assert_eq!(server.kiln(&[&["project", "create", PROJECT], &targets[..]].concat()).code(), 0);
    for file in ["1.conf", "2.conf"] {
        let path = folder.path().join(file).display().to_string();
        assert_eq!(server.kiln(&["project", "config", PROJECT, "--set", &path]).code(), 0);
    }
    server
}

/// Commands of `kiln config` with what they print and how they end.
fn answers(server: &Server, commands: &[&[&str]]) -> String {
    let mut shown = String::new();
    for arguments in commands {
        let ran = server.kiln(&[&["config"], *arguments].concat());
        shown.push_str(&format!("$ {}\n{}{}exit {}\n\n", arguments.join(" "), ran.stdout(), ran.stderr(), ran.code()));
    }
    shown
}

#[test]
fn projects_are_checked_shown_and_compared_on_the_server() {
    let folder = folder(&[
        ("1.conf", "Prefer: liba\n"),
        ("2.conf", "%ifarch i586\nPrefer: libb\n%endif\nPerfer: x\n%define v 2\n"),
    ]);
    let server = project(&folder);
    let all = [
        &["check", PROJECT][..],
        &["show", PROJECT, "debian-12", "i586", "--keyword", "Prefer"],
        &["show", PROJECT, "debian-12", "x86_64", "--keyword", "Prefer", "--revision", "1"],
        &["show", PROJECT],
        &["eval", "%v", PROJECT, "--arch", "i586"],
        &["diff", PROJECT],
        &["diff", PROJECT, "--from-revision", "0", "--to-revision", "1"],
        &["diff", PROJECT, "--from-revision", "9"],
        &["check", "home:admin:nosuch"],
    ];
    let shown = answers(&server, &all);
    expect![[r#"
        $ check home:admin:tools
        warning[K001]: unknown keyword `Perfer:`
         --> home:admin:tools:4:1
          |
        4 | Perfer: x
          | ^^^^^^^
          |
          = help: did you mean `Prefer:`?

        hint[K108]: macro `v` is never used
         --> home:admin:tools:5:1
          |
        5 | %define v 2
          | ^^^^^^^^^^^
          |
          = help: remove it, or define it in a `Macros:` block if recipes use it

        1 warning, 1 hint
        exit 0

        $ show home:admin:tools debian-12 i586 --keyword Prefer
        KEYWORD  ENTRY  FROM
        Prefer   libb   home:admin:tools/debian-12:2
        Debian:12/standard of the path does not exist
        exit 0

        $ show home:admin:tools debian-12 x86_64 --keyword Prefer --revision 1
        KEYWORD  ENTRY  FROM
        Prefer   liba   home:admin:tools/debian-12:1
        Debian:12/standard of the path does not exist
        exit 0

        $ show home:admin:tools
        error: project home:admin:tools has several targets
        help: say which repository and architecture: debian-12 x86_64, debian-12 i586
        exit 2

        $ eval %v home:admin:tools --arch i586
        in the configuration:
          expanded   2
          value      2
          condition  true
        in recipes:
          expanded   %v
          condition  none: syntax error in expression
        macros:
          %v = 2 (home:admin:tools/debian-12:5, seen by the configuration)
        exit 0

        $ diff home:admin:tools
        everywhere:
          - Prefer: liba
        debian-12/i586:
          + Prefer: libb
        exit 1

        $ diff home:admin:tools --from-revision 0 --to-revision 1
        everywhere:
          + Prefer: liba
        exit 1

        $ diff home:admin:tools --from-revision 9
        error: the build configuration of project home:admin:tools has no revision 9
        exit 4

        $ check home:admin:nosuch
        error: there is no project home:admin:nosuch
        exit 4

    "#]]
    .assert_eq(&shown);
}

#[test]
fn an_editor_is_served_over_the_standard_streams() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kiln"))
        .args(["config", "lsp"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut say = |message: Value| {
        let body = message.to_string();
        write!(input, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        input.flush().unwrap();
    };
    let mut hear = || -> Value {
        let mut header = String::new();
        output.read_line(&mut header).unwrap();
        let length: usize = header.trim().strip_prefix("Content-Length: ").unwrap().parse().unwrap();
        let mut body = vec![0; length + 2];
        output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    };
    say(json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}));
    assert_eq!(hear()["result"]["serverInfo"]["name"], "kiln");
    say(json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}));
    say(json!("nonsense"));
    assert_eq!(hear()["error"]["code"], -32600);
    let document = json!({"uri": "file:///x.conf", "languageId": "prjconf", "version": 1, "text": "# 😀\nPerfer: x\n"});
    say(json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": document}}));
    let told = hear();
    assert_eq!(told["method"], "textDocument/publishDiagnostics");
    assert_eq!(told["params"]["diagnostics"][0]["code"], "K001");
    say(json!({"jsonrpc": "2.0", "id": 2, "method": "shutdown"}));
    assert_eq!(hear(), json!({"jsonrpc": "2.0", "id": 2, "result": null}));
    say(json!({"jsonrpc": "2.0", "method": "exit"}));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
