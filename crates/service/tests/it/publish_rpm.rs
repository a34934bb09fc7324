//! Published rpm-md repositories: complete, signed, one over everything and one for each architecture.

use std::collections::BTreeMap;

use model::{BuildId, ProjectId, ProjectName, ProjectSettings, RepositoryName};
use pkgfile::rpm::RpmLimits;
use repo::pgp::Keyring;
use repo::rpmmd::{Repomd, RpmMdLimits, open_file, read_primary};
use repo::rpmsign::verify_package;
use service::{Published, User};
use testkit::rpm_raw::RawRpm;

use crate::kit::{World, arch, package, succeeded, target, worker};
use crate::mirror::world;

struct Bed {
    world: World,
    user: User,
    project: ProjectId,
}

async fn bed() -> Bed {
    let world = world().await;
    let user = world.user("alice").await;
    let project = world.project(&user, "tools").await;
    let service = &world.service;
    service.enable_target(&user, project, &target("debian-12", "i586"), Vec::new()).await.unwrap();
    let settings = ProjectSettings { publish: true, ..ProjectSettings::default() };
    service.update_project(&user, project, settings).await.unwrap();
    service.set_config(&user, project, b"Type: spec\nRepotype: rpm-md\n".to_vec(), "").await.unwrap();
    Bed { world, user, project }
}

fn rpm(name: &str, version: &str, arch: &str) -> (String, Vec<u8>) {
    let package = RawRpm::binary(name, version, "1", arch).requires(&["/bin/sh".to_owned()]);
    let package = package.file(&format!("/usr/bin/{name}"), arch.as_bytes());
    (format!("{name}-{version}-1.{arch}.rpm"), package.build())
}

impl Bed {
    /// Builds in both targets; each leaves its own package, one for all architectures, and the source.
    async fn build(&self, version: &str) -> BuildId {
        let build = self.world.submit_prepared(&self.user, self.project).await;
        for architecture in ["x86_64", "i586"] {
            let job = self.world.service.claim(&worker(), &[arch(architecture)]).await.unwrap().unwrap().job;
            let doc = RawRpm::binary("hello-doc", version, "1", "noarch")
                .file("/usr/share/doc/hello", architecture.as_bytes());
            let source = RawRpm::source("hello", version, "1").spec("hello.spec", "");
            let files = [
                rpm("hello", version, architecture),
                (format!("hello-doc-{version}-1.noarch.rpm"), doc.build()),
                (format!("hello-{version}-1.src.rpm"), source.build()),
            ];
            let mut results = Vec::new();
            for (name, content) in files {
                let mut result = package(&name, "");
                result.file.bytes = content.len() as u64;
                result.file.sha256 = pkg::Sha256::of(&content);
                if name.ends_with(".src.rpm") {
                    (result.kind, result.package) = (model::ResultKind::Source, None);
                }
                let path = self.world.folder.path().join("result");
                std::fs::write(&path, content).unwrap();
                self.world.service.store_result(job, &result, &path).await.unwrap();
                results.push(result);
            }
            self.world.service.finish(job, succeeded(results)).await.unwrap();
        }
        build
    }

    async fn publish(&self) -> u64 {
        self.world.service.reconcile("publish").await.unwrap()
    }

    async fn read(&self, path: &str) -> Vec<u8> {
        let project = ProjectName::parse("home:alice:tools").unwrap();
        let repository = RepositoryName::parse("debian-12").unwrap();
        match self.world.service.published(&project, &repository, path).await {
            Ok(Published::File { path, .. }) => std::fs::read(path).unwrap(),
            other => panic!("{path}: {other:?}"),
        }
    }

    /// The files of an index, whose names say their content.
    async fn index(&self, folder: &str) -> Vec<String> {
        let repomd = Repomd::parse(&self.read(&format!("{folder}repodata/repomd.xml")).await).unwrap();
        repomd.files.into_iter().map(|file| file.path).collect()
    }

    /// Reads a repository as dnf does, checking every digest and the signature; gives the path of each package.
    async fn as_dnf(&self, folder: &str) -> Vec<String> {
        let key = self.world.service.public_key(self.project).await.unwrap();
        let keyring = Keyring::parse(key.as_bytes()).unwrap();
        let bytes = self.read(&format!("{folder}repodata/repomd.xml")).await;
        let signature = self.read(&format!("{folder}repodata/repomd.xml.asc")).await;
        let now = self.world.now().as_seconds();
        let (repomd, _) = Repomd::parse_signed(&bytes, &signature, &keyring, now).unwrap();
        assert_eq!(self.read(&format!("{folder}repodata/repomd.xml.key")).await, key.as_bytes());
        let mut found = BTreeMap::new();
        for file in &repomd.files {
            let content = self.read(&format!("{folder}{}", file.path)).await;
            let mut reader = open_file(file, content.as_slice()).unwrap();
            if file.kind == "primary" {
                let mut keep = |entry: repo::rpmmd::PrimaryEntry| {
                    found.insert(entry.location, (entry.bytes, entry.digest.to_string()));
                };
                read_primary(&mut reader, &RpmMdLimits::default(), &mut keep).unwrap();
            }
        }
        for (location, (bytes, digest)) in &found {
            let content = self.read(&format!("{folder}{location}")).await;
            let signed = verify_package(&mut std::io::Cursor::new(&content), &keyring, now, RpmLimits::default());
            assert!(signed.is_ok(), "{location}: {signed:?}");
            assert_eq!((content.len() as u64, pkg::Sha256::of(&content).to_string()), (*bytes, digest.clone()));
        }
        found.into_keys().collect()
    }
}

#[tokio::test]
async fn results_become_a_repository_for_everything_and_one_for_each_architecture() {
    let bed = bed().await;
    let build = bed.build("2.8").await;
    assert_eq!(bed.publish().await, 1);
    let folder = format!("{:08}-hello", build.get());
    let of = |arch: &str| {
        let files = [
            format!("{folder}/hello-2.8-1.{arch}.rpm"),
            format!("{folder}/hello-2.8-1.src.rpm"),
            format!("{folder}/hello-doc-2.8-1.noarch.rpm"),
        ];
        let mut files = files.to_vec();
        files.sort();
        files
    };
    assert_eq!(bed.as_dnf("x86_64/").await, of("x86_64"));
    assert_eq!(bed.as_dnf("i586/").await, of("i586"));
    // Over everything, a file name counts once: the packages for all architectures differ between the two tasks.
    let mut all: Vec<String> = of("i586").iter().map(|path| format!("i586/{path}")).collect();
    all.push(format!("x86_64/{folder}/hello-2.8-1.x86_64.rpm"));
    assert_eq!(bed.as_dnf("").await, all);
    assert_eq!(bed.publish().await, 0);
    // A path never changes its content, whoever writes the repository anew, and whenever.
    let path = format!("x86_64/{folder}/hello-2.8-1.x86_64.rpm");
    let before = bed.read(&path).await;
    bed.world.advance(crate::mirror::DAY);
    let world = bed.world.restart().await;
    let bed = Bed { world, ..bed };
    let other = bed.world.submit_prepared(&bed.user, bed.project).await;
    bed.world.service.cancel(&bed.user, other).await.unwrap();
    let service = &bed.world.service;
    service.disable_target(&bed.user, bed.project, &target("debian-12", "i586")).await.unwrap();
    bed.publish().await;
    assert_eq!(bed.read(&path).await, before);
}

#[tokio::test]
async fn a_repository_is_there_before_there_are_packages_and_follows_the_newest_build() {
    let bed = bed().await;
    assert_eq!(bed.publish().await, 1);
    assert!(bed.as_dnf("").await.is_empty() && bed.as_dnf("x86_64/").await.is_empty());
    bed.build("1").await;
    bed.publish().await;
    let second = bed.build("2").await;
    bed.publish().await;
    let found = bed.as_dnf("x86_64/").await;
    assert!(found.iter().all(|path| path.starts_with(&format!("{:08}-hello/", second.get()))), "{found:?}");
    assert_eq!(found.len(), 3);
}

#[tokio::test]
async fn a_restarted_service_goes_on_from_what_it_kept_or_reads_the_packages_again() {
    let mut bed = bed().await;
    bed.build("1").await;
    bed.publish().await;
    let first = bed.index("x86_64/").await;
    let mut folder = std::fs::read_dir(bed.world.config.data_dir.join("outlines")).unwrap();
    let kept = folder.next().unwrap().unwrap().path();
    assert!(std::fs::metadata(&kept).unwrap().len() > 1000);
    for (repotype, is_damaged) in [("rpm-md debian", false), ("rpm-md", true)] {
        if is_damaged {
            std::fs::write(&kept, "not what was kept").unwrap();
        }
        bed = Bed { world: bed.world.restart().await, ..bed };
        let config = format!("Type: spec\nRepotype: {repotype}\n");
        bed.world.service.set_config(&bed.user, bed.project, config.into_bytes(), "").await.unwrap();
        assert_eq!(bed.publish().await, 1);
        assert_eq!(bed.index("x86_64/").await, first);
        assert_eq!(bed.as_dnf("").await.len(), 4);
    }
}

#[tokio::test]
async fn dnf_reads_both_kinds_of_repository() {
    let bed = bed().await;
    bed.build("2.8").await;
    bed.publish().await;
    let folder = tempfile::tempdir().unwrap();
    let repository = bed.world.store.read().await.unwrap().publishable_repositories().await.unwrap()[0].repository;
    for file in bed.world.store.read().await.unwrap().published_files(repository).await.unwrap() {
        let path = folder.path().join("repository").join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(bed.world.blobs.path(&file.sha256), path).unwrap();
    }
    for below in ["", "x86_64"] {
        let address = format!("--repofrompath=kiln,file://{}/repository/{below}", folder.path().display());
        let output = std::process::Command::new("dnf")
            .args(["--quiet", "--releasever=1", "--forcearch=x86_64", "--repo=kiln", "--setopt=reposdir=/nonexistent"])
            .arg(format!("--setopt=cachedir={}/cache", folder.path().display()))
            .arg(format!("--installroot={}/root", folder.path().display()))
            .args([&address, "repoquery", "--qf", "%{name} %{evr} %{arch}"])
            .output();
        let Ok(output) = output else { return println!("skipped: no dnf on this machine") };
        let mut lines: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
        lines.sort();
        let errors = String::from_utf8_lossy(&output.stderr);
        let expected = ["hello 2.8-1 i586", "hello 2.8-1 src", "hello 2.8-1 x86_64", "hello-doc 2.8-1 noarch"];
        let expected: Vec<&str> =
            expected.into_iter().filter(|line| below.is_empty() || !line.contains("i586")).collect();
        assert_eq!(lines, expected, "{below}: {errors}");
    }
}

#[tokio::test]
async fn groups_of_packages_are_in_the_metadata_of_their_architecture_and_over_everything() {
    let bed = bed().await;
    bed.build("1").await;
    assert!(bed.publish().await > 0);
    let named = target("debian-12", "i586");
    let text = "<comps><group><id>g</id></group></comps>\n".to_owned();
    let groups = Some(model::PackageGroups { name: "my-comps.xml".to_owned(), text: text.clone() });
    let options = model::ArchOptions { groups, ..model::ArchOptions::default() };
    bed.world.service.set_target(&bed.user, bed.project, &named, Vec::new(), options).await.unwrap();
    assert!(bed.publish().await > 0, "no result is new, but the groups are");
    let mut found = Vec::new();
    for folder in ["", "i586/", "x86_64/"] {
        let repomd = Repomd::parse(&bed.read(&format!("{folder}repodata/repomd.xml")).await).unwrap();
        let file = repomd.file("group").cloned();
        let content = match file {
            Some(file) => bed.read(&format!("{folder}{}", file.path)).await,
            None => Vec::new(),
        };
        found.push(String::from_utf8(content).unwrap());
    }
    assert_eq!(found, [text.as_str(), text.as_str(), ""]);
}
