use clap::Args;
use model::Phase;
use web::native::wire::{BuildAnswer, BuildsAnswer, PhaseAnswer, StatusAnswer, TaskAnswer};

use super::client;
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::ClientFlags;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Number of a build; without it, the server and the latest builds.
    build: Option<i64>,
}

/// Shows the server, or one build.
pub(crate) async fn run(arguments: Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let client = client(flags)?;
    if let Some(id) = arguments.build {
        let answer = client.build(id).await?;
        output.result(&answer, |output| show(&answer, output));
        return Ok(());
    }
    let status: StatusAnswer = client.get("/status").await?;
    let latest: BuildsAnswer = client.get("/builds?limit=10").await?;
    output.result(&status, |output| {
        output.line(format!(
            "{}: {} projects, {} builds, {} unfinished",
            client.url(),
            status.projects,
            status.builds,
            status.unfinished_builds
        ));
        for reconciler in &status.reconcilers {
            if let Some(error) = &reconciler.last_error {
                output.line(format!("{} failed: {error}", reconciler.name));
            }
        }
        let rows: Vec<Vec<String>> = latest.builds.iter().map(row).collect();
        output.table(&["BUILD", "STATE", "PROJECT", "PACKAGE", "VERSION"], &rows);
    });
    Ok(())
}

fn row(answer: &BuildAnswer) -> Vec<String> {
    let build = &answer.build;
    vec![
        build.id.to_string(),
        answer.state.as_str().to_owned(),
        build.project.to_string(),
        build.package.as_ref().map(ToString::to_string).unwrap_or_default(),
        build.version.clone().unwrap_or_default(),
    ]
}

/// A build and each task with its reason.
pub(super) fn show(answer: &BuildAnswer, output: Output) {
    let build = &answer.build;
    let package = build.package.as_ref().map(ToString::to_string).unwrap_or_else(|| "source not read yet".to_owned());
    output.line(format!(
        "build {} of {}: {package} {}: {}",
        build.id,
        build.project,
        build.version.as_deref().unwrap_or_default(),
        answer.state.as_str()
    ));
    if let Some(signature) = &build.source_signature {
        output.line(format!("  signature: {signature}"));
    }
    if let Some(failure) = &build.source_failure {
        output.line(format!("  source: {failure}"));
    }
    for finding in &answer.order_findings {
        output.line(format!("  order: {finding}"));
    }
    for task in &answer.tasks {
        let cause = task.cause.as_ref().map(|cause| format!(": {}", cause.message)).unwrap_or_default();
        output.line(format!("  {} {}{cause}", task.target, task.task.state.as_str()));
        if !task.phases.is_empty() {
            output.line(format!("    {}", phases(task)));
        }
        for package in &task.task.built_packages {
            output.line(format!("    {} {}", package.name, package.version));
        }
    }
}

/// How long each phase took: `fetch 0.01 s, root 0.32 s (from the cache), ...`.
fn phases(task: &TaskAnswer) -> String {
    let phase = |answer: &PhaseAnswer| {
        let word = match answer.phase {
            Phase::Fetch => "fetch",
            Phase::Root => "root",
            Phase::Recipe => "recipe",
            Phase::Collect => "collect",
        };
        let cached = if answer.phase == Phase::Root && task.warm_root == Some(true) { " (from the cache)" } else { "" };
        format!("{word} {}.{:02} s{cached}", answer.duration_ms / 1000, answer.duration_ms % 1000 / 10)
    };
    task.phases.iter().map(phase).collect::<Vec<_>>().join(", ")
}
