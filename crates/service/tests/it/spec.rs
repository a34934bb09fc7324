//! Spec files alone as sources: where the files they name come from.

use crate::sources::{Bed, bed};

const HEAD: &str = "Name: hello\nVersion: 2.8\nRelease: 1%{?dist}\nSummary: s\nLicense: MIT\n";

/// File names of the source of the spec file, or why there is none.
async fn outcome(bed: &Bed, text: &str) -> String {
    bed.server.put("p/hello.spec", text.replace("HERE/", &bed.server.url("p/")));
    bed.server.take_requests();
    let build = bed.submit_url("p/hello.spec").await;
    let outcome = bed.outcome(build).await;
    let found = bed.world.service.build(build).await.unwrap();
    let Some(digest) = found.source_tree else { return outcome };
    let tree = bed.world.store.read().await.unwrap().source_tree(&digest).await.unwrap().unwrap();
    assert_eq!((tree.recipe_kind.as_str(), tree.recipe_file.as_str()), ("spec", "hello.spec"));
    let names: Vec<&str> = tree.files.iter().map(|file| file.name.as_str()).collect();
    format!("{outcome}: {}", names.join(" "))
}

#[tokio::test]
async fn files_come_from_their_addresses_or_from_beside_the_spec_file() {
    let bed = bed().await;
    for name in ["far/v2.8.tar.gz", "p/fix.patch", "p/more.patch"] {
        bed.server.put(name, name);
    }
    let far = bed.server.url("far/v%{version}.tar.gz");
    let spec =
        format!("{HEAD}Source0: {far}#/%{{name}}-%{{version}}.tar.gz\nPatch0: fix.patch\nPatch1: HERE/more.patch\n");
    assert_eq!(outcome(&bed, &spec).await, "hello 2.8-1: fix.patch hello-2.8.tar.gz hello.spec more.patch");
    let mut requests = bed.server.take_requests();
    requests.sort();
    assert_eq!(requests, ["far/v2.8.tar.gz 200", "p/fix.patch 200", "p/hello.spec 200", "p/more.patch 200"]);
}

#[tokio::test]
async fn names_depend_on_the_macros_of_every_target_of_the_build() {
    let bed = bed().await;
    for name in ["p/suse.tar", "p/other.tar"] {
        bed.server.put(name, name);
    }
    let spec = format!("{HEAD}%if 0%{{?suse_version}}\nSource0: suse.tar\n%else\nSource0: other.tar\n%endif\n");
    assert_eq!(outcome(&bed, &spec).await, "hello 2.8-1: hello.spec other.tar");
    let config = b"Macros:\n%suse_version 1500\n%dist .suse\n:Macros\n".to_vec();
    bed.world.service.set_config(&bed.user, bed.project, config, "").await.unwrap();
    assert_eq!(outcome(&bed, &spec).await, "hello 2.8-1.suse: hello.spec suse.tar");
}

#[tokio::test]
async fn a_file_the_spec_file_takes_in_is_fetched_and_read() {
    let bed = bed().await;
    bed.server.put("p/macros.inc", "%global upstream 9\nBuildRequires: make\n");
    bed.server.put("p/hello-9.tar", "x");
    let spec = format!("{HEAD}Source1: macros.inc\n%include %{{SOURCE1}}\nSource0: hello-%{{upstream}}.tar\n");
    assert_eq!(outcome(&bed, &spec).await, "hello 2.8-1: hello-9.tar hello.spec macros.inc");
    // One that is nowhere leaves its mark only if the names depend on it.
    let spec = format!("{HEAD}%include nowhere.inc\n");
    assert_eq!(outcome(&bed, &spec).await, "hello 2.8-1: hello.spec");
}

#[tokio::test]
async fn what_can_not_be_told_or_had_is_named() {
    let bed = bed().await;
    let failure = async |lines: &str| outcome(&bed, &format!("{HEAD}{lines}")).await;
    assert_eq!(
        failure("Source0: %{nothing}.tar\n").await,
        "hello.spec: Source0 is %{nothing}.tar, which names no file: a macro in it is not defined"
    );
    assert_eq!(failure("Patch7: missing.patch\n").await, "p/missing.patch: the server answered 404");
    assert!(failure("Source0: ftp://example.org/a.tar\n").await.contains("ftp is not a scheme this service fetches"));
    bed.server.put("p/a.tar", "a");
    let digest = pkg::Sha256::of(b"b");
    let promised = format!("#!RemoteAsset: sha256:{digest}\nSource0: HERE/a.tar\n");
    assert!(failure(&promised).await.starts_with("a.tar: SHA-256 is "));
    assert!(outcome(&bed, "Version: 1\n").await.starts_with("hello 1"), "the file name names the package");
    assert!(outcome(&bed, "Name: x\n").await.starts_with("hello.spec: there is no Version: tag"));
}

#[tokio::test]
async fn uploaded_files_are_taken_before_anything_is_fetched() {
    let bed = bed().await;
    bed.server.put("p/a.tar", "fetched");
    let spec = format!("{HEAD}Source0: {}\nSource1: b.tar\n", bed.server.url("p/a.tar"));
    let recipe = ("hello.spec", spec.as_bytes());
    let build = bed.upload(&[recipe, ("a.tar", b"uploaded"), ("b.tar", b"b"), ("rpmlintrc", b"r")]).await;
    assert_eq!(bed.outcome(build).await, "hello 2.8-1");
    assert!(bed.server.take_requests().is_empty());
    let build = bed.upload(&[recipe, ("b.tar", b"b")]).await;
    assert_eq!(bed.outcome(build).await, "hello 2.8-1");
    assert_eq!(bed.server.take_requests(), ["p/a.tar 200"]);
    let build = bed.upload(&[recipe]).await;
    assert_eq!(bed.outcome(build).await, "hello.spec: Source1 is b.tar, which was not uploaded and has no address");
}

#[tokio::test]
async fn a_spec_file_that_names_too_much_is_refused() {
    let mut bed = bed().await;
    bed.world = crate::kit::World::with(|config| {
        config.allow_private_sources = true;
        config.source_bytes = 1000;
    })
    .await;
    bed.user = bed.world.user("alice").await;
    bed.project = bed.world.project(&bed.user, "tools").await;
    bed.server.put("p/a.tar", vec![0; 600]);
    bed.server.put("p/b.tar", vec![0; 600]);
    let spec = format!("{HEAD}Source0: a.tar\nSource1: b.tar\n");
    assert_eq!(outcome(&bed, &spec).await, "b.tar: larger than the limit of 1000 bytes");
}
