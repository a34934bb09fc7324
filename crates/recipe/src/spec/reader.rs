//! Tags and sections to a [`SpecFile`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use pkg::dep::Rich;
use prjconf::BuildConfig;

use super::dependency::{self, Item};
use super::file::{NumberedFile, RemoteAsset, SpecFile, Subpackage};
use super::lines::{Line, Lines, is_unknown};
use super::multiline::is_space;
use super::reports::quoted;
use super::section::{PackageName, Section};
use super::tag::{FileLine, FileTag, Tag, starts_with_ignoring_case};
use super::{LIMIT_ITEMS, SpecContext, SpecOptions};
use crate::{Finding, Grade};

/// What is being read of a package.
#[derive(Debug, Default)]
struct Draft {
    name: String,
    epoch: Option<String>,
    version: Option<String>,
    release: Option<String>,
    build_arch: Option<String>,
    provides: Vec<String>,
    has_files: bool,
}

/// The sources or the patches.
#[derive(Debug, Default)]
struct Files {
    by_number: BTreeMap<u64, String>,
    /// A `Patch:` beside a `Patch0:`.
    unnumbered: Option<String>,
    next: u64,
}

pub(super) struct Reader<'a> {
    lines: Lines<'a>,
    config: &'a BuildConfig,
    options: &'a SpecOptions<'a>,
    file: SpecFile,
    /// The main package first.
    drafts: Vec<Draft>,
    draft_of: HashMap<String, usize>,
    prerequisites: HashSet<String>,
    sources: Files,
    patches: Files,
    /// `#!RemoteAsset` waiting for its source.
    asset: Option<RemoteAsset>,
    in_preamble: bool,
    /// Inside `%sourcelist` or `%patchlist`.
    list: Option<FileTag>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8], context: &'a SpecContext<'a>, options: &'a SpecOptions<'a>) -> Self {
        Self {
            lines: Lines::new(text, context, options),
            config: context.config,
            options,
            file: SpecFile::default(),
            drafts: vec![Draft::default()],
            draft_of: HashMap::new(),
            prerequisites: HashSet::new(),
            sources: Files::default(),
            patches: Files::default(),
            asset: None,
            in_preamble: true,
            list: None,
        }
    }

    pub(super) fn run(mut self) -> (SpecFile, Vec<Finding>) {
        while let Some(line) = self.lines.next() {
            self.line(&line);
        }
        self.lines.finish();
        self.finish()
    }

    fn line(&mut self, line: &Line) {
        if let Some(section) = Section::of_line(&line.text) {
            return self.section(section, line);
        }
        if let Some(tag) = self.list {
            let location = line.text.trim_matches(is_space);
            if !location.is_empty() {
                self.add_file(&FileLine { tag, number: None, location }, &line.span);
            }
            return;
        }
        if self.in_preamble && line.text.contains([':', '!']) {
            self.preamble_line(line);
        } else if starts_with_ignoring_case(&line.text, "BuildRequires").is_some_and(|rest| rest.starts_with(':')) {
            let message = "a BuildRequires behind the preamble has no effect";
            self.lines.reports.add(Grade::Warning, "spec-misplaced-tag", &line.span, message);
        }
    }

    fn section(&mut self, section: Section, line: &Line) {
        self.in_preamble = matches!(section, Section::Package(_));
        self.list = None;
        match section {
            Section::Package(name) => self.add_package(&name),
            Section::Files(name) => {
                let place = match name {
                    Some(name) => self.draft_of.get(&name.full(self.main_name())).copied(),
                    None => Some(0),
                };
                match place.and_then(|place| self.drafts.get_mut(place)) {
                    Some(draft) => draft.has_files = true,
                    None => {
                        let message = format!("{} is about a package that does not exist", quoted(line.text.trim()));
                        self.lines.reports.add(Grade::Note, "spec-unknown-package", &line.span, message);
                    }
                }
            }
            Section::DynamicRequires => self.file.has_dynamic_requires = true,
            Section::SourceList => self.list = Some(FileTag::Source),
            Section::PatchList => self.list = Some(FileTag::Patch),
            Section::Other => {}
        }
    }

    fn main_name(&self) -> &str {
        if self.file.name.is_empty() { "unknown" } else { &self.file.name }
    }

    fn add_package(&mut self, name: &PackageName) {
        if self.drafts.len() >= LIMIT_ITEMS {
            return;
        }
        let name = name.full(self.main_name());
        self.draft_of.insert(name.clone(), self.drafts.len());
        self.drafts.push(Draft { name, ..Draft::default() });
    }

    fn preamble_line(&mut self, line: &Line) {
        let tag = Tag::of_line(&line.text);
        let is_known = match &tag {
            Some(Tag { keyword, argument: Some(argument) }) => {
                self.main_tag(keyword, argument);
                self.package_tag(keyword, argument)
                    || self.build_tag(keyword, argument)
                    || self.dependency_tag(keyword, argument, line)
            }
            Some(Tag { keyword, argument: None }) => {
                self.switch(keyword);
                true
            }
            None => {
                self.empty_exclusive_arch(&line.text);
                false
            }
        };
        if !is_known && let Some(file) = FileLine::of_line(&line.text) {
            self.add_file(&file, &line.span);
        }
    }

    /// `ExclusiveArch:` without a word excludes every architecture.
    fn empty_exclusive_arch(&mut self, line: &str) {
        let rest = starts_with_ignoring_case(line, "ExclusiveArch").unwrap_or_default();
        if self.drafts.len() == 1 && rest.trim_matches(is_space) == ":" {
            self.file.exclusive_arch.get_or_insert_default();
        }
    }

    /// Tags that only the main package has, or that define macros there.
    fn main_tag(&mut self, keyword: &str, argument: &str) {
        if self.drafts.len() > 1 {
            return;
        }
        let words = || argument.split(is_space).filter(|word| !word.is_empty()).take(LIMIT_ITEMS).map(str::to_owned);
        let first = || words().next();
        let file = &mut self.file;
        match keyword {
            "name" => file.name = first().unwrap_or_default(),
            "epoch" => file.epoch = first(),
            "version" => file.version = first(),
            "release" => file.release = first(),
            "url" => file.url = first(),
            "exclusivearch" => file.exclusive_arch.get_or_insert_default().extend(words()),
            "excludearch" => file.exclude_arch.extend(words()),
            "exclusiveos" => file.exclusive_os.extend(words()),
            "excludeos" => file.exclude_os.extend(words()),
            "buildarch" | "buildarchitectures" => file.build_arch.extend(words()),
            "summary" => file.summary = Some(argument.to_owned()),
            _ => {}
        }
        if matches!(keyword, "name" | "epoch" | "version" | "release" | "disttag" | "url")
            && let Some(value) = first()
        {
            self.lines.macros.define(keyword, &value);
            self.lines.macros.define(&keyword.to_ascii_uppercase(), &value);
        }
    }

    /// Tags that every package may have.
    fn package_tag(&mut self, keyword: &str, argument: &str) -> bool {
        let is_sub = self.drafts.len() > 1;
        let main_version = self.file.version.as_deref();
        let Some(draft) = self.drafts.last_mut() else { return false };
        let first = argument.split(is_space).next().map(str::to_owned);
        match keyword {
            "version" => {
                self.file.is_multiversion |= is_sub && main_version.is_some() && main_version != first.as_deref();
                draft.version = first;
            }
            "epoch" => draft.epoch = first,
            "release" => draft.release = first,
            "buildarch" | "buildarchitectures" => draft.build_arch = first,
            "provides" => draft.provides.extend(dependency::items(argument).take(LIMIT_ITEMS).map(|item| item.text())),
            "url" => self.lines.macros.define("url", argument),
            _ => return false,
        }
        draft.provides.truncate(LIMIT_ITEMS);
        true
    }

    /// Lines for the build service.
    fn build_tag(&mut self, keyword: &str, argument: &str) -> bool {
        match keyword {
            "#!remoteasset" => self.asset = Some(remote_asset(argument, false)),
            "#!remoteasseturl" => {
                let asset = remote_asset(argument, true);
                if asset != RemoteAsset::default() && self.file.remote_assets.len() < LIMIT_ITEMS {
                    self.file.remote_assets.push(asset);
                }
            }
            "#!createarchive" => {}
            "#!buildtarget" => {
                let word = argument.split(is_space).next().unwrap_or_default();
                let arch = self.lines.macros.body("_target_cpu").unwrap_or_default();
                let target = match word.split_once(':') {
                    Some((only, target)) if only.is_empty() || only == arch => target,
                    Some(_) => "",
                    None => word,
                };
                self.file.build_target = (!target.is_empty()).then(|| target.to_owned());
            }
            "#!buildconstraint" if self.file.build_constraints.len() < LIMIT_ITEMS => {
                self.file.build_constraints.push(argument.to_owned());
            }
            "#!bcntsynctag" => self.file.build_count_tag = Some(argument.to_owned()),
            _ => return false,
        }
        true
    }

    /// Lines for the build service that have no argument.
    fn switch(&mut self, keyword: &str) {
        match keyword {
            "#!forcemultiversion" => self.file.is_multiversion = true,
            "#!nativebuild" => self.file.is_native_build = true,
            "#!nouseforbuild" => self.file.is_no_use_for_build = true,
            "#!remoteasset" => self.asset = Some(RemoteAsset::default()),
            _ => {}
        }
    }

    fn dependency_tag(&mut self, keyword: &str, argument: &str, line: &Line) -> bool {
        match keyword {
            "buildrequires" | "buildprereq" | "buildconflicts" | "#!buildignore" | "#!buildconflicts"
            | "#!buildrequires" | "#!alsonative" | "#!onlynative" => self.build_dependencies(keyword, argument, line),
            "requires(pre)" | "requires(post)" | "prereq" => self.add_prerequisites(argument),
            _ => return false,
        }
        true
    }

    fn build_dependencies(&mut self, keyword: &str, argument: &str, line: &Line) {
        self.file.depends_on_config |= self.lines.has_conditions;
        let mut texts = Vec::new();
        for item in dependency::items(argument).take(LIMIT_ITEMS) {
            let is_selected = |words| dependency::is_selected(&self.lines.macros, words);
            if item.qualifier.is_none_or(is_selected) {
                self.check_dependency(&item, line);
                texts.push(item.text());
            }
        }
        if self.lines.needed_for_build.is_some() && keyword == "buildrequires" {
            let is_base = |text: &&String| matches!(text.as_str(), "glibc" | "rpm" | "gcc" | "bash");
            if texts.iter().filter(is_base).count() > 2 {
                // Build.pm: such a line was generated from the other.
                return;
            }
        }
        let list = match keyword {
            "#!alsonative" => &mut self.file.also_native,
            "#!onlynative" => &mut self.file.only_native,
            _ => &mut self.file.build_requires,
        };
        if matches!(keyword, "buildconflicts" | "#!buildconflicts" | "#!buildignore") {
            for text in &mut texts {
                text.insert(0, '-');
            }
        }
        let room = LIMIT_ITEMS.saturating_sub(list.len());
        list.extend(texts.into_iter().take(room));
    }

    fn check_dependency(&mut self, item: &Item<'_>, line: &Line) {
        let text = item.text();
        let reports = &mut self.lines.reports;
        if is_unknown(&text) {
            let message = format!("the dependency {} depends on a command that is not run", quoted(&text));
            reports.add(Grade::Warning, "spec-unknown-dependency", &line.span, message);
        } else if text.contains('%') {
            let message = format!("the dependency {} has a macro that is not defined", quoted(&text));
            reports.add_finding(
                Finding::new(Grade::Warning, "spec-undefined-macro", line.span.clone(), message)
                    .help("define it in a Macros: block of the project configuration"),
            );
        } else if item.is_rich() && Rich::parse(&text).is_none() {
            let message = format!("{} is no rich dependency", quoted(&text));
            reports.add(Grade::Warning, "spec-bad-rich-dependency", &line.span, message);
        }
    }

    fn add_prerequisites(&mut self, argument: &str) {
        for item in dependency::items(argument).take(LIMIT_ITEMS) {
            let name = if item.is_rich() { item.text() } else { item.name.to_owned() };
            if name == "MACRO" {
                continue;
            }
            if name.starts_with('/') {
                self.file.depends_on_config = true;
                if !self.config.fileprovides.contains_key(&name) {
                    continue;
                }
            }
            if self.prerequisites.len() < LIMIT_ITEMS && self.prerequisites.insert(name.clone()) {
                self.file.prerequisites.push(name);
            }
        }
    }

    fn add_file(&mut self, file: &FileLine<'_>, span: &Range<usize>) {
        let (files, word) = match file.tag {
            FileTag::Source => (&mut self.sources, "SOURCE"),
            FileTag::Patch => (&mut self.patches, "PATCH"),
        };
        if files.by_number.len() >= LIMIT_ITEMS {
            return;
        }
        let number = file.number.unwrap_or(files.next);
        if let Some(former) = files.by_number.get(&number) {
            if file.tag == FileTag::Patch && number == 0 {
                // Before numbers were given automatically, `Patch` and `Patch0` were two patches.
                files.unnumbered = Some(former.clone());
            } else {
                let message = format!("{}{number} is given twice; the last one counts", word.to_ascii_lowercase());
                self.lines.reports.add(Grade::Warning, "spec-repeated-file", span, message);
            }
        }
        files.next = files.next.max(number.saturating_add(1));
        files.by_number.insert(number, file.location.to_owned());
        let name = file.location.rsplit_once('/').map_or(file.location, |(_, name)| name);
        let macros = &mut self.lines.macros;
        macros.define(&format!("{word}URL{number}"), file.location);
        macros.define(&format!("{word}{number}"), &format!("%{{?_sourcedir:%{{_sourcedir}}/}}{name}"));
        if let Some(asset) = self.asset.take() {
            self.add_asset(asset, file.location);
        }
    }

    fn add_asset(&mut self, mut asset: RemoteAsset, location: &str) {
        if location.contains("//") {
            asset.url.get_or_insert_with(|| location.to_owned());
        }
        let is_git = asset
            .url
            .as_deref()
            .is_some_and(|url| ["git:", "git+http:", "git+https:"].iter().any(|scheme| url.starts_with(scheme)));
        if asset.url.is_some() && asset.file.is_none() && !is_git {
            let name = location.rsplit_once('/').map_or(location, |(_, name)| name).trim_start_matches('.');
            asset.file = (name.len() > 1).then(|| name.to_owned());
        }
        if asset != RemoteAsset::default() && self.file.remote_assets.len() < LIMIT_ITEMS {
            self.file.remote_assets.push(asset);
        }
    }

    fn finish(mut self) -> (SpecFile, Vec<Finding>) {
        if self.file.build_requires.is_empty()
            && let Some(names) = &self.lines.needed_for_build
        {
            let names = names.split(is_space).filter(|name| !name.is_empty()).take(LIMIT_ITEMS);
            self.file.build_requires = names.map(str::to_owned).collect();
        }
        self.file.depends_on_config |= self.lines.has_skipped_dependency;
        let is_readable = !self.file.name.is_empty() && !self.file.name.starts_with('%');
        if !is_readable && let Some(name) = self.options.file_name.and_then(|name| name.strip_suffix(".spec")) {
            self.file.name = name.to_owned();
        }
        self.report_missing();
        self.file.sources = numbered(self.sources);
        self.file.patches = numbered(self.patches);
        if let Some(main) = self.drafts.first_mut() {
            main.name.clone_from(&self.file.name);
        }
        let main = &self.file;
        let packages = self.drafts.into_iter().filter(|draft| !draft.name.is_empty());
        let packages = packages.map(|draft| draft.finish(main)).collect();
        self.file.packages = packages;
        (self.file, self.lines.reports.finish())
    }

    fn report_missing(&mut self) {
        let evr = self.file.evr();
        if is_unknown(&evr) || evr.contains('%') {
            let message = format!("the version {} can not be told without building", quoted(&evr));
            self.lines.reports.add(Grade::Warning, "spec-unknown-version", &(0..0), message);
        }
        let is_missing = [("Name", self.file.name.is_empty()), ("Version", self.file.version.is_none())];
        for (tag, _) in is_missing.into_iter().filter(|(_, is_missing)| *is_missing) {
            let finding = Finding::new(Grade::Error, "spec-missing-tag", 0..0, format!("there is no {tag}: tag"))
                .help("every spec file starts with Name:, Version: and Release:");
            self.lines.reports.add_finding(finding);
        }
    }
}

impl Draft {
    fn finish(self, main: &SpecFile) -> Subpackage {
        let own = SpecFile {
            epoch: self.epoch.or_else(|| main.epoch.clone()),
            version: self.version.or_else(|| main.version.clone()),
            release: self.release.or_else(|| main.release.clone()),
            ..SpecFile::default()
        };
        Subpackage {
            name: self.name,
            evr: own.evr(),
            build_arch: self.build_arch,
            provides: self.provides,
            has_files: self.has_files,
        }
    }
}

fn numbered(files: Files) -> Vec<NumberedFile> {
    let unnumbered = files.unnumbered.map(|location| NumberedFile { number: None, location });
    let by_number = files.by_number.into_iter();
    unnumbered
        .into_iter()
        .chain(by_number.map(|(number, location)| NumberedFile { number: Some(number), location }))
        .collect()
}

/// The words of `#!RemoteAsset`: a URL, a digest, and for `#!RemoteAssetUrl` a file name.
fn remote_asset(words: &str, takes_name: bool) -> RemoteAsset {
    let mut asset = RemoteAsset::default();
    for word in words.split(is_space).filter(|word| !word.is_empty()) {
        let is_algorithm = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if word.contains("//") {
            asset.url = Some(word.to_owned());
        } else if word.split_once(':').is_some_and(|(algorithm, _)| is_algorithm(algorithm)) {
            asset.digest = Some(word.to_owned());
        } else if takes_name && !word.starts_with('.') && !word.contains('/') && word.len() > 1 {
            asset.file = Some(word.to_owned());
        }
    }
    asset
}
