use model::{FailureCause, FileName};

/// What a file that somebody hands in is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Submission {
    /// A Debian source control file, which names further files with their digests.
    Dsc,
    /// An rpm source package, which holds the spec file and all or most of what it names.
    SourceRpm,
    /// A spec file alone, which names further files by address or by name.
    Spec,
}

/// The endings by which sources are told apart, the ones that say most first.
const ENDINGS: [(&str, Submission); 4] = [
    (".dsc", Submission::Dsc),
    (".src.rpm", Submission::SourceRpm),
    (".nosrc.rpm", Submission::SourceRpm),
    (".spec", Submission::Spec),
];

impl Submission {
    /// What a file is; or why it is no source that this service builds.
    ///
    /// # Errors
    /// [`FailureCause::SourceInvalid`] with advice.
    pub(crate) fn of(file: &FileName) -> Result<Self, FailureCause> {
        let name = file.as_str();
        let found = ENDINGS.iter().find(|(ending, _)| name.len() > ending.len() && name.ends_with(ending));
        if let Some((_, submission)) = found {
            return Ok(*submission);
        }
        let detail = if name.ends_with(".deb") || name.ends_with(".udeb") {
            "is a binary package; submit the source package it is built from (.dsc)"
        } else if name.ends_with(".rpm") {
            "is a binary package; submit the source package it is built from (.src.rpm)"
        } else if name.ends_with(".changes") || name.ends_with(".buildinfo") {
            "describes a finished build; submit the source package (.dsc)"
        } else {
            "is no source this service can build; submit a source package (.dsc, .src.rpm, .nosrc.rpm) or a spec file (.spec)"
        };
        Err(FailureCause::SourceInvalid { file: name.to_owned(), detail: detail.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart_by_their_ending() {
        let of = |name: &str| Submission::of(&FileName::parse(name).unwrap());
        assert_eq!(of("a_1.dsc").unwrap(), Submission::Dsc);
        assert_eq!(of("a-1-1.src.rpm").unwrap(), Submission::SourceRpm);
        assert_eq!(of("a-1-1.nosrc.rpm").unwrap(), Submission::SourceRpm);
        assert_eq!(of("a.spec").unwrap(), Submission::Spec);
        for (name, word) in [
            ("a_1_all.deb", "binary package; submit the source package it is built from (.dsc)"),
            ("a-1-1.x86_64.rpm", "binary package; submit the source package it is built from (.src.rpm)"),
            ("a_1.changes", "describes a finished build"),
            (".spec", "no source"),
            ("a.tar.gz", "or a spec file (.spec)"),
        ] {
            assert!(of(name).unwrap_err().to_string().contains(word), "{name}");
        }
    }
}
