use clap::Args;
use web::native::wire::{NewTokenRequest, TokenAnswer};

use super::client;
use crate::client::segment;
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::{ClientFile, ClientFlags};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Whose token; only administrators make tokens for others.
    user: String,
    /// How many days it works.
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
}

/// Creates a token and prints the settings file that uses it.
pub(crate) async fn run(arguments: Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let client = client(flags)?;
    let request = NewTokenRequest { lifetime_seconds: arguments.days * 24 * 3600 };
    let token: TokenAnswer = client.post(&format!("/users/{}/tokens", segment(&arguments.user)), &request).await?;
    let file = ClientFile {
        login: Some(token.login.clone()),
        token: Some(token.token.clone()),
        username: Some(token.user.to_string()),
        url: Some(client.url().to_owned()),
    };
    output.result(&token, |output| output.raw(file.to_text().as_bytes()));
    Ok(())
}
