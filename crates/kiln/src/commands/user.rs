use clap::Subcommand;
use model::UserName;
use web::native::wire::{Login, NewUser};

use super::client;
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
}

/// Shows or creates users.
pub(crate) async fn run(command: Command, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let client = client(flags)?;
    let login: Login = match command {
        Command::Show => client.get("/login").await?,
        Command::Create { name, admin } => {
            client.post("/users", &NewUser { name: UserName::parse(&name)?, admin }).await?
        }
    };
    let role = if login.admin { "administrator" } else { "user" };
    output.result(&login, |output| output.line(format!("{} ({role}) at {}", login.user, client.url())));
    Ok(())
}
