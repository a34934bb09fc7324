use std::io::Read;

use pkg::{Arch, PackageFormat, PackageMeta, Sha256};
use pkgfile::deb::{DebLimits, DebReader};
use pkgfile::rpm::{RpmLimits, RpmReader};

use crate::fetch::chain;

/// What a package file says of itself; nothing if it is none of the format, or damaged.
pub(crate) fn read_package(format: PackageFormat, file: impl Read) -> Option<PackageMeta> {
    match format {
        PackageFormat::Deb => Some(DebReader::open(file, DebLimits::default()).ok()?.into_control().meta),
        PackageFormat::Rpm => Some(RpmReader::open(file, RpmLimits::default()).ok()?.package().meta().clone()),
        // Nothing reads these yet, and no configuration of theirs comes this far.
        _ => None,
    }
}

/// What tells a package file from others but for when and where it was built; nothing for files of other kinds.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn likeness(name: &str, file: impl Read) -> Result<Option<Sha256>, String> {
    Ok(Some(match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "deb" | "udeb" => {
            let reader = DebReader::open(file, DebLimits::default()).map_err(|error| chain(&error))?;
            reader.likeness().map_err(|error| chain(&error))?
        }
        "rpm" => {
            let reader = RpmReader::open(file, RpmLimits::default()).map_err(|error| chain(&error))?;
            reader.package().likeness()
        }
        _ => return Ok(None),
    }))
}

/// Whether an rpm package of an architecture can be installed into roots for another one.
///
/// Rule: rpm's table of compatible architectures (`rpmrc`), without those that name another library path: what is built for
/// x86_64 does not see packages for i686.
pub(crate) fn is_for_arch(package: &str, arch: &Arch) -> bool {
    let compatible: &[&str] = match arch.as_str() {
        "i386" => &["i386"],
        "i486" => &["i486", "i386"],
        "i586" | "i686" => &["i686", "i586", "i486", "i386"],
        "armv6l" | "armv6hl" => &["armv6hl", "armv6l"],
        "armv7l" | "armv7hl" => &["armv7hl", "armv7hnl", "armv7l", "armv6hl"],
        _ => &[],
    };
    package == "noarch" || package == arch.as_str() || compatible.contains(&package)
}
