use std::time::Duration;

use model::{Timestamp, UserName};
use pkg::Sha256;
use store::{LoginKind, LoginRow, NewLogin};

use super::account;
use crate::users::random_hex;
use crate::{Service, ServiceError, User};

/// Bytes of a session's secret.
const SECRET_BYTES: usize = 32;

/// Most sessions of a user; the oldest ends when one more is opened.
const MOST: u32 = 50;

/// Longest name of a client that is kept, in characters.
const AGENT_LENGTH: usize = 120;

/// A session that was just opened: the only time its secret is seen.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Number, for lists.
    pub id: i64,
    /// What the client shows from now on: 64 hexadecimal digits.
    pub secret: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSession").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Service {
    /// Opens a session of somebody who has just said who it is; `agent` is what the client calls itself.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn open_session(
        &self,
        user: &User,
        kind: LoginKind,
        agent: &str,
        lifetime: Duration,
    ) -> Result<NewSession, ServiceError> {
        let (now, secret) = (self.inner.now(), random_hex::<SECRET_BYTES>()?);
        let agent: String = agent.chars().filter(|c| !c.is_control()).take(AGENT_LENGTH).collect();
        let expires_at = now.plus(lifetime);
        let mut session = self.inner.store.write().await?;
        let wanted =
            NewLogin { user: user.id, secret_sha256: Sha256::of(secret.as_bytes()), kind, agent: &agent, expires_at };
        let id = session.add_login(&wanted, MOST, now).await?;
        session.commit().await?;
        Ok(NewSession { id, secret, expires_at })
    }

    /// The session with this secret; `None` if there is none, or it has ended.
    ///
    /// Found by the digest of the secret: how long that takes says nothing about the secrets there are.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn session(&self, secret: &str) -> Result<Option<LoginRow>, ServiceError> {
        if secret.len() != 2 * SECRET_BYTES {
            return Ok(None);
        }
        let found = self.inner.store.read().await?.login_of(&Sha256::of(secret.as_bytes())).await?;
        Ok(found.filter(|found| self.inner.now() < found.expires_at))
    }

    /// The sessions of a user that have not ended, the newest first: one's own, or as an administrator anybody's.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`].
    pub async fn sessions(&self, actor: &User, user: &UserName) -> Result<Vec<LoginRow>, ServiceError> {
        let (now, mut session) = (self.inner.now(), self.inner.store.read().await?);
        let owner = account(&mut session, actor, user, "sessions").await?;
        let mut found = session.logins_of(owner.id).await?;
        found.retain(|row| now < row.expires_at);
        Ok(found)
    }

    /// Ends the session with this number, or all of a user's: one's own, or as an administrator anybody's. Gives how many.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`].
    pub async fn end_sessions(&self, actor: &User, user: &UserName, id: Option<i64>) -> Result<u64, ServiceError> {
        let mut session = self.inner.store.write().await?;
        let owner = account(&mut session, actor, user, "sessions").await?;
        let ended = session.delete_logins(owner.id, id).await?;
        session.commit().await?;
        Ok(ended)
    }
}
