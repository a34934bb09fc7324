//! Any bytes give a result, in bounded time and memory.

use proptest::prelude::*;

use prjconf::{
    Macros, Options, PathElement, ServerContext, SourceText, check, combine, dump, evaluate, format, parse,
    scheduler_config, server_config,
};

/// Runs everything there is on a text.
fn run_all(text: &[u8]) {
    let tree = parse(text);
    let evaluated = evaluate(&tree, &Options::for_arch("x86_64"));
    let again = evaluate(&tree, &Options::for_arch("x86_64"));
    assert!(dump(&evaluated) == dump(&again));
    for finding in &check(&tree, &["x86_64", "i586"]) {
        assert!(finding.span.start <= finding.span.end && finding.span.end <= text.len());
        assert!(!finding.message.contains('\n'));
        assert!(finding.help.as_ref().is_some_and(|help| !help.is_empty()), "{}", finding.message);
    }
    let formatted = format(&tree);
    let left = evaluate(&parse(&formatted), &Options::for_arch("x86_64"));
    assert_eq!(left.config, evaluated.config, "formatting changes the meaning");
    assert_eq!(left.warnings, evaluated.warnings);
    for split in [0, text.len() / 2] {
        let (head, tail) = text.split_at(split);
        let tree = combine(&[SourceText { name: "a", text: head }, SourceText { name: "b", text: tail }]);
        let _ = check(&tree, &["x86_64"]);
        let path = [
            PathElement { project: "p:q", repository: "r", text: Some(tail) },
            PathElement { project: "p", repository: "standard", text: Some(head) },
        ];
        let context = ServerContext { project: "p:q", repository: "r", ..ServerContext::default() };
        let _ = evaluate(&server_config(&context, &path), &Options::for_arch("i586"));
        let _ = evaluate(&scheduler_config(&context, &path), &Options::for_arch("i586"));
    }
}

/// Pieces that make texts the language reacts to.
const PIECES: &[&str] = &[
    "%if ",
    "%ifarch x86_64",
    "%else",
    "%endif",
    "%elif 1",
    "%define a",
    "%global b ",
    "%a",
    "%b",
    "%{a}",
    "%{?a:",
    "}",
    "%{!?a:x}",
    "%(",
    "%[",
    "]",
    "(",
    ")",
    "1",
    "0",
    " + ",
    " - ",
    "*",
    "/",
    " == ",
    " < ",
    "&&",
    "||",
    "?",
    ":",
    "!",
    "\"a\"",
    "v\"1.2\"",
    "lua:string.rep(",
    ",",
    "\n",
    "\n",
    "\n",
    " ",
    "\\\n",
    "\\",
    "%%",
    "%",
    "#",
    "#!",
    "Prefer: ",
    "x",
    "Substitute: ",
    "!*",
    "!x",
    "a=",
    "Macros:\n",
    ":Macros\n",
    "FromScratch:\n",
    "Order: a:b",
    "Release: ",
    "\t",
    "\r",
    "%{rep ab 9}",
    "%{gsub a-b - x}",
    "%{expr:",
    "%{f x y}",
    "%define f(a:) %1 %* %{-a*}",
    "%f ",
    "%{quote:a b}",
    "%{expand:",
    "%{lower:",
    "%{bcond x 1}",
    "%dnl ",
    "@BUILD_FLAVOR@",
    "#!!line x:5",
    "\u{e4}",
    "DistMacro: d ",
    "Target: i686-x",
    "Type: spec",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_a_result(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        run_all(&text);
    }

    #[test]
    fn any_row_of_known_pieces_gives_a_result(picks in proptest::collection::vec(0..PIECES.len(), 0..60)) {
        let text: String = picks.iter().map(|index| PIECES[*index]).collect();
        run_all(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_decoded_without_loss(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let text = prjconf::decode(&bytes);
        prop_assert_eq!(prjconf::encode(&text).into_owned(), bytes);
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    for text in [
        format!("%if {}1\n", "(".repeat(8_000)),
        format!("%if {}1\n", "!".repeat(8_000)),
        format!("%if 1{}\n", "*1".repeat(8_000)),
        format!("%if {}1\n", "1 ? 1 : ".repeat(8_000)),
        format!("Prefer: {}x\n", "%{lower:".repeat(8_000)),
        format!("Prefer: {}x{}\n", "%{lower:".repeat(1_500), "}".repeat(1_500)),
        format!("Prefer: {}x{}\n", "%{?nil:".repeat(1_500), "}".repeat(1_500)),
        format!("Prefer: {}1{}\n", "%[".repeat(1_500), "]".repeat(1_500)),
        format!("Prefer: %[{}1\n", "lua:string.lower(".repeat(1_500)),
        format!("{}{}", "%if 1\n".repeat(8_000), "%endif\n".repeat(8_000)),
    ] {
        run_all(text.as_bytes());
    }
}

#[test]
fn doubling_macros_run_into_the_limit() {
    let mut text = String::from("%define m0 0123456789abcdef\n");
    for index in 0..60 {
        text.push_str(&format!("%global m{} %{{m{index}}}%{{m{index}}}\n", index + 1));
    }
    text.push_str("Prefer: %m60\nPrefer: b\n");
    let evaluated = evaluate(&parse(text.as_bytes()), &Options::for_arch("x86_64"));
    assert_eq!(evaluated.config.prefer.last(), Some("b"));
    assert!(evaluated.parse_error.is_some_and(|error| error.ends_with("macro expansion is too large")));
}

#[test]
fn repetitions_and_patterns_run_into_the_limit() {
    for text in [
        "Prefer: %{rep ab 99999999999}\n",
        "Prefer: %{rep ab 9223372036854775807}\n",
        "Prefer: %{sub hello -9223372036854775808 9223372036854775807}\n",
        "%define x %{rep:a 60000}\nPrefer: %{gsub %x a*a?a+a-b x}\n",
        "%define x %{rep a 60000}\nPrefer: %{gsub %x a*a?a+a-b x}\n",
    ] {
        let evaluated = evaluate(&parse(text.as_bytes()), &Options::for_arch("x86_64"));
        assert!(evaluated.config.prefer.iter().map(str::len).sum::<usize>() < 2 * 1024 * 1024);
    }
}

#[test]
fn many_lines_of_one_kind_stay_cheap() {
    let many = 1_000;
    for text in [
        "Prefer: a !a\n".repeat(many),
        (0..many).map(|index| format!("Required: p{index} !p{}\n", index / 2)).collect::<String>(),
        (0..many).map(|index| format!("Substitute: s{index} s{}\n", index + 1)).collect::<String>(),
        "Perfer: a\n".repeat(many),
        "Type: spec\n".repeat(many),
        "%{\n".repeat(many),
        "%{".repeat(many),
        "%{?a:\n".repeat(many),
        "%define a \\\n".repeat(many),
        "%if 1 +\n%endif\n".repeat(many),
        "Order: a:b !*\n".repeat(many),
        "Ignore: !* a:b\nPrefer: x\n".repeat(many),
        format!("%define f() x\nPrefer: %f {}\n", "a ".repeat(many)),
        "\n".repeat(many),
        "Macros:\n:Macros\n".repeat(many),
    ] {
        run_all(text.as_bytes());
    }
}

#[test]
fn macros_of_a_hostile_configuration_are_bounded_too() {
    let text = b"Macros:\n%a %a%a\n%b %{rep:x 900000}\n%c() %{c %1 %1}\n:Macros\n";
    let config = evaluate(&parse(text), &Options::for_arch("x86_64")).config;
    let mut macros = Macros::of_config(&config);
    for text in ["%a", "%b%b%b", "%{c x}", "%{nosuch}"] {
        let expansion = macros.expand(text);
        assert!(expansion.text.len() <= 2 * 1024 * 1024);
    }
    assert!(!macros.expand("%a").warnings.is_empty());
}
