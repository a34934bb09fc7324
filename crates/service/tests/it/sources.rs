//! How the source of a build is made, and how that fails.

use model::{BuildId, SourceSignature, SourceState};
use service::{NewBuild, NewSource, User};
use testkit::http::{HttpServer, Trouble};
use testkit::openpgp::Key;

use crate::kit::{World, file_name};
use crate::mirror::{DAY, world};

const CONTENT: &[u8] = b"content of the archive";

pub(crate) struct Bed {
    pub(crate) world: World,
    pub(crate) server: HttpServer,
    pub(crate) user: User,
    pub(crate) project: model::ProjectId,
}

pub(crate) async fn bed() -> Bed {
    let world = world().await;
    let user = world.user("alice").await;
    let project = world.project(&user, "tools").await;
    let server = HttpServer::start();
    server.put("p/hello_1-1.dsc", description());
    server.put("p/hello_1.tar.xz", CONTENT);
    Bed { world, server, user, project }
}

fn description() -> String {
    testkit::deb::description("hello", "1:1-1", "Build-Depends: make\n", &[("hello_1.tar.xz", CONTENT)])
}

impl Bed {
    async fn submit(&self, source: NewSource) -> BuildId {
        let new = NewBuild {
            project: self.project,
            source,
            targets: None,
            network: None,
            limits: None,
            queue: Default::default(),
        };
        self.world.service.submit(&self.user, new).await.unwrap()
    }

    pub(crate) async fn submit_url(&self, path: &str) -> BuildId {
        self.submit(NewSource::Url(self.server.url(path))).await
    }

    pub(crate) async fn upload(&self, files: &[(&str, &[u8])]) -> BuildId {
        let mut uploaded = Vec::new();
        for (name, content) in files {
            let mut upload = self.world.service.upload(&self.user, file_name(name)).await.unwrap();
            upload.write(content).await.unwrap();
            uploaded.push(upload.finish().await.unwrap());
        }
        self.submit(NewSource::Files(uploaded)).await
    }

    /// Runs the reconciler until the source is made or has failed; then its words.
    pub(crate) async fn outcome(&self, build: BuildId) -> String {
        for _ in 0..10 {
            self.world.service.reconcile("sources").await.unwrap();
            let found = self.world.service.build(build).await.unwrap();
            if found.source_state == SourceState::Succeeded {
                return format!("{} {}", found.package.unwrap(), found.version.unwrap());
            }
            if found.source_state.is_finished() {
                let text = found.source_failure.map_or_else(|| "canceled".to_owned(), |cause| cause.to_string());
                return text.replace(&self.server.url(""), "");
            }
            self.world.advance(std::time::Duration::from_secs(3600));
        }
        "never ends".to_owned()
    }
}

#[tokio::test]
async fn a_recipe_at_an_address_brings_the_files_beside_it() {
    let bed = bed().await;
    let build = bed.submit_url("p/hello_1-1.dsc").await;
    assert_eq!(bed.outcome(build).await, "hello 1:1-1");
    assert_eq!(bed.world.states(build).await, "pending: pending");
    assert_eq!(bed.server.take_requests(), ["p/hello_1-1.dsc 200", "p/hello_1.tar.xz 200"]);
    assert!(bed.world.blobs.contains(&pkg::Sha256::of(CONTENT)));
    // The same file again is here already.
    let build = bed.submit_url("p/hello_1-1.dsc").await;
    assert_eq!(bed.outcome(build).await, "hello 1:1-1");
    assert_eq!(bed.server.take_requests(), ["p/hello_1-1.dsc 200"]);
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named() {
    let bed = bed().await;
    let tar = "p/hello_1.tar.xz";
    let outcome = async |path: &str| bed.outcome(bed.submit_url(path).await).await;
    assert_eq!(outcome("p/other.dsc").await, "p/other.dsc: the server answered 404");
    bed.server.misbehave(tar, Trouble::Status(403), 99);
    assert_eq!(outcome("p/hello_1-1.dsc").await, "p/hello_1.tar.xz: the server answered 403");
    bed.server.misbehave(tar, Trouble::Replace(b"short".to_vec()), 99);
    assert_eq!(outcome("p/hello_1-1.dsc").await, "hello_1.tar.xz: size is 5, but the recipe says 22");
    bed.server.misbehave(tar, Trouble::Garble, 99);
    assert!(outcome("p/hello_1-1.dsc").await.starts_with("hello_1.tar.xz: SHA-256 is "));
    bed.server.misbehave(tar, Trouble::Truncate, 99);
    assert!(outcome("p/hello_1-1.dsc").await.starts_with("p/hello_1.tar.xz: "));
    bed.server.misbehave(tar, Trouble::Status(502), 99);
    assert_eq!(outcome("p/hello_1-1.dsc").await, "p/hello_1.tar.xz: the server answered 502");
    assert_eq!(
        outcome("p/hello_1_amd64.deb").await,
        "p/hello_1_amd64.deb: is a binary package; submit the source package it is built from (.dsc)".replace("p/", "")
    );
    // A recipe that lies about the size of bytes that are here.
    bed.world.blobs.put(CONTENT).unwrap();
    let lie = description().replace(" 22 ", " 23 ");
    bed.server.put("p/lie.dsc", lie);
    assert_eq!(outcome("p/lie.dsc").await, "hello_1.tar.xz: size is 22, but the recipe says 23");
    bed.server.put("p/bad.dsc", "<html>");
    assert!(outcome("p/bad.dsc").await.starts_with("bad.dsc: the field Source is missing"));
}

#[tokio::test]
async fn a_server_that_recovers_costs_nothing_but_time() {
    let bed = bed().await;
    // Three tries a round: the third round succeeds.
    bed.server.misbehave("p/hello_1-1.dsc", Trouble::Status(500), 7);
    let build = bed.submit_url("p/hello_1-1.dsc").await;
    assert_eq!(bed.outcome(build).await, "hello 1:1-1");
}

#[tokio::test]
async fn a_source_larger_than_the_limit_is_refused_before_it_is_fetched() {
    let mut bed = bed().await;
    bed.world = World::with(|config| {
        config.allow_private_sources = true;
        config.source_bytes = 100;
    })
    .await;
    bed.user = bed.world.user("alice").await;
    bed.project = bed.world.project(&bed.user, "tools").await;
    let build = bed.submit_url("p/hello_1-1.dsc").await;
    assert_eq!(bed.outcome(build).await, "hello_1-1.dsc: larger than the limit of 100 bytes");
    assert_eq!(bed.server.take_requests(), ["p/hello_1-1.dsc 200"]);
}

#[tokio::test]
async fn private_networks_are_not_asked_unless_allowed() {
    let mut bed = bed().await;
    bed.world = World::new().await;
    bed.user = bed.world.user("alice").await;
    bed.project = bed.world.project(&bed.user, "tools").await;
    let new = NewSource::Url(bed.server.url("p/hello_1-1.dsc"));
    let new = NewBuild {
        project: bed.project,
        source: new,
        targets: None,
        network: None,
        limits: None,
        queue: Default::default(),
    };
    if let Ok(build) = bed.world.service.submit(&bed.user, new).await {
        assert!(bed.outcome(build).await.contains("private network"));
    }
    assert!(bed.server.take_requests().is_empty());
}

#[tokio::test]
async fn uploaded_files_must_be_complete_and_as_described() {
    let bed = bed().await;
    let text = description();
    let recipe = ("hello_1-1.dsc", text.as_bytes());
    let build = bed.upload(&[recipe, ("hello_1.tar.xz", CONTENT)]).await;
    assert_eq!(bed.outcome(build).await, "hello 1:1-1");
    let build = bed.upload(&[recipe]).await;
    assert_eq!(bed.outcome(build).await, "hello_1-1.dsc: these files it names were not uploaded: hello_1.tar.xz");
    let build = bed.upload(&[recipe, ("hello_1.tar.xz", b"other")]).await;
    assert_eq!(bed.outcome(build).await, "hello_1.tar.xz: size is 5, but the recipe says 22");
    let build = bed.upload(&[("a.tar.gz", b"x")]).await;
    assert!(bed.outcome(build).await.starts_with("a.tar.gz: is no source this service can build"));
    assert!(bed.server.take_requests().is_empty());
}

#[tokio::test]
async fn a_canceled_build_stops_its_fetch() {
    let bed = bed().await;
    bed.server.misbehave("p/hello_1.tar.xz", Trouble::Stall, 99);
    let build = bed.submit_url("p/hello_1-1.dsc").await;
    let service = bed.world.service.clone();
    let pass = tokio::spawn(async move { service.reconcile("sources").await });
    while bed.server.requests() < 2 {
        tokio::task::yield_now().await;
    }
    bed.world.service.cancel(&bed.user, build).await.unwrap();
    // Ends long before the fetch would give up.
    pass.await.unwrap().unwrap();
    assert_eq!(bed.world.states(build).await, "canceled: canceled");
}

#[tokio::test]
async fn a_pass_that_is_cut_off_leaves_nothing_behind() {
    let bed = bed().await;
    bed.server.misbehave("p/hello_1.tar.xz", Trouble::Stall, 1);
    let build = bed.submit_url("p/hello_1-1.dsc").await;
    let service = bed.world.service.clone();
    let pass = tokio::spawn(async move { service.reconcile("sources").await });
    while bed.server.requests() < 2 {
        tokio::task::yield_now().await;
    }
    pass.abort();
    assert!(pass.await.unwrap_err().is_cancelled());
    assert_eq!(bed.world.service.build(build).await.unwrap().source_state, SourceState::Running);
    assert_eq!(bed.outcome(build).await, "hello 1:1-1");
}

/// A service that knows `known`'s key, and a clock in 2023.
pub(crate) async fn bed_with_keyring(known: &Key) -> Bed {
    let mut bed = bed().await;
    let keyring = bed.world.folder.path().join("packagers.gpg");
    std::fs::write(&keyring, known.keyring()).unwrap();
    bed.world = World::with(|config| {
        config.allow_private_sources = true;
        config.source_keyrings = vec![keyring];
    })
    .await;
    bed.world.advance(19_600 * DAY);
    bed.user = bed.world.user("alice").await;
    bed.project = bed.world.project(&bed.user, "tools").await;
    bed
}

impl Bed {
    /// The outcome of a recipe with this text, and what its signature was found to be.
    async fn outcome_of(&self, recipe: &str) -> (String, Option<SourceSignature>) {
        self.server.put("p/hello_1-1.dsc", recipe);
        let build = self.submit_url("p/hello_1-1.dsc").await;
        let outcome = self.outcome(build).await;
        (outcome, self.world.service.build(build).await.unwrap().source_signature)
    }
}

#[tokio::test]
async fn a_signature_is_recorded_whatever_it_is_worth() {
    let made_at = 19_500 * 86_400;
    let known = Key::new("Alice <alice@example.org>", 1, made_at);
    let unknown = Key::new("Bob <bob@example.org>", 2, made_at);
    let bed = bed_with_keyring(&known).await;
    let now = bed.world.now().as_seconds();
    let stored = "hello 1:1-1";
    let text = description();
    let found = bed.outcome_of(&text).await;
    assert_eq!(found, (stored.to_owned(), Some(SourceSignature::Unsigned)));

    let found = bed.outcome_of(&known.clearsign(&text, now - 60)).await;
    let signed_at = model::Timestamp::from_millis((now - 60) * 1000);
    assert_eq!(found, (stored.to_owned(), Some(SourceSignature::Good { key: known.fingerprint(), signed_at })));

    let found = bed.outcome_of(&unknown.clearsign(&text, now)).await;
    let keys = vec![unknown.fingerprint()];
    assert_eq!(found, (stored.to_owned(), Some(SourceSignature::UnknownKey { keys: keys.clone() })));
    // Without the key nobody can tell whether the text was changed.
    let altered = unknown.clearsign(&text, now).replace("make", "cake");
    assert_eq!(bed.outcome_of(&altered).await, (stored.to_owned(), Some(SourceSignature::UnknownKey { keys })));

    let found = bed.outcome_of(&known.clearsign(&text, now + 7 * 86_400)).await;
    let reason = "it is from the future, or older than its key".to_owned();
    assert_eq!(found, (stored.to_owned(), Some(SourceSignature::NotAcceptable { key: known.fingerprint(), reason })));

    let signed = known.clearsign(&text, now);
    let (_, signature) = bed.outcome_of(&signed[..signed.len() - 60]).await;
    assert!(matches!(signature, Some(SourceSignature::Unreadable { .. })), "{signature:?}");
    let cut = signed.find("-----BEGIN PGP SIGNATURE").unwrap();
    let (_, signature) = bed.outcome_of(&signed[..cut]).await;
    assert!(matches!(signature, Some(SourceSignature::Unreadable { .. })), "{signature:?}");
}

#[tokio::test]
async fn a_recipe_changed_after_a_known_key_signed_it_fails() {
    let known = Key::new("Alice <alice@example.org>", 1, 19_500 * 86_400);
    let bed = bed_with_keyring(&known).await;
    let signed = known.clearsign(&description(), bed.world.now().as_seconds());
    let altered = signed.replace("Build-Depends: make", "Build-Depends: cake");
    assert_ne!(signed, altered);
    bed.server.take_requests();
    let (outcome, signature) = bed.outcome_of(&altered).await;
    let key = known.fingerprint();
    let text =
        format!("hello_1-1.dsc: the signature by {key} does not fit the text, which was changed after it was signed");
    assert_eq!((outcome, signature), (text, Some(SourceSignature::Bad { key: key.clone() })));
    // Nothing it names was fetched.
    assert_eq!(bed.server.take_requests(), ["p/hello_1-1.dsc 200"]);
    // Uploads are held to the same rule.
    let build = bed.upload(&[("hello_1-1.dsc", altered.as_bytes()), ("hello_1.tar.xz", CONTENT)]).await;
    assert!(bed.outcome(build).await.contains(&key));
}

#[tokio::test]
async fn a_signature_is_recorded_even_if_the_source_fails_otherwise() {
    let known = Key::new("Alice <alice@example.org>", 1, 19_500 * 86_400);
    let bed = bed_with_keyring(&known).await;
    bed.server.misbehave("p/hello_1.tar.xz", Trouble::Status(404), 99);
    let (outcome, signature) = bed.outcome_of(&known.clearsign(&description(), bed.world.now().as_seconds())).await;
    assert_eq!(outcome, "p/hello_1.tar.xz: the server answered 404");
    assert!(matches!(signature, Some(SourceSignature::Good { .. })), "{signature:?}");
}

#[tokio::test]
async fn a_keyring_that_can_not_be_read_keeps_the_service_from_opening() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = service::ServiceConfig::new(folder.path().join("data"), "http://kiln.example.org");
    let refusal = async |config: &service::ServiceConfig| match service::Service::open(config.clone()).await {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string().replace(folder.path().to_str().unwrap(), "FOLDER"),
    };
    config.source_keyrings = vec![folder.path().join("keys.gpg")];
    assert_eq!(refusal(&config).await, "source keyring: FOLDER/keys.gpg: entity not found");
    std::fs::write(folder.path().join("keys.gpg"), "no keys").unwrap();
    assert!(refusal(&config).await.starts_with("source keyring: FOLDER/keys.gpg: keyring "));
}
