use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use model::UserName;
use pkg::Sha256;
use tokio::sync::Semaphore;

use super::account;
use crate::inner::{Inner, blocking};
use crate::{Service, ServiceError, User};

/// Memory of one hash in kibibytes, passes over it, lanes: the least OWASP's password storage sheet asks for, so that two
/// at once cost a small server 38 MiB and some tens of milliseconds.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Hashes that are computed at once.
const SLOTS: usize = 2;

/// Most that wait for their turn.
const MOST_WAITING: usize = 32;

/// Shortest password, in characters.
const SHORTEST: usize = 8;

/// Longest password that is looked at, in bytes.
const LONGEST: usize = 1024;

/// How long a password that was right is not hashed again: clients send it with each request.
const MEMORY: Duration = Duration::from_secs(300);

/// Most passwords that are remembered to be right.
const MOST_REMEMBERED: usize = 1000;

/// Bytes of a salt: what RFC 9106 recommends.
const SALT_BYTES: usize = 16;

/// Checks passwords: a few at once, each only now and then.
#[derive(Debug)]
pub(crate) struct Passwords {
    slots: Semaphore,
    waiting: AtomicUsize,
    /// Digests of a random number of this process, a hash and the password it was right for, with the time it was checked.
    right: Mutex<HashMap<Sha256, Instant>>,
    pepper: OnceLock<String>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            slots: Semaphore::new(SLOTS),
            waiting: AtomicUsize::new(0),
            right: Mutex::default(),
            pepper: OnceLock::new(),
        }
    }
}

impl Passwords {
    /// Whether a password belongs to a hash. Without a hash the same work is done, and the answer is no.
    async fn is_right(&self, hash: Option<String>, password: &str) -> Result<bool, ServiceError> {
        let known = hash.is_some();
        let hash = hash.map_or_else(nobodys_hash, Ok)?;
        // The hash is part of it, so a changed password is forgotten by itself.
        let digest = Sha256::of(format!("{}\0{hash}\0{password}", self.pepper()?).as_bytes());
        if known && self.remembers(&digest, Instant::now()) {
            return Ok(true);
        }
        let password = password.to_owned();
        let matches = self.hashing(move || verify(&hash, &password)).await? && known;
        if matches {
            self.remember(digest, Instant::now());
        }
        Ok(matches)
    }

    /// Runs a costly function in its turn, on a thread that may block.
    async fn hashing<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
        let _turn = Turn::take(&self.waiting)?;
        let closed = |error| ServiceError::Failed { what: "no turn to hash".to_owned(), source: Box::new(error) };
        let _slot = self.slots.acquire().await.map_err(closed)?;
        blocking(work).await
    }

    fn pepper(&self) -> Result<&str, ServiceError> {
        if self.pepper.get().is_none() {
            let _ = self.pepper.set(crate::users::random_hex::<32>()?);
        }
        Ok(self.pepper.get().map_or("", String::as_str))
    }

    fn remembers(&self, digest: &Sha256, now: Instant) -> bool {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        right.get(digest).is_some_and(|at| now.saturating_duration_since(*at) < MEMORY)
    }

    fn remember(&self, digest: Sha256, now: Instant) {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if right.len() >= MOST_REMEMBERED {
            right.retain(|_, at| now.saturating_duration_since(*at) < MEMORY);
        }
        if right.len() >= MOST_REMEMBERED {
            right.clear();
        }
        right.insert(digest, now);
    }
}

/// A place in the queue; given back when dropped.
struct Turn<'a>(&'a AtomicUsize);

impl<'a> Turn<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, ServiceError> {
        let turn = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            let detail = "too many are being checked".to_owned();
            return Err(ServiceError::Unavailable { what: "passwords".to_owned(), detail });
        }
        Ok(turn)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(COST.0, COST.1, COST.2, None).expect("the costs are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str) -> Result<String, ServiceError> {
    let broken = |error: argon2::password_hash::Error| ServiceError::Failed {
        what: "the password could not be hashed".to_owned(),
        source: error.to_string().into(),
    };
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| ServiceError::Failed {
        what: "no random bytes".to_owned(),
        source: error.to_string().into(),
    })?;
    let salt = SaltString::encode_b64(&salt).map_err(broken)?;
    Ok(argon2().hash_password(password.as_bytes(), &salt).map_err(broken)?.to_string())
}

/// Takes the costs from the hash, so that old ones work after the costs have changed.
fn verify(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

/// A hash no password is known of, with the usual costs.
fn nobodys_hash() -> Result<String, ServiceError> {
    static HASH: OnceLock<String> = OnceLock::new();
    if HASH.get().is_none() {
        let _ = HASH.set(hash(&crate::users::random_hex::<32>()?)?);
    }
    Ok(HASH.get().cloned().unwrap_or_default())
}

fn check_password(user: &UserName, password: &str) -> Result<(), ServiceError> {
    let detail = if password.chars().count() < SHORTEST {
        format!("it must have at least {SHORTEST} characters")
    } else if password.len() > LONGEST {
        format!("it may have at most {LONGEST} bytes")
    } else if password.chars().any(char::is_control) {
        "it may not have control characters".to_owned()
    } else if password.eq_ignore_ascii_case(user.as_str()) {
        "it may not be the user's name".to_owned()
    } else {
        return Ok(());
    };
    Err(ServiceError::BadValue { field: "password", detail })
}

/// Who a name and a password belong to.
pub(crate) async fn user_of(inner: &Inner, name: &UserName, password: &str) -> Result<Option<User>, ServiceError> {
    if password.len() > LONGEST {
        return Ok(None);
    }
    let known = inner.store.read().await?.password_of(name).await?;
    let (user, hash) = known.unzip();
    let right = inner.passwords.is_right(hash, password).await?;
    Ok(user.filter(|_| right))
}

impl Service {
    /// Sets a password: one's own, or as an administrator anybody's. Every session of the user ends.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`]; [`ServiceError::BadValue`] for a password that is too short,
    /// too long, or the user's name.
    pub async fn set_password(&self, actor: &User, user: &UserName, password: &str) -> Result<(), ServiceError> {
        account(&mut self.inner.store.read().await?, actor, user, "the password").await?;
        check_password(user, password)?;
        let password = password.to_owned();
        let hash = self.inner.passwords.hashing(move || hash(&password)).await??;
        self.store_password(actor, user, Some(&hash)).await
    }

    /// Takes a password away: one's own, or as an administrator anybody's. Every session of the user ends.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`].
    pub async fn remove_password(&self, actor: &User, user: &UserName) -> Result<(), ServiceError> {
        self.store_password(actor, user, None).await
    }

    async fn store_password(&self, actor: &User, user: &UserName, hash: Option<&str>) -> Result<(), ServiceError> {
        let now = self.inner.now();
        let mut session = self.inner.store.write().await?;
        let owner = account(&mut session, actor, user, "the password").await?;
        session.set_password(owner.id, hash, now).await?;
        session.delete_logins(owner.id, None).await?;
        session.commit().await?;
        tracing::info!(user.name = %user, "the password of {user} was changed");
        Ok(())
    }

    /// Whether a user has a password.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has_password(&self, user: &User) -> Result<bool, ServiceError> {
        Ok(self.inner.store.read().await?.password_of(&user.name).await?.is_some())
    }

    /// Whether this is the user's password.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] if too many are being checked.
    pub async fn is_password(&self, user: &User, password: &str) -> Result<bool, ServiceError> {
        Ok(user_of(&self.inner, &user.name, password).await?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_says_its_costs_and_fits_its_password_only() {
        let made = hash("correct horse").unwrap();
        assert!(made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{made}");
        assert!(verify(&made, "correct horse"));
        assert!(!verify(&made, "correct hors") && !verify(&made, "") && !verify("", "") && !verify("$argon2id$", "x"));
        assert_ne!(made, hash("correct horse").unwrap(), "each has a salt of its own");
    }

    #[test]
    fn bad_passwords_are_refused_with_the_reason() {
        let user = UserName::parse("alice-in-wonderland").unwrap();
        let of = |text: &str| check_password(&user, text).map_err(|error| error.to_string());
        assert_eq!(of("1234567").unwrap_err(), "password: it must have at least 8 characters");
        assert_eq!(of(&"x".repeat(1025)).unwrap_err(), "password: it may have at most 1024 bytes");
        assert_eq!(of("12345678\n").unwrap_err(), "password: it may not have control characters");
        assert_eq!(of("Alice-in-Wonderland").unwrap_err(), "password: it may not be the user's name");
        assert!(of("äöü: 12345").is_ok());
    }

    #[tokio::test]
    async fn a_right_password_is_remembered_and_a_wrong_one_never() {
        let (passwords, made) = (Passwords::default(), hash("correct horse").unwrap());
        assert!(!passwords.is_right(Some(made.clone()), "wrong").await.unwrap());
        assert!(passwords.right.lock().unwrap().is_empty());
        assert!(passwords.is_right(Some(made.clone()), "correct horse").await.unwrap());
        assert_eq!(passwords.right.lock().unwrap().len(), 1);
        let other = hash("another one").unwrap();
        assert!(!passwords.is_right(Some(other), "correct horse").await.unwrap(), "the password was changed");
        assert!(!passwords.is_right(None, "correct horse").await.unwrap());
    }

    #[test]
    fn the_queue_is_bounded_and_empties() {
        let waiting = AtomicUsize::new(0);
        let turns: Vec<_> = (0..MOST_WAITING).map(|_| Turn::take(&waiting)).collect();
        assert!(turns.iter().all(Result::is_ok) && Turn::take(&waiting).is_err());
        drop(turns);
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
    }
}
