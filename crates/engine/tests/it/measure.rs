//! What a root costs, for people: `cargo test --release -p engine --test it -- --ignored --nocapture measure`.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use engine::{CancelToken, Engine, HandoverError, JobRunner, JobSink};
use model::{FailureCause, JobOutcome, Phase, ResultFile};

use crate::kit::{config, folder, kit, source};

/// Remembers when the recipe printed its first line.
pub(crate) struct FirstLine(Instant, Mutex<(Vec<u8>, Option<Duration>)>);

impl FirstLine {
    pub(crate) fn new() -> Self {
        Self(Instant::now(), Mutex::default())
    }

    /// When the line came, since this was made.
    pub(crate) fn first_line(&self) -> Option<Duration> {
        self.1.lock().unwrap().1
    }
}

impl JobSink for FirstLine {
    fn log(&self, bytes: &[u8]) {
        let mut state = self.1.lock().unwrap();
        if std::env::var_os("KILN_MEASURE_LINES").is_some() {
            let line = String::from_utf8_lossy(bytes).trim_end().replace('\n', " | ");
            eprintln!("{:8.3} {line:.150}", self.0.elapsed().as_secs_f64());
        }
        state.0.extend_from_slice(bytes);
        if state.1.is_none() && state.0.windows(12).any(|word| word == b"first line\n\n") {
            state.1 = Some(self.0.elapsed());
        }
    }

    fn phase(&self, _phase: Phase) {}

    fn result(&self, _result: &ResultFile, _path: &Path) -> Result<(), HandoverError> {
        Ok(())
    }
}

/// Processor seconds of this program, of the helpers it waited for, and of all they waited for.
pub(crate) fn processor_seconds() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let numbers: Vec<f64> =
        stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(4).map(|n| n.parse().unwrap()).collect();
    ((numbers[0] + numbers[1]) / 100.0, (numbers[2] + numbers[3]) / 100.0)
}

#[test]
#[ignore = "measures, proves nothing"]
fn measure_roots() {
    let Some(kit) = kit() else { return };
    let state = folder().join("measured-state");
    for what in ["cold, packages never seen", "cold, packages repacked", "warm", "warm"] {
        match what {
            "cold, packages never seen" => drop(std::fs::remove_dir_all(&state)),
            "cold, packages repacked" => std::fs::remove_dir_all(state.join("roots")).unwrap(),
            _ => {}
        }
        let engine = Engine::open(config(state.clone())).unwrap();
        let work = tempfile::tempdir().unwrap();
        let (mut job, files) = kit.job(&source(work.path(), "exit 1"));
        job.settings.command = ["sh", "-c", "echo; echo first line; echo; exit 1"].map(str::to_owned).to_vec();
        let before = processor_seconds();
        let sink = FirstLine::new();
        let report = engine.run(&job, &files, &sink, &CancelToken::new());
        let took = sink.0.elapsed();
        assert!(matches!(report.outcome, JobOutcome::Failed(FailureCause::Recipe { .. })), "{:?}", report.outcome);
        let (log, first) = sink.1.into_inner().unwrap();
        let after = processor_seconds();
        eprintln!("{what}: processor: engine {:.2} s, sandbox {:.2} s", after.0 - before.0, after.1 - before.1);
        eprintln!("{what}: first line after {first:?}, all after {took:?}; {:?}", report.timings);
        let log = String::from_utf8_lossy(&log).into_owned();
        for line in log.lines().filter(|line| line.starts_with("[kiln")) {
            eprintln!("    {line}");
        }
    }
}
