//! Programs of the Python package index that jobs ask for, as an index of their own: a root gets them from loopback.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use testkit::http::HttpServer;

/// What jobs install, and what is needed to build a release that has no wheel.
const WANTED: [&str; 5] = ["pyp2spec", "pyp2rpm", "tito", "setuptools", "wheel"];

/// The programs and what they depend on, one wheel each, for the Python of the distribution.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    wheels: Vec<PathBuf>,
}

impl Tools {
    /// The programs, fetched on first use and then kept below `target`.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub(crate) fn get_or_say() -> Option<Self> {
        static TOOLS: OnceLock<Option<Tools>> = OnceLock::new();
        let tools = TOOLS.get_or_init(|| {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("source-tools");
            let wheels = folder.join("wheels");
            if !wheels.is_dir() && !fetch(&folder, &wheels) {
                return None;
            }
            let entries = std::fs::read_dir(wheels).ok()?.flatten().map(|entry| entry.path());
            Some(Self { wheels: entries.collect() })
        });
        if tools.is_none() {
            eprintln!("skipped: pip can not bring {WANTED:?} here");
        }
        tools.clone()
    }

    /// Serves them as `simple/`.
    pub(crate) fn publish(&self, web: &HttpServer) {
        let mut projects: BTreeMap<String, String> = BTreeMap::new();
        for wheel in &self.wheels {
            let file = wheel.file_name().unwrap().to_str().unwrap();
            web.put(&format!("wheels/{file}"), std::fs::read(wheel).unwrap());
            let project = file.split('-').next().unwrap().to_lowercase().replace(['_', '.'], "-");
            let line = format!("<a href=\"../../wheels/{file}\">{file}</a>\n");
            projects.entry(project).or_default().push_str(&line);
        }
        for (project, lines) in projects {
            web.put(&format!("simple/{project}/"), lines);
        }
    }
}

/// Makes the wheels; they appear when all are there. The distribution's Python is the one that roots have.
fn fetch(folder: &Path, wheels: &Path) -> bool {
    let part = folder.join("part");
    let _ = std::fs::remove_dir_all(&part);
    let succeeds = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let has_pip = succeeds(Command::new("/usr/bin/python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")));
    let mut pip = Command::new(folder.join("venv/bin/pip"));
    pip.args(["wheel", "--quiet", "--use-pep517", "--wheel-dir"]).arg(&part).args(WANTED);
    has_pip && succeeds(&mut pip) && std::fs::rename(&part, wheels).is_ok()
}
