//! Small rpm packages, said tag by tag: right ones, and ones that lie. See [`RawRpm`].
//!
//! Their installation is not what they are for: they hold what readers look at.

use pkg::Sha256;

use crate::rpm_file::{Closing, CpioMember, Tags, cpio, package_file};

/// Gives an OpenPGP signature over some bytes.
pub type Sign<'a> = dyn Fn(&[u8]) -> Vec<u8> + 'a;

/// A package to be.
#[derive(Debug, Clone, Default)]
pub struct RawRpm {
    name: String,
    evr: (Option<u32>, String, String),
    /// None for source packages.
    arch: Option<String>,
    requires: Vec<String>,
    provides: Vec<String>,
    listed: Vec<Listed>,
    members: Vec<(String, u32, Vec<u8>)>,
    has_digests: bool,
}

#[derive(Debug, Clone)]
struct Listed {
    path: String,
    mode: u32,
    bytes: u32,
    digest: String,
    flags: u32,
}

const PLAIN: u32 = 0o100_644;
const GHOST: u32 = 1 << 6;
const SPEC: u32 = 1 << 5;

impl RawRpm {
    /// A source package.
    #[must_use]
    pub fn source(name: &str, version: &str, release: &str) -> Self {
        let evr = (None, version.to_owned(), release.to_owned());
        Self { name: name.to_owned(), evr, has_digests: true, ..Self::default() }
    }

    /// A binary package of a source of the same name.
    #[must_use]
    pub fn binary(name: &str, version: &str, release: &str, arch: &str) -> Self {
        Self { arch: Some(arch.to_owned()), ..Self::source(name, version, release) }
    }

    /// Adds dependencies as `name` or `name OP version`.
    #[must_use]
    pub fn requires(mut self, list: &[String]) -> Self {
        self.requires.extend_from_slice(list);
        self
    }

    /// Adds what it provides beside itself.
    #[must_use]
    pub fn provides(mut self, list: &[String]) -> Self {
        self.provides.extend_from_slice(list);
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(self, path: &str, content: &[u8]) -> Self {
        let digest = Sha256::of(content).to_string();
        self.listed(path, content.len(), &digest, 0).member(path, PLAIN, content)
    }

    /// Adds the spec file.
    #[must_use]
    pub fn spec(self, path: &str, content: &str) -> Self {
        let digest = Sha256::of(content.as_bytes()).to_string();
        self.listed(path, content.len(), &digest, SPEC).member(path, PLAIN, content.as_bytes())
    }

    /// Adds a file to the list that is not in the content (`NoSource`).
    #[must_use]
    pub fn absent(self, path: &str) -> Self {
        self.listed(path, 0, "", GHOST)
    }

    /// Adds a line to the list of files alone.
    #[must_use]
    pub fn listed(mut self, path: &str, bytes: usize, digest: &str, flags: u32) -> Self {
        let (path, digest) = (path.to_owned(), digest.to_owned());
        self.listed.push(Listed { path, mode: PLAIN, bytes: u32::try_from(bytes).unwrap(), digest, flags });
        self
    }

    /// Adds a member to the content alone; `mode` tells what it is, as stat(2) has it.
    #[must_use]
    pub fn member(mut self, path: &str, mode: u32, content: &[u8]) -> Self {
        self.members.push((path.to_owned(), mode, content.to_vec()));
        self
    }

    /// Leaves the digests of header and content out, as packages of long ago do.
    #[must_use]
    pub fn without_digests(mut self) -> Self {
        self.has_digests = false;
        self
    }

    /// The bytes of the package.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        self.put_together(None)
    }

    /// The bytes of the package, its header signed: `sign` gives an OpenPGP signature over some bytes.
    #[must_use]
    pub fn build_signed(&self, sign: &Sign<'_>) -> Vec<u8> {
        self.put_together(Some(sign))
    }

    fn put_together(&self, sign: Option<&Sign<'_>>) -> Vec<u8> {
        let (_, version, release) = &self.evr;
        let name = format!("{}-{version}-{release}.{}", self.name, self.arch.as_deref().unwrap_or("src"));
        let members = self.members.iter().map(|(path, mode, content)| CpioMember::new(path, *mode, content.clone()));
        let archive = cpio(&members.collect::<Vec<_>>());
        let closing = Closing { name: &name, is_source: self.arch.is_none(), has_digests: self.has_digests, sign };
        package_file(&closing, self.tags(), &archive)
    }

    fn tags(&self) -> Tags {
        let (epoch, version, release) = &self.evr;
        let mut tags = Tags::default();
        tags.text(1000, &self.name);
        tags.text(1001, version);
        tags.text(1002, release);
        tags.numbers(1003, epoch.as_slice());
        tags.text(1004, "test");
        tags.text(1014, "MIT");
        tags.text(1021, "linux");
        tags.text(1022, self.arch.as_deref().unwrap_or("x86_64"));
        match self.arch {
            Some(_) => tags.text(1044, &format!("{}-{version}-{release}.src.rpm", self.name)),
            None => tags.numbers(1106, &[1]),
        }
        if self.listed.iter().any(|file| file.flags & GHOST != 0) {
            tags.numbers(1051, &[0]);
        }
        let own = format!("{} = {version}-{release}", self.name);
        let provides: Vec<String> = self.arch.iter().map(|_| own.clone()).chain(self.provides.clone()).collect();
        put_relations(&mut tags, [1047, 1112, 1113], &provides);
        put_relations(&mut tags, [1049, 1048, 1050], &self.requires);
        self.files(&mut tags);
        tags
    }

    fn files(&self, tags: &mut Tags) {
        let numbers = |of: fn(&Listed) -> u32| self.listed.iter().map(of).collect::<Vec<u32>>();
        let split = |path: &str| match path.rsplit_once('/') {
            Some((folder, name)) => (format!("{folder}/"), name.to_owned()),
            None => (String::new(), path.to_owned()),
        };
        let (folders, names): (Vec<String>, Vec<String>) = self.listed.iter().map(|file| split(&file.path)).unzip();
        tags.numbers(1028, &numbers(|file| file.bytes));
        tags.shorts(1030, &self.listed.iter().map(|file| file.mode as u16).collect::<Vec<_>>());
        tags.numbers(1034, &numbers(|_| 1_600_000_000));
        tags.texts(1035, &self.listed.iter().map(|file| file.digest.clone()).collect::<Vec<_>>());
        tags.numbers(1037, &numbers(|file| file.flags));
        let root = vec!["root".to_owned(); self.listed.len()];
        tags.texts(1039, &root);
        tags.texts(1040, &root);
        let indices: Vec<u32> = (0..u32::try_from(folders.len()).unwrap()).collect();
        tags.numbers(1116, &indices);
        tags.texts(1117, &names);
        tags.texts(1118, &folders);
        tags.numbers(5011, &[8]);
    }
}

/// Names, flags and versions of dependencies.
fn put_relations(tags: &mut Tags, [names, flags, versions]: [u32; 3], list: &[String]) {
    let parse = |text: &String| -> (String, u32, String) {
        let mut words = text.split(' ');
        let (name, operator, version) = (words.next(), words.next(), words.next());
        let (Some(name), Some(operator), Some(version), false) = (name, operator, version, text.starts_with('('))
        else {
            return (text.clone(), 0, String::new());
        };
        let flags = [('<', 2), ('>', 4), ('=', 8)];
        let flags = flags.iter().filter(|(sign, _)| operator.contains(*sign)).map(|(_, flag)| flag).sum();
        (name.to_owned(), flags, version.to_owned())
    };
    let parts: Vec<_> = list.iter().map(parse).collect();
    tags.texts(names, &parts.iter().map(|part| part.0.clone()).collect::<Vec<_>>());
    tags.numbers(flags, &parts.iter().map(|part| part.1).collect::<Vec<_>>());
    tags.texts(versions, &parts.iter().map(|part| part.2.clone()).collect::<Vec<_>>());
}
