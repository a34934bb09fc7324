//! A small source, made without running anything.

use std::io;

use model::{ResultKind, SourceScript};
use pkg::{PackageFormat, Sha256};

use super::{MadeFile, archive};

/// What the source is called: the end of the address, else the name, that the script is given.
pub(super) fn name(script: &SourceScript) -> &str {
    let given = ["KILN_URL", "KILN_NAME"].iter().find_map(|name| script.variables.get(*name));
    let end = given.map_or("made", |text| text.trim_end_matches('/').rsplit('/').next().unwrap_or("made"));
    end.strip_suffix(".git").unwrap_or(end)
}

/// The files of the source, as the format of a root has them.
pub(super) fn files(format: PackageFormat, name: &str, version: &str) -> io::Result<Vec<MadeFile>> {
    let file = |name: String, bytes: Vec<u8>| MadeFile { name, kind: ResultKind::Source, package: None, bytes };
    if format == PackageFormat::Rpm {
        let spec = format!(
            "Name: {name}\nVersion: {version}\nRelease: 1\nSummary: Made\nLicense: MIT\n\n%description\nMade.\n\n%files\n"
        );
        return Ok(vec![file(format!("{name}.spec"), spec.into_bytes())]);
    }
    let tar = format!("{name}_{version}.tar.gz");
    let bytes = archive(&format!("{name}-{version}/made"), b"made\n")?;
    let dsc = format!(
        "Format: 3.0 (native)\nSource: {name}\nBinary: {name}\nArchitecture: any\nVersion: {version}\n\
         Maintainer: Nobody <nobody@example.org>\nChecksums-Sha256:\n {} {} {tar}\n",
        Sha256::of(&bytes),
        bytes.len()
    );
    Ok(vec![file(format!("{name}_{version}.dsc"), dsc.into_bytes()), file(tar, bytes)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_called_after_the_address() {
        let script = |variable: &str, value: &str| SourceScript {
            variables: [(variable.to_owned(), value.to_owned())].into(),
            ..SourceScript::default()
        };
        assert_eq!(name(&script("KILN_URL", "http://example.org/a/hello.git/")), "hello");
        assert_eq!(name(&script("KILN_NAME", "hello")), "hello");
        assert_eq!(name(&SourceScript::default()), "made");
    }
}
