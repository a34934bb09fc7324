//! How people say who they are, beside tokens: passwords, sessions of browsers and clients, SSH keys,
//! an OpenID Connect provider.
//!
//! Decides only who somebody is; what that one may do is `permission`'s business. Read `passwords` first.

mod keys;
mod oidc;
mod passwords;
mod sessions;
mod sshsig;

pub(crate) use oidc::Provider;
pub use oidc::{OidcConfig, OidcError, ProviderAnswer};
pub(crate) use passwords::{Passwords, user_of as user_of_password};
pub use sessions::NewSession;
pub use sshsig::{MalformedKey, PublicKey};

use model::UserName;
use store::Session;

use crate::permission::check_admin;
use crate::{ServiceError, User};

/// The user somebody wants to change: oneself, or as an administrator anybody.
async fn account(
    session: &mut Session,
    actor: &User,
    user: &UserName,
    what: &'static str,
) -> Result<User, ServiceError> {
    if actor.name != *user {
        check_admin(actor, format_args!("{what} of {user}"))?;
    }
    session.user(user).await?.ok_or_else(|| ServiceError::UserMissing { user: user.clone() })
}
