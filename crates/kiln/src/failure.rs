//! How a command ends when it does not end well: an exit code, a message with its causes, and what to do.

use service::{ErrorKind, ServiceError};
use web::native::wire::{ErrorBody, ErrorCode};

/// Exit codes; docs/formats/exit-codes.md has the same list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// A build failed or was canceled.
    BuildFailed = 1,
    /// What was asked makes no sense.
    Invalid = 2,
    /// Nobody is logged in, or the user may not.
    Denied = 3,
    /// What was named is not there.
    Missing = 4,
    /// It does not fit the state things are in.
    Conflicting = 5,
    /// Not now; later it may work.
    Busy = 6,
    /// Kiln itself failed.
    Broken = 7,
}

impl Exit {
    /// The word of the code in machine-readable messages.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::BuildFailed => "build_failed",
            Self::Invalid => "invalid",
            Self::Denied => "denied",
            Self::Missing => "missing",
            Self::Conflicting => "conflicting",
            Self::Busy => "busy",
            Self::Broken => "broken",
        }
    }
}

/// What a command that did its work found out; [`Answer::No`] ends with exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All is as it should be.
    Yes,
    /// Two configurations differ, a file is not laid out.
    No,
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Exit code.
    pub(crate) exit: Exit,
    /// What went wrong, causes included.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

impl Failure {
    /// A failure in one's own words.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: None }
    }

    /// The same with what to do about it.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// An error and its causes in one line, each said once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        let exit = match error.kind() {
            ErrorKind::Invalid => Exit::Invalid,
            ErrorKind::Denied => Exit::Denied,
            ErrorKind::Missing => Exit::Missing,
            ErrorKind::Conflicting => Exit::Conflicting,
            ErrorKind::Busy => Exit::Busy,
            ErrorKind::Broken => Exit::Broken,
        };
        Self { exit, message: chain(&error), help: error.help() }
    }
}

impl From<ErrorBody> for Failure {
    fn from(body: ErrorBody) -> Self {
        let exit = match body.code {
            ErrorCode::Invalid => Exit::Invalid,
            ErrorCode::Denied => Exit::Denied,
            ErrorCode::Missing => Exit::Missing,
            ErrorCode::Conflicting => Exit::Conflicting,
            ErrorCode::Busy => Exit::Busy,
            ErrorCode::Broken => Exit::Broken,
        };
        Self { exit, message: body.message, help: body.help }
    }
}

/// A file of the user's, or a folder of ours.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let exit = match error.kind() {
            std::io::ErrorKind::NotFound => Exit::Missing,
            std::io::ErrorKind::PermissionDenied => Exit::Denied,
            std::io::ErrorKind::AddrInUse => Exit::Conflicting,
            _ => Exit::Broken,
        };
        Self::new(exit, chain(&error))
    }
}

impl From<model::NameError> for Failure {
    fn from(error: model::NameError) -> Self {
        Self::new(Exit::Invalid, error.to_string())
    }
}

impl From<pkg::ArchError> for Failure {
    fn from(error: pkg::ArchError) -> Self {
        Self::new(Exit::Invalid, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_exit_codes_is_complete() {
        let page = include_str!("../../../docs/formats/exit-codes.md");
        let all = [
            Exit::BuildFailed,
            Exit::Invalid,
            Exit::Denied,
            Exit::Missing,
            Exit::Conflicting,
            Exit::Busy,
            Exit::Broken,
        ];
        for exit in all {
            assert!(page.contains(&format!("| {} | `{}` |", exit as u8, exit.as_str())), "{exit:?}");
        }
    }

    #[test]
    fn a_cause_is_said_once() {
        let inner = std::io::Error::other("the disk is full");
        let outer = ServiceError::Failed { what: "publishing x".to_owned(), source: Box::new(inner) };
        assert_eq!(chain(&outer), "publishing x: the disk is full");
        assert_eq!(Failure::from(outer).exit, Exit::Broken);
    }
}
