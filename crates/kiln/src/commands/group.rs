use clap::Subcommand;
use model::UserName;
use reqwest::Method;
use web::native::wire::{GroupAnswer, GroupsAnswer, NewGroup};

use super::client;
use crate::client::segment;
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::ClientFlags;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List all groups with their members.
    List,
    /// Create a group; its projects are called `NAME:...`.
    Create {
        /// Name.
        name: String,
    },
    /// Delete a group; its projects stay, and belong to those who created them.
    Delete {
        /// Name.
        name: String,
    },
    /// Let users belong to a group.
    Add {
        /// Name of the group.
        name: String,
        /// Users.
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Let users not belong to a group any more.
    Remove {
        /// Name of the group.
        name: String,
        /// Users.
        #[arg(required = true)]
        users: Vec<String>,
    },
}

/// Lists and changes groups.
pub(crate) async fn run(command: Command, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let client = client(flags)?;
    let member = |name: &str, user: &str| format!("/groups/{}/members/{}", segment(name), segment(user));
    let name = match command {
        Command::List => {
            let answer: GroupsAnswer = client.get("/groups").await?;
            output.result(&answer, |output| {
                let row = |group: &GroupAnswer| vec![group.name.to_string(), members(group)];
                output.table(&["GROUP", "MEMBERS"], &answer.groups.iter().map(row).collect::<Vec<_>>());
            });
            return Ok(());
        }
        Command::Delete { name } => return client.delete(&format!("/groups/{}", segment(&name))).await,
        Command::Create { name } => {
            let _: GroupAnswer = client.post("/groups", &NewGroup { name: UserName::parse(&name)? }).await?;
            name
        }
        Command::Add { name, users } => {
            for user in users {
                client.send(client.request(Method::PUT, &member(&name, &user))).await?;
            }
            name
        }
        Command::Remove { name, users } => {
            for user in users {
                client.delete(&member(&name, &user)).await?;
            }
            name
        }
    };
    let group: GroupAnswer = client.get(&format!("/groups/{}", segment(&name))).await?;
    output.result(&group, |output| output.line(format!("{}: {}", group.name, members(&group))));
    Ok(())
}

fn members(group: &GroupAnswer) -> String {
    group.members.iter().map(UserName::as_str).collect::<Vec<_>>().join(" ")
}
