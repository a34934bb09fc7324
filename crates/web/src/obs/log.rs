//! `_log`: the log of a build, whole, in parts, and while it grows.

use std::io::SeekFrom;
use std::time::Duration;

use model::{PackageName, Project, TaskId};
use service::{ServiceError, TargetName, TaskLog};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::call::{Answer, Call, document, package_name, plain};
use super::error::ObsError;
use super::xml::Node;

/// Tasks looked at for one that has a log.
const MAX_TASKS: u32 = 20;
/// Most bytes of one answer with `nostream`; the client asks for the rest.
const PART_BYTES: u64 = 4 << 20;
/// Shortest time between two looks at a log that grows.
const PAUSE: Duration = Duration::from_millis(200);

/// `GET /build/P/R/A/K/_log`.
pub(super) async fn show(call: &Call, project: &Project, target: &TargetName, package: &str) -> Answer {
    let package = package_name(package)?;
    let (task, log, ended) = find(call, project, target, &package).await?;
    match call.query.get("view") {
        None => {}
        Some("entry") => {
            let entry = Node::new("entry").with("name", "_log").with("size", log.bytes).with("mtime", ended);
            return Ok(document(&Node::new("directory").child(entry)));
        }
        Some(_) => return Err(ObsError::not_yet("this view of a log")),
    }
    let start = start(call, log.bytes)?;
    let end = number(call, "end")?.and_then(|end| u64::try_from(end).ok());
    if end.is_some() || log.complete {
        check_start(start, log.bytes)?;
        let end = end.unwrap_or(log.bytes).min(log.bytes).max(start);
        let end = if call.flag("nostream")? { end.min(start.saturating_add(PART_BYTES)) } else { end };
        return Ok(plain(read(&log, start, end).await?));
    }
    if !call.flag("nostream")? {
        return Ok(plain(crate::native::follow(call.app.clone(), task, start)));
    }
    hold(call, task, start).await
}

/// Waits until there is a byte more, or the end; an empty answer would tell the client that the build is over.
async fn hold(call: &Call, task: TaskId, start: u64) -> Answer {
    let mut seen = 0;
    loop {
        let log = call.app.service.log(task).await?;
        if log.bytes > start {
            return Ok(plain(read(&log, start, log.bytes.min(start.saturating_add(PART_BYTES))).await?));
        }
        if log.complete {
            check_start(start, log.bytes)?;
            return Ok(plain(Vec::new()));
        }
        tokio::select! {
            now = call.app.service.wait_for_change(seen) => seen = now,
            () = call.app.options.stop.cancelled() => return Ok(plain(Vec::new())),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The newest task that has a log, with that log and when it ended; with `last` or `lastsucceeded` among those that are over.
async fn find(
    call: &Call,
    project: &Project,
    target: &TargetName,
    package: &PackageName,
) -> Result<(TaskId, TaskLog, i64), ObsError> {
    let (last, good) = (call.flag("last")?, call.flag("lastsucceeded")?);
    for found in call.app.service.tasks_of_package(project.id, package, target, MAX_TASKS).await? {
        let task = found.task;
        if (last && !task.state.is_finished()) || (good && task.state != model::TaskState::Succeeded) {
            continue;
        }
        match call.app.service.log(task.id).await {
            Ok(log) => {
                let at = task.ended_at.or(task.started_at).map_or(0, model::Timestamp::as_seconds);
                return Ok((task.id, log, at));
            }
            Err(ServiceError::LogMissing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ObsError::missing(format!("package '{package}' has no logfile")))
}

fn number(call: &Call, name: &str) -> Result<Option<i64>, ObsError> {
    let bad = |_| ObsError::invalid(format!("parameter '{name}' is not a number"));
    call.query.get(name).map(|text| text.parse().map_err(bad)).transpose()
}

/// The first byte wanted; a negative number counts from the end.
fn start(call: &Call, bytes: u64) -> Result<u64, ObsError> {
    let start = number(call, "start")?.unwrap_or(0);
    Ok(if start < 0 { bytes.saturating_sub(start.unsigned_abs()) } else { start.unsigned_abs() })
}

fn check_start(start: u64, bytes: u64) -> Result<(), ObsError> {
    if start > bytes {
        return Err(ObsError::invalid(format!("start out of range: {start}")));
    }
    Ok(())
}

async fn read(log: &TaskLog, start: u64, end: u64) -> Result<Vec<u8>, ObsError> {
    let failed = |error| ObsError::from(crate::files::FileError::Io(error));
    let mut file = File::open(&log.path).await.map_err(failed)?;
    file.seek(SeekFrom::Start(start)).await.map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(end.saturating_sub(start)).read_to_end(&mut bytes).await.map_err(failed)?;
    Ok(bytes)
}
