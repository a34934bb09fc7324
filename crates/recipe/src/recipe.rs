use pkg::{Arch, RecipeKind, Sha256};

/// What is to be built, as far as a build description tells before anything runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Which language it was written in.
    pub kind: RecipeKind,
    /// Name of the source package.
    pub name: String,
    /// Full version: `[epoch:]upstream[-revision]`.
    pub version: String,
    /// What the build needs, as items of an expansion request: `name`, `name OP version`, `a | b`, and `-name` for what is
    /// to be ignored; `--directdepsend--` in front of what only installing the results needs. In the order of the description.
    pub build_requires: Vec<String>,
    /// Binary packages it makes, as far as known, in order; on which architecture is not said.
    pub subpackages: Vec<String>,
    /// Architectures it builds on, sorted; empty means all.
    pub architectures: Vec<Arch>,
    /// Architectures it does not build on, sorted.
    pub excluded_architectures: Vec<Arch>,
    /// The files it is made of, in order; empty if the description does not tell their digests (spec files).
    pub source_files: Vec<SourceFile>,
    /// Whether more build dependencies become known only while it is built.
    pub has_dynamic_requires: bool,
    /// Whether the description carries a signature; nobody has checked it.
    pub is_signed: bool,
}

/// A file a source package is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// File name: one path component of harmless characters.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Its digest, if the description gives one.
    pub sha256: Option<Sha256>,
}

/// For what a build description is read.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The architecture of the build.
    pub arch: &'a Arch,
    /// Debian build profiles that are on: the words of the macro `%deb_build_profiles`.
    pub profiles: &'a [String],
}

/// The item of a request behind which stands what only installing the results needs.
pub(crate) const DIRECT_END: &str = "--directdepsend--";

impl Recipe {
    /// What of [`Recipe::build_requires`] makes it be built again when it changes: all in front of `--directdepsend--`.
    #[must_use]
    pub fn trigger_requires(&self) -> &[String] {
        let end = self.build_requires.iter().position(|item| item == DIRECT_END).unwrap_or(self.build_requires.len());
        self.build_requires.get(..end).unwrap_or_default()
    }

    /// Adds requirements that became known later, behind the recipe's own; those it has already are left out.
    pub fn add_requires(&mut self, more: &[String]) {
        let end = self.trigger_requires().len();
        let new: Vec<String> = more.iter().filter(|item| !self.trigger_requires().contains(item)).cloned().collect();
        self.build_requires.splice(end..end, new);
    }

    /// The architectures it is bound to, in the spelling of its language: those it builds on, or `!NAME` for those it does not.
    #[must_use]
    pub fn spelled_architectures(&self) -> Vec<String> {
        let name = |arch: &Arch| match self.kind {
            RecipeKind::Dsc => arch.debian_name().to_owned(),
            RecipeKind::Spec | RecipeKind::Arch => arch.to_string(),
        };
        let excluded = self.excluded_architectures.iter().map(|arch| format!("!{}", name(arch)));
        self.architectures.iter().map(name).chain(excluded).collect()
    }

    /// Whether it builds on `arch`.
    #[must_use]
    pub fn builds_on(&self, arch: &Arch) -> bool {
        (self.architectures.is_empty() || self.architectures.contains(arch))
            && !self.excluded_architectures.contains(arch)
    }

    /// The version without epoch and revision, as OBS shows it for Debian sources.
    #[must_use]
    pub fn upstream_version(&self) -> &str {
        let without_epoch = match self.version.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => rest,
            _ => &self.version,
        };
        without_epoch.rsplit_once('-').map_or(without_epoch, |(upstream, _)| upstream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_requirements_stand_before_what_only_installing_needs() {
        let (recipe, _) =
            crate::dsc::parse("Source: a\nVersion: 1\nBuild-Depends: x\n", &crate::dsc::tests::target(&[]));
        let mut recipe = recipe.unwrap();
        recipe.build_requires.extend([DIRECT_END.to_owned(), "late".to_owned()]);
        recipe.add_requires(&["y >= 2".to_owned(), "x".to_owned(), "late".to_owned()]);
        assert_eq!(recipe.build_requires, ["x", "y >= 2", "late", DIRECT_END, "late"]);
        assert_eq!(recipe.trigger_requires(), ["x", "y >= 2", "late"]);
    }

    #[test]
    fn the_upstream_version_lacks_epoch_and_revision() {
        let version = |text: &str| {
            let (recipe, _) =
                crate::dsc::parse(&format!("Source: a\nVersion: {text}\n"), &crate::dsc::tests::target(&[]));
            recipe.unwrap().upstream_version().to_owned()
        };
        assert_eq!(version("1-1"), "1");
        assert_eq!(version("2:1.0-rc1-3"), "1.0-rc1");
        assert_eq!(version("20200101"), "20200101");
    }
}
