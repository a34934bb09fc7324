use model::{Timestamp, UserId, UserName};
use pkg::Sha256;
use sqlx::sqlite::SqliteRow;

use crate::fields::Fields;
use crate::{Session, StoreError, TokenRow, User};

pub(crate) fn user(row: &SqliteRow) -> Result<User, StoreError> {
    let fields = Fields::new("users", row);
    Ok(User { id: UserId::new(fields.int("id")?), name: fields.name("name")?, admin: fields.flag("admin")? })
}

fn token(row: &SqliteRow) -> Result<TokenRow, StoreError> {
    let fields = Fields::new("tokens", row);
    Ok(TokenRow {
        user: user(row)?,
        secret_sha256: fields.name("secret_sha256")?,
        expires_at: fields.time("expires_at")?,
    })
}

impl Session {
    /// Sets a flag; whether it was not set before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_flag(&mut self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let done = sqlx::query("INSERT INTO flags (name, set_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(name)
            .bind(now.as_millis())
            .execute(self.run())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Adds a user; `None` if the name is taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_user(&mut self, name: &UserName, admin: bool, now: Timestamp) -> Result<Option<User>, StoreError> {
        let row = sqlx::query(
            "INSERT INTO users (name, admin, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING \
             RETURNING id, name, admin",
        )
        .bind(name.as_str())
        .bind(i64::from(admin))
        .bind(now.as_millis())
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(user).transpose()
    }

    /// A user by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn user(&mut self, name: &UserName) -> Result<Option<User>, StoreError> {
        let row = sqlx::query("SELECT id, name, admin FROM users WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(self.run())
            .await?;
        row.as_ref().map(user).transpose()
    }

    /// Adds a token; of its secret only the digest is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_token(
        &mut self,
        user: UserId,
        login: &str,
        secret_sha256: &Sha256,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO tokens (login, user_id, secret_sha256, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(login)
        .bind(user.get())
        .bind(secret_sha256.to_string())
        .bind(now.as_millis())
        .bind(expires_at.as_millis())
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// The token of a user that has this secret, expired or not; the last to expire.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn token_of(
        &mut self,
        user_name: &UserName,
        secret_sha256: &Sha256,
    ) -> Result<Option<TokenRow>, StoreError> {
        let row = sqlx::query(
            "SELECT u.id, u.name, u.admin, t.secret_sha256, t.expires_at FROM tokens t JOIN users u ON u.id = t.user_id \
             WHERE u.name = $1 AND t.secret_sha256 = $2 ORDER BY t.expires_at DESC LIMIT 1",
        )
        .bind(user_name.as_str())
        .bind(secret_sha256.to_string())
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(token).transpose()
    }

    /// The token with this public half, expired or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn token(&mut self, login: &str) -> Result<Option<TokenRow>, StoreError> {
        let row = sqlx::query(
            "SELECT u.id, u.name, u.admin, t.secret_sha256, t.expires_at \
             FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.login = $1",
        )
        .bind(login)
        .fetch_optional(self.run())
        .await?;
        row.as_ref().map(token).transpose()
    }
}
