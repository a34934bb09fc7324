//! Logs on pages: a strange program's bytes, a window of lines at a time, with what helps to find a cause.

mod clean;
mod read;
mod show;

pub(super) use show::{lines, section};
