//! The sandbox: namespaces, mounts, ids, system call filter, and the small init inside.
//!
//! The engine starts the helper (this program again, [`run_helper_if_asked`]) with a socket as standard input, sends a
//! [`protocol::SandboxSpec`] and hears [`protocol::Event`]s. The helper is single-threaded: its outer half stays in
//! the host's process namespace and only waits; its inner half is the first process of the sandbox.
//! Read [`protocol::SandboxSpec`] first.

mod collect;
pub(crate) mod handle;
mod helper;
pub(crate) mod idmap;
mod init;
mod mounts;
mod persist;
pub(crate) mod protocol;
mod seccomp;
mod step;
mod sys;
mod unpack;
mod wire;

pub(crate) use handle::Sandbox;
pub use helper::run_helper_if_asked;

/// The first argument of a program that shall be a sandbox helper.
pub(crate) const HELPER_WORD: &str = "sandbox-init";
