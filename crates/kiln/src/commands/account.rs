//! What belongs to a user's account beside tokens: the password, SSH keys, sessions.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use web::native::wire::{
    KnownSession, NewSshKey, PasswordRequest, RevokedAnswer, SessionsAnswer, SshKey, SshKeysAnswer,
};

use crate::client::{Client, segment};
use crate::failure::{Exit, Failure};
use crate::output::Output;

#[derive(Debug, Args)]
pub(crate) struct Passwd {
    /// Whose; only administrators set those of others.
    name: String,
    /// Take the password away: only tokens and SSH keys work then.
    #[arg(long)]
    remove: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SshKeyCommand {
    /// Let a key sign for a user.
    Add {
        /// Whose; only administrators change those of others.
        name: String,
        /// File of the public key; `-` reads the standard input.
        file: PathBuf,
    },
    /// List the keys of a user.
    List {
        /// Whose.
        name: String,
    },
    /// Take a key away.
    Remove {
        /// Whose.
        name: String,
        /// Number of the key, as the list shows it.
        id: i64,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Sessions {
    /// Whose; only administrators see those of others.
    name: String,
    /// End the session with this number instead.
    #[arg(long, value_name = "ID", conflicts_with = "end_all")]
    end: Option<i64>,
    /// End all sessions of the user instead.
    #[arg(long)]
    end_all: bool,
}

/// Sets or removes a password: asked for twice on a terminal, else the first line of the standard input.
pub(crate) async fn passwd(arguments: Passwd, client: &Client, output: Output) -> Result<(), Failure> {
    let path = format!("/users/{}/password", segment(&arguments.name));
    let request = client.request(if arguments.remove { Method::DELETE } else { Method::PUT }, &path);
    let request = match arguments.remove {
        true => request,
        false => request.json(&PasswordRequest { password: new_password(&arguments.name)? }),
    };
    client.send(request).await?;
    let done = if arguments.remove { "removed" } else { "set" };
    output.result(&serde_json::json!({"user": arguments.name, "password": done}), |output| {
        output.line(format!("the password of {} is {done}; every session has ended", arguments.name));
    });
    Ok(())
}

fn new_password(name: &str) -> Result<String, Failure> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return line();
    }
    let first = unseen(&format!("new password of {name}: "))?;
    let second = unseen("the same again: ")?;
    if first != second {
        return Err(Failure::new(Exit::Invalid, "the two passwords differ"));
    }
    Ok(first)
}

fn line() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().lock().read_line(&mut text)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// Asks for a line that the terminal does not show.
fn unseen(question: &str) -> Result<String, Failure> {
    let mut terminal = std::io::stderr();
    write!(terminal, "{question}")?;
    terminal.flush()?;
    let input = std::io::stdin();
    let before = tcgetattr(&input).map_err(std::io::Error::from)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&input, OptionalActions::Now, &silent).map_err(std::io::Error::from)?;
    let answer = line();
    tcsetattr(&input, OptionalActions::Now, &before).map_err(std::io::Error::from)?;
    writeln!(terminal)?;
    answer
}

/// Adds, lists or removes SSH keys.
pub(crate) async fn ssh_key(command: SshKeyCommand, client: &Client, output: Output) -> Result<(), Failure> {
    let path = |name: &str| format!("/users/{}/ssh-keys", segment(name));
    match command {
        SshKeyCommand::Add { name, file } => {
            let key = match file.to_str() {
                Some("-") => line()?,
                _ => fs_err::read_to_string(&file)?,
            };
            let added: SshKey = client.post(&path(&name), &NewSshKey { key }).await?;
            output.result(&added, |output| output.line(format!("key {} signs for {name}", added.id)));
        }
        SshKeyCommand::List { name } => {
            let answer: SshKeysAnswer = client.get(&path(&name)).await?;
            output.result(&answer, |output| {
                let row = |key: &SshKey| vec![key.id.to_string(), key.comment.clone(), key.key.clone()];
                output.table(&["ID", "COMMENT", "KEY"], &answer.keys.iter().map(row).collect::<Vec<_>>());
            });
        }
        SshKeyCommand::Remove { name, id } => {
            let request = client.request(Method::DELETE, &format!("{}/{id}", path(&name)));
            let answer: RevokedAnswer = client.answer(request).await?;
            if answer.revoked == 0 {
                return Err(Failure::new(Exit::Missing, format!("{name} has no key {id}")));
            }
            output.result(&answer, |output| output.line(format!("key {id} does not sign for {name} any more")));
        }
    }
    Ok(())
}

/// Lists or ends sessions.
pub(crate) async fn sessions(arguments: Sessions, client: &Client, output: Output) -> Result<(), Failure> {
    let path = format!("/users/{}/sessions", segment(&arguments.name));
    if arguments.end.is_some() || arguments.end_all {
        let path = arguments.end.map_or_else(|| path.clone(), |id| format!("{path}/{id}"));
        let answer: RevokedAnswer = client.answer(client.request(Method::DELETE, &path)).await?;
        output.result(&answer, |output| output.line(format!("{} ended", answer.revoked)));
        return Ok(());
    }
    let answer: SessionsAnswer = client.get(&path).await?;
    output.result(&answer, |output| {
        let row = |one: &KnownSession| {
            vec![one.id.to_string(), one.kind.clone(), one.expires_at.as_seconds().to_string(), one.agent.clone()]
        };
        output.table(&["ID", "KIND", "EXPIRES", "CLIENT"], &answer.sessions.iter().map(row).collect::<Vec<_>>());
    });
    Ok(())
}
