//! Talks to a server in Kiln's own interface.

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use web::native::BASE;
use web::native::wire::{BuildAnswer, ChangesAnswer, ErrorAnswer};

use crate::failure::{Exit, Failure, chain};
use crate::settings::ClientSettings;

/// A server and who we are to it.
pub(crate) struct Client {
    http: reqwest::Client,
    settings: ClientSettings,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// If the machine's certificates can not be read.
    pub(crate) fn new(settings: ClientSettings) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("kiln/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(std::time::Duration::from_secs(10))
            .build()
            .map_err(|error| Failure::new(Exit::Broken, chain(&error)))?;
        Ok(Self { http, settings })
    }

    /// Address of the server.
    pub(crate) fn url(&self) -> &str {
        &self.settings.url
    }

    /// A request to an address below the interface's.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{BASE}{path}", self.settings.url));
        match &self.settings.credentials {
            Some((login, token)) => request.basic_auth(login, Some(token)),
            None => request,
        }
    }

    /// Sends a request; an answer that is an error becomes a failure.
    ///
    /// # Errors
    /// What the server says, or that it can not be reached.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        match serde_json::from_slice::<ErrorAnswer>(&body) {
            Ok(answer) => Err(answer.error.into()),
            Err(_) => Err(self.foreign(status)),
        }
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// As [`Self::send`], and if the answer is not one of Kiln's.
    pub(crate) async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let response = self.send(request).await?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&body).map_err(|_| self.foreign(status))
    }

    /// Asks for something.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.answer(self.request(Method::GET, path)).await
    }

    /// Sends something.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        self.answer(self.request(Method::POST, path).json(body)).await
    }

    /// Replaces something.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub(crate) async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        self.answer(self.request(Method::PUT, path).json(body)).await
    }

    /// Deletes something.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.send(self.request(Method::DELETE, path)).await.map(|_| ())
    }

    /// A build with its tasks.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub(crate) async fn build(&self, id: i64) -> Result<BuildAnswer, Failure> {
        self.get(&format!("/builds/{id}")).await
    }

    /// Waits until something on the server has changed, or for half a minute.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub(crate) async fn wait_for_change(&self, seen: u64) -> Result<u64, Failure> {
        Ok(self.get::<ChangesAnswer>(&format!("/changes?seen={seen}")).await?.seen)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        Failure::new(Exit::Busy, format!("{} can not be reached: {}", self.settings.url, chain(error)))
            .with_help("is `kiln serve` running there?")
    }

    fn foreign(&self, status: StatusCode) -> Failure {
        let message = format!("{} answered {status}, but not in Kiln's interface", self.settings.url);
        Failure::new(Exit::Broken, message).with_help("is this the address of a Kiln server?")
    }
}

/// Encodes one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
