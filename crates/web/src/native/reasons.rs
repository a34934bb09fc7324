//! Why things are as they are, in words: the same for machines, the command line and the pages.

use model::{Build, SourceState, Task, TaskState};
use serde::Serialize;

use super::wire::Cause;

/// Why a task is not running and not done: exactly one cause for each such task, none for others.
#[must_use]
pub fn task_cause(build: &Build, task: &Task) -> Option<Cause> {
    let cause = |code: &str, message: &str| Some(Cause { code: code.to_owned(), message: message.to_owned() });
    match task.state {
        TaskState::Starting | TaskState::Running | TaskState::Succeeded => None,
        TaskState::Canceled => cause("canceled", "somebody canceled the build"),
        TaskState::Failed => match task.failure.as_ref().or(build.source_failure.as_ref()) {
            Some(failure) => Some(coded(failure)),
            None => cause("failed", "the task failed"),
        },
        TaskState::Waiting => match build.source_state {
            SourceState::InJob => cause("source_job", "a job makes the source"),
            SourceState::Running => cause("source_running", "the source is being fetched"),
            _ => cause("source_pending", "the source waits to be fetched"),
        },
        TaskState::Pending | TaskState::Skipped => match &task.verdict {
            Some(verdict) => Some(coded(verdict)),
            None if task.state == TaskState::Skipped => cause("excluded", "excluded here"),
            None => cause("unplanned", "waits to be planned"),
        },
    }
}

/// The code is the tag of the value's own JSON form.
fn coded<T: Serialize + std::fmt::Display>(value: &T) -> Cause {
    let json = serde_json::to_value(value).unwrap_or_default();
    let code = json.get("code").and_then(serde_json::Value::as_str).unwrap_or("unknown").to_owned();
    Cause { code, message: value.to_string() }
}

/// What the service did with a task, a line an event.
#[must_use]
pub fn task_history(build: &Build, task: &Task) -> String {
    let mut text = format!("build {} of project {}: {} {}\n", build.id, build.project, task.repository, task.arch);
    let mut line = |at: Option<model::Timestamp>, what: &str| {
        if let Some(at) = at {
            text.push_str(&format!("{} {what}\n", crate::pages::words::time(at)));
        }
    };
    line(Some(build.submitted_at), "submitted");
    line(task.started_at, &format!("attempt {} claimed by a worker", task.attempts));
    line(task.ended_at, task.state.as_str());
    if let Some(cause) = task_cause(build, task) {
        text.push_str(&format!("{}: {}\n", task.state.as_str(), cause.message));
    }
    text
}
