use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use reqwest::{RequestBuilder, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::{Host, Url, form_urlencoded};

use super::claims::Claims;
use super::jws::{KeySet, Unsigned};
use super::{OidcConfig, OidcError};
use crate::ServiceError;

/// Longest answer of a provider, in bytes.
const LONGEST: usize = 1 << 20;

/// How long what a provider says of itself is believed.
const MEMORY: Duration = Duration::from_secs(3600);

/// Shortest time between two looks at its keys, whatever tokens come.
const KEYS_REST: Duration = Duration::from_secs(30);

/// A provider, and what it said of itself lately.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) config: OidcConfig,
    http: reqwest::Client,
    known: Mutex<Option<(Discovered, Instant)>>,
    keys: Mutex<Option<(KeySet, Instant)>>,
}

/// What a provider says of itself (Discovery 1.0 section 3); what we need of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Discovered {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    id_token: String,
}

impl Provider {
    /// A provider; nobody has asked it anything yet.
    ///
    /// # Errors
    /// [`ServiceError::BadValue`] if the issuer is not an `https` address (`http` is fine on this machine); if the machine's
    /// certificates can not be read.
    pub(crate) fn new(config: OidcConfig) -> Result<Self, ServiceError> {
        let bad = |detail: &str| ServiceError::BadValue { field: "OpenID Connect issuer", detail: detail.to_owned() };
        let url = Url::parse(&config.issuer).map_err(|error| bad(&error.to_string()))?;
        if !is_safe(&url) {
            return Err(bad("it must begin with https://"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it may have neither a query nor a fragment"));
        }
        // Another part of the process may have chosen a provider already; either serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("kiln/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(20))
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| ServiceError::Failed { what: "no HTTP client".to_owned(), source: error.into() })?;
        Ok(Self { config, http, known: Mutex::default(), keys: Mutex::default() })
    }

    pub(super) fn broken(&self, detail: impl ToString) -> OidcError {
        OidcError::Provider { issuer: self.config.issuer.clone(), detail: detail.to_string() }
    }

    /// What the provider says of itself.
    pub(super) async fn discovered(&self) -> Result<Discovered, OidcError> {
        let mut known = self.known.lock().await;
        if let Some((known, since)) = &*known
            && since.elapsed() < MEMORY
        {
            return Ok(known.clone());
        }
        let address = format!("{}/.well-known/openid-configuration", self.config.issuer.trim_end_matches('/'));
        let fresh: Discovered = self.ask(self.http.get(address)).await?;
        if fresh.issuer != self.config.issuer {
            return Err(self.broken("it says that it is another issuer"));
        }
        let addresses = [&fresh.authorization_endpoint, &fresh.token_endpoint, &fresh.jwks_uri];
        for address in addresses.into_iter().chain(&fresh.userinfo_endpoint) {
            if !Url::parse(address).is_ok_and(|url| is_safe(&url)) {
                return Err(self.broken("it names an address that does not begin with https://"));
            }
        }
        *known = Some((fresh.clone(), Instant::now()));
        Ok(fresh)
    }

    /// Sends a request; gives the answer if it is one.
    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, OidcError> {
        let answer = request.send().await.map_err(|error| self.broken(error.without_url()))?;
        let status = answer.status();
        let mut body = Vec::new();
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece.map_err(|error| self.broken(error.without_url()))?);
            if body.len() > LONGEST {
                return Err(self.broken("its answer is too long"));
            }
        }
        if !status.is_success() {
            let said = serde_json::from_slice::<Map<String, Value>>(&body).unwrap_or_default();
            let word = said.get("error").and_then(Value::as_str).unwrap_or_default();
            return Err(self.broken(format_args!("it answered {status} {}", word.chars().take(80).collect::<String>())));
        }
        serde_json::from_slice(&body).map_err(|error| self.broken(error))
    }

    /// What the provider says of whoever a code was given to.
    pub(super) async fn claims(
        &self,
        code: &str,
        redirect: &str,
        verifier: &str,
        nonce: &str,
        now: i64,
    ) -> Result<Claims, OidcError> {
        let known = self.discovered().await?;
        let tokens: TokenAnswer = self.ask(self.exchange(&known, code, redirect, verifier)).await?;
        let claims = self.verified(&known, &tokens.id_token).await?;
        let mut claims = Claims::of_token(claims, &self.config.issuer, &self.config.client_id, nonce, now)?;
        let missing = !claims.has(&self.config.name_claim)
            || self.config.groups_claim.as_ref().is_some_and(|claim| !claims.has(claim));
        if let (true, Some(address), Some(token)) = (missing, &known.userinfo_endpoint, &tokens.access_token) {
            claims.add(self.ask(self.http.get(address).bearer_auth(token)).await?);
        }
        Ok(claims)
    }

    /// The request that turns a code into tokens.
    fn exchange(&self, known: &Discovered, code: &str, redirect: &str, verifier: &str) -> RequestBuilder {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", redirect)
            .append_pair("code_verifier", verifier);
        let request = self.http.post(&known.token_endpoint);
        let methods = known.token_endpoint_auth_methods_supported.as_deref().unwrap_or_default();
        let only_in_body = !methods.is_empty() && !methods.iter().any(|method| method == "client_secret_basic");
        let request = match &self.config.client_secret {
            Some(secret) if !only_in_body => {
                // Both halves are form-encoded first (RFC 6749 section 2.3.1).
                let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encode(&self.config.client_id), encode(secret));
                request.header("authorization", format!("Basic {}", STANDARD.encode(pair)))
            }
            secret => {
                form.append_pair("client_id", &self.config.client_id);
                if let Some(secret) = secret {
                    form.append_pair("client_secret", secret);
                }
                request
            }
        };
        request.header("content-type", "application/x-www-form-urlencoded").body(form.finish())
    }

    /// The claims of a token that one of the provider's keys signed; an unknown key makes us look for new ones.
    async fn verified(&self, known: &Discovered, token: &str) -> Result<Map<String, Value>, OidcError> {
        let mut keys = self.keys.lock().await;
        let tried = keys.as_ref().map(|(keys, since)| (keys.verify(token), since.elapsed()));
        let verified = match tried {
            Some((Err(Unsigned::NoKey), age)) if age > KEYS_REST => None,
            Some((_, age)) if age > MEMORY => None,
            Some((verified, _)) => Some(verified),
            None => None,
        };
        let verified = match verified {
            Some(verified) => verified,
            None => {
                let fresh: KeySet = self.ask(self.http.get(&known.jwks_uri)).await?;
                let verified = fresh.verify(token);
                *keys = Some((fresh, Instant::now()));
                verified
            }
        };
        verified.map_err(|reason| OidcError::Token {
            detail: match reason {
                Unsigned::Malformed => "it can not be read",
                Unsigned::NoKey => "no key of the provider could have signed it",
                Unsigned::Forged => "its signature is wrong",
            },
        })
    }
}

/// Whether secrets may go to an address: nobody on the way can read them.
fn is_safe(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_where_nobody_reads_them() {
        let safe = |text: &str| is_safe(&Url::parse(text).unwrap());
        for address in ["https://id.example.org/x", "http://127.0.0.1:9400", "http://localhost", "http://[::1]:1"] {
            assert!(safe(address), "{address}");
        }
        for address in ["http://id.example.org", "ftp://localhost", "file:///etc/passwd", "http://10.0.0.1"] {
            assert!(!safe(address), "{address}");
        }
    }
}
