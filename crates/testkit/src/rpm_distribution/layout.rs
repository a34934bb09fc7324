//! Which files of a Debian package an rpm gets, where they lie, and what is added that maintainer scripts would have made.

use pkgfile::tar::{Entry, EntryKind};

/// Folders and links of the root itself. They belong to base-files alone, so that no package replaces a link by a folder.
const BASE_FOLDERS: &str = "boot dev etc etc/opt home media mnt opt proc root run srv sys tmp usr usr/bin usr/games \
    usr/include usr/lib usr/lib64 usr/libexec usr/local usr/local/bin usr/local/include usr/local/lib usr/local/sbin \
    usr/local/share usr/sbin usr/share usr/share/misc usr/src var var/cache var/lib var/lib/misc var/lib/rpm var/local \
    var/log var/mail var/opt var/spool var/tmp";

/// The merged layout: Debian's packages still carry paths on both sides.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// Links of the root beside [`MERGED`].
const BASE_LINKS: [(&str, &str); 2] = [("var/run", "/run"), ("var/lock", "/run/lock")];

/// What nobody reads in a root for builds.
const LEFT_OUT: [&str; 10] = [
    "usr/share/doc",
    "usr/share/doc-base",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bug",
    "usr/share/menu",
    // The shell of rpm's own scripts is bash, as everywhere in the rpm world: they use what dash does not know.
    "bin/sh",
    "usr/bin/sh",
];

/// A tool for those who work on gcc, as large as the compiler.
const HEAVY: &str = "lto-dump";

/// Links that alternatives or diversions make: package, path, target.
const LINKS: [(&str, &str, &str); 11] = [
    ("bash", "usr/bin/sh", "bash"),
    ("gawk", "usr/bin/awk", "gawk"),
    ("gawk", "usr/bin/nawk", "gawk"),
    ("gcc", "usr/bin/cc", "gcc"),
    ("gcc", "usr/bin/c89", "c89-gcc"),
    ("gcc", "usr/bin/c99", "c99-gcc"),
    ("g++", "usr/bin/c++", "g++"),
    ("debianutils", "usr/bin/which", "which.debianutils"),
    ("xz-utils", "usr/bin/lzma", "xz"),
    ("xz-utils", "usr/bin/unlzma", "unxz"),
    ("xz-utils", "usr/bin/lzcat", "xzcat"),
];

/// Files that maintainer scripts copy: package, from, to.
const COPIES: [(&str, &str, &str); 5] = [
    ("base-passwd", "usr/share/base-passwd/passwd.master", "etc/passwd"),
    ("base-passwd", "usr/share/base-passwd/group.master", "etc/group"),
    ("base-files", "usr/share/base-files/nsswitch.conf", "etc/nsswitch.conf"),
    ("base-files", "usr/share/base-files/profile", "etc/profile"),
    ("base-files", "usr/share/base-files/dot.bashrc", "root/.bashrc"),
];

/// The package of certificate authorities, and the one file in which programs look for all of them.
const AUTHORITIES: (&str, &str) = ("ca-certificates", "etc/ssl/certs/ca-certificates.crt");

/// Files of our own: package, path, content.
const FILES: [(&str, &str, &str); 2] = [
    ("base-files", "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("rpm-common", "usr/lib/rpm/macros.d/macros.distribution", MACROS),
];

/// Debian's rpm keeps its database in the caller's home, because dpkg's is the system's. Here rpm's is. And as elsewhere,
/// `_enable_debug_packages` adds packages with debug information to every spec file that has sources.
const MACROS: &str = "\
%_dbpath /var/lib/rpm
%install %{?_enable_debug_packages:%{?buildsubdir:%{debug_package}}}\\
%%install\\
%{nil}
";

/// Names beside those of the package: package, name. Spec files of Python modules ask for the last two, which rpmbuild looks for
/// itself, whatever a configuration substitutes.
pub(super) const PROVIDES: [(&str, &str); 4] = [
    ("bash", "/bin/sh"),
    ("libc6", "rtld(GNU_HASH)"),
    ("python3", "python3-devel"),
    ("python3-setuptools", "python3dist(setuptools)"),
];

/// Scripts behind installation: package, script.
pub(super) const SCRIPTS: [(&str, &str); 1] = [("libc-bin", "/sbin/ldconfig\n")];

/// A file of an rpm.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// Absolute path.
    pub(super) path: String,
    pub(super) content: Content,
    /// Permission bits.
    pub(super) mode: u32,
    pub(super) user: String,
    pub(super) group: String,
    /// Seconds since 1970.
    pub(super) modified_at: i64,
}

/// What a file is.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Folder,
    Link(String),
    Bytes(Vec<u8>),
    /// Another name of that file.
    Same(String),
}

impl File {
    fn own(path: &str, content: Content, mode: u32) -> Self {
        let root = || "root".to_owned();
        Self { path: format!("/{path}"), content, mode, user: root(), group: root(), modified_at: super::WRITTEN_AT }
    }
}

/// Where a member of the data archive goes; `None` if it is left out.
pub(super) fn place(entry: &Entry) -> Option<String> {
    let path = std::str::from_utf8(&entry.path).ok()?;
    let is_below = |folder: &str| path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let is_base = BASE_FOLDERS.split_whitespace().chain(MERGED).any(|folder| folder == path)
        || BASE_LINKS.iter().any(|(link, _)| *link == path);
    if path.is_empty() || is_base || path.contains(HEAVY) || LEFT_OUT.into_iter().any(is_below) {
        return None;
    }
    // Nothing but a folder may be where base-files has one.
    let merged = merged(path);
    let is_base = BASE_FOLDERS.split_whitespace().any(|folder| merged == format!("/{folder}"));
    (!(is_base && entry.kind == EntryKind::Directory)).then_some(merged)
}

/// The absolute path in the merged layout.
pub(super) fn merged(path: &str) -> String {
    let top = path.split('/').next().unwrap_or_default();
    if MERGED.contains(&top) { format!("/usr/{path}") } else { format!("/{path}") }
}

/// The name by which a file was known before the merge, where programs ask for it: `/bin/sh`.
pub(super) fn former_name(path: &str) -> Option<String> {
    (path.starts_with("bin/") || path.starts_with("sbin/")).then(|| format!("/{path}"))
}

/// What a package gets beyond its own files, which are given.
pub(super) fn additions(package: &str, files: &[File]) -> Vec<File> {
    let mut added = Vec::new();
    if package == "base-files" {
        added.extend(base());
    }
    let links = LINKS.iter().filter(|(name, ..)| *name == package);
    added.extend(links.map(|(_, path, target)| File::own(path, Content::Link((*target).to_owned()), 0o777)));
    for (_, from, to) in COPIES.iter().filter(|(name, ..)| *name == package) {
        let from = format!("/{from}");
        let content = files.iter().find(|file| file.path == from).map(|file| file.content.clone());
        added.extend(content.map(|content| File::own(to, content, 0o644)));
    }
    if package == AUTHORITIES.0 {
        added.push(authorities(files));
    }
    let own = FILES.iter().filter(|(name, ..)| *name == package);
    added.extend(own.map(|(_, path, text)| File::own(path, Content::Bytes(text.as_bytes().to_vec()), 0o644)));
    added.retain(|file| !files.iter().any(|known| known.path == file.path));
    added
}

/// All certificates of a package in one file, in the order of their names.
fn authorities(files: &[File]) -> File {
    let is_one = |file: &&File| std::path::Path::new(&file.path).extension().is_some_and(|end| end == "crt");
    let mut found: Vec<&File> = files.iter().filter(is_one).collect();
    found.sort_by(|left, right| left.path.cmp(&right.path));
    let bytes = found.into_iter().filter_map(|file| match &file.content {
        Content::Bytes(bytes) => Some(bytes.as_slice()),
        _ => None,
    });
    File::own(AUTHORITIES.1, Content::Bytes(bytes.collect::<Vec<_>>().concat()), 0o644)
}

fn base() -> impl Iterator<Item = File> {
    let folders = BASE_FOLDERS.split_whitespace().map(|path| {
        let mode = match path {
            "tmp" | "var/tmp" => 0o1777,
            "root" => 0o700,
            "proc" | "sys" => 0o555,
            _ => 0o755,
        };
        File::own(path, Content::Folder, mode)
    });
    let merged = MERGED.into_iter().map(|path| File::own(path, Content::Link(format!("usr/{path}")), 0o777));
    let links = BASE_LINKS.iter().map(|(path, target)| File::own(path, Content::Link((*target).to_owned()), 0o777));
    folders.chain(merged).chain(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(path: &str, kind: EntryKind) -> Entry {
        Entry {
            path: path.as_bytes().to_vec(),
            kind,
            bytes: 0,
            mode: 0o644,
            uid: 0,
            gid: 0,
            user: Vec::new(),
            group: Vec::new(),
            modified_at: 0,
            link: Vec::new(),
            device: (0, 0),
        }
    }

    #[test]
    fn files_go_to_their_place_in_a_merged_root() {
        let file = |path| place(&member(path, EntryKind::File));
        assert_eq!(file("bin/sh"), None);
        assert_eq!(file("bin/dash").as_deref(), Some("/usr/bin/dash"));
        assert_eq!(file("lib/x86_64-linux-gnu/libc.so.6").as_deref(), Some("/usr/lib/x86_64-linux-gnu/libc.so.6"));
        assert_eq!(file("usr/bin/gcc").as_deref(), Some("/usr/bin/gcc"));
        assert_eq!(file("library").as_deref(), Some("/library"));
        assert_eq!(former_name("bin/sh").as_deref(), Some("/bin/sh"));
        assert_eq!(former_name("usr/bin/sh"), None);
    }

    #[test]
    fn documentation_and_base_folders_are_left_out() {
        let folder = |path| place(&member(path, EntryKind::Directory));
        for path in ["", "bin", "usr", "usr/bin", "lib64", "usr/share/doc", "usr/share/man/man1", "var/run"] {
            assert_eq!(folder(path), None, "{path}");
        }
        assert_eq!(folder("usr/share/documents").as_deref(), Some("/usr/share/documents"));
        assert_eq!(folder("lib/x86_64-linux-gnu").as_deref(), Some("/usr/lib/x86_64-linux-gnu"));
    }

    #[test]
    fn base_files_owns_the_layout_and_users_come_from_base_passwd() {
        let paths = |files: &[File]| files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
        let base = paths(&additions("base-files", &[]));
        for path in ["/bin", "/usr/bin", "/tmp", "/var/lib/rpm", "/var/run", "/etc/hosts"] {
            assert!(base.iter().any(|known| known == path), "{path}");
        }
        let master = File::own("usr/share/base-passwd/passwd.master", Content::Bytes(b"root".to_vec()), 0o644);
        assert_eq!(paths(&additions("base-passwd", &[master])), ["/etc/passwd"]);
        assert_eq!(paths(&additions("bash", &[])), ["/usr/bin/sh"]);
        let certificate =
            |name: &str, text: &[u8]| File::own(&format!("usr/share/{name}"), Content::Bytes(text.to_vec()), 0o644);
        let two = [certificate("b.crt", b"B\n"), certificate("a.crt", b"A\n"), certificate("c.txt", b"C\n")];
        let added = additions("ca-certificates", &two);
        assert_eq!(paths(&added), ["/etc/ssl/certs/ca-certificates.crt"]);
        assert!(matches!(&added[0].content, Content::Bytes(bytes) if bytes == b"A\nB\n"));
        let shell = File::own("usr/bin/sh", Content::Link("bash".to_owned()), 0o777);
        assert!(additions("bash", &[shell]).is_empty());
    }
}
