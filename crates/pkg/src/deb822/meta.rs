use super::{Field, Paragraph, normalize_relations};
use crate::{MultiArch, PackageMeta};

/// Reads a binary package's paragraph, as it stands in a `.deb` and in a `Packages` index.
///
/// `None` without Package or Version. Dependencies are normalized, Pre-Depends stand behind Depends and Breaks behind
/// Conflicts, and `name = version` is provided at the end unless the package says so itself. Rule: Build.pm's reader of
/// `Packages`.
#[must_use]
pub fn package_meta(paragraph: &Paragraph<'_>) -> Option<PackageMeta> {
    let mut reading = Reading::default();
    for field in paragraph.fields() {
        reading.take(&field);
    }
    reading.finish()
}

#[derive(Default)]
struct Reading {
    meta: PackageMeta,
    pre_depends: Vec<String>,
    breaks: Vec<String>,
}

impl Reading {
    fn take(&mut self, field: &Field<'_>) {
        let meta = &mut self.meta;
        let list = match () {
            () if field.is("Package") => return field.value.clone_into(&mut meta.name),
            () if field.is("Version") => return field.value.clone_into(&mut meta.evr),
            () if field.is("Architecture") => return field.value.clone_into(&mut meta.arch),
            () if field.is("Source") => {
                meta.source = field.value.split_whitespace().next().map(str::to_owned);
                return;
            }
            () if field.is("Multi-Arch") => return meta.multi_arch = multi_arch(field.value),
            () if field.is("Depends") => &mut meta.requires,
            () if field.is("Pre-Depends") => &mut self.pre_depends,
            () if field.is("Provides") => &mut meta.provides,
            () if field.is("Conflicts") => &mut meta.conflicts,
            () if field.is("Breaks") => &mut self.breaks,
            () if field.is("Recommends") => &mut meta.recommends,
            () if field.is("Suggests") => &mut meta.suggests,
            () if field.is("Enhances") => &mut meta.enhances,
            () => return,
        };
        list.clear();
        normalize_relations(&field.unfolded(), list);
    }

    fn finish(self) -> Option<PackageMeta> {
        let Self { mut meta, pre_depends, breaks } = self;
        if meta.name.is_empty() || meta.evr.is_empty() {
            return None;
        }
        meta.requires.extend(pre_depends);
        meta.conflicts.extend(breaks);
        let own = format!("{} = {}", meta.name, meta.evr);
        if !meta.provides.contains(&own) {
            meta.provides.push(own);
        }
        meta.source = meta.source.filter(|source| *source != meta.name);
        Some(meta)
    }
}

fn multi_arch(value: &str) -> MultiArch {
    match value {
        "foreign" => MultiArch::Foreign,
        "allowed" => MultiArch::Allowed,
        "same" => MultiArch::Same,
        _ => MultiArch::No,
    }
}

#[cfg(test)]
mod tests {
    use super::super::paragraphs;
    use super::*;

    fn meta(text: &str) -> Option<PackageMeta> {
        package_meta(&paragraphs(text).next().unwrap())
    }

    #[test]
    fn a_binary_package_is_read_with_normalized_dependencies() {
        let text = "Package: a\nSource: src (1.0)\nVersion: 1:2-3\nArchitecture: amd64\nMulti-Arch: same\n\
                    Pre-Depends: p (>= 1)\nDepends: x (<< 2) | y,\n z\nBreaks: b\nConflicts: c\nProvides: v (= 1), w\n";
        let meta = meta(text).unwrap();
        assert_eq!(meta.requires, ["x < 2 | y", "z", "p >= 1"]);
        assert_eq!(meta.conflicts, ["c", "b"]);
        assert_eq!(meta.provides, ["v = 1", "w", "a = 1:2-3"]);
        assert_eq!(meta.source.as_deref(), Some("src"));
        assert_eq!(meta.multi_arch, MultiArch::Same);
    }

    #[test]
    fn a_source_of_the_same_name_is_not_repeated() {
        assert_eq!(meta("Package: a\nVersion: 1\nSource: a (2)\n").unwrap().source, None);
    }

    #[test]
    fn without_name_or_version_there_is_no_package() {
        assert_eq!(meta("Package: a\n"), None);
        assert_eq!(meta("Version: 1\n"), None);
    }
}
