use pkg::PackageFormat;
use prjconf::BuildConfig;

/// How a published repository is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Layout {
    /// What apt installs from: `dists/` and `pool/`.
    Debian,
    /// What dnf and zypper install from: `repodata/`.
    RpmMd,
}

impl Layout {
    /// The layouts a configuration asks for, each once.
    ///
    /// Rule: Open Build Service's publisher: `Repotype`, whose words may have options behind a colon and of which unknown ones,
    /// `none` among them, mean nothing; without it what the packages are.
    pub(crate) fn of_config(config: &BuildConfig) -> Vec<Self> {
        if config.repotype.is_empty() {
            return vec![match config.package_format() {
                Some(PackageFormat::Rpm) => Self::RpmMd,
                _ => Self::Debian,
            }];
        }
        let known = |word: &str| match word.split(':').next()? {
            "debian" => Some(Self::Debian),
            "rpm-md" => Some(Self::RpmMd),
            _ => None,
        };
        let mut layouts: Vec<Self> = config.repotype.iter().filter_map(known).collect();
        layouts.sort_unstable();
        layouts.dedup();
        layouts
    }

    /// As part of a digest.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::RpmMd => "rpm-md",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_follows_the_configuration_or_else_the_packages() {
        let of = |text: &str| {
            let tree = prjconf::parse(text.as_bytes());
            Layout::of_config(&prjconf::evaluate(&tree, &prjconf::Options::for_arch("x86_64")).config)
        };
        assert_eq!(of("Type: spec\n"), [Layout::RpmMd]);
        assert_eq!(of("Type: dsc\n"), [Layout::Debian]);
        assert_eq!(of("Type: spec\nRepotype: rpm-md:legacy\n"), [Layout::RpmMd]);
        assert_eq!(of("Type: spec\nRepotype: rpm-md debian suse\n"), [Layout::Debian, Layout::RpmMd]);
        assert_eq!(of("Type: spec\nRepotype: none\n"), []);
    }
}
