//! Derivations: why each package is there.

use expand::{BuildRequest, Derivation, ExpandConfig, Expander, Pool, PoolBuilder, Request};
use expect_test::{Expect, expect};
use pkg::{PackageFormat, PackageMeta};

/// `name provides ... requires ...`, lists separated by commas.
fn pool(text: &str) -> Pool {
    let mut builder = PoolBuilder::new(PackageFormat::Deb);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let list = |word: &str| -> Vec<String> {
            let rest = line.split_once(word).map_or("", |(_, rest)| rest);
            let rest = ["provides:", "requires:", "recommends:"]
                .iter()
                .fold(rest, |rest, next| rest.split_once(next).map_or(rest, |(list, _)| list));
            rest.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
        };
        let name = line.split(' ').next().unwrap_or_default().to_owned();
        let mut provides = list("provides:");
        provides.push(format!("{name} = 1"));
        let package = PackageMeta {
            evr: "1".to_owned(),
            arch: "all".to_owned(),
            provides,
            requires: list("requires:"),
            recommends: list("recommends:"),
            name,
            ..PackageMeta::default()
        };
        builder.add_repository_package(0, &package);
    }
    builder.finish()
}

fn check(packages: &str, prefer: &[&str], items: &[&str], tree: Expect) {
    let pool = pool(packages);
    let config = ExpandConfig { prefer: prefer.iter().map(|p| (*p).to_owned()).collect(), ..ExpandConfig::default() };
    let expander = Expander::new(&pool, &config);
    let request = Request::parse(items);
    let mut derivation = Derivation::default();
    let packages = expander.expand_traced(&request, &mut derivation).unwrap();
    assert_eq!(packages, expander.expand(&request).unwrap());
    assert_eq!(packages.len(), derivation.steps().len());
    tree.assert_eq(&derivation.tree(&pool));
}

const WORLD: &str = "
    app requires: libc >= 1, mta, editor | vim
    libc
    exim provides: mta requires: libc
    postfix provides: mta requires: libc, tls
    vim requires: terminal
    nano
    xterm provides: terminal
    konsole provides: terminal
    gnutls provides: tls
    openssl provides: tls
    shell recommends: xterm, openssl
";

#[test]
fn the_tree_names_dependency_and_rule_of_each_package() {
    check(
        WORLD,
        &["postfix"],
        &["app", "shell"],
        expect![[r#"
            app
              libc (libc >= 1)
              vim (editor | vim)
                xterm (terminal, recommended)
              postfix (mta, preferred)
                openssl (tls, recommended)
            shell
        "#]],
    );
}

#[test]
fn an_exclusion_decides_between_two() {
    check(
        WORLD,
        &[],
        &["mta", "!exim", "gnutls"],
        expect![[r#"
            gnutls
            postfix (mta, the others conflict)
              libc
        "#]],
    );
}

#[test]
fn a_chain_leads_from_a_package_to_the_request() {
    let pool = pool(WORLD);
    let config = ExpandConfig::default();
    let expander = Expander::new(&pool, &config);
    let mut derivation = Derivation::default();
    let request = BuildRequest { dependencies: vec!["vim".to_owned(), "xterm".to_owned()], own_binaries: Vec::new() };
    expander.build_set_traced(&request, &mut derivation).unwrap();
    let xterm = pool.find("xterm").unwrap();
    assert_eq!(derivation.chain(xterm).len(), 1);
    assert_eq!(derivation.cause(pool.find("nano").unwrap()), None);

    let mut derivation = Derivation::default();
    let config = ExpandConfig { prefer: vec!["konsole".to_owned(), "exim".to_owned()], ..ExpandConfig::default() };
    Expander::new(&pool, &config).expand_traced(&Request::parse(["app"]), &mut derivation).unwrap();
    let chain = derivation.chain(pool.find("konsole").unwrap());
    let names: Vec<&str> = chain.iter().map(|(package, _)| pool.name(*package)).collect();
    assert_eq!(names, ["konsole", "vim", "app"]);
}
