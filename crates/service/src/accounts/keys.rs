use model::UserName;
use store::SshKeyRow;

use super::{PublicKey, account, sshsig};
use crate::{Service, ServiceError, User};

/// Most keys of a user.
const MOST: usize = 50;

/// Longest comment that is kept, in characters.
const COMMENT_LENGTH: usize = 200;

/// How far from now the time in a signature may be, in seconds: clocks differ.
const FRESH_SECONDS: i64 = 300;

impl Service {
    /// Lets a key sign for a user: one's own, or as an administrator anybody's. `text` is a line of a file of public keys.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`]; [`ServiceError::BadValue`] for a text that is no key, a key
    /// of a kind that is not known here, one the user has already, or one too many.
    pub async fn add_ssh_key(&self, actor: &User, user: &UserName, text: &str) -> Result<SshKeyRow, ServiceError> {
        let bad = |detail: String| ServiceError::BadValue { field: "SSH key", detail };
        let (key, comment) = PublicKey::parse_line(text).map_err(|error| bad(error.to_string()))?;
        let comment: String = comment.chars().filter(|c| !c.is_control()).take(COMMENT_LENGTH).collect();
        let (now, mut session) = (self.inner.now(), self.inner.store.write().await?);
        let owner = account(&mut session, actor, user, "SSH keys").await?;
        if session.ssh_keys(owner.id).await?.len() >= MOST {
            return Err(bad(format!("a user has at most {MOST}")));
        }
        if !session.add_ssh_key(owner.id, &key.fingerprint(), &key.to_line(), &comment, now).await? {
            return Err(bad(format!("{user} has this one already")));
        }
        let added = session.ssh_keys(owner.id).await?.pop();
        session.commit().await?;
        added.ok_or_else(|| ServiceError::UserMissing { user: user.clone() })
    }

    /// The keys that sign for a user, the oldest first: one's own, or as an administrator anybody's.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`].
    pub async fn ssh_keys(&self, actor: &User, user: &UserName) -> Result<Vec<SshKeyRow>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let owner = account(&mut session, actor, user, "SSH keys").await?;
        Ok(session.ssh_keys(owner.id).await?)
    }

    /// Takes a key of a user away by its number; whether there was one.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`].
    pub async fn remove_ssh_key(&self, actor: &User, user: &UserName, id: i64) -> Result<bool, ServiceError> {
        let mut session = self.inner.store.write().await?;
        let owner = account(&mut session, actor, user, "SSH keys").await?;
        let removed = session.delete_ssh_key(owner.id, id).await?;
        session.commit().await?;
        Ok(removed)
    }

    /// Who signed `(created): SECONDS` for a realm with one of the user's keys, not long ago; `None` if that is not so.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn authenticate_signature(
        &self,
        user: &str,
        realm: &str,
        created: i64,
        signature: &[u8],
    ) -> Result<Option<User>, ServiceError> {
        let now = self.inner.now().as_seconds();
        let Ok(name) = UserName::parse(user) else { return Ok(None) };
        if now.abs_diff(created) > FRESH_SECONDS.unsigned_abs() {
            return Ok(None);
        }
        let message = format!("(created): {created}");
        let Some(key) = sshsig::verify(signature, realm, message.as_bytes()) else { return Ok(None) };
        let mut session = self.inner.store.read().await?;
        let Some(owner) = session.user(&name).await? else { return Ok(None) };
        let fingerprint = key.fingerprint();
        let known = session.ssh_keys(owner.id).await?.iter().any(|row| row.fingerprint == fingerprint);
        Ok(known.then_some(owner))
    }
}
