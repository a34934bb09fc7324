use std::time::Duration;

use clap::Args;
use reqwest::Method;
use web::native::wire::{BuildAnswer, TaskAnswer};

use super::client;
use crate::client::Client;
use crate::failure::{Exit, Failure, chain};
use crate::output::Output;
use crate::settings::ClientFlags;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Number of the build.
    build: i64,
    /// Go on until the task ends.
    #[arg(short, long)]
    follow: bool,
    /// Which task (`debian-12-x86_64`); needed if the build has several.
    #[arg(long)]
    target: Option<String>,
}

/// Shows the log of a task.
pub(crate) async fn run(arguments: Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let client = client(flags)?;
    let build = client.build(arguments.build).await?;
    let task = choose(&build, arguments.target.as_deref())?;
    let path = format!("/tasks/{}/log", task.task.id);
    if arguments.follow {
        return follow(&client, arguments.build, task, output).await;
    }
    let response = client.send(client.request(Method::GET, &path)).await?;
    pass_on(response, output).await.map_err(|error| Failure::new(Exit::Busy, chain(&error))).map(|_| ())
}

/// The task of a target, or the only one.
pub(super) fn choose<'a>(build: &'a BuildAnswer, target: Option<&str>) -> Result<&'a TaskAnswer, Failure> {
    let id = build.build.id;
    let targets = || build.tasks.iter().map(|task| task.target.as_str()).collect::<Vec<_>>().join(", ");
    match (target, build.tasks.as_slice()) {
        (None, [task]) => Ok(task),
        (None, []) => Err(Failure::new(Exit::Missing, format!("build {id} has no task"))),
        (None, _) => Err(Failure::new(Exit::Invalid, format!("build {id} has several tasks"))
            .with_help(format!("choose one with --target: {}", targets()))),
        (Some(target), tasks) => tasks.iter().find(|task| task.target == target).ok_or_else(|| {
            Failure::new(Exit::Missing, format!("build {id} has no task for {target}"))
                .with_help(format!("it has {}", targets()))
        }),
    }
}

/// Shows the log as it grows; begins again where it was cut off, until the task is over.
async fn follow(client: &Client, build: i64, task: &TaskAnswer, output: Output) -> Result<(), Failure> {
    let id = task.task.id;
    let mut printer = Printer::new(output);
    let mut offset: u64 = 0;
    let mut failures: u32 = 0;
    loop {
        let request = client.request(Method::GET, &format!("/tasks/{id}/log?follow=1&offset={offset}"));
        let cut = match client.send(request).await {
            Ok(response) => {
                let (count, cut) = count(response, &mut printer).await;
                offset += count;
                failures = if count > 0 { 0 } else { failures };
                cut
            }
            Err(failure) if failure.exit == Exit::Busy => Some(failure),
            Err(failure) => return Err(failure),
        };
        let state = client.build(build).await;
        if let Ok(answer) = &state {
            let over = answer
                .tasks
                .iter()
                .find(|other| other.task.id == id)
                .is_none_or(|other| other.task.state.is_finished());
            if over && cut.is_none() {
                return Ok(());
            }
        }
        failures += 1;
        if failures > 10 {
            return Err(cut.unwrap_or_else(|| Failure::new(Exit::Busy, format!("the log of task {id} is cut off"))));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn count(mut response: reqwest::Response, printer: &mut Printer) -> (u64, Option<Failure>) {
    let mut count = 0;
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => {
                printer.print(&piece);
                count += u64::try_from(piece.len()).unwrap_or(0);
            }
            Ok(None) => return (count, None),
            Err(error) => return (count, Some(Failure::new(Exit::Busy, chain(&error)))),
        }
    }
}

async fn pass_on(mut response: reqwest::Response, output: Output) -> Result<(), reqwest::Error> {
    let mut printer = Printer::new(output);
    while let Some(piece) = response.chunk().await? {
        printer.print(&piece);
    }
    Ok(())
}

/// Longest line of the log that is kept together for machines, in bytes.
const LINE_BYTES: usize = 1 << 20;

/// Prints a log: as it is, or for machines a value `{"line": "..."}` a line.
struct Printer {
    output: Output,
    /// The line that has begun.
    line: Vec<u8>,
}

impl Printer {
    const fn new(output: Output) -> Self {
        Self { output, line: Vec::new() }
    }

    fn print(&mut self, bytes: &[u8]) {
        if !self.output.json {
            return self.output.raw(bytes);
        }
        for byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                _ if self.line.len() >= LINE_BYTES => {
                    self.end_line();
                    self.line.push(*byte);
                }
                _ => self.line.push(*byte),
            }
        }
    }

    fn end_line(&mut self) {
        self.output.line(serde_json::json!({"line": String::from_utf8_lossy(&self.line)}));
        self.line.clear();
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }
}
