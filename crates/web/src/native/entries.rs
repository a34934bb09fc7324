//! A configuration as a list of entries, each with the place that is its reason.

use std::collections::BTreeMap;

use prjconf::keyword::{KEYWORDS, Keyword, Kind, List, Map, Scalar};
use prjconf::{BuildConfig, Definition, DefinitionKind, Evaluated, Finding, Location, Macros, Origin, TextList, Tree};

use super::wire::{EntryAnswer, FindingAnswer, OriginAnswer};

/// Every entry of a configuration with its origin: keywords in the order of the manual, lists in their order, keys sorted.
///
/// Scalars that are not set, and the standard macros, are left out.
#[must_use]
pub fn entries(tree: &Tree, evaluated: &Evaluated) -> Vec<EntryAnswer> {
    let table = Table { tree, evaluated, macros: recipe_macros(tree) };
    let mut out = Vec::new();
    for (index, keyword) in KEYWORDS.iter().enumerate() {
        let again = KEYWORDS.iter().take(index).any(|other| other.kind == keyword.kind);
        if !again {
            table.keyword(keyword, &mut out);
        }
    }
    out
}

/// Where the macros that recipes see are defined, by name. The last definition counts.
fn recipe_macros(tree: &Tree) -> BTreeMap<String, Definition> {
    let for_recipes = |one: &Definition| matches!(one.kind, DefinitionKind::Block | DefinitionKind::DistMacro);
    let definitions = prjconf::definitions(tree).into_iter().filter(for_recipes);
    definitions.map(|definition| (definition.name.clone(), definition)).collect()
}

struct Table<'a> {
    tree: &'a Tree,
    evaluated: &'a Evaluated,
    macros: BTreeMap<String, Definition>,
}

impl Table<'_> {
    fn keyword(&self, keyword: &Keyword, out: &mut Vec<EntryAnswer>) {
        let config = &self.evaluated.config;
        let origins = &self.evaluated.origins;
        let entry = |entry: &str, value: Option<&str>, origin: Option<Origin>| EntryAnswer {
            keyword: keyword.name().to_owned(),
            entry: Some(entry.to_owned()),
            value: value.map(str::to_owned),
            origin: origin.and_then(|origin| self.place(origin)),
        };
        match keyword.kind {
            Kind::List(list) | Kind::ReplaceList(list) => {
                for (index, word) in list_of(config, list).iter().enumerate() {
                    out.push(entry(word, None, origins.of_list(self.tree, list, index)));
                }
            }
            Kind::Constraint => {
                for (index, line) in config.constraint.iter().enumerate() {
                    out.push(entry(line, None, origins.of_list(self.tree, List::Constraint, index)));
                }
            }
            Kind::Order => {
                for order in &config.order {
                    out.push(entry(order, None, origins.find(self.tree, Kind::Order, order)));
                }
            }
            Kind::Map(map) => {
                for (key, value) in map_of(config, map) {
                    out.push(entry(&key, Some(&value), origins.find(self.tree, Kind::Map(map), &key)));
                }
            }
            Kind::Scalar(scalar) => {
                let origin = origins.of_scalar(self.tree, scalar);
                if let Some(value) = scalar_of(config, scalar) {
                    out.push(EntryAnswer { entry: None, ..entry("", Some(&value), origin) });
                }
            }
            Kind::Macros => {
                for (name, value) in self.macro_values() {
                    let span = self.macros.get(&name).map(|definition| definition.name_span);
                    out.push(entry(&name, Some(&value), span.map(|span| Origin { span, is_expanded: false })));
                }
            }
            Kind::DistMacro | Kind::FromScratch => {}
        }
    }

    /// The macros the texts define for recipes, with their bodies; the last definition counts.
    fn macro_values(&self) -> BTreeMap<String, String> {
        let macros = Macros::of_config(&self.evaluated.config);
        self.macros.keys().filter_map(|name| Some((name.clone(), macros.body(name)?))).collect()
    }

    fn place(&self, origin: Origin) -> Option<OriginAnswer> {
        let location = self.tree.locate(origin.span);
        location.source?;
        Some(OriginAnswer {
            source: location.name,
            line: wide(location.line),
            start: wide(location.span.start),
            end: wide(location.span.end),
            expanded: origin.is_expanded,
        })
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn list_of(config: &BuildConfig, list: List) -> &TextList {
    match list {
        List::Preinstall => &config.preinstall,
        List::VmInstall => &config.vminstall,
        List::Runscripts => &config.runscripts,
        List::Required => &config.required,
        List::Support => &config.support,
        List::Keep => &config.keep,
        List::Prefer => &config.prefer,
        List::Ignore => &config.ignore,
        List::Conflict => &config.conflict,
        List::ExpandFlags => &config.expandflags,
        List::BuildFlags => &config.buildflags,
        List::PublishFlags => &config.publishflags,
        List::RepoUrl => &config.repourl,
        List::RegistryUrl => &config.registryurl,
        List::AssetsUrl => &config.assetsurl,
        List::OnlyNative => &config.onlynative,
        List::AlsoNative => &config.alsonative,
        List::IgnoreRebuild => &config.ignorerebuild,
        List::PublishFilter => &config.publishfilter,
        List::Repotype => &config.repotype,
        List::Patterntype => &config.patterntype,
        List::Constraint => &config.constraint,
    }
}

fn map_of(config: &BuildConfig, map: Map) -> Vec<(String, String)> {
    let entries = match map {
        Map::FileProvides => &config.fileprovides,
        Map::ExportFilter => &config.exportfilter,
        Map::OptFlags => &config.optflags,
        Map::Substitute => &config.substitute,
    };
    entries.iter().map(|(key, values)| (key.to_owned(), values.join(" "))).collect()
}

fn scalar_of(config: &BuildConfig, scalar: Scalar) -> Option<String> {
    match scalar {
        Scalar::Type => Some(config.recipe_type.clone()),
        Scalar::BinaryType => Some(config.binarytype.clone()),
        Scalar::BuildEngine => config.buildengine.clone(),
        Scalar::Target => config.target.clone(),
        Scalar::HostArch => config.hostarch.clone(),
        Scalar::Release => {
            config.release_by_type.as_ref().map(|words| words.join(" ")).or_else(|| config.release.clone())
        }
        Scalar::CiCntStart => config.cicntstart.clone(),
        Scalar::ReleasePrg => config.releaseprg.clone(),
        Scalar::ReleaseSuffix => config.releasesuffix.clone(),
        Scalar::SingleExport => config.singleexport.clone().filter(|value| !value.is_empty()),
    }
}

impl FindingAnswer {
    /// A finding at a place of a text.
    #[must_use]
    pub fn of(finding: &Finding, location: &Location, text: &[u8]) -> Self {
        let head = text.get(..location.span.start.min(text.len())).unwrap_or_default();
        let line_start = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |position| position + 1);
        let before = head.get(line_start..).unwrap_or_default();
        let characters: usize =
            before.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum();
        Self {
            code: finding.code.code().to_owned(),
            name: finding.code.name().to_owned(),
            grade: finding.grade().as_str().to_owned(),
            line: wide(location.line),
            column: wide(characters + 1),
            start: wide(location.span.start),
            end: wide(location.span.end),
            message: finding.message.clone(),
            help: finding.help.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use prjconf::{Options, Span, evaluate, parse};

    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let tree = parse(text.as_bytes());
        let entries = entries(&tree, &evaluate(&tree, &Options::for_arch("x86_64")));
        let line = |entry: &EntryAnswer| {
            let origin = entry.origin.as_ref().map_or_else(|| "-".to_owned(), |origin| origin.line.to_string());
            let parts = [entry.entry.as_deref(), entry.value.as_deref()];
            let parts: Vec<&str> = parts.into_iter().flatten().collect();
            format!("{origin} {} {}", entry.keyword, parts.join(" = "))
        };
        entries.iter().map(line).collect()
    }

    #[test]
    fn every_kind_of_entry_has_its_line() {
        let text = "Prefer: a b\nType: spec\nSubstitute: x y=\nOrder: c:d\nPrefer: !a\nTarget: t-linux\n\
                    Constraint: hardware:jobs 4\nDistMacro: dist .kiln\nMacros:\n%m 1\n%m 2\n:Macros\n";
        assert_eq!(
            shown(text),
            [
                "1 Prefer b",
                "4 Order c:d",
                "- Substitute system-packages:repo-creation = createrepo",
                "3 Substitute x = y=",
                "2 Type spec",
                "- BinaryType rpm",
                "6 Target t-linux",
                "- Release <CI_CNT>.<B_CNT>",
                "7 Constraint hardware:jobs 4",
                "8 Macros dist = .kiln",
                "11 Macros m = 2",
            ]
        );
    }

    #[test]
    fn columns_count_characters() {
        let text = "Prefer: ä bb\nx: ä\u{fc} y\n".as_bytes();
        let tree = parse(text);
        let finding = Finding {
            code: prjconf::Code::UnknownKeyword,
            span: Span { start: 14, end: 16 },
            message: String::new(),
            help: None,
        };
        assert_eq!(FindingAnswer::of(&finding, &tree.locate(finding.span), text).column, 1);
        let finding = Finding { span: Span { start: 11, end: 13 }, ..finding };
        assert_eq!(FindingAnswer::of(&finding, &tree.locate(finding.span), text).column, 11);
    }
}
