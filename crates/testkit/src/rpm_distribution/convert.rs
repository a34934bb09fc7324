//! One Debian package as an rpm.

use std::collections::BTreeMap;
use std::io::Read as _;

use pkg::deb822::ControlFields;
use pkgfile::deb::{Control, DebLimits, DebReader};
use pkgfile::tar::{Entry, EntryKind};
use rpm::{BuildConfig, CompressionWithLevel, Dependency, FileMode, FileOptions, PackageBuilder, Timestamp};

use super::layout::{self, Content, File};
use super::rules::{self, RpmVersion};
use super::{elf, names};

/// No file or package claims to be younger (the first second of 2026).
const NEWEST: u32 = 1_767_225_600;

/// An rpm and the name of its file.
pub(super) struct Converted {
    pub(super) file_name: String,
    pub(super) bytes: Vec<u8>,
}

/// Turns the bytes of a `.deb` into an rpm; the same input gives the same bytes.
pub(super) fn convert(deb: &[u8]) -> Converted {
    let mut reader = DebReader::open(deb, DebLimits::default()).unwrap();
    let control = reader.control().clone();
    let mut files = Files::default();
    let mut entries = reader.entries().unwrap();
    while let Some(entry) = entries.next_entry().unwrap() {
        let mut content = Vec::new();
        entries.read_to_end(&mut content).unwrap();
        files.add(&entry, content);
    }
    drop(entries);
    let name = control.meta.name.as_str();
    let added = layout::additions(name, &files.list);
    files.list.extend(added);
    build(&control, &files)
}

/// What a package contains.
#[derive(Default)]
struct Files {
    list: Vec<File>,
    /// Names from before the merge of `/bin` into `/usr/bin`.
    former: Vec<String>,
}

impl Files {
    fn add(&mut self, entry: &Entry, bytes: Vec<u8>) {
        let Some(path) = layout::place(entry) else { return };
        // Folders of both sides of the merge become one.
        if self.list.iter().any(|known| known.path == path && matches!(known.content, Content::Folder)) {
            return;
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (is_link, content) = match entry.kind {
            EntryKind::File => (false, Content::Bytes(bytes)),
            EntryKind::Directory => (false, Content::Folder),
            EntryKind::SymbolicLink => (true, Content::Link(text(&entry.link))),
            EntryKind::HardLink => (false, Content::Same(layout::merged(&text(&entry.link)))),
            _ => return,
        };
        if entry.kind != EntryKind::Directory {
            self.former.extend(layout::former_name(&text(&entry.path)));
        }
        let owner = |name: &[u8]| if name.is_empty() { "root".to_owned() } else { text(name) };
        let mode = if is_link { 0o777 } else { entry.mode };
        let (user, group) = (owner(&entry.user), owner(&entry.group));
        self.list.push(File { path, content, mode, user, group, modified_at: entry.modified_at });
    }

    /// Content of each regular file, by path.
    fn regular(&self) -> BTreeMap<&str, &[u8]> {
        let bytes = self.list.iter().filter_map(|file| match &file.content {
            Content::Bytes(bytes) => Some((file.path.as_str(), bytes.as_slice())),
            _ => None,
        });
        bytes.collect()
    }
}

fn build(control: &Control, files: &Files) -> Converted {
    let fields = &control.fields;
    let field = |name: &str| fields.get(name).unwrap_or_default();
    let version = RpmVersion::parse(field("Version"));
    let arch = rules::architecture(field("Architecture"));
    let summary = field("Description").lines().next().unwrap_or_default();
    let name = field("Package");
    let mut package = PackageBuilder::new(name, &version.version, "see the package's source", arch, summary);
    let config = BuildConfig::v4().source_date(NEWEST).reserved_space(None);
    package.using_config(config.compression(CompressionWithLevel::Zstd(1)));
    package.release(version.release()).group(field("Section")).build_host("localhost").description(description(fields));
    if let Some(epoch) = version.epoch {
        package.epoch(epoch);
    }
    add_files(&mut package, control, files);
    for dependency in provides(name, fields, files) {
        package.provides(dependency);
    }
    add_dependencies(&mut package, name, fields);
    if let Some((_, script)) = layout::SCRIPTS.iter().find(|(owner, _)| *owner == name) {
        package.post_install_script(*script);
    }
    let file_name = format!("{name}-{}-{}.{arch}.rpm", version.version, version.release());
    let package = package.build().unwrap_or_else(|error| panic!("{file_name}: {error}"));
    let mut bytes = Vec::new();
    package.write(&mut bytes).unwrap();
    Converted { file_name, bytes }
}

/// The long description, without the marks of its format.
fn description(fields: &ControlFields) -> String {
    let text = fields.get("Description").unwrap_or_default();
    let lines = text.lines().skip(1).map(|line| match line.trim() {
        "." => "",
        other => other,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn add_files(package: &mut PackageBuilder, control: &Control, files: &Files) {
    let regular = files.regular();
    let conffiles = control.file("conffiles").map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
    let conffiles = conffiles.unwrap_or_default();
    // A hard link has the content of the file it is another name of, and both say that they belong together.
    let linked: Vec<&str> = files.list.iter().filter_map(|file| same(&file.content)).collect();
    for file in &files.list {
        let permissions = u16::try_from(file.mode & 0o7777).unwrap();
        let time = Timestamp(u32::try_from(file.modified_at).unwrap_or(0));
        let path = file.path.as_str();
        let owned = |options: rpm::FileOptionsBuilder| {
            options.user(file.user.as_str()).group(file.group.as_str()).modified_at(time)
        };
        let result = match &file.content {
            Content::Folder => package.with_dir_entry(owned(FileOptions::dir(path).mode(FileMode::dir(permissions)))),
            Content::Link(target) => package.with_symlink(owned(FileOptions::symlink(path, target))),
            Content::Bytes(_) | Content::Same(_) => {
                let first = same(&file.content).unwrap_or(path);
                let content = regular.get(first).unwrap_or_else(|| panic!("{path}: link to {first}"));
                let mut options = owned(FileOptions::new(path).mode(FileMode::regular(permissions)));
                if linked.contains(&first) {
                    options = options.hardlink(first);
                }
                if conffiles.lines().any(|line| line == path) {
                    options = options.config().noreplace();
                }
                package.with_file_contents(content.to_vec(), options)
            }
        };
        result.map(|_| ()).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

fn same(content: &Content) -> Option<&str> {
    if let Content::Same(first) = content { Some(first) } else { None }
}

fn provides(name: &str, fields: &ControlFields, files: &Files) -> Vec<Dependency> {
    let mut provides = rules::dependencies(fields.get("Provides"));
    let own = layout::PROVIDES.iter().filter(|(owner, _)| *owner == name).map(|(_, text)| (*text).to_owned());
    let mut texts: Vec<String> = own.chain(files.former.iter().cloned()).collect();
    for (path, content) in files.regular() {
        texts.extend(elf::provides(content));
        texts.extend(names::provides(path));
    }
    texts.sort();
    texts.dedup();
    provides.extend(texts.into_iter().map(Dependency::any));
    provides
}

fn add_dependencies(package: &mut PackageBuilder, name: &str, fields: &ControlFields) {
    for field in ["Pre-Depends", "Depends"] {
        for dependency in rules::dependencies(fields.get(field)) {
            package.requires(dependency);
        }
    }
    for dependency in rules::dependencies(fields.get("Recommends")) {
        package.recommends(dependency);
    }
    // Breaks is left out: it names versions before those that are here, and rpm also holds it against names without version.
    // A package that conflicts with a name it provides itself means all others that provide it.
    let provided: Vec<String> =
        rules::dependencies(fields.get("Provides")).into_iter().map(|dependency| dependency.name).collect();
    for dependency in rules::dependencies(fields.get("Conflicts")) {
        if dependency.name != name && !provided.contains(&dependency.name) {
            package.conflicts(dependency);
        }
    }
}
