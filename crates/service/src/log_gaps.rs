//! Where a log was silent, and for how long: a small file beside it, written only when there was silence.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use model::{TaskId, Timestamp};

use crate::inner::blocking;
use crate::{Service, ServiceError};

/// Shortest silence that is remembered.
const SILENCE: Duration = Duration::from_secs(5);

/// Most silences of one log that are read.
const MAX_GAPS: usize = 10_000;

/// A silence in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogGap {
    /// Number of bytes that were written before it.
    pub offset: u64,
    /// How long nothing came.
    pub duration: Duration,
}

/// Notes silences while a log is written.
#[derive(Debug)]
pub(crate) struct GapWriter {
    path: PathBuf,
    last: Timestamp,
}

impl GapWriter {
    pub(crate) fn new(log: &Path, now: Timestamp) -> Self {
        Self { path: gaps_path(log), last: now }
    }

    /// To be called before each write. What can not be noted is not noted: the log itself matters more.
    pub(crate) fn before_write(&mut self, log: &std::fs::File, now: Timestamp) {
        let silence = now.since(self.last);
        self.last = now;
        if silence < SILENCE {
            return;
        }
        let Ok(bytes) = log.metadata().map(|metadata| metadata.len()) else { return };
        let noted = fs::OpenOptions::new().create(true).append(true).open(&self.path);
        let noted = noted.and_then(|mut file| writeln!(file, "{bytes} {}", silence.as_millis()));
        if let Err(error) = noted {
            tracing::debug!(%error, "a silence was not noted: {error}");
        }
    }
}

fn gaps_path(log: &Path) -> PathBuf {
    log.with_extension("gaps")
}

fn parse(text: &str) -> Vec<LogGap> {
    let gap = |line: &str| {
        let (offset, millis) = line.split_once(' ')?;
        Some(LogGap { offset: offset.parse().ok()?, duration: Duration::from_millis(millis.parse().ok()?) })
    };
    text.lines().take(MAX_GAPS).filter_map(gap).collect()
}

impl Service {
    /// The silences of a task's log of five seconds and more, in order; empty before a worker has begun.
    ///
    /// # Errors
    /// [`ServiceError::TaskMissing`].
    pub async fn log_gaps(&self, task: TaskId) -> Result<Vec<LogGap>, ServiceError> {
        let log = match self.log(task).await {
            Ok(log) => log.path,
            Err(ServiceError::LogMissing { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let read = blocking(move || fs::read_to_string(gaps_path(&log))).await?;
        match read {
            Ok(text) => Ok(parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silences_are_noted_with_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.log");
        let mut log = std::fs::File::create(&path).unwrap();
        let at = Timestamp::from_seconds;
        let mut gaps = GapWriter::new(&path, at(0));
        for (second, text) in [(1, "one\n"), (2, "two\n"), (32, "three\n"), (33, "four\n"), (133, "five\n")] {
            gaps.before_write(&log, at(second));
            log.write_all(text.as_bytes()).unwrap();
        }
        let found = parse(&std::fs::read_to_string(gaps_path(&path)).unwrap());
        let gap = |offset, seconds| LogGap { offset, duration: Duration::from_secs(seconds) };
        assert_eq!(found, [gap(8, 30), gap(19, 100)]);
        assert_eq!(parse("nonsense\n1 x\n\n5 6000\n"), [gap(5, 6)]);
    }
}
