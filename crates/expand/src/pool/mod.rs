//! The packages a request can choose from, with everything that depends on them alone worked out in advance.
//!
//! Read [`Pool`] first, then [`PoolBuilder`].

mod build;
mod codec;
mod csr;
pub(crate) mod deps;
mod file;
mod strings;
mod view;

pub use build::PoolBuilder;
pub use codec::PoolFileError;
pub(crate) use csr::Csr;
pub(crate) use view::Providers;
pub use view::{PackageId, Pool};
