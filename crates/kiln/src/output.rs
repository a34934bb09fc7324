//! The one place that writes to the standard streams: results to stdout, everything else to stderr.
#![expect(clippy::print_stderr, reason = "this is the printer")]

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::failure::Failure;

/// Prints for people or for machines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Whether results are JSON, a value a line.
    pub(crate) json: bool,
}

impl Output {
    /// Prints a line of the result.
    pub(crate) fn line(self, text: impl std::fmt::Display) {
        write_out(format!("{text}\n").as_bytes());
    }

    /// Prints a result: as JSON if that is wanted, else as `text` says.
    pub(crate) fn result<T: Serialize>(self, value: &T, text: impl FnOnce(Self)) {
        if self.json {
            self.line(serde_json::to_string(value).unwrap_or_default());
        } else {
            text(self);
        }
    }

    /// Prints rows with aligned columns.
    pub(crate) fn table(self, head: &[&str], rows: &[Vec<String>]) {
        let mut widths: Vec<usize> = head.iter().map(|title| title.chars().count()).collect();
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: &[&str]| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.line(line(head));
        for row in rows {
            self.line(line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
        }
    }

    /// Passes bytes on as they are.
    pub(crate) fn raw(self, bytes: &[u8]) {
        write_out(bytes);
    }

    /// Tells people something that is no result.
    pub(crate) fn note(self, text: impl std::fmt::Display) {
        eprintln!("{text}");
    }

    /// Says why the command failed.
    pub(crate) fn failure(self, failure: &Failure) {
        if self.json {
            let value = serde_json::json!({"error": {
                "code": failure.exit.as_str(), "message": failure.message, "help": failure.help,
            }});
            eprintln!("{value}");
            return;
        }
        eprintln!("error: {}", failure.message);
        if let Some(help) = &failure.help {
            eprintln!("help: {help}");
        }
    }

    /// A line that shows what is going on: moving on a terminal, one line a change elsewhere, nothing for machines.
    pub(crate) fn progress(self) -> Progress {
        let moving = !self.json && std::io::stderr().is_terminal();
        let bar = if moving {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
        };
        if moving {
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Progress { bar, plain: !self.json && !moving, last: String::new() }
    }
}

/// What is going on.
pub(crate) struct Progress {
    bar: ProgressBar,
    plain: bool,
    last: String,
}

impl Progress {
    /// Says what is going on now.
    pub(crate) fn say(&mut self, text: &str) {
        if self.last == text {
            return;
        }
        if self.plain {
            eprintln!("{text}");
        }
        self.bar.set_message(text.to_owned());
        self.last = text.to_owned();
    }

    /// Ends and leaves nothing on the terminal.
    pub(crate) fn end(self) {
        self.bar.finish_and_clear();
    }
}

fn write_out(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = stdout.write_all(bytes).and_then(|()| stdout.flush())
        && error.kind() == ErrorKind::BrokenPipe
    {
        // Whoever read has seen enough.
        std::process::exit(0);
    }
}
