//! Build descriptions, compared with the tools that read them: libdpkg for Debian's dependency fields.
//!
//! Tests whose tool or data this machine lacks say so and pass.

#![expect(clippy::unwrap_used, reason = "a test that can not go on has failed")]
#![expect(clippy::print_stderr, reason = "says which tests were skipped")]
#![expect(clippy::disallowed_methods, reason = "the tests run the tools that read descriptions")]

mod spec;
mod spec_rules;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pkg::Arch;
use pkg::deb822::{build_dependencies, paragraphs};
use recipe::{Target, dsc};

/// Answers in libdpkg's words: one field a line in, one list a line out.
const LIBDPKG: &str = r#"
    use Dpkg::Deps;
    my ($arch, @profiles) = @ARGV;
    while (my $value = <STDIN>) {
        chomp $value;
        my $deps = deps_parse($value, build_dep => 1, reduce_arch => 1, host_arch => $arch,
            reduce_restrictions => 1, build_profiles => \@profiles);
        print defined $deps ? $deps->output() : 'ERROR', "\n";
    }
"#;

/// `None`, with a word about it, where perl or libdpkg is missing.
fn libdpkg(fields: &[String], arch: &str, profiles: &[String]) -> Option<Vec<String>> {
    let mut command = Command::new("perl");
    command
        .args(["-e", LIBDPKG, arch])
        .args(profiles)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        eprintln!("skipped: perl can not be run");
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    let text = fields.join("\n") + "\n";
    // Perl answers while it reads: somebody has to listen while we write.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(text.as_bytes()));
        child.wait_with_output().unwrap()
    });
    if !output.status.success() {
        eprintln!("skipped: libdpkg-perl is not installed");
        return None;
    }
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// libdpkg's spelling of an item in ours: `a:native (>> 1) | b` is `a > 1 | b`.
fn in_our_words(list: &str) -> Vec<String> {
    let relation = |text: &str| {
        let (name, rest) = text.split_once(" (").unwrap_or((text, ""));
        let name = name.strip_suffix(":any").or(name.strip_suffix(":native")).unwrap_or(name);
        let version = rest.trim_end_matches(')').replace("<<", "<").replace(">>", ">");
        if version.is_empty() { name.to_owned() } else { format!("{name} {version}") }
    };
    let item = |text: &str| text.split(" | ").map(relation).collect::<Vec<_>>().join(" | ");
    list.split(", ").filter(|text| !text.is_empty()).map(item).collect()
}

fn check_fields(fields: &[String], arch: &str, profiles: &[String]) {
    let Some(answers) = libdpkg(fields, arch, profiles) else { return };
    assert_eq!(answers.len(), fields.len());
    for (field, answer) in fields.iter().zip(&answers) {
        let (ours, problems) = build_dependencies(field, arch, profiles);
        assert!(problems.is_empty(), "{field}: {problems:?}");
        assert_eq!(ours, in_our_words(answer), "{field}");
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn odd_dependencies_are_read_as_libdpkg_reads_them() {
    let fields = [
        "a(>=1),b ( << 2~ ) ,c[amd64]|d [ !amd64 ]|e",
        "a:any (= 1:2-3), b:native, c:arm64",
        "a [linux-any], b [any-i386], c [!linux-any], d [hurd-any kfreebsd-any]",
        "a <!nocheck>, b <nocheck>, c <stage1 nocheck>, d <stage1> <!cross>, e <!stage1 !nocheck>",
        "a [amd64] <!nocheck>, b (>= 1) [i386] <nocheck> | x",
        "",
        "libfoo-dev (>= 1.0~rc1+dfsg-1) | libfoo1-dev | libfoo.0-dev",
    ];
    let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    for arch in ["amd64", "armhf", "i386", "hurd-i386"] {
        for profiles in ["", "nocheck", "nocheck cross stage1"] {
            check_fields(&fields, arch, &words(profiles));
        }
    }
}

/// A file of the measurements beside the project, if they are there.
fn measured(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases").join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {path} is not there", path = path.display());
    None
}

#[test]
fn build_dependencies_of_debian_are_read_as_libdpkg_reads_them() {
    let Some(path) = measured("debian-universe/Sources.slim.xz") else { return };
    let Ok(output) = Command::new("xz").arg("-dc").arg(path).output() else {
        eprintln!("skipped: xz can not be run");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let names = ["Build-Depends", "Build-Depends-Arch", "Build-Depends-Indep"];
    let fields: Vec<String> = paragraphs(&text)
        .flat_map(|paragraph| names.map(|name| paragraph.get(name).unwrap_or_default().replace('\n', " ")))
        .filter(|field| !field.is_empty())
        .collect();
    assert!(fields.len() > 1000);
    check_fields(&fields, "amd64", &[]);
    check_fields(&fields[..300], "arm64", &words("nocheck nodoc"));
}

#[test]
fn a_description_is_read_as_build_pm_reads_it() {
    // The answer is Build.pm's: dependencies -i1 -i2, architectures aarch64 x86_64, name hello, version 1.
    let text =
        "Source: hello\nVersion: 1-1\nArchitecture: linux-amd64 arm64\nBuild-Ignore: i1\nBuild-Conflicts-Arch: i2\n";
    let arch = Arch::parse("x86_64").unwrap();
    let (recipe, findings) = dsc::parse(text, &Target { arch: &arch, profiles: &[] });
    let recipe = recipe.unwrap();
    assert_eq!(findings, []);
    assert_eq!(recipe.build_requires, ["-i1", "-i2"]);
    assert_eq!(recipe.architectures.iter().map(Arch::as_str).collect::<Vec<_>>(), ["aarch64", "x86_64"]);
    assert_eq!((recipe.name.as_str(), recipe.upstream_version()), ("hello", "1"));
}

#[test]
fn what_dpkg_source_makes_is_read_without_findings() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("kiln-test-1");
    std::fs::create_dir_all(tree.join("debian/source")).unwrap();
    let put = |name: &str, text: &str| std::fs::write(tree.join("debian").join(name), text).unwrap();
    put("source/format", "3.0 (native)\n");
    put(
        "changelog",
        "kiln-test (1) unstable; urgency=low\n\n  * x\n\n -- A <a@example.org>  Sat, 11 Jul 2026 10:16:37 +0000\n",
    );
    put(
        "control",
        "Source: kiln-test\nMaintainer: A <a@example.org>\nBuild-Depends: debhelper-compat (= 13),\n# why\n \
         zlib1g-dev [amd64] <!nocheck>\n\nPackage: kiln-test\nArchitecture: any\nDescription: x\n\n\
         Package: kiln-test-doc\nArchitecture: all\nDescription: x\n",
    );
    let made = Command::new("dpkg-source").arg("-b").arg("kiln-test-1").current_dir(folder.path()).output();
    let Ok(output) = made else {
        eprintln!("skipped: dpkg-source can not be run");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(folder.path().join("kiln-test_1.dsc")).unwrap();
    let arch = Arch::parse("x86_64").unwrap();
    let (recipe, findings) = dsc::parse(&text, &Target { arch: &arch, profiles: &[] });
    let recipe = recipe.unwrap();
    assert_eq!(findings, []);
    assert_eq!(recipe.build_requires, ["debhelper-compat = 13", "zlib1g-dev"]);
    assert_eq!(recipe.subpackages, ["kiln-test", "kiln-test-doc"]);
    let [file] = recipe.source_files.as_slice() else { panic!("{:?}", recipe.source_files) };
    let content = std::fs::read(folder.path().join(&file.name)).unwrap();
    assert_eq!((file.sha256, file.bytes), (Some(pkg::Sha256::of(&content)), content.len() as u64));
}

/// The first block of a page that is marked with `kind`.
fn example<'a>(page: &'a str, kind: &str) -> &'a str {
    let (_, behind) = page.split_once(&format!("```{kind}\n")).unwrap();
    behind.split_once("```").unwrap().0
}

#[test]
fn the_example_of_the_manual_is_true() {
    let page = include_str!("../../../../docs/formats/dsc.5.md");
    let arch = Arch::parse("x86_64").unwrap();
    let (recipe, findings) = dsc::parse(example(page, "deb822"), &Target { arch: &arch, profiles: &[] });
    assert_eq!(findings, []);
    assert_eq!(recipe.unwrap().build_requires, example(page, "request").lines().collect::<Vec<_>>());
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in r"((Source|Version|Files|Build-Depends|Architecture|X)?:?[ \n\t#.,|<>\[\]()!a-z0-9-]{0,20}\n?){0,12}") {
        let arch = Arch::parse("x86_64").unwrap();
        let (_, findings) = dsc::parse(&text, &Target { arch: &arch, profiles: &[] });
        for finding in findings {
            proptest::prop_assert!(text.get(finding.span.clone()).is_some(), "{finding:?}");
        }
    }
}
