use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use web::native::wire::{SubmitRequest, Submitted};

use super::{client, status};
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::ClientFlags;
use crate::{source, watch};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Name of the project.
    project: String,
    /// Address of a recipe, or files; a .dsc brings the files it names.
    #[arg(required = true, value_name = "URL-or-FILE")]
    source: Vec<String>,
    /// Target to build for (`debian-12-x86_64`); repeat it for several [default: all of the project].
    #[arg(long = "target", value_name = "TARGET")]
    targets: Vec<String>,
    /// Let the recipe reach the network.
    #[arg(long)]
    network: bool,
    /// Wait for the end of the build; exit with 1 if it fails.
    #[arg(long)]
    wait: bool,
}

/// Submits a build.
pub(crate) async fn run(arguments: Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let client = client(flags)?;
    let mut request = SubmitRequest {
        project: arguments.project,
        url: None,
        targets: arguments.targets,
        network: arguments.network.then_some(true),
        limits: None,
    };
    let is_address = |text: &String| text.starts_with("http://") || text.starts_with("https://");
    let submitted: Submitted = match arguments.source.as_slice() {
        [address] if is_address(address) => {
            request.url = Some(address.clone());
            client.post("/builds", &request).await?
        }
        sources if sources.iter().any(is_address) => {
            return Err(Failure::new(Exit::Invalid, "one address, or files, but not both"));
        }
        files => send_files(&client, &request, files).await?,
    };
    let id = submitted.build.get();
    if !arguments.wait {
        output.result(&submitted, |output| output.line(format!("{}/builds/{id}", client.url())));
        return Ok(());
    }
    output.note(format!("{}/builds/{id}", client.url()));
    let answer = watch::until_finished(&client, id, output).await?;
    output.result(&answer, |output| status::show(&answer, output));
    watch::verdict(&answer)
}

async fn send_files(client: &Client, request: &SubmitRequest, files: &[String]) -> Result<Submitted, Failure> {
    let given: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    let text = serde_json::to_string(request).unwrap_or_default();
    let mut form = Form::new().text("build", text);
    for path in source::with_companions(&given)? {
        let file = tokio::fs::File::open(&path)
            .await
            .map_err(|error| Failure::new(Exit::Missing, format!("{} can not be opened: {error}", path.display())))?;
        let bytes = file.metadata().await?.len();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        form = form.part("file", Part::stream_with_length(file, bytes).file_name(name));
    }
    client.answer(client.request(Method::POST, "/builds").multipart(form)).await
}
