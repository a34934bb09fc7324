//! What the engine does to jobs, seen from outside: real roots, real sandboxes, hostile recipes.
//!
//! Needs root, apt with reachable sources and the rights to make namespaces; says so and passes where they are missing.

#![expect(clippy::unwrap_used, reason = "a test that can not go on fails")]
#![expect(clippy::print_stderr, reason = "skipped tests say so")]

mod build;
mod hostile;
mod kit;
mod life;
mod measure;
mod rootless;
mod rpm;
mod rpm_kit;
