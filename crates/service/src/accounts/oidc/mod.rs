//! Logging in through an OpenID Connect provider: authorization code with PKCE.
//!
//! Rules: OpenID Connect Core 1.0 section 3.1, Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (issuer in the answer). Nothing is
//! kept between the two halves: what must not be guessed is derived from one secret that the browser keeps in a cookie.
//! Read [`Service::provider_address`] first.

mod claims;
mod jws;
mod provider;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::UserName;
use pkg::Sha256;
use url::Url;

pub(crate) use provider::Provider;

use self::claims::Claims;
use crate::{Service, ServiceError, User};

/// An OpenID Connect provider people log in with.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcConfig {
    /// Its issuer identifier: an address, to which `/.well-known/openid-configuration` is added.
    pub issuer: String,
    /// What we are called there.
    pub client_id: String,
    /// What we share with it; `None` for a public client.
    pub client_secret: Option<String>,
    /// The claim that has the name of the user.
    pub name_claim: String,
    /// The claim that lists groups: members of the groups of that name are then who it says. `None` leaves groups alone.
    pub groups_claim: Option<String>,
    /// The group in that claim whose members are administrators; everybody else who logs in this way is none then.
    pub admin_group: Option<String>,
}

impl std::fmt::Debug for OidcConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcConfig")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Why a provider's answer did not log anybody in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// No provider is configured.
    #[error("this server knows no OpenID Connect provider")]
    NotConfigured,
    /// The provider could not be asked, or its answer not be understood.
    #[error("the provider {issuer} can not be used: {detail}")]
    Provider {
        /// Which.
        issuer: String,
        /// What is wrong.
        detail: String,
    },
    /// What came back does not fit what was sent: another browser's login, or an old one.
    #[error("the answer does not belong to a login that this browser began")]
    Foreign,
    /// The provider said no.
    #[error("the provider did not log you in: {detail}")]
    Refused {
        /// What it said.
        detail: String,
    },
    /// The identity token is not what it must be.
    #[error("the provider's identity token is not valid: {detail}")]
    Token {
        /// Which rule it breaks.
        detail: &'static str,
    },
    /// The claims have no name that could be a user's.
    #[error("the provider gives no usable user name: {detail}")]
    Name {
        /// What is wrong with it.
        detail: String,
    },
    /// Somebody here has that name already, and did not say that it is the same person.
    #[error("there is a user or group {user} here already, who is not linked to you at the provider")]
    Taken {
        /// Name.
        user: UserName,
    },
    /// The identity belongs to somebody else.
    #[error("this login of the provider is linked to another user already")]
    LinkedElsewhere,
    /// The service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// What the browser must bring back, derived from a secret only it has.
struct Round {
    state: String,
    nonce: String,
    verifier: String,
}

impl Round {
    fn of(secret: &str) -> Self {
        let part = |what: &str| Sha256::of(format!("{what}\0{secret}").as_bytes()).to_string();
        Self { state: part("state"), nonce: part("nonce"), verifier: part("verifier") }
    }

    fn challenge(&self) -> String {
        challenge(&self.verifier)
    }
}

/// The challenge of a verifier, method `S256` (RFC 7636 section 4.2).
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::of(verifier.as_bytes()).as_bytes())
}

/// What the provider sent back by the browser.
#[derive(Debug, Clone, Copy)]
pub struct ProviderAnswer<'a> {
    /// The parameter `state`.
    pub state: Option<&'a str>,
    /// The parameter `code`.
    pub code: Option<&'a str>,
    /// The parameter `iss`.
    pub issuer: Option<&'a str>,
    /// The parameters `error` and `error_description`.
    pub error: Option<&'a str>,
}

impl Service {
    /// The configured provider, for people to read: its host.
    #[must_use]
    pub fn provider_name(&self) -> Option<String> {
        let provider = self.inner.oidc.as_ref()?;
        Url::parse(&provider.config.issuer).ok().and_then(|url| url.host_str().map(str::to_owned))
    }

    /// Where to send a browser that holds a fresh secret, so that it comes back to `redirect`.
    ///
    /// # Errors
    /// [`OidcError::NotConfigured`], [`OidcError::Provider`].
    pub async fn provider_address(&self, redirect: &str, secret: &str) -> Result<String, OidcError> {
        let provider = self.inner.oidc.as_ref().ok_or(OidcError::NotConfigured)?;
        let (round, known) = (Round::of(secret), provider.discovered().await?);
        let mut url = Url::parse(&known.authorization_endpoint).map_err(|error| provider.broken(error))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &provider.config.client_id)
            .append_pair("redirect_uri", redirect)
            .append_pair("scope", "openid profile")
            .append_pair("state", &round.state)
            .append_pair("nonce", &round.nonce)
            .append_pair("code_challenge", &round.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Who came back from the provider: a user who is linked to the identity, or a new one. With `link`, the identity is
    /// linked to that user instead.
    ///
    /// # Errors
    /// See [`OidcError`].
    pub async fn log_in_with_provider(
        &self,
        redirect: &str,
        secret: &str,
        answer: &ProviderAnswer<'_>,
        link: Option<&User>,
    ) -> Result<User, OidcError> {
        let provider = self.inner.oidc.as_ref().ok_or(OidcError::NotConfigured)?;
        let round = Round::of(secret);
        let same = answer.state.is_some_and(|state| crate::users::same_secret(state, &round.state));
        if !same || answer.issuer.is_some_and(|issuer| issuer != provider.config.issuer) {
            return Err(OidcError::Foreign);
        }
        let code = match (answer.error, answer.code) {
            (Some(error), _) => return Err(OidcError::Refused { detail: error.chars().take(200).collect() }),
            (None, Some(code)) => code,
            (None, None) => return Err(OidcError::Foreign),
        };
        let now = self.inner.now().as_seconds();
        let claims = provider.claims(code, redirect, &round.verifier, &round.nonce, now).await?;
        let user = match link {
            Some(user) => self.link(&provider.config.issuer, &claims, user).await?,
            None => self.user_of_claims(&provider.config, &claims).await?,
        };
        self.apply_groups(&provider.config, &claims, user).await
    }

    async fn link(&self, issuer: &str, claims: &Claims, user: &User) -> Result<User, OidcError> {
        let now = self.inner.now();
        let mut session = self.inner.store.write().await.map_err(ServiceError::from)?;
        let known = session.user_of_identity(issuer, &claims.subject).await.map_err(ServiceError::from)?;
        if known.is_some_and(|known| known.id != user.id) {
            return Err(OidcError::LinkedElsewhere);
        }
        session.link_identity(issuer, &claims.subject, user.id, now).await.map_err(ServiceError::from)?;
        session.commit().await.map_err(ServiceError::from)?;
        tracing::info!(user.name = %user.name, "{} is linked to the provider", user.name);
        Ok(user.clone())
    }

    async fn user_of_claims(&self, config: &OidcConfig, claims: &Claims) -> Result<User, OidcError> {
        let now = self.inner.now();
        let mut session = self.inner.store.write().await.map_err(ServiceError::from)?;
        let known = session.user_of_identity(&config.issuer, &claims.subject).await.map_err(ServiceError::from)?;
        if let Some(user) = known {
            return Ok(user);
        }
        let name = claims.user_name(&config.name_claim)?;
        let group = session.group(&name).await.map_err(ServiceError::from)?;
        let added = match group {
            Some(_) => None,
            None => session.add_user(&name, false, now).await.map_err(ServiceError::from)?,
        };
        let Some(user) = added else { return Err(OidcError::Taken { user: name }) };
        session.link_identity(&config.issuer, &claims.subject, user.id, now).await.map_err(ServiceError::from)?;
        session.commit().await.map_err(ServiceError::from)?;
        tracing::info!(user.name = %user.name, "{} was created by the provider's word", user.name);
        Ok(user)
    }

    /// Brings what the provider decides to what it says.
    async fn apply_groups(&self, config: &OidcConfig, claims: &Claims, user: User) -> Result<User, OidcError> {
        let Some(claim) = &config.groups_claim else { return Ok(user) };
        let wanted = claims.list(claim);
        let mut session = self.inner.store.write().await.map_err(ServiceError::from)?;
        for group in session.group_names().await.map_err(ServiceError::from)? {
            let member = wanted.iter().any(|name| name == group.as_str());
            session.set_member(&group, user.id, member).await.map_err(ServiceError::from)?;
        }
        let admin = config.admin_group.as_ref().map_or(user.admin, |group| wanted.contains(group));
        if admin != user.admin {
            session.set_admin(&user.name, admin).await.map_err(ServiceError::from)?;
            tracing::info!(user.name = %user.name, admin, "the provider says whether {} is an administrator", user.name);
        }
        session.commit().await.map_err(ServiceError::from)?;
        Ok(User { admin, ..user })
    }

    /// Whether a user is linked to the configured provider.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn is_linked_to_provider(&self, user: &User) -> Result<bool, ServiceError> {
        let Some(provider) = &self.inner.oidc else { return Ok(false) };
        Ok(self.inner.store.read().await?.is_linked(&provider.config.issuer, user.id).await?)
    }

    /// Takes a user's link to the configured provider away.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn unlink_provider(&self, user: &User) -> Result<(), ServiceError> {
        let Some(provider) = &self.inner.oidc else { return Ok(()) };
        let mut session = self.inner.store.write().await?;
        session.unlink_identity(&provider.config.issuer, user.id).await?;
        Ok(session.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636 appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn everything_of_a_round_differs_and_comes_from_the_secret() {
        let (one, two) = (Round::of("a"), Round::of("b"));
        let all = [&one.state, &one.nonce, &one.verifier, &two.state, &two.nonce, &two.verifier];
        let different: std::collections::HashSet<_> = all.into_iter().collect();
        assert_eq!(different.len(), 6);
        assert!(one.verifier.len() == 64 && Round::of("a").state == one.state);
    }
}
