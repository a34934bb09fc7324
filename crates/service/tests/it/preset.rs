//! The build configurations of the presets: Debian's against the whole of Debian 12; those of rpm distributions, whose mirrors can
//! not be reached everywhere, against packages of the shape their metadata has.

use std::path::PathBuf;

use expand::{BuildRequest, Expander, Pool, PoolBuilder};
use pkg::deb822;
use pkg::{Arch, PackageFormat};
use recipe::{Target, dsc};
use repo::compress::{Compression, decompress};

const CONFIG: &str = include_str!("../../presets/debian-12.conf");

fn config() -> prjconf::Evaluated {
    prjconf::evaluate(&prjconf::parse(CONFIG.as_bytes()), &prjconf::Options::for_arch("x86_64"))
}

#[test]
fn the_preset_is_read_without_a_finding() {
    let evaluated = config();
    assert!(evaluated.findings.is_empty() && evaluated.warnings.is_empty(), "{:?}", evaluated.findings);
    assert_eq!(evaluated.parse_error, None);
    let config = evaluated.config;
    assert_eq!((config.recipe_type.as_str(), config.binarytype.as_str()), ("dsc", "deb"));
    assert!(config.runscripts.iter().all(|name| config.preinstall.contains(name)));
    let mut seen = std::collections::BTreeSet::new();
    assert!(config.prefer.iter().all(|name| seen.insert(name)), "a Prefer twice");
}

/// A file of the shared cases, decompressed; where they are not at hand, the path that is missing.
fn shared(name: &str) -> Result<String, PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/debian-universe").join(name);
    let Ok(bytes) = std::fs::read(&path) else { return Err(path) };
    let bytes = decompress(&bytes, Compression::from_file_name(name), 1 << 30).unwrap();
    Ok(String::from_utf8(bytes).unwrap())
}

fn pool(index: &str) -> Pool {
    let mut builder = PoolBuilder::new(PackageFormat::Deb);
    deb822::paragraphs(index)
        .filter_map(|paragraph| deb822::package_meta(&paragraph))
        .for_each(|meta| builder.add_repository_package(0, &meta));
    builder.finish()
}

#[test]
fn nearly_every_source_of_debian_gets_a_root_without_further_words() {
    let (packages, sources) = match (shared("Packages.slim.xz"), shared("Sources.slim.xz")) {
        (Ok(packages), Ok(sources)) => (packages, sources),
        (Err(path), _) | (_, Err(path)) => return println!("skipped: {} is not there", path.display()),
    };
    let pool = pool(&packages);
    let config = sched::expand_config(&config().config, &[]);
    let expander = Expander::new(&pool, &config);
    let arch = Arch::parse("x86_64").unwrap();
    let (mut resolved, mut problems) = (0, Vec::new());
    for paragraph in deb822::paragraphs(&sources) {
        let text = paragraph.text().replacen("Package:", "Source:", 1);
        let (recipe, _) = dsc::parse(&text, &Target { arch: &arch, profiles: &[] });
        let Some(recipe) = recipe else { continue };
        let request = BuildRequest { dependencies: recipe.build_requires, own_binaries: recipe.subpackages };
        match expander.build_set(&request) {
            Ok(_) => resolved += 1,
            Err(found) => problems.push(format!("{}: {}", recipe.name, found[0])),
        }
    }
    assert!(resolved > 1000, "only {resolved} sources were read");
    assert!(problems.len() * 200 < resolved, "{resolved} resolved, but not these: {problems:#?}");
}

/// The presets of rpm distributions with a version of theirs, and what spec files see of them.
const RPM_CONFIGS: [(&str, &str, &str); 4] = [
    (include_str!("../../presets/fedora.conf"), "44", "44  .fc44"),
    (include_str!("../../presets/centos-stream.conf"), "9", " 9 .el9"),
    (include_str!("../../presets/opensuse.conf"), "16.0", "  "),
    (include_str!("../../presets/opensuse.conf"), "tumbleweed", "  "),
];

fn rpm_config(text: &str, version: &str) -> prjconf::Evaluated {
    let text = text.replace("@VERSION@", version);
    prjconf::evaluate(&prjconf::parse(text.as_bytes()), &prjconf::Options::for_arch("x86_64"))
}

#[test]
fn the_presets_of_rpm_distributions_are_read_without_a_finding() {
    for (text, version, macros) in RPM_CONFIGS {
        let evaluated = rpm_config(text, version);
        assert!(evaluated.findings.is_empty() && evaluated.warnings.is_empty(), "{version}: {:?}", evaluated.findings);
        assert_eq!(evaluated.parse_error, None, "{version}");
        let config = evaluated.config;
        assert_eq!((config.recipe_type.as_str(), config.binarytype.as_str()), ("spec", "rpm"));
        let values = ["fedora", "rhel", "dist"].map(|name| config.macro_value(name).unwrap_or_default());
        assert_eq!(values.join(" "), macros, "{version}");
        let mut seen = std::collections::BTreeSet::new();
        assert!(config.prefer.iter().all(|name| seen.insert(name)), "{version}: a Prefer twice");
    }
    let suse = rpm_config(RPM_CONFIGS[2].0, "16.0").config;
    assert_eq!(suse.macro_value("suse_version").as_deref(), Some("1600"));
    assert_eq!(rpm_config(RPM_CONFIGS[2].0, "tumbleweed").config.macro_value("suse_version").as_deref(), Some("1699"));
}

/// Packages of the shape the distributions' metadata has: everything the configuration puts into a root, and the choices
/// that come with it.
fn shaped_pool(config: &prjconf::BuildConfig) -> Pool {
    let names = config.preinstall.iter().chain(&config.required).chain(&config.support).chain(&config.vminstall);
    let mut names: Vec<&str> = names.chain(["gcc", "glibc-devel"]).collect();
    names.sort_unstable();
    names.dedup();
    let mut lines: String = names
        .iter()
        .map(|name| match *name {
            "glibc" => "P: glibc 2-1 x86_64 provides libc.so.6()(64bit) requires filesystem\n".to_owned(),
            "rpm" => "P: rpm 4-1 x86_64 requires curl, coreutils, librpm.so.10()(64bit)\n".to_owned(),
            name => format!("P: {name} 1-1 x86_64 requires libc.so.6()(64bit)\n"),
        })
        .collect();
    lines += "
        P: rpm-libs 4-1 x86_64 provides librpm.so.10()(64bit) requires systemd-sysusers, krb5-libs-any
        P: curl 8-1 x86_64 requires libcurl-any
        P: curl-minimal 8-1 x86_64 provides curl = 8-1
        P: libcurl 8-1 x86_64 provides libcurl-any
        P: libcurl-minimal 8-1 x86_64 provides libcurl-any
        P: libcurl4 8-1 x86_64 provides libcurl-any
        P: libcurl-mini4 8-1 x86_64 provides libcurl-any
        P: coreutils-single 9-1 x86_64 provides coreutils = 9-1
        P: busybox-gzip 1-1 x86_64 provides gzip
        P: systemd 257-1 x86_64 provides systemd-sysusers
        P: systemd-standalone-sysusers 257-1 x86_64 provides systemd-sysusers
        P: systemd-mini 257-1 x86_64 provides systemd-sysusers
        P: krb5 1-1 x86_64 provides krb5-libs-any
        P: krb5-mini 1-1 x86_64 provides krb5-libs-any
    ";
    // Of a choice only what the family has.
    let is_suse = config.macro_value("suse_version").is_some();
    let foreign: &[&str] = if is_suse {
        &["P: libcurl 8", "P: libcurl-minimal", "P: curl-minimal", "P: systemd-standalone"]
    } else {
        &["P: libcurl4", "P: libcurl-mini4", "P: krb5-mini", "P: systemd-mini", "P: busybox"]
    };
    let lines: String = lines
        .lines()
        .filter(|line| !foreign.iter().any(|start| line.trim().starts_with(start)))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut builder = PoolBuilder::new(PackageFormat::Rpm);
    testkit::world::packages(&lines).iter().for_each(|meta| builder.add_repository_package(0, meta));
    builder.finish()
}

#[test]
fn the_presets_of_rpm_distributions_settle_the_usual_choices() {
    for (text, version, _) in RPM_CONFIGS {
        let config = rpm_config(text, version).config;
        let pool = shaped_pool(&config);
        let wanted = sched::expand_config(&config, &[]);
        let expander = Expander::new(&pool, &wanted);
        let request = BuildRequest { dependencies: vec!["gcc".to_owned()], ..BuildRequest::default() };
        let root = expander.build_set(&request);
        let root = root.unwrap_or_else(|problems| panic!("{version}: {problems:?}"));
        let names: Vec<&str> = root.iter().map(|package| pool.name(*package)).collect();
        for small in
            ["curl-minimal", "libcurl-minimal", "coreutils-single", "busybox-gzip", "systemd-mini", "krb5-mini"]
        {
            assert!(!names.contains(&small), "{version}: {small}");
        }
        for name in ["systemd", "gcc", "krb5", "rpm-build"] {
            assert!(names.contains(&name), "{version}: {name} {names:?}");
        }
        assert!(expander.preinstalls().is_ok(), "{version}");
    }
}
