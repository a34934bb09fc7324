use clap::Args;
use reqwest::Method;
use web::native::wire::{KnownToken, NewTokenRequest, RevokedAnswer, TokenAnswer, TokensAnswer};

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
    /// List the user's tokens instead, without their secrets.
    #[arg(long, conflicts_with_all = ["revoke", "revoke_all"])]
    list: bool,
    /// Take the token with this login away instead.
    #[arg(long, value_name = "LOGIN", conflicts_with = "revoke_all")]
    revoke: Option<String>,
    /// Take all tokens of the user away instead.
    #[arg(long)]
    revoke_all: bool,
}

/// Creates a token and prints the settings file that uses it; or lists or revokes tokens.
pub(crate) async fn run(arguments: Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let client = client(flags)?;
    let tokens = format!("/users/{}/tokens", segment(&arguments.user));
    if arguments.list {
        let answer: TokensAnswer = client.get(&tokens).await?;
        output.result(&answer, |output| {
            let row = |token: &KnownToken| vec![token.login.clone(), token.expires_at.as_seconds().to_string()];
            output.table(&["LOGIN", "EXPIRES"], &answer.tokens.iter().map(row).collect::<Vec<_>>());
        });
        return Ok(());
    }
    if arguments.revoke.is_some() || arguments.revoke_all {
        let path = match &arguments.revoke {
            Some(login) => format!("{tokens}/{}", segment(login)),
            None => tokens,
        };
        let answer: RevokedAnswer = client.answer(client.request(Method::DELETE, &path)).await?;
        output.result(&answer, |output| output.line(format!("{} revoked", answer.revoked)));
        return Ok(());
    }
    let request = NewTokenRequest { lifetime_seconds: arguments.days * 24 * 3600 };
    let token: TokenAnswer = client.post(&tokens, &request).await?;
    let file = ClientFile {
        login: Some(token.login.clone()),
        token: Some(token.token.clone()),
        username: Some(token.user.to_string()),
        url: Some(client.url().to_owned()),
    };
    output.result(&token, |output| output.raw(file.to_text().as_bytes()));
    Ok(())
}
