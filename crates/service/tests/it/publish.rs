//! Published repositories: complete, signed, switched at once.

use std::time::Duration;

use model::{BuildId, ProjectId, ProjectName, ProjectSettings, RepositoryName};
use repo::debian::{IndexLimits, Release, read_packages};
use repo::pgp::Keyring;
use service::{Published, User};

use crate::kit::{World, refusal};
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
    let settings = ProjectSettings { publish: true, ..ProjectSettings::default() };
    world.service.update_project(&user, project, settings).await.unwrap();
    Bed { world, user, project }
}

fn deb(version: &str, content: &str) -> Vec<u8> {
    let control = format!("Package: hello\nVersion: {version}\nArchitecture: amd64\nDescription: test\n");
    testkit::deb::package(&control, content)
}

impl Bed {
    async fn build(&self, version: &str, content: &str) -> BuildId {
        let build = self.world.submit_prepared(&self.user, self.project).await;
        let job = self.world.claim().await.unwrap();
        self.world.succeed_with(job.job, &format!("hello_{version}_amd64.deb"), &deb(version, content)).await;
        build
    }

    async fn publish(&self) -> u64 {
        self.world.service.reconcile("publish").await.unwrap()
    }

    async fn published(&self, path: &str) -> Result<Published, service::ServiceError> {
        let project = ProjectName::parse("home:alice:tools").unwrap();
        let repository = RepositoryName::parse("debian-12").unwrap();
        self.world.service.published(&project, &repository, path).await
    }

    async fn read(&self, path: &str) -> Option<Vec<u8>> {
        match self.published(path).await {
            Ok(Published::File { path, bytes, .. }) => {
                let content = std::fs::read(path).unwrap();
                assert_eq!(content.len() as u64, bytes);
                Some(content)
            }
            _ => None,
        }
    }

    async fn list(&self, path: &str) -> String {
        match self.published(path).await.unwrap() {
            Published::Folder(entries) => entries.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>().join(" "),
            Published::File { .. } => "a file".to_owned(),
        }
    }

    /// Reads the repository as APT does, checking every digest; gives `NAME VERSION PATH` of each package.
    async fn as_apt(&self) -> Vec<String> {
        let key = self.world.service.public_key(self.project).await.unwrap();
        let signed = self.read("dists/debian-12/InRelease").await.unwrap();
        let now = self.world.now().as_seconds();
        let verified = Keyring::parse(key.as_bytes()).unwrap().verify_clearsigned(&signed, now).unwrap();
        let release = Release::parse(&verified.text).unwrap();
        for (path, file) in &release.files {
            let content = self.read(&format!("dists/debian-12/{path}")).await.unwrap_or_else(|| panic!("{path}"));
            assert_eq!((content.len() as u64, pkg::Sha256::of(&content)), (file.bytes, file.sha256), "{path}");
        }
        let index = self.read("dists/debian-12/main/binary-amd64/Packages").await.unwrap();
        let mut found = Vec::new();
        read_packages(&mut index.as_slice(), &IndexLimits::default(), &mut |entry| found.push(entry)).unwrap();
        let mut packages = Vec::new();
        for entry in found {
            let content = self.read(&entry.path).await.unwrap();
            assert_eq!(pkg::Sha256::of(&content), entry.sha256);
            packages.push(format!("{} {} {}", entry.meta.name, entry.meta.evr, entry.path));
        }
        packages
    }
}

#[tokio::test]
async fn results_become_a_repository_that_apt_reads() {
    let bed = bed().await;
    let build = bed.build("2.10-3", "a").await;
    assert_eq!(bed.publish().await, 1);
    assert_eq!(bed.as_apt().await, [format!("hello 2.10-3 pool/main/h/hello/{build}/hello_2.10-3_amd64.deb")]);
    assert_eq!(bed.list("").await, "dists key.asc key.gpg pool");
    assert_eq!(bed.list("pool/main/h/hello").await, build.to_string());
    assert_eq!(
        bed.list("dists/debian-12/main/binary-amd64").await,
        "Packages Packages.gz Packages.xz Packages.zst Release by-hash"
    );
    let key = bed.world.service.public_key(bed.project).await.unwrap();
    assert_eq!(bed.read("key.asc").await.unwrap(), key.as_bytes());
    assert_eq!(bed.publish().await, 0);
}

#[tokio::test]
async fn a_project_without_results_has_an_empty_repository() {
    let bed = bed().await;
    assert_eq!(bed.publish().await, 1);
    assert!(bed.as_apt().await.is_empty());
    let (kind, text) = refusal(bed.published("dists/none").await);
    assert_eq!(kind, service::ErrorKind::Missing);
    assert!(text.contains("home:alice:tools/debian-12/dists/none"));
}

#[tokio::test]
async fn a_project_that_does_not_publish_keeps_what_it_published() {
    let bed = bed().await;
    bed.build("1", "a").await;
    bed.publish().await;
    bed.world.service.update_project(&bed.user, bed.project, ProjectSettings::default()).await.unwrap();
    bed.build("2", "b").await;
    assert_eq!(bed.publish().await, 0);
    assert!(bed.as_apt().await[0].starts_with("hello 1 "));
}

#[tokio::test]
async fn the_newest_build_replaces_the_older_and_a_client_in_the_middle_does_not_break() {
    let bed = bed().await;
    bed.build("1", "a").await;
    bed.publish().await;
    let old_package = bed.as_apt().await[0].rsplit(' ').next().unwrap().to_owned();
    let old_index = bed.read("dists/debian-12/main/binary-amd64/Packages.xz").await.unwrap();
    let by_hash = format!("dists/debian-12/main/binary-amd64/by-hash/SHA256/{}", pkg::Sha256::of(&old_index));
    bed.world.advance(Duration::from_secs(10));
    bed.build("2", "b").await;
    assert_eq!(bed.publish().await, 1);
    assert_eq!(bed.as_apt().await.len(), 1);
    assert!(bed.as_apt().await[0].starts_with("hello 2 "));
    // What the old index and the old InRelease name is still there, but not listed.
    assert_eq!(bed.read(&by_hash).await.unwrap(), old_index);
    assert_eq!(bed.read(&old_package).await.unwrap(), deb("1", "a"));
    assert!(!bed.list("pool/main/h/hello").await.contains(' '));
    bed.world.advance(Duration::from_secs(2 * 3600));
    bed.publish().await;
    assert!(bed.read(&by_hash).await.is_none() && bed.read(&old_package).await.is_none());
}

#[tokio::test]
async fn the_same_version_built_again_gets_another_path() {
    let bed = bed().await;
    bed.build("1", "a").await;
    bed.publish().await;
    let old = bed.as_apt().await;
    bed.build("1", "b").await;
    bed.publish().await;
    assert_ne!(bed.as_apt().await, old);
    assert_eq!(bed.read(old[0].rsplit(' ').next().unwrap()).await.unwrap(), deb("1", "a"));
}

#[tokio::test]
async fn a_deleted_build_is_taken_back() {
    let bed = bed().await;
    bed.build("1", "a").await;
    let second = bed.build("2", "b").await;
    bed.publish().await;
    bed.world.service.delete(&bed.user, second).await.unwrap();
    assert_eq!(bed.publish().await, 1);
    assert!(bed.as_apt().await[0].starts_with("hello 1 "));
}

#[tokio::test]
async fn a_deleted_project_publishes_nothing() {
    let bed = bed().await;
    bed.build("1", "a").await;
    bed.publish().await;
    bed.world.service.delete_project(&bed.user, bed.project).await.unwrap();
    assert!(bed.published("").await.is_err());
    bed.publish().await;
    let kept = bed.world.store.read().await.unwrap().referenced(&[pkg::Sha256::of(&deb("1", "a"))]).await.unwrap();
    assert!(kept.is_empty());
}

#[tokio::test]
async fn each_project_has_one_key_for_ever() {
    let bed = bed().await;
    let key = bed.world.service.public_key(bed.project).await.unwrap();
    let other = bed.world.project(&bed.user, "other").await;
    assert_ne!(bed.world.service.public_key(other).await.unwrap(), key);
    let Bed { world, project, .. } = bed;
    let world = world.restart().await;
    assert_eq!(world.service.public_key(project).await.unwrap(), key);
}

#[tokio::test]
async fn the_database_with_the_secret_keys_belongs_to_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let bed = bed().await;
    bed.world.service.public_key(bed.project).await.unwrap();
    for name in ["kiln.db", "kiln.db-wal", "kiln.db-shm"] {
        let mode = std::fs::metadata(bed.world.config.data_dir.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
