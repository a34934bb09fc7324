//! `osc build` of a Debian source package: the client makes a root of Debian's packages, which the server passes on from the
//! archive in the machine's apt sources, and builds in it, on this machine.

use std::path::Path;
use std::process::Command;

use crate::demo;
use crate::kit::Server;
use crate::osc_build::{Local, scripts};
use crate::osc_kit::clients;

/// Roots of what building needs at least, so that they are made soon: nothing here is compiled. Debian's scripts (20210120) can
/// not make roots where `/bin` is `/usr/bin`, which `usr-is-merged` insists on.
const CONFIG: &str = "\
Required: !build-essential
Support: !fakeroot !tzdata
Required: dpkg-dev make
Preinstall: !usr-is-merged
Ignore: usr-is-merged usrmerge
Substitute: dsc:build_cmd dpkg-buildpackage -us -uc -b -d
";

const RULES: &str = "\
#!/usr/bin/make -f
build:
clean:
binary: binary-indep
binary-indep:
	mkdir -p debian/hello/DEBIAN debian/hello/usr/bin
	printf '#!/bin/sh\\necho hello from %s\\n' \"$$(dpkg-parsechangelog -S Version)\" > debian/hello/usr/bin/hello
	chmod 755 debian/hello/usr/bin/hello
	dpkg-gencontrol -phello -Pdebian/hello
	dpkg-deb --root-owner-group --build debian/hello ..
binary-arch:
.PHONY: build clean binary binary-indep binary-arch
";

const CONTROL: &str = "\
Source: hello
Section: misc
Priority: optional
Maintainer: Nobody <nobody@example.org>
Build-Depends: bc
Standards-Version: 4.6.2
Rules-Requires-Root: no

Package: hello
Architecture: all
Description: says hello
 It says hello.
";

const CHANGELOG: &str = "\
hello (1.0) unstable; urgency=low

  * First.

 -- Nobody <nobody@example.org>  Sat, 21 Nov 2026 12:00:00 +0000
";

/// The files of the source package: its description and its archive.
fn source(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let tree = folder.join("source/hello-1.0");
    std::fs::create_dir_all(tree.join("debian/source")).unwrap();
    for (name, text) in
        [("rules", RULES), ("control", CONTROL), ("changelog", CHANGELOG), ("source/format", "3.0 (native)\n")]
    {
        std::fs::write(tree.join("debian").join(name), text).unwrap();
    }
    let made = Command::new("chmod").arg("+x").arg(tree.join("debian/rules")).status().unwrap();
    assert!(made.success());
    let packed = Command::new("dpkg-source").arg("-b").arg(&tree).current_dir(folder.join("source")).output().unwrap();
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    let names = ["hello_1.0.dsc", "hello_1.0.tar.xz"];
    names.map(|name| (name.to_owned(), std::fs::read(folder.join("source").join(name)).unwrap())).to_vec()
}

#[test]
fn a_debian_source_is_built_at_home_with_what_the_server_offers() {
    if let Some(reason) = demo::missing() {
        eprintln!("skipped: {reason}");
        return;
    }
    if scripts().is_none() {
        eprintln!("skipped: obs-build is not installed (scripts/setup.sh test does that)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    server.json(&["dist", "add", "debian-12", "--arch", "x86_64"]);
    let files = source(folder.path());
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let root = folder.path().join("root");
    for client in clients() {
        let local = Local::new(&server, folder.path(), &root, &client);
        local.commit("<path project=\"Debian:12\" repository=\"standard\"/>", CONFIG, &files);
        let said = build(&local, &root, &[]);
        assert!(said.contains("attempting download from api"), "{said}");
        let again = build(&local, &root, &["--offline"]);
        assert!(!again.contains("from server"), "{again}");
        let info = local.ok(&local.folder(), &["buildinfo", "main", "x86_64", "hello_1.0.dsc"]);
        // The older client sends the recipe without its name.
        let file = if client.name == "fresh" { "<file>hello_1.0.dsc</file>" } else { "<file>hello.dsc</file>" };
        assert!(info.contains("<bdep name=\"bc\"") && info.contains(file), "{info}");
        assert!(!info.contains("hdrmd5="), "{info}");
    }
}

/// Builds the checkout; the package must be there afterwards, and what is in it must run.
fn build(local: &Local, root: &Path, options: &[&str]) -> String {
    let results = root.join("usr/src/packages/DEBS");
    let _none = std::fs::remove_dir_all(&results);
    let options = [&["build", "--trust-all-projects"], options, &["main", "x86_64", "hello_1.0.dsc"]].concat();
    let said = local.ok(&local.folder(), &options);
    let unpacked = local.home.join("unpacked");
    let _none = std::fs::remove_dir_all(&unpacked);
    let package = results.join("hello_1.0_all.deb");
    let done = Command::new("dpkg-deb").arg("-x").arg(&package).arg(&unpacked).status().unwrap();
    assert!(done.success(), "{}: {said}", local.client.name);
    let ran = Command::new(unpacked.join("usr/bin/hello")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "hello from 1.0\n");
    said
}
