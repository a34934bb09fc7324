use std::io::Write as _;
use std::time::Duration;

use futures_util::StreamExt as _;
use pkg::Sha256;
use reqwest::header::{ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::redirect;
use store::{BlobError, BlobWriter, Blobs};
use url::Url;

use super::FetchError;
use super::address::{self, PublicResolver};
use super::error::chain;
use crate::RetryPolicy;

const REDIRECTS: usize = 5;

/// How a [`Fetcher`] behaves.
#[derive(Debug, Clone)]
pub(crate) struct FetcherSettings {
    /// Tries and pauses.
    pub(crate) retry: RetryPolicy,
    /// Whether private networks may be asked.
    pub(crate) allow_private: bool,
    /// Longest time to connect.
    pub(crate) connect_timeout: Duration,
    /// Longest silence inside an answer.
    pub(crate) stall_timeout: Duration,
    /// Longest time for one answer.
    pub(crate) total_timeout: Duration,
}

impl FetcherSettings {
    /// The time limits of a service on a public network.
    pub(crate) fn new(retry: RetryPolicy, allow_private: bool) -> Self {
        Self {
            retry,
            allow_private,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(3600),
        }
    }
}

/// Fetches files. Cheap to clone; clones share connections.
#[derive(Clone)]
pub(crate) struct Fetcher {
    client: reqwest::Client,
    blobs: Blobs,
    settings: FetcherSettings,
}

/// What is asked of a server.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<'a> {
    /// Address.
    pub(crate) url: &'a str,
    /// Larger answers are refused.
    pub(crate) limit_bytes: u64,
    /// Size and digest the answer must have, if they are known.
    pub(crate) expected: Option<(u64, Sha256)>,
    /// What the server said of the copy we have.
    pub(crate) known: Option<&'a Validators>,
}

/// What a server said of a file, to ask later whether it changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    /// `ETag`.
    pub(crate) etag: Option<String>,
    /// `Last-Modified`.
    pub(crate) last_modified: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// The copy we have is the server's.
    Unchanged,
    /// New bytes.
    File(FetchedFile),
}

/// Bytes that are a blob now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FetchedFile {
    /// Digest, the blob's name.
    pub(crate) sha256: Sha256,
    /// Size.
    pub(crate) bytes: u64,
    /// To ask again with.
    pub(crate) validators: Validators,
}

/// A client could not be made: the system's certificates are not readable.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client")]
pub(crate) struct ClientError(#[source] reqwest::Error);

impl Fetcher {
    /// A client with an own pool of connections.
    pub(crate) fn new(blobs: Blobs, settings: FetcherSettings) -> Result<Self, ClientError> {
        // Another part of the process may have chosen a provider already; either serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let allow_private = settings.allow_private;
        let policy = redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS {
                return attempt.error("too many redirects");
            }
            match address::check(attempt.url(), allow_private) {
                Ok(()) => attempt.follow(),
                Err(detail) => attempt.error(detail),
            }
        });
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("kiln/", env!("CARGO_PKG_VERSION")))
            .redirect(policy)
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.stall_timeout)
            .timeout(settings.total_timeout)
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_max_idle_per_host(8);
        if !allow_private {
            builder = builder.dns_resolver(std::sync::Arc::new(PublicResolver)).no_proxy();
        }
        Ok(Self { client: builder.build().map_err(ClientError)?, blobs, settings })
    }

    /// Fetches one file, trying again after failures that may pass.
    pub(crate) async fn fetch(&self, wanted: &Wanted<'_>) -> Result<Fetched, FetchError> {
        let url = parse(wanted.url, self.settings.allow_private)?;
        let mut attempt = 1;
        loop {
            let error = match self.fetch_once(&url, wanted).await {
                Ok(fetched) => return Ok(fetched),
                Err(error) => error,
            };
            let delay = self.settings.retry.delay_after(attempt).filter(|_| error.is_transient());
            let Some(delay) = delay else { return Err(error) };
            let delay = jittered(delay);
            attempt += 1;
            tracing::debug!(%url, attempt, delay_ms = delay.as_millis(), %error, "fetching again");
            tokio::time::sleep(delay).await;
        }
    }

    /// Fetches a file that must be new to us.
    pub(crate) async fn fetch_file(&self, wanted: &Wanted<'_>) -> Result<FetchedFile, FetchError> {
        let wanted = Wanted { known: None, ..wanted.clone() };
        match self.fetch(&wanted).await? {
            Fetched::File(file) => Ok(file),
            Fetched::Unchanged => Err(FetchError::Status { url: wanted.url.to_owned(), status: 304 }),
        }
    }

    async fn fetch_once(&self, url: &Url, wanted: &Wanted<'_>) -> Result<Fetched, FetchError> {
        let transport = |error: reqwest::Error| {
            let refused = error.is_redirect();
            let (url, detail) = (url.to_string(), chain(&error.without_url()));
            if refused { FetchError::Address { url, detail } } else { FetchError::Transport { url, detail } }
        };
        let mut request = self.client.get(url.clone());
        if let Some(known) = wanted.known {
            request = request.headers(conditions(known));
        }
        let response = request.send().await.map_err(transport)?;
        let status = response.status().as_u16();
        if status == 304 && wanted.known.is_some() {
            return Ok(Fetched::Unchanged);
        }
        if status != 200 {
            return Err(FetchError::Status { url: url.to_string(), status });
        }
        let limit_bytes = wanted.expected.map_or(wanted.limit_bytes, |(bytes, _)| bytes.min(wanted.limit_bytes));
        if let Some(announced) = response.content_length() {
            check_announced(url, announced, wanted)?;
        }
        let validators = validators(response.headers());
        let mut body = response.bytes_stream();
        let mut writer = self.blobs.create().map_err(FetchError::Keep)?;
        while let Some(piece) = body.next().await {
            // A piece is a few kilobytes for the page cache: not worth a thread of its own.
            writer.write_all(&piece.map_err(transport)?).map_err(|error| FetchError::Keep(error.into()))?;
            if writer.bytes() > limit_bytes {
                return Err(over_limit(url, writer.bytes(), wanted));
            }
        }
        let (sha256, bytes) = keep(url, writer, wanted.expected).await?;
        Ok(Fetched::File(FetchedFile { sha256, bytes, validators }))
    }
}

/// Makes a blob of received bytes, if they are the expected ones.
async fn keep(url: &Url, writer: BlobWriter, expected: Option<(u64, Sha256)>) -> Result<(Sha256, u64), FetchError> {
    let found = writer.bytes();
    if let Some((bytes, _)) = expected.filter(|(bytes, _)| *bytes != found) {
        return Err(FetchError::Size { url: url.to_string(), expected: bytes, found });
    }
    let name = url.to_string();
    let kept = tokio::task::spawn_blocking(move || match expected {
        Some((_, sha256)) => writer.finish_as(&name, &sha256).map(|bytes| (sha256, bytes)),
        None => writer.finish(),
    });
    match kept.await {
        Ok(Ok(kept)) => Ok(kept),
        Ok(Err(BlobError::Mismatch { expected, found, .. })) => {
            Err(FetchError::Digest { url: url.to_string(), expected, found })
        }
        Ok(Err(error)) => Err(FetchError::Keep(error)),
        Err(error) => Err(FetchError::Keep(std::io::Error::other(error).into())),
    }
}

fn parse(text: &str, allow_private: bool) -> Result<Url, FetchError> {
    let address = |detail: String| FetchError::Address { url: text.to_owned(), detail };
    let url = Url::parse(text).map_err(|error| address(error.to_string()))?;
    address::check(&url, allow_private).map_err(address)?;
    Ok(url)
}

fn check_announced(url: &Url, announced: u64, wanted: &Wanted<'_>) -> Result<(), FetchError> {
    if announced > wanted.limit_bytes {
        return Err(FetchError::TooLarge { url: url.to_string(), limit_bytes: wanted.limit_bytes });
    }
    match wanted.expected {
        Some((expected, _)) if expected != announced => {
            Err(FetchError::Size { url: url.to_string(), expected, found: announced })
        }
        _ => Ok(()),
    }
}

fn over_limit(url: &Url, found: u64, wanted: &Wanted<'_>) -> FetchError {
    match wanted.expected {
        Some((expected, _)) if expected <= wanted.limit_bytes => {
            FetchError::Size { url: url.to_string(), expected, found }
        }
        _ => FetchError::TooLarge { url: url.to_string(), limit_bytes: wanted.limit_bytes },
    }
}

fn conditions(known: &Validators) -> HeaderMap {
    let pairs = [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)];
    let valid = pairs.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?.parse().ok()?)));
    valid.collect()
}

fn validators(headers: &HeaderMap) -> Validators {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
}

/// Between half and all of a pause, so that many fetches that failed together do not come back together.
fn jittered(delay: Duration) -> Duration {
    let mut byte = [128];
    // Without randomness the pause is merely not spread.
    let _ = getrandom::fill(&mut byte);
    delay / 2 + (delay / 2).mul_f64(f64::from(byte[0]) / 255.0)
}

#[cfg(test)]
mod tests {
    use testkit::http::{HttpServer, Trouble};

    use super::*;

    struct Bed {
        server: HttpServer,
        fetcher: Fetcher,
        blobs: Blobs,
        _folder: tempfile::TempDir,
    }

    fn bed() -> Bed {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        let millis = Duration::from_millis;
        let retry = RetryPolicy { attempts: 3, first_delay: millis(1), max_delay: millis(2) };
        let mut settings = FetcherSettings::new(retry, true);
        settings.stall_timeout = millis(200);
        let fetcher = Fetcher::new(blobs.clone(), settings).unwrap();
        let server = HttpServer::start();
        server.put("a", "some bytes");
        Bed { server, fetcher, blobs, _folder: folder }
    }

    fn wanted(url: &str) -> Wanted<'_> {
        Wanted { url, limit_bytes: 100, expected: None, known: None }
    }

    #[tokio::test]
    async fn a_file_becomes_a_blob_and_is_not_sent_twice() {
        let bed = bed();
        let url = bed.server.url("a");
        let file = bed.fetcher.fetch_file(&wanted(&url)).await.unwrap();
        assert_eq!(bed.blobs.read(&file.sha256).unwrap(), b"some bytes");
        let again = bed.fetcher.fetch(&Wanted { known: Some(&file.validators), ..wanted(&url) }).await.unwrap();
        assert_eq!(again, Fetched::Unchanged);
        assert_eq!(bed.server.take_requests(), ["a 200", "a 304"]);
    }

    #[tokio::test]
    async fn troubles_that_pass_are_tried_again() {
        let bed = bed();
        let url = bed.server.url("a");
        let expected = Some((10, Sha256::of(b"some bytes")));
        for trouble in [
            Trouble::Status(500),
            Trouble::Status(429),
            Trouble::Truncate,
            Trouble::Stall,
            Trouble::Garble,
            Trouble::Replace(b"short".to_vec()),
        ] {
            bed.server.misbehave("a", trouble.clone(), 2);
            let file = bed.fetcher.fetch_file(&Wanted { expected, ..wanted(&url) }).await;
            assert!(file.is_ok(), "{trouble:?}: {file:?}");
            assert_eq!(bed.server.take_requests().len(), 3, "{trouble:?}");
        }
    }

    #[tokio::test]
    async fn troubles_that_stay_end_with_their_reason() {
        let bed = bed();
        let url = bed.server.url("a");
        let failure = async |trouble| {
            bed.server.misbehave("a", trouble, 9);
            let expected = Some((10, Sha256::of(b"some bytes")));
            let error = bed.fetcher.fetch_file(&Wanted { expected, ..wanted(&url) }).await.unwrap_err();
            error.to_string().replace(&url, "URL")
        };
        assert_eq!(failure(Trouble::Status(503)).await, "URL: the server answered 503");
        assert_eq!(failure(Trouble::Replace(vec![0; 11])).await, "URL: has 11 bytes instead of 10");
        assert!(failure(Trouble::Garble).await.starts_with("URL: SHA-256 is "));
        assert!(failure(Trouble::Truncate).await.starts_with("URL: "));
        assert_eq!(bed.server.take_requests().len(), 12);
    }

    #[tokio::test]
    async fn what_can_not_pass_is_asked_once() {
        let bed = bed();
        let url = bed.server.url("missing");
        let error = bed.fetcher.fetch_file(&wanted(&url)).await.unwrap_err();
        assert!(matches!(error, FetchError::Status { status: 404, .. }), "{error}");
        let url = bed.server.url("a");
        let error = bed.fetcher.fetch_file(&Wanted { limit_bytes: 9, ..wanted(&url) }).await.unwrap_err();
        assert!(matches!(error, FetchError::TooLarge { limit_bytes: 9, .. }), "{error}");
        assert_eq!(bed.server.take_requests(), ["missing 404", "a 200"]);
    }

    #[tokio::test]
    async fn a_redirect_does_not_lead_to_other_schemes_and_loops_end() {
        let bed = bed();
        let url = bed.server.url("a");
        for target in ["file:///etc/passwd".to_owned(), url.clone()] {
            bed.server.misbehave("a", Trouble::Redirect(target), 99);
            assert!(bed.fetcher.fetch_file(&wanted(&url)).await.is_err());
        }
        bed.server.misbehave("b", Trouble::Redirect(url.clone()), 1);
        bed.server.misbehave("a", Trouble::Status(500), 0);
        let moved = bed.server.url("b");
        assert_eq!(bed.fetcher.fetch_file(&wanted(&moved)).await.unwrap().bytes, 10);
    }
}
