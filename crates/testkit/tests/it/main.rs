//! The rpm distribution and what it is good for: roots that rpm and dnf make, in which rpmbuild builds.
#![expect(clippy::unwrap_used, reason = "a test that can not go on fails")]
#![expect(clippy::print_stderr, reason = "skipped tests say so")]

mod distribution;
mod source_package;
mod tools;
