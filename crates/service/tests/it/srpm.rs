//! Rpm source packages as sources: what they bring, and what of theirs is refused.

use model::SourceSignature;
use testkit::openpgp::Key;
use testkit::rpm_raw::RawRpm;

use crate::sources::{Bed, bed, bed_with_keyring};

const SPEC: &str = "Name: hello\nVersion: 2.8\nRelease: 1\nSummary: s\nLicense: MIT\n\
                    Source0: https://example.org/hello-2.8.tar.gz\nPatch0: fix.patch\n%description\n";
const FOLDER: u32 = 0o040_755;
const LINK: u32 = 0o120_777;
const DEVICE: u32 = 0o020_644;
const PLAIN: u32 = 0o100_644;

fn package() -> RawRpm {
    RawRpm::source("hello", "2.8", "1")
        .spec("hello.spec", SPEC)
        .file("hello-2.8.tar.gz", b"content")
        .file("fix.patch", b"patch")
}

impl Bed {
    async fn outcome_of_srpm(&self, bytes: &[u8]) -> String {
        let build = self.upload(&[("hello-2.8-1.src.rpm", bytes)]).await;
        self.outcome(build).await
    }

    async fn refusal(&self, package: &RawRpm) -> String {
        let outcome = self.outcome_of_srpm(&package.build()).await;
        let detail = outcome.strip_prefix("hello-2.8-1.src.rpm: ");
        detail.unwrap_or_else(|| panic!("{outcome}")).to_owned()
    }
}

/// Recipe and file names of a build's source tree.
async fn tree(bed: &Bed, build: model::BuildId) -> String {
    let digest = bed.world.service.build(build).await.unwrap().source_tree.unwrap();
    let tree = bed.world.store.read().await.unwrap().source_tree(&digest).await.unwrap().unwrap();
    let names: Vec<&str> = tree.files.iter().map(|file| file.name.as_str()).collect();
    assert!(tree.files.iter().all(|file| bed.world.blobs.contains(&file.sha256)));
    format!("{} {}: {}", tree.recipe_kind, tree.recipe_file, names.join(" "))
}

#[tokio::test]
async fn the_members_of_a_source_package_are_the_files_of_the_source() {
    let bed = bed().await;
    bed.server.put("p/hello-2.8-1.src.rpm", package().build());
    let by_url = bed.submit_url("p/hello-2.8-1.src.rpm").await;
    assert_eq!(bed.outcome(by_url).await, "hello 2.8-1");
    assert_eq!(tree(&bed, by_url).await, "spec hello.spec: fix.patch hello-2.8.tar.gz hello.spec");
    // Nothing else is fetched, whatever addresses the spec file has.
    assert_eq!(bed.server.take_requests(), ["p/hello-2.8-1.src.rpm 200"]);
    let uploaded = bed.upload(&[("hello-2.8-1.src.rpm", &package().build())]).await;
    assert_eq!(bed.outcome(uploaded).await, "hello 2.8-1");
    let service = &bed.world.service;
    let trees = [service.build(by_url).await.unwrap().source_tree, service.build(uploaded).await.unwrap().source_tree];
    assert_eq!(trees[0], trees[1]);
    assert_eq!(bed.world.states(uploaded).await, "pending: pending");
}

#[tokio::test]
async fn a_package_as_rpmbuild_makes_it_is_read() {
    let bed = bed().await;
    let folder = tempfile::tempdir().unwrap();
    let spec = SPEC.replace("%description", "NoSource: 0\n%description\nd");
    std::fs::write(folder.path().join("hello.spec"), spec.replace("https://example.org/", &bed.server.url("p/")))
        .unwrap();
    for (name, content) in [("hello-2.8.tar.gz", "from the packager"), ("fix.patch", "patch")] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let output = std::process::Command::new("rpmbuild")
        .args(["-bs", "hello.spec", "--define", "_sourcedir .", "--define", "_srcrpmdir ."])
        .current_dir(folder.path())
        .output();
    let Ok(output) = output else { return println!("skipped: no rpmbuild on this machine") };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = std::fs::read(folder.path().join("hello-2.8-1.nosrc.rpm")).unwrap();
    bed.server.put("p/hello-2.8.tar.gz", "from its address");
    let build = bed.upload(&[("hello-2.8-1.nosrc.rpm", &bytes)]).await;
    assert_eq!(bed.outcome(build).await, "hello 2.8-1");
    assert_eq!(tree(&bed, build).await, "spec hello.spec: fix.patch hello-2.8.tar.gz hello.spec");
    assert_eq!(bed.server.take_requests(), ["p/hello-2.8.tar.gz 200"]);
}

#[tokio::test]
async fn what_a_nosrc_package_lacks_comes_from_the_address_in_its_spec_file() {
    let bed = bed().await;
    let spec = SPEC.replace("https://example.org/", &bed.server.url("p/"));
    let lacking = |spec: &str| {
        let package = RawRpm::source("hello", "2.8", "1").spec("hello.spec", spec).file("fix.patch", b"patch");
        package.absent("hello-2.8.tar.gz").build()
    };
    bed.server.put("p/hello-2.8.tar.gz", "content");
    let build = bed.upload(&[("hello-2.8-1.nosrc.rpm", &lacking(&spec))]).await;
    assert_eq!(bed.outcome(build).await, "hello 2.8-1");
    assert_eq!(tree(&bed, build).await, "spec hello.spec: fix.patch hello-2.8.tar.gz hello.spec");
    bed.server.remove("p/hello-2.8.tar.gz");
    let build = bed.upload(&[("hello-2.8-1.nosrc.rpm", &lacking(&spec))]).await;
    assert_eq!(bed.outcome(build).await, "p/hello-2.8.tar.gz: the server answered 404");
    let nowhere = SPEC.replace("https://example.org/", "");
    let build = bed.upload(&[("hello-2.8-1.nosrc.rpm", &lacking(&nowhere))]).await;
    assert_eq!(
        bed.outcome(build).await,
        "hello.spec: hello-2.8.tar.gz is not in the package, and the spec file has no address for it"
    );
}

#[tokio::test]
async fn hostile_members_are_refused_by_name() {
    let bed = bed().await;
    let refusal = async |path: &str, mode: u32, content: &[u8]| {
        let listed = package().listed(path, content.len(), "", 0);
        bed.refusal(&listed.member(path, mode, content)).await
    };
    let outside = "is not a path below the archive's root";
    for path in ["/etc/passwd", "../evil", "a/../../evil"] {
        assert!(bed.refusal(&package().member(path, PLAIN, b"x")).await.ends_with(outside), "{path}");
    }
    let plain = "a source package has plain files only";
    assert_eq!(refusal("x", LINK, b"/etc/passwd").await, format!("\"x\" is a link; {plain}"));
    assert_eq!(refusal("x", FOLDER, b"").await, format!("\"x\" is a folder; {plain}"));
    assert_eq!(refusal("x", DEVICE, b"").await, format!("\"x\" is a device; {plain}"));
    assert!(refusal("a/b", PLAIN, b"x").await.contains("a/b"), "a member in a folder");
    let twice = package().member("fix.patch", PLAIN, b"patch");
    assert_eq!(bed.refusal(&twice).await, "fix.patch is twice in the package");
    let listed_twice = package().listed("fix.patch", 5, "", 0);
    assert_eq!(bed.refusal(&listed_twice).await, "\"fix.patch\" is twice in the package's list of files");
    assert_eq!(bed.refusal(&package().member("x", PLAIN, b"x")).await, "x is not in the package's list of files");
    let lacking = package().listed("x", 1, "", 0);
    assert_eq!(bed.refusal(&lacking).await, "x is in the package's list of files, but not in its content");
    let longer = package().listed("x", 2, "", 0).member("x", PLAIN, b"x");
    assert_eq!(bed.refusal(&longer).await, "x has 1 bytes, but the header says 2");
}

#[tokio::test]
async fn a_source_package_has_one_spec_file() {
    let bed = bed().await;
    let none = RawRpm::source("hello", "2.8", "1").file("a.tar", b"x");
    assert_eq!(bed.refusal(&none).await, "has no spec file");
    let two = RawRpm::source("hello", "2.8", "1").file("a.spec", b"x").file("b.spec", b"x");
    assert_eq!(bed.refusal(&two).await, "has several spec files: a.spec, b.spec");
    // The header says which one it is.
    let marked = two.spec("c.spec", SPEC);
    assert_eq!(bed.outcome_of_srpm(&marked.build()).await, "hello 2.8-1");
    let binary = RawRpm::binary("hello", "2.8", "1", "x86_64").file("/usr/bin/hello", b"x");
    assert!(bed.refusal(&binary).await.starts_with("is a binary package"));
}

#[tokio::test]
async fn damage_is_found_and_old_packages_without_digests_are_taken() {
    let bed = bed().await;
    let good = package().build();
    let damaged = |place: usize| {
        let mut bytes = good.clone();
        bytes[place] ^= 1;
        bytes
    };
    let outcome = bed.outcome_of_srpm(&damaged(good.len() - 5)).await;
    assert!(outcome.contains("payload"), "{outcome}");
    let summary = good.windows(5).position(|window| window == b"test\0").unwrap();
    let outcome = bed.outcome_of_srpm(&damaged(summary)).await;
    assert!(outcome.contains("the header has the digest") && outcome.contains("but the package says"), "{outcome}");
    let outcome = bed.outcome_of_srpm(&good[..good.len() / 2]).await;
    assert!(outcome.starts_with("hello-2.8-1.src.rpm: "), "{outcome}");
    assert_eq!(bed.outcome_of_srpm(b"<html>").await, "hello-2.8-1.src.rpm: not an rpm package");
    assert_eq!(bed.outcome_of_srpm(b"").await, "hello-2.8-1.src.rpm: not an rpm package");
    // Whole, but a file is another one than the list says.
    let forged = RawRpm::source("hello", "2.8", "1").spec("hello.spec", SPEC);
    let forged = forged.listed("a.tar", 1, &pkg::Sha256::of(b"a").to_string(), 0).member("a.tar", PLAIN, b"b");
    let outcome = bed.outcome_of_srpm(&forged.build()).await;
    assert!(outcome.starts_with("a.tar: SHA-256 is ") && outcome.contains("but the recipe says"), "{outcome}");
    assert_eq!(bed.outcome_of_srpm(&package().without_digests().build()).await, "hello 2.8-1");
}

#[tokio::test]
async fn a_package_that_unpacks_to_more_than_the_limit_is_refused() {
    let mut bed = bed().await;
    bed.world = crate::kit::World::with(|config| config.source_bytes = 1 << 20).await;
    bed.user = bed.world.user("alice").await;
    bed.project = bed.world.project(&bed.user, "tools").await;
    let zeros = vec![0; 600 << 10];
    let bomb = package().file("zeros", &zeros).file("more", &zeros).build();
    assert!(bomb.len() < 100_000, "small while it is packed");
    assert_eq!(bed.outcome_of_srpm(&bomb).await, "hello-2.8-1.src.rpm: larger than the limit of 1048576 bytes");
    // Not even if the list of files lies about it.
    let bomb = package().listed("zeros", 1, "", 0).member("zeros", PLAIN, &zeros).build();
    assert!(bed.outcome_of_srpm(&bomb).await.ends_with("zeros has 614400 bytes, but the header says 1"));
}

#[tokio::test]
async fn the_signature_of_the_header_is_checked_as_far_as_there_are_keys() {
    let made_at = 19_500 * 86_400;
    let known = Key::new("Alice <alice@example.org>", 1, made_at);
    let unknown = Key::new("Bob <bob@example.org>", 2, made_at);
    let bed = bed_with_keyring(&known).await;
    let now = bed.world.now().as_seconds();
    let outcome = async |bytes: &[u8]| {
        let build = bed.upload(&[("hello-2.8-1.src.rpm", bytes)]).await;
        let outcome = bed.outcome(build).await;
        (outcome, bed.world.service.build(build).await.unwrap().source_signature)
    };
    let taken = "hello 2.8-1".to_owned();
    assert_eq!(outcome(&package().build()).await, (taken.clone(), Some(SourceSignature::Unsigned)));
    let by = |key: &Key| package().build_signed(&|bytes| key.detach(bytes, now));
    let good = SourceSignature::Good { key: known.fingerprint(), signed_at: model::Timestamp::from_millis(now * 1000) };
    assert_eq!(outcome(&by(&known)).await, (taken.clone(), Some(good)));
    let keys = vec![unknown.fingerprint()];
    assert_eq!(outcome(&by(&unknown)).await, (taken.clone(), Some(SourceSignature::UnknownKey { keys })));
    let forged = package().build_signed(&|_| known.detach(b"something else", now));
    let (failure, signature) = outcome(&forged).await;
    assert!(failure.contains(&format!("the signature by {} does not fit", known.fingerprint())), "{failure}");
    assert_eq!(signature, Some(SourceSignature::Bad { key: known.fingerprint() }));
    let garbage = package().build_signed(&|_| b"no signature".to_vec());
    let (outcome, signature) = outcome(&garbage).await;
    assert_eq!(outcome, taken);
    assert!(matches!(signature, Some(SourceSignature::Unreadable { .. })), "{signature:?}");
}
