use clap::{Args, Subcommand};
use web::native::wire::{MirrorAnswer, NewDistribution, ProjectAnswer, TargetsAnswer};

use super::client;
use crate::client::segment;
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::ClientFlags;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add a distribution from a preset (`debian-12`, `fedora-44`), or change how it is mirrored; only for administrators.
    Add(Add),
    /// List the targets that distributions offer.
    List,
    /// Fetch the changed indices of a distribution now.
    Refresh {
        /// Name of the distribution's project (`Debian:12`).
        project: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Name of the preset.
    preset: String,
    /// Address of the archive [default: the preset's, or for Debian the one of the server's own package manager].
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Address of the security archive [default: the one of the server's own package manager].
    #[arg(long, value_name = "URL")]
    security: Option<String>,
    /// File of the server with the keys of the archive [default: the distribution's].
    #[arg(long, value_name = "PATH")]
    keyring: Option<String>,
    /// Believe rpm-md metadata as the server sends it, without a signature.
    #[arg(long, conflicts_with = "keyring")]
    no_signature: bool,
    /// Name and address of an rpm-md repository instead of the preset's; `$basearch` stands for the architecture. Repeat it for
    /// several.
    #[arg(long = "repository", value_name = "NAME=URL", value_parser = named_address)]
    repositories: Vec<(String, String)>,
    /// Architecture; repeat it for several [default: the server's own].
    #[arg(long = "arch", value_name = "ARCH")]
    arches: Vec<String>,
}

/// Reads `NAME=URL`.
fn named_address(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && url.contains("://") => Ok((name.to_owned(), url.to_owned())),
        _ => Err("expected NAME=URL".to_owned()),
    }
}

/// Adds and lists distributions.
pub(crate) async fn run(command: Command, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let client = client(flags)?;
    match command {
        Command::Add(add) => {
            let request = NewDistribution {
                preset: add.preset,
                mirror_url: add.mirror,
                security_url: add.security,
                arches: add.arches,
                keyring: add.keyring,
                believes_unsigned: add.no_signature,
                repositories: add.repositories,
            };
            let answer: ProjectAnswer = client.post("/distributions", &request).await?;
            output.result(&answer, |output| output.line(format!("{} is there", answer.project.name)));
        }
        Command::List => {
            let answer: TargetsAnswer = client.get("/targets").await?;
            output.result(&answer, |output| {
                let rows: Vec<Vec<String>> = answer
                    .targets
                    .iter()
                    .map(|target| {
                        let active = if target.active { "active" } else { "inactive" };
                        vec![target.name.clone(), target.path.clone(), active.to_owned()]
                    })
                    .collect();
                output.table(&["TARGET", "BUILDS AGAINST", "STATE"], &rows);
            });
        }
        Command::Refresh { project } => {
            let path = format!("/distributions/{}/refresh", segment(&project));
            let answer: MirrorAnswer = client.post(&path, &serde_json::json!({})).await?;
            output.result(&answer, |output| {
                output.line(format!("{} packages, {} index files fetched", answer.packages, answer.fetched));
            });
        }
    }
    Ok(())
}
