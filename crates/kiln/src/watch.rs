//! Shows a build on its way to the end.

use std::time::Duration;

use web::native::wire::BuildAnswer;

use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// How often a server that went away is asked again, and how long each wait is.
const RETRIES: u32 = 10;
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Waits until a build is finished.
///
/// # Errors
/// If the server can not be asked for a while, or the build is deleted.
pub(crate) async fn until_finished(client: &Client, id: i64, output: Output) -> Result<BuildAnswer, Failure> {
    let mut progress = output.progress();
    let mut seen = 0;
    let mut failures = 0;
    loop {
        let asked = match client.build(id).await {
            Ok(answer) => {
                progress.say(&summary(&answer));
                if answer.finished {
                    progress.end();
                    return Ok(answer);
                }
                client.wait_for_change(seen).await
            }
            Err(failure) => Err(failure),
        };
        match asked {
            Ok(now) => {
                seen = now;
                failures = 0;
                // Others' builds change things as well.
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            Err(failure) if failure.exit == Exit::Busy && failures < RETRIES => {
                failures += 1;
                // After a restart the server counts anew.
                seen = 0;
                tokio::time::sleep(RETRY_DELAY).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// A build in one line.
pub(crate) fn summary(answer: &BuildAnswer) -> String {
    let tasks: Vec<String> = answer
        .tasks
        .iter()
        .map(|task| match &task.cause {
            Some(cause) => format!("{} {} ({})", task.target, task.task.state.as_str(), cause.message),
            None => format!("{} {}", task.target, task.task.state.as_str()),
        })
        .collect();
    format!("build {} {}: {}", answer.build.id, answer.state.as_str(), tasks.join(", "))
}

/// The failure of a build that ended without success.
pub(crate) fn verdict(answer: &BuildAnswer) -> Result<(), Failure> {
    use model::BuildState::{Canceled, Failed};
    if !matches!(answer.state, Failed | Canceled) {
        return Ok(());
    }
    let cause = answer.build.source_failure.as_ref().map(ToString::to_string).or_else(|| {
        let failed = answer.tasks.iter().find(|task| task.task.state == model::TaskState::Failed)?;
        Some(format!("{}: {}", failed.target, failed.cause.as_ref()?.message))
    });
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    Err(Failure::new(Exit::BuildFailed, format!("build {} {}{cause}", answer.build.id, answer.state.as_str())))
}
