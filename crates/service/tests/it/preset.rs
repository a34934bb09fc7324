//! The build configuration of the preset against the whole of Debian 12.

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

/// A file of the shared cases, decompressed; nothing, with a word about it, where they are not at hand.
fn shared(name: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/debian-universe").join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: {} is not there", path.display());
        return None;
    };
    let bytes = decompress(&bytes, Compression::from_file_name(name), 1 << 30).unwrap();
    Some(String::from_utf8(bytes).unwrap())
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
    let (Some(packages), Some(sources)) = (shared("Packages.slim.xz"), shared("Sources.slim.xz")) else { return };
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
