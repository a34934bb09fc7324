use std::io::Read;

use pkg::{PackageFormat, PackageMeta};
use pkgfile::deb::{DebLimits, DebReader};
use pkgfile::rpm::{RpmLimits, RpmReader};

/// What a package file says of itself; nothing if it is none of the format, or damaged.
pub(crate) fn read_package(format: PackageFormat, file: impl Read) -> Option<PackageMeta> {
    match format {
        PackageFormat::Deb => Some(DebReader::open(file, DebLimits::default()).ok()?.into_control().meta),
        PackageFormat::Rpm => Some(RpmReader::open(file, RpmLimits::default()).ok()?.package().meta().clone()),
        // Nothing reads these yet, and no configuration of theirs comes this far.
        _ => None,
    }
}
