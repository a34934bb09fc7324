//! How people say who they are beside tokens: passwords, sessions, SSH keys, identities of other providers.

use model::{Timestamp, UserId, UserName};
use pkg::Sha256;
use sqlx::sqlite::SqliteRow;

use crate::fields::Fields;
use crate::{Session, StoreError, User};

/// What a session was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginKind {
    /// A browser, after its login page.
    Page,
    /// A command-line client that keeps cookies.
    Client,
}

impl LoginKind {
    /// The word it is kept as.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Client => "client",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Page, Self::Client].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A session somebody logged in for; its secret is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRow {
    /// Number, for lists.
    pub id: i64,
    /// Whose.
    pub user: User,
    /// What for.
    pub kind: LoginKind,
    /// What the client calls itself.
    pub agent: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A session to remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLogin<'a> {
    /// Whose.
    pub user: UserId,
    /// Digest of its secret.
    pub secret_sha256: Sha256,
    /// What for.
    pub kind: LoginKind,
    /// What the client calls itself.
    pub agent: &'a str,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A key that signs for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKeyRow {
    /// Number.
    pub id: i64,
    /// SHA-256 of the key.
    pub fingerprint: Sha256,
    /// Algorithm and key as in a file of public keys.
    pub key: String,
    /// What its owner calls it.
    pub comment: String,
    /// Since when it counts.
    pub created_at: Timestamp,
}

pub(crate) const LOGIN_OF_SECRET: &str = "SELECT s.id AS session_id, s.kind, s.agent, s.created_at, s.expires_at, u.id, u.name, u.admin \
     FROM web_sessions s JOIN users u ON u.id = s.user_id WHERE s.secret_sha256 = $1";

pub(crate) const LOGINS_OF_USER: &str = "SELECT s.id AS session_id, s.kind, s.agent, s.created_at, s.expires_at, u.id, u.name, u.admin \
     FROM web_sessions s JOIN users u ON u.id = s.user_id WHERE s.user_id = $1 ORDER BY s.id DESC";

fn login(row: &SqliteRow) -> Result<LoginRow, StoreError> {
    let fields = Fields::new("web_sessions", row);
    Ok(LoginRow {
        id: fields.int("session_id")?,
        user: crate::users::user(row)?,
        kind: fields.word("kind", LoginKind::parse)?,
        agent: fields.text("agent")?,
        created_at: fields.time("created_at")?,
        expires_at: fields.time("expires_at")?,
    })
}

fn ssh_key(row: &SqliteRow) -> Result<SshKeyRow, StoreError> {
    let fields = Fields::new("ssh_keys", row);
    Ok(SshKeyRow {
        id: fields.int("id")?,
        fingerprint: fields.name("fingerprint")?,
        key: fields.text("key")?,
        comment: fields.text("comment")?,
        created_at: fields.time("created_at")?,
    })
}

impl Session {
    /// A user with the hash of the password; `None` if there is no such user, or it has no password.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn password_of(&mut self, name: &UserName) -> Result<Option<(User, String)>, StoreError> {
        let row = sqlx::query(
            "SELECT u.id, u.name, u.admin, p.hash FROM users u JOIN passwords p ON p.user_id = u.id WHERE u.name = $1",
        )
        .bind(name.as_str())
        .fetch_optional(self.run())
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((crate::users::user(&row)?, Fields::new("passwords", &row).text("hash")?)))
    }

    /// Replaces the hash of a user's password; `None` takes it away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_password(&mut self, user: UserId, hash: Option<&str>, now: Timestamp) -> Result<(), StoreError> {
        let Some(hash) = hash else {
            sqlx::query("DELETE FROM passwords WHERE user_id = $1").bind(user.get()).execute(self.run()).await?;
            return Ok(());
        };
        sqlx::query(
            "INSERT INTO passwords (user_id, hash, set_at) VALUES ($1, $2, $3) \
             ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at",
        )
        .bind(user.get())
        .bind(hash)
        .bind(now.as_millis())
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// Remembers a session; those of the user beyond the newest `most` go.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_login(&mut self, wanted: &NewLogin<'_>, most: u32, now: Timestamp) -> Result<i64, StoreError> {
        let (id,): (i64,) = sqlx::query_as(
            "INSERT INTO web_sessions (secret_sha256, user_id, kind, agent, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        )
        .bind(wanted.secret_sha256.to_string())
        .bind(wanted.user.get())
        .bind(wanted.kind.as_str())
        .bind(wanted.agent)
        .bind(now.as_millis())
        .bind(wanted.expires_at.as_millis())
        .fetch_one(self.run())
        .await?;
        sqlx::query(
            "DELETE FROM web_sessions WHERE id IN \
             (SELECT id FROM web_sessions WHERE user_id = $1 ORDER BY id DESC LIMIT -1 OFFSET $2)",
        )
        .bind(wanted.user.get())
        .bind(i64::from(most))
        .execute(self.run())
        .await?;
        Ok(id)
    }

    /// The session with this secret, ended or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn login_of(&mut self, secret_sha256: &Sha256) -> Result<Option<LoginRow>, StoreError> {
        let row = sqlx::query(LOGIN_OF_SECRET).bind(secret_sha256.to_string()).fetch_optional(self.run()).await?;
        row.as_ref().map(login).transpose()
    }

    /// The sessions of a user, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn logins_of(&mut self, user: UserId) -> Result<Vec<LoginRow>, StoreError> {
        let rows = sqlx::query(LOGINS_OF_USER).bind(user.get()).fetch_all(self.run()).await?;
        rows.iter().map(login).collect()
    }

    /// Ends sessions of a user: the one with this number, or all. Gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_logins(&mut self, user: UserId, id: Option<i64>) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM web_sessions WHERE user_id = $1 AND id = COALESCE($2, id)")
            .bind(user.get())
            .bind(id)
            .execute(self.run())
            .await?;
        Ok(done.rows_affected())
    }

    /// Forgets sessions whose time is over. Gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_logins(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM web_sessions WHERE expires_at <= $1")
            .bind(now.as_millis())
            .execute(self.run())
            .await?;
        Ok(done.rows_affected())
    }

    /// Adds a key of a user; whether the user had it not yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_ssh_key(
        &mut self,
        user: UserId,
        fingerprint: &Sha256,
        key: &str,
        comment: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO ssh_keys (user_id, fingerprint, key, comment, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT DO NOTHING",
        )
        .bind(user.get())
        .bind(fingerprint.to_string())
        .bind(key)
        .bind(comment)
        .bind(now.as_millis())
        .execute(self.run())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The keys of a user, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ssh_keys(&mut self, user: UserId) -> Result<Vec<SshKeyRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, fingerprint, key, comment, created_at FROM ssh_keys WHERE user_id = $1 ORDER BY id",
        )
        .bind(user.get())
        .fetch_all(self.run())
        .await?;
        rows.iter().map(ssh_key).collect()
    }

    /// Takes a key of a user away; whether there was one with this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_ssh_key(&mut self, user: UserId, id: i64) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM ssh_keys WHERE user_id = $1 AND id = $2")
            .bind(user.get())
            .bind(id)
            .execute(self.run())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The user a provider's subject was linked to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn user_of_identity(&mut self, issuer: &str, subject: &str) -> Result<Option<User>, StoreError> {
        let row = sqlx::query(
            "SELECT u.id, u.name, u.admin FROM identities i JOIN users u ON u.id = i.user_id \
             WHERE i.issuer = $1 AND i.subject = $2",
        )
        .bind(issuer)
        .bind(subject)
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(crate::users::user).transpose()
    }

    /// Links a provider's subject to a user; whether it was not linked to anybody yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn link_identity(
        &mut self,
        issuer: &str,
        subject: &str,
        user: UserId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO identities (issuer, subject, user_id, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING",
        )
        .bind(issuer)
        .bind(subject)
        .bind(user.get())
        .bind(now.as_millis())
        .execute(self.run())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Takes the links of a user to a provider away. Gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unlink_identity(&mut self, issuer: &str, user: UserId) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM identities WHERE user_id = $1 AND issuer = $2")
            .bind(user.get())
            .bind(issuer)
            .execute(self.run())
            .await?;
        Ok(done.rows_affected())
    }

    /// Whether a user is linked to a provider.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_linked(&mut self, issuer: &str, user: UserId) -> Result<bool, StoreError> {
        let (linked,): (bool,) =
            sqlx::query_as("SELECT EXISTS (SELECT 1 FROM identities WHERE user_id = $1 AND issuer = $2)")
                .bind(user.get())
                .bind(issuer)
                .fetch_one(self.run())
                .await?;
        Ok(linked)
    }
}
