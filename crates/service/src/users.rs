use std::time::Duration;

use model::{Timestamp, UserName};
use pkg::Sha256;
use store::Session;

use crate::accounts;
use crate::permission::check_admin;
use crate::{NewToken, Service, ServiceError, User};

/// Name of the first administrator.
const FIRST_ADMIN: &str = "admin";

const FIRST_ADMIN_LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);

const LOGIN_BYTES: usize = 12;
const SECRET_BYTES: usize = 24;

impl Service {
    /// A token for the first administrator, `admin`; `Some` exactly once in the life of a data folder.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn first_admin(&self) -> Result<Option<NewToken>, ServiceError> {
        let now = self.inner.now();
        let mut session = self.inner.store.write().await?;
        if !session.set_flag("first_admin", now).await? {
            return Ok(None);
        }
        let name = UserName::parse(FIRST_ADMIN)?;
        session.add_user(&name, true, now).await?;
        let Some(user) = session.user(&name).await? else { return Err(ServiceError::UserMissing { user: name }) };
        let token = add_token(&mut session, &user, now, FIRST_ADMIN_LIFETIME).await?;
        session.commit().await?;
        Ok(Some(token))
    }

    /// Who a login (or the name of a user) and a secret belong to: a token, or with the name the user's password; `None` if
    /// they are wrong or expired.
    ///
    /// # Errors
    /// If the database fails; [`ServiceError::Unavailable`] if too many passwords are being checked.
    pub async fn authenticate(&self, login: &str, token: &str) -> Result<Option<User>, ServiceError> {
        let known = self.inner.store.read().await?.token(login).await?;
        // The same work is done whether the login is known or not.
        let given = Sha256::of(token.as_bytes());
        let expected = known.as_ref().map_or(Sha256::of(b""), |known| known.secret_sha256);
        let matches = same_digest(&expected, &given);
        let valid = known.filter(|known| matches && self.inner.now() < known.expires_at);
        if let Some(known) = valid {
            return Ok(Some(known.user));
        }
        // Clients that want a name of people: the user's, with the secret of any of the user's tokens.
        let Ok(name) = UserName::parse(login) else { return Ok(None) };
        let named = self.inner.store.read().await?.token_of(&name, &given).await?;
        if let Some(known) = named {
            return Ok(Some(known.user).filter(|_| self.inner.now() < known.expires_at));
        }
        if is_token_login(login) {
            return Ok(None);
        }
        accounts::user_of_password(&self.inner, &name, token).await
    }

    /// Creates a user. Only for administrators.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserExists`].
    pub async fn create_user(&self, actor: &User, name: &UserName, admin: bool) -> Result<User, ServiceError> {
        check_admin(actor, format_args!("user {name}"))?;
        let mut session = self.inner.store.write().await?;
        if session.group(name).await?.is_some() {
            return Err(ServiceError::UserExists { user: name.clone() });
        }
        let user = session.add_user(name, admin, self.inner.now()).await?;
        let user = user.ok_or_else(|| ServiceError::UserExists { user: name.clone() })?;
        session.commit().await?;
        Ok(user)
    }

    /// Creates a token: for oneself, or as an administrator for anybody.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`].
    pub async fn create_token(
        &self,
        actor: &User,
        user: &UserName,
        lifetime: Duration,
    ) -> Result<NewToken, ServiceError> {
        if actor.name != *user {
            check_admin(actor, format_args!("tokens of {user}"))?;
        }
        let mut session = self.inner.store.write().await?;
        let owner = session.user(user).await?.ok_or_else(|| ServiceError::UserMissing { user: user.clone() })?;
        let token = add_token(&mut session, &owner, self.inner.now(), lifetime).await?;
        session.commit().await?;
        Ok(token)
    }

    /// Replaces one token of a user by a new one: the old one stops to work.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn renew_token(&self, user: &User, login: &str, lifetime: Duration) -> Result<NewToken, ServiceError> {
        let mut session = self.inner.store.write().await?;
        session.delete_tokens(user.id, Some(login)).await?;
        let token = add_token(&mut session, user, self.inner.now(), lifetime).await?;
        session.commit().await?;
        Ok(token)
    }

    /// The public halves of a user's tokens with the time each stops to work, the last to expire first: one's own, or as
    /// an administrator anybody's.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`].
    pub async fn tokens(&self, actor: &User, user: &UserName) -> Result<Vec<(String, Timestamp)>, ServiceError> {
        if actor.name != *user {
            check_admin(actor, format_args!("tokens of {user}"))?;
        }
        let mut session = self.inner.store.read().await?;
        let owner = session.user(user).await?.ok_or_else(|| ServiceError::UserMissing { user: user.clone() })?;
        Ok(session.tokens_of(owner.id).await?)
    }

    /// Takes tokens away: the one with this public half, or all of a user's. Gives how many.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`].
    pub async fn revoke_tokens(&self, actor: &User, user: &UserName, login: Option<&str>) -> Result<u64, ServiceError> {
        if actor.name != *user {
            check_admin(actor, format_args!("tokens of {user}"))?;
        }
        let mut session = self.inner.store.write().await?;
        let owner = session.user(user).await?.ok_or_else(|| ServiceError::UserMissing { user: user.clone() })?;
        let revoked = session.delete_tokens(owner.id, login).await?;
        session.commit().await?;
        Ok(revoked)
    }

    /// Every user, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn users(&self) -> Result<Vec<User>, ServiceError> {
        Ok(self.inner.store.read().await?.users().await?)
    }

    /// Makes a user an administrator, or not any more. Only for administrators, and not for oneself, so that one stays.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`], [`ServiceError::BadValue`] for oneself.
    pub async fn set_admin(&self, actor: &User, user: &UserName, admin: bool) -> Result<(), ServiceError> {
        check_admin(actor, format_args!("user {user}"))?;
        if actor.name == *user {
            let detail = "administrators can not change their own role".to_owned();
            return Err(ServiceError::BadValue { field: "role", detail });
        }
        let mut session = self.inner.store.write().await?;
        if !session.set_admin(user, admin).await? {
            return Err(ServiceError::UserMissing { user: user.clone() });
        }
        Ok(session.commit().await?)
    }

    /// A user by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn user(&self, name: &UserName) -> Result<Option<User>, ServiceError> {
        Ok(self.inner.store.read().await?.user(name).await?)
    }
}

/// Whether a login is the public half of a token, so that guessing at it costs no password's work.
fn is_token_login(login: &str) -> bool {
    login.len() == 2 * LOGIN_BYTES && login.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

async fn add_token(
    session: &mut Session,
    user: &User,
    now: Timestamp,
    lifetime: Duration,
) -> Result<NewToken, ServiceError> {
    let (login, token) = (random_hex::<LOGIN_BYTES>()?, random_hex::<SECRET_BYTES>()?);
    let expires_at = now.plus(lifetime);
    session.add_token(user.id, &login, &Sha256::of(token.as_bytes()), now, expires_at).await?;
    Ok(NewToken { user: user.name.clone(), login, token, expires_at })
}

/// A secret for somebody who is nobody yet: 64 hexadecimal digits.
///
/// # Errors
/// If the machine has no random bytes.
pub fn random_secret() -> Result<String, ServiceError> {
    random_hex::<32>()
}

pub(crate) fn random_hex<const BYTES: usize>() -> Result<String, ServiceError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| ServiceError::Failed {
        what: "no random bytes".to_owned(),
        source: error.to_string().into(),
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Compares in a time that does not depend on where the digests differ.
fn same_digest(left: &Sha256, right: &Sha256) -> bool {
    left.as_bytes().iter().zip(right.as_bytes()).fold(0, |differing, (left, right)| differing | (left ^ right)) == 0
}

/// Compares two secrets in a time that does not depend on where they differ.
pub(crate) fn same_secret(left: &str, right: &str) -> bool {
    same_digest(&Sha256::of(left.as_bytes()), &Sha256::of(right.as_bytes()))
}
