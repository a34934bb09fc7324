//! Flags of an OpenID Connect provider.

use std::path::PathBuf;

use clap::Args;
use service::OidcConfig;

use crate::failure::{Exit, Failure};

#[derive(Debug, Clone, Args)]
pub(crate) struct OidcFlags {
    /// Let people log in on the pages through this OpenID Connect provider: its issuer identifier, an https address.
    #[arg(long, value_name = "URL", env = "KILN_OIDC_ISSUER")]
    oidc_issuer: Option<String>,
    /// What this server is called at the provider.
    #[arg(long, value_name = "ID", env = "KILN_OIDC_CLIENT_ID", requires = "oidc_issuer")]
    oidc_client_id: Option<String>,
    /// File of the secret shared with the provider; without it, the server is a public client.
    #[arg(long, value_name = "PATH", env = "KILN_OIDC_CLIENT_SECRET_FILE", requires = "oidc_issuer")]
    oidc_client_secret_file: Option<PathBuf>,
    /// Claim with the name of the user.
    #[arg(long, value_name = "NAME", env = "KILN_OIDC_NAME_CLAIM", default_value = "preferred_username")]
    oidc_name_claim: String,
    /// Claim that lists groups: at each login the user joins the groups here that it names, and leaves the others.
    #[arg(long, value_name = "NAME", env = "KILN_OIDC_GROUPS_CLAIM", requires = "oidc_issuer")]
    oidc_groups_claim: Option<String>,
    /// Group in that claim whose members are administrators; nobody else who logs in through the provider is.
    #[arg(long, value_name = "GROUP", env = "KILN_OIDC_ADMIN_GROUP", requires = "oidc_groups_claim")]
    oidc_admin_group: Option<String>,
}

impl OidcFlags {
    /// The provider, if one is wanted.
    ///
    /// # Errors
    /// If the client's name is missing, or the secret can not be read.
    pub(crate) fn config(&self) -> Result<Option<OidcConfig>, Failure> {
        let Some(issuer) = self.oidc_issuer.clone().filter(|issuer| !issuer.is_empty()) else { return Ok(None) };
        let client_id = self.oidc_client_id.clone().ok_or_else(|| {
            Failure::new(Exit::Invalid, "a provider needs to know who asks").with_help("give --oidc-client-id")
        })?;
        let client_secret = self.oidc_client_secret_file.as_ref().map(fs_err::read_to_string).transpose()?;
        Ok(Some(OidcConfig {
            issuer,
            client_id,
            client_secret: client_secret.map(|text| text.trim_end_matches(['\n', '\r']).to_owned()),
            name_claim: self.oidc_name_claim.clone(),
            groups_claim: self.oidc_groups_claim.clone(),
            admin_group: self.oidc_admin_group.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_variable_is_in_the_page() {
        let page = include_str!("../../../docs/operating/environment.md");
        let names = include_str!("oidc.rs").split("env = \"").skip(1).filter_map(|text| text.split('"').next());
        let names: Vec<&str> = names.filter(|name| name.starts_with("KILN")).collect();
        assert_eq!(names.len(), 6, "{names:?}");
        for name in names {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
