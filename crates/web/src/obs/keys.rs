//! The keys that sign what a project offers.

use model::Project;
use service::KeyDescription;

use super::call::{Answer, Call, document, plain};
use super::error::ObsError;
use super::xml::Node;

/// `GET /source/P/_pubkey`.
pub(super) async fn armoured(call: &Call, project: &Project) -> Answer {
    let keys = keys(call, project).await?;
    Ok(plain(keys.into_iter().map(|key| key.armoured).collect::<String>()))
}

/// `GET /source/P/_keyinfo`.
pub(super) async fn described(call: &Call, project: &Project) -> Answer {
    let node = |key: KeyDescription| {
        Node::leaf("pubkey", key.armoured)
            .with("keyid", key.key_id)
            .with("userid", key.user_id)
            .with("algo", key.algorithm)
            .with_maybe("keysize", key.bits)
            .with_maybe("expires", key.expires_at)
            .with("fingerprint", key.fingerprint)
    };
    let keys = keys(call, project).await?;
    Ok(document(&Node::new("keyinfo").with("project", &project.name).children(keys.into_iter().map(node))))
}

async fn keys(call: &Call, project: &Project) -> Result<Vec<KeyDescription>, ObsError> {
    let keys = call.app.service.public_keys(project.id).await?;
    if keys.is_empty() {
        return Err(ObsError::missing(format!("{}: no public key is known", project.name)));
    }
    Ok(keys)
}
