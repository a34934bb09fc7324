//! Signatures of rpm packages: puts ours into them, and checks those that are there.
//!
//! Signing changes a package's digest and, where there is no reserved space, the place of its header: metadata has to be made
//! of what [`sign_package`] returns. Nothing is installed or unpacked here. The manual is `docs/formats/rpm.5.md`.

mod sign;
mod verify;

pub use sign::{SignPackageError, SignedPackage, sign_package};
pub use verify::{VerifiedPackage, VerifyPackageError, verify_package};
