use clap::Subcommand;
use model::UserName;
use web::native::wire::{Login, NewUser, RoleRequest, UsersAnswer};

use super::{account, client};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::ClientFlags;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show who is logged in.
    Show,
    /// Create a user; only for administrators.
    Create {
        /// Name.
        name: String,
        /// The user may do everything.
        #[arg(long)]
        admin: bool,
    },
    /// List all users.
    List,
    /// Say whether a user may do everything; only for administrators.
    Role {
        /// Name.
        name: String,
        /// `admin` or `user`.
        #[arg(value_parser = ["admin", "user"])]
        role: String,
    },
    /// Set the password of a user.
    Passwd(account::Passwd),
    /// Add, list or remove the SSH keys that sign for a user.
    #[command(subcommand)]
    SshKey(account::SshKeyCommand),
    /// List or end the sessions of a user.
    Sessions(account::Sessions),
}

/// Shows or creates users.
pub(crate) async fn run(command: Command, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let client = client(flags)?;
    let login: Login = match command {
        Command::List => return list(&client, output).await,
        Command::Passwd(arguments) => return account::passwd(arguments, &client, output).await,
        Command::SshKey(command) => return account::ssh_key(command, &client, output).await,
        Command::Sessions(arguments) => return account::sessions(arguments, &client, output).await,
        Command::Role { name, role } => {
            client.put(&format!("/users/{}", segment(&name)), &RoleRequest { admin: role == "admin" }).await?
        }
        Command::Show => client.get("/login").await?,
        Command::Create { name, admin } => {
            client.post("/users", &NewUser { name: UserName::parse(&name)?, admin }).await?
        }
    };
    let role = role_of(&login);
    output.result(&login, |output| output.line(format!("{} ({role}) at {}", login.user, client.url())));
    Ok(())
}

const fn role_of(login: &Login) -> &'static str {
    if login.admin { "administrator" } else { "user" }
}

async fn list(client: &Client, output: Output) -> Result<(), Failure> {
    let answer: UsersAnswer = client.get("/users").await?;
    output.result(&answer, |output| {
        let row = |login: &Login| vec![login.user.to_string(), role_of(login).to_owned()];
        output.table(&["USER", "ROLE"], &answer.users.iter().map(row).collect::<Vec<_>>());
    });
    Ok(())
}
