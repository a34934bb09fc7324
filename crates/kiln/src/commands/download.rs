use std::path::{Path, PathBuf};

use clap::Args;
use model::ResultFile;
use pkg::Sha256Hasher;
use reqwest::Method;
use tokio::io::AsyncWriteExt as _;
use web::native::wire::ResultsAnswer;

use super::client;
use crate::client::{Client, segment};
use crate::failure::{Exit, Failure, chain};
use crate::output::Output;
use crate::settings::ClientFlags;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Number of the build.
    build: i64,
    /// Only this target (`debian-12-x86_64`).
    #[arg(long)]
    target: Option<String>,
    /// Folder to put the files in; each target has its own below it if the build has several.
    #[arg(short, long, default_value = ".")]
    output: PathBuf,
}

/// Downloads results and checks their digests.
pub(crate) async fn run(arguments: Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let client = client(flags)?;
    let build = client.build(arguments.build).await?;
    let wanted = |target: &str| arguments.target.as_ref().is_none_or(|only| only == target);
    let tasks: Vec<_> = build.tasks.iter().filter(|task| wanted(&task.target)).collect();
    if tasks.is_empty() {
        return Err(Failure::new(Exit::Missing, format!("build {} has no such task", arguments.build)));
    }
    for task in &tasks {
        let folder = if tasks.len() > 1 { arguments.output.join(&task.target) } else { arguments.output.clone() };
        fs_err::create_dir_all(&folder)?;
        let answer: ResultsAnswer = client.get(&format!("/tasks/{}/results", task.task.id)).await?;
        for result in &answer.results {
            let address = format!("/tasks/{}/results/{}", task.task.id, segment(result.file.name.as_str()));
            let path = fetch(&client, &address, result, &folder).await?;
            output.result(&serde_json::json!({"file": path}), |output| output.line(path.display()));
        }
    }
    Ok(())
}

/// Fetches beside the final name and renames, so that nobody sees half a file.
async fn fetch(client: &Client, address: &str, result: &ResultFile, folder: &Path) -> Result<PathBuf, Failure> {
    let mut response = client.send(client.request(Method::GET, address)).await?;
    let path = folder.join(result.file.name.as_str());
    let part = folder.join(format!("{}.part", result.file.name));
    let mut file = tokio::fs::File::create(&part).await?;
    let mut hasher = Sha256Hasher::new();
    while let Some(piece) = response.chunk().await.map_err(|error| Failure::new(Exit::Busy, chain(&error)))? {
        hasher.update(&piece);
        file.write_all(&piece).await?;
    }
    file.flush().await?;
    if hasher.finish() != result.file.sha256 {
        fs_err::remove_file(&part)?;
        return Err(Failure::new(Exit::Broken, format!("{}: the bytes are not those of the build", result.file.name)));
    }
    fs_err::rename(&part, &path)?;
    Ok(path)
}
