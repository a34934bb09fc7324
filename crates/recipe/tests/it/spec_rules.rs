//! What spec files mean, beyond what the peers can be asked about; and hostile ones.

use prjconf::{BuildConfig, Options};
use recipe::Grade;
use recipe::spec::{SpecContext, SpecFile, SpecOptions, parse};

fn config(text: &str) -> BuildConfig {
    prjconf::evaluate(&prjconf::parse(text.as_bytes()), &Options::for_arch("x86_64")).config
}

/// A file with `body` between the three tags everyone needs and nothing else.
fn read_with(config: &BuildConfig, body: &str, options: &SpecOptions<'_>) -> (SpecFile, Vec<(&'static str, usize)>) {
    let text = format!("Name: a\nVersion: 1\nRelease: 2\n{body}\n");
    let (spec, findings) = parse(text.as_bytes(), &SpecContext::new(config), options);
    let codes = findings.iter().map(|finding| (finding.code, finding.line(text.as_bytes()).unwrap_or_default()));
    (spec, codes.collect())
}

fn read(body: &str) -> (SpecFile, Vec<(&'static str, usize)>) {
    read_with(&BuildConfig::default(), body, &SpecOptions::default())
}

fn check_findings(body: &str, expected: &[(&'static str, usize)]) {
    assert_eq!(read(body).1, expected, "{body}");
}

#[test]
fn findings_have_a_code_and_a_line() {
    check_findings("BuildRequires: a", &[]);
    check_findings("BuildRequires: a-%{b}", &[("spec-undefined-macro", 4)]);
    check_findings("\nBuildRequires: a-%(b)", &[("spec-shell", 5), ("spec-unknown-dependency", 5)]);
    check_findings("BuildRequires: (a b)", &[("spec-bad-rich-dependency", 4)]);
    check_findings("%if 1 +\n%endif", &[("spec-bad-condition", 4)]);
    check_findings("%if %(x)\n%endif", &[("spec-shell", 4), ("spec-undecided-condition", 4)]);
    check_findings("%if 0", &[("spec-unterminated-condition", 4)]);
    check_findings("%if 1", &[("spec-unterminated-condition", 0)]);
    check_findings("%endif", &[("spec-stray-branch", 4)]);
    check_findings("%else\n%endif", &[("spec-stray-branch", 4), ("spec-stray-branch", 5)]);
    check_findings("%{lua:\nprint(1)\n}", &[("spec-lua", 4)]);
    check_findings("%include x.inc", &[("spec-missing-file", 4)]);
    check_findings("Source1: a\nSource1: b", &[("spec-repeated-file", 5)]);
    check_findings("%prep\nBuildRequires: a", &[("spec-misplaced-tag", 5)]);
    check_findings("%files nowhere", &[("spec-unknown-package", 4)]);
    check_findings("%{?a:b", &[("spec-unclosed-macro", 4)]);
    check_findings("Release: %{nowhere}", &[("spec-unknown-version", 0)]);
}

#[test]
fn a_file_without_name_or_version_is_no_recipe() {
    let context_config = BuildConfig::default();
    let context = SpecContext::new(&context_config);
    let (spec, findings) = parse(b"Summary: x\n", &context, &SpecOptions::default());
    assert_eq!(spec.recipe(), None);
    let errors: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(errors, ["there is no Name: tag", "there is no Version: tag"]);
    assert!(findings.iter().all(|finding| finding.grade == Grade::Error));
    let options = SpecOptions { file_name: Some("from-file.spec"), ..SpecOptions::default() };
    for name in ["", "Name: %{unknown}\n"] {
        let (spec, _) = parse(format!("{name}Version: 1\n").as_bytes(), &context, &options);
        assert_eq!(spec.recipe().unwrap().name, "from-file");
    }
}

#[test]
fn the_recipe_has_the_words_all_kinds_share() {
    let (spec, _) = read(
        "Epoch: 3\nBuildRequires: b\nPreReq: b c a %{x}\nExclusiveArch: x86_64 aarch64 x86_64\nExcludeArch: aarch64\n\
         %package sub\n%generate_buildrequires",
    );
    let recipe = spec.recipe().unwrap();
    assert_eq!((recipe.version.as_str(), recipe.upstream_version()), ("3:1-2", "1"));
    // `a` is made by this recipe, and `b` asked for anyway.
    assert_eq!(recipe.build_requires, ["b", "--directdepsend--", "c"]);
    assert_eq!(recipe.trigger_requires(), ["b"]);
    assert_eq!(recipe.subpackages, ["a", "a-sub"]);
    let arch = |name| pkg::Arch::parse(name).unwrap();
    assert!(
        recipe.builds_on(&arch("x86_64")) && !recipe.builds_on(&arch("aarch64")) && !recipe.builds_on(&arch("s390x"))
    );
    assert!(recipe.has_dynamic_requires);
    assert!(!read("ExclusiveArch:").0.recipe().unwrap().builds_on(&arch("x86_64")));
}

#[test]
fn packages_have_their_own_versions_and_provides() {
    let (spec, _) = read(
        "Epoch: 1\nProvides: x = 2, y\n%package -n b\nVersion: 9\nBuildArch: noarch\nProvides: z\n%files\n%files -n b",
    );
    let [main, sub] = spec.packages.as_slice() else { panic!("{:?}", spec.packages) };
    assert_eq!((main.name.as_str(), main.evr.as_str()), ("a", "1:1-2"));
    assert_eq!(main.provides, ["x = 2", "y"]);
    assert_eq!((sub.name.as_str(), sub.evr.as_str(), sub.build_arch.as_deref()), ("b", "1:9-2", Some("noarch")));
    assert!(main.has_files && sub.has_files && spec.is_multiversion);
}

#[test]
fn other_files_are_read_through_the_caller() {
    let files = |name: &str| match name {
        "extra.inc" => Some(b"BuildRequires: included-%{version}\n%include deeper.inc".to_vec()),
        "deeper.inc" => Some(b"BuildRequires: deeper\n".to_vec()),
        "macros.local" => Some(b"# macros\n%local_one one\n%local_two \\\nBuildRequires: two\n".to_vec()),
        "loop.inc" => Some(b"%include loop.inc\n%include loop.inc".to_vec()),
        _ => None,
    };
    let options = SpecOptions { files: Some(&files), ..SpecOptions::default() };
    let read = |body: &str| read_with(&BuildConfig::default(), body, &options);
    let (spec, findings) = read(
        "Source1: http://x/extra.inc\nSource2: macros.local\n%include %{SOURCE1}\n%{load:%{S:2}}\nBuildRequires: %{local_one}\n%local_two",
    );
    assert_eq!(spec.build_requires, ["included-1", "deeper", "one", "two"]);
    assert_eq!(findings, []);
    let (_, findings) = read("%include loop.inc");
    assert_eq!(findings, [("spec-missing-file", 4)]);
}

#[test]
fn options_of_the_builder_reach_the_conditions() {
    let base = BuildConfig::default();
    let text = b"%bcond_with x\n%bcond_without y\nName: a\nVersion: 1\n%if %{with x}\nBuildRequires: x\n%endif\n\
        %if %{with y}\nBuildRequires: y\n%endif\n%if 0%{?z}\nBuildRequires: z\n%endif\nBuildRequires: f-@BUILD_FLAVOR@ p-@OBS_PACKAGE@\n";
    let options = SpecOptions { build_flavor: "mini", package: Some("pack"), ..SpecOptions::default() };
    let requires = |context: SpecContext<'_>| parse(text, &context, &options).0.build_requires;
    assert_eq!(requires(SpecContext::new(&base)), ["y", "f-mini", "p-pack"]);
    let context = SpecContext::new(&base).with("x").without("y").define("z", "1");
    assert_eq!(requires(context), ["x", "z", "f-mini", "p-pack"]);
}

#[test]
fn a_condition_in_the_middle_of_a_line_is_text() {
    let (spec, findings) = read("Summary: uses %if 0\nBuildRequires: b\n%description\n- see %if foo\n%package c");
    assert_eq!(spec.build_requires, ["b"]);
    assert_eq!(spec.packages.len(), 2);
    assert_eq!(findings, []);
}

#[test]
fn lists_in_sections_are_sources() {
    let (spec, _) = read("Source: one\n%sourcelist\ntwo\n\n http://x/three \n%patchlist\np\n%prep\nno");
    let names: Vec<&str> = spec.sources.iter().map(|file| file.file_name()).collect();
    assert_eq!(names, ["one", "two", "three"]);
    assert_eq!((spec.patches[0].number, spec.patches[0].location.as_str()), (Some(0), "p"));
}

/// The block of a page that is marked with `kind`.
fn example<'a>(page: &'a str, kind: &str) -> &'a str {
    let (_, behind) = page.split_once(&format!("```{kind}\n")).unwrap();
    behind.split_once("```").unwrap().0
}

#[test]
fn the_example_of_the_manual_is_true() {
    let page = include_str!("../../../../docs/formats/spec.5.md");
    let config = config("Macros:\n%suse_version 1600\n:Macros\n");
    let text = example(page, "spec").as_bytes();
    let (spec, findings) = parse(text, &SpecContext::new(&config), &SpecOptions::default());
    assert_eq!(findings, []);
    let recipe = spec.recipe().unwrap();
    let mut drawn = format!("name {}\nversion {}\n", recipe.name, recipe.version);
    recipe.build_requires.iter().for_each(|text| drawn += &format!("request {text}\n"));
    recipe.subpackages.iter().for_each(|text| drawn += &format!("package {text}\n"));
    for (kind, files) in [("source", &spec.sources), ("patch", &spec.patches)] {
        files.iter().for_each(|file| drawn += &format!("{kind} {} {}\n", file.number.unwrap(), file.file_name()));
    }
    assert_eq!(drawn, example(page, "recipe"));
}

/// Reads something hostile, and nothing may grow or hang.
fn endure(text: &[u8]) -> SpecFile {
    let config = config("Macros:\n%deep() %{?1:x%{deep %*}}\n%self %self\n:Macros\n");
    let begun = std::time::Instant::now();
    let (spec, findings) = parse(text, &SpecContext::new(&config), &SpecOptions::default());
    // Generous: a debug build on a busy machine. Quadratic behaviour would take minutes.
    assert!(begun.elapsed().as_secs() < 60);
    assert!(findings.len() <= 400);
    assert!(findings.iter().all(|finding| finding.span.end <= text.len() && finding.message.len() < 2000));
    spec
}

#[test]
fn hostile_files_end_soon() {
    let many = |line: &str, count: usize| line.repeat(count).into_bytes();
    endure(&many("%if 1\n", 200_000));
    endure(&many("%if 0\n", 200_000));
    endure(&many("%{?a:\n", 100_000));
    endure(&many("%{\n", 100_000));
    endure(&many("%(\n", 100_000));
    endure(&many("%define a \\\n", 200_000));
    endure(&many("%{self}\n", 20_000));
    endure(&many("%deep a b c d e f g\n", 5_000));
    endure(&many("BuildRequires: ((((((((((\n", 100_000));
    endure(format!("BuildRequires: {}", "(".repeat(1 << 20)).as_bytes());
    endure(format!("BuildRequires: {}", "a ".repeat(1 << 19)).as_bytes());
    endure(format!("{}x", "a:".repeat(1 << 19)).as_bytes());
    endure(format!("%if {}", "(".repeat(1 << 20)).as_bytes());
    endure(&many("Source: a\n", 200_000));
    endure(&many("%package a\n", 200_000));
    endure(&many("PreReq: a b c\n", 100_000));
    endure(&many("%else\n%elif 1\n%endif\n", 50_000));
    endure(b"\n".repeat(1 << 20).as_slice());
    endure(&[0xff; 1 << 16]);
    endure(&vec![0; 1 << 20]);
}

#[test]
fn macros_that_double_are_bounded() {
    let mut text = "%define a xxxxxxxxxxxxxxxx\n".to_owned();
    for _ in 0..64 {
        text.push_str("%global a %{a}%{a}\n");
    }
    text.push_str("Name: %{a}\nBuildRequires: %{a} %{a}\n");
    // Each of these lines would be a megabyte.
    text.push_str(&"%{a}%{a}\n".repeat(100_000));
    let spec = endure(text.as_bytes());
    assert!(spec.name.len() <= 2 << 20);
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in r"((%(if|else|endif|elif|define|global|package|files|include|undefine|\{\?a:|\(|\[)|Name|Source1|BuildRequires|#!BuildIgnore|Version)?:? ?[ \n%{}()\[\]<>=!?a-z0-9\\,\xff-]{0,12}\n?){0,16}") {
        let config = BuildConfig::default();
        let (spec, findings) = parse(text.as_bytes(), &SpecContext::new(&config), &SpecOptions::default());
        let _ = (spec.recipe(), spec.request());
        for finding in findings {
            proptest::prop_assert!(text.as_bytes().get(finding.span.clone()).is_some(), "{finding:?}");
        }
    }
}
