//! Repositories and signatures, compared with the tools that will read them: gpgv, rpm, dpkg, APT,
//! createrepo_c, dnf, libsolv.
//!
//! Tests whose tool or data this machine lacks say so and pass.

#![expect(clippy::unwrap_used, reason = "a test that can not go on has failed")]
#![expect(clippy::print_stderr, reason = "says which tests were skipped")]
#![expect(clippy::disallowed_methods, reason = "the tests run the tools that read repositories")]

mod apt;
mod pgp;
mod rpm_tools;
mod rpmmd;
mod rpmsign;
mod suite;
mod tools;
