use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use web::native::wire::{AfterBuild, SubmitRequest, Submitted};

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
    /// Submit each address or file as a build of its own; who needs what another one makes waits for it.
    #[arg(long)]
    ordered: bool,
    /// Let the owner's other builds go first.
    #[arg(long)]
    background: bool,
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
        with_build_id: None,
        after_build_id: None,
        batch_size: None,
        background: arguments.background,
    };
    let mut submitted = Vec::new();
    if arguments.ordered {
        request.after_build_id = Some(AfterBuild::Word("auto".to_owned()));
        request.batch_size = u32::try_from(arguments.source.len()).ok();
        for source in &arguments.source {
            let one = send(&client, request.clone(), std::slice::from_ref(source)).await?;
            request.with_build_id.get_or_insert(one.build.get());
            announce(&client, &one, arguments.wait, output);
            submitted.push(one);
        }
    } else {
        let one = send(&client, request, &arguments.source).await?;
        announce(&client, &one, arguments.wait, output);
        submitted.push(one);
    }
    let mut verdict = Ok(());
    for one in submitted.iter().filter(|_| arguments.wait) {
        let answer = watch::until_finished(&client, one.build.get(), output).await?;
        output.result(&answer, |output| status::show(&answer, output));
        verdict = verdict.and(watch::verdict(&answer));
    }
    verdict
}

fn announce(client: &Client, submitted: &Submitted, is_waited_for: bool, output: Output) {
    let address = format!("{}/builds/{}", client.url(), submitted.build);
    if is_waited_for {
        output.note(address);
    } else {
        output.result(submitted, |output| output.line(address));
    }
}

/// Sends one build: an address, or files that belong together.
async fn send(client: &Client, mut request: SubmitRequest, sources: &[String]) -> Result<Submitted, Failure> {
    let is_address = |text: &String| text.starts_with("http://") || text.starts_with("https://");
    match sources {
        [address] if is_address(address) => {
            request.url = Some(address.clone());
            client.post("/builds", &request).await
        }
        sources if sources.iter().any(is_address) => {
            Err(Failure::new(Exit::Invalid, "one address, or files, but not both"))
        }
        files => send_files(client, &request, files).await,
    }
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
