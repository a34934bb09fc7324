//! Small rpm packages, put together byte by byte: right ones, and ones that lie. See [`RawRpm`].
//!
//! Their installation is not what they are for: they hold what readers look at, in the layout of rpm's manual "RPM V4
//! Package format".

use std::fmt::Write as _;
use std::io::Write as _;

use pkg::Sha256;

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
        let payload = gzip(&self.cpio());
        let header = self.header(&payload).finish();
        let mut signature = Header::default();
        if let Some(sign) = sign {
            let packet = sign(&header);
            signature.raw(268, 7, packet.len(), &packet);
        }
        if self.has_digests {
            signature.text(273, &Sha256::of(&header).to_string());
        }
        signature.numbers(1000, &[u32::try_from(header.len() + payload.len()).unwrap()]);
        let mut bytes = vec![0; 96];
        bytes[..8].copy_from_slice(&[0xed, 0xab, 0xee, 0xdb, 3, 0, 0, u8::from(self.arch.is_none())]);
        bytes[79] = 5;
        bytes.extend(signature.finish());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(header);
        bytes.extend(payload);
        bytes
    }

    fn header(&self, payload: &[u8]) -> Header {
        let (epoch, version, release) = &self.evr;
        let mut header = Header::default();
        header.text(1000, &self.name);
        header.text(1001, version);
        header.text(1002, release);
        header.numbers(1003, epoch.as_slice());
        header.text(1004, "test");
        header.text(1014, "MIT");
        header.text(1021, "linux");
        header.text(1022, self.arch.as_deref().unwrap_or("x86_64"));
        match self.arch {
            Some(_) => header.text(1044, &format!("{}-{version}-{release}.src.rpm", self.name)),
            None => header.numbers(1106, &[1]),
        }
        if self.listed.iter().any(|file| file.flags & GHOST != 0) {
            header.numbers(1051, &[0]);
        }
        let own = format!("{} = {version}-{release}", self.name);
        let provides: Vec<String> = self.arch.iter().map(|_| own.clone()).chain(self.provides.clone()).collect();
        header.relations([1047, 1112, 1113], &provides);
        header.relations([1049, 1048, 1050], &self.requires);
        self.files(&mut header);
        header.text(1124, "cpio");
        header.text(1125, "gzip");
        if self.has_digests {
            header.texts(5092, &[Sha256::of(payload).to_string()]);
            header.numbers(5093, &[8]);
        }
        header
    }

    fn files(&self, header: &mut Header) {
        let numbers = |of: fn(&Listed) -> u32| self.listed.iter().map(of).collect::<Vec<u32>>();
        let split = |path: &str| match path.rsplit_once('/') {
            Some((folder, name)) => (format!("{folder}/"), name.to_owned()),
            None => (String::new(), path.to_owned()),
        };
        let (folders, names): (Vec<String>, Vec<String>) = self.listed.iter().map(|file| split(&file.path)).unzip();
        header.numbers(1028, &numbers(|file| file.bytes));
        let modes: Vec<u8> = self.listed.iter().flat_map(|file| (file.mode as u16).to_be_bytes()).collect();
        header.raw(1030, 3, self.listed.len(), &modes);
        header.numbers(1034, &numbers(|_| 1_600_000_000));
        header.texts(1035, &self.listed.iter().map(|file| file.digest.clone()).collect::<Vec<_>>());
        header.numbers(1037, &numbers(|file| file.flags));
        let root = vec!["root".to_owned(); self.listed.len()];
        header.texts(1039, &root);
        header.texts(1040, &root);
        let indices: Vec<u32> = (0..u32::try_from(folders.len()).unwrap()).collect();
        header.numbers(1116, &indices);
        header.texts(1117, &names);
        header.texts(1118, &folders);
        header.numbers(5011, &[8]);
    }

    fn cpio(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let trailer = ("TRAILER!!!".to_owned(), 0, Vec::new());
        for (inode, (path, mode, content)) in (1..).zip(self.members.iter().chain([&trailer])) {
            let mut text = String::from("070701");
            let numbers = [inode, *mode as usize, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, path.len() + 1, 0];
            for number in numbers {
                write!(text, "{number:08x}").unwrap();
            }
            out.extend(text.as_bytes());
            out.extend(path.as_bytes());
            out.push(0);
            out.resize(out.len().next_multiple_of(4), 0);
            out.extend(content);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        out
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

/// The entries of a header.
#[derive(Default)]
struct Header {
    entries: Vec<[u32; 4]>,
    store: Vec<u8>,
}

impl Header {
    fn raw(&mut self, tag: u32, kind: u32, count: usize, bytes: &[u8]) {
        if count == 0 {
            return;
        }
        let width = [1, 1, 1, 2, 4, 8, 1, 1, 1, 1][kind as usize];
        self.store.resize(self.store.len().next_multiple_of(width), 0);
        let place = u32::try_from(self.store.len()).unwrap();
        self.entries.push([tag, kind, place, u32::try_from(count).unwrap()]);
        self.store.extend_from_slice(bytes);
    }

    fn text(&mut self, tag: u32, text: &str) {
        self.raw(tag, 6, 1, format!("{text}\0").as_bytes());
    }

    fn texts(&mut self, tag: u32, texts: &[String]) {
        let bytes: String = texts.iter().map(|text| format!("{text}\0")).collect();
        self.raw(tag, 8, texts.len(), bytes.as_bytes());
    }

    fn numbers(&mut self, tag: u32, numbers: &[u32]) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        self.raw(tag, 4, numbers.len(), &bytes);
    }

    /// Names, flags and versions of dependencies.
    fn relations(&mut self, [names, flags, versions]: [u32; 3], list: &[String]) {
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
        self.texts(names, &parts.iter().map(|part| part.0.clone()).collect::<Vec<_>>());
        self.numbers(flags, &parts.iter().map(|part| part.1).collect::<Vec<_>>());
        self.texts(versions, &parts.iter().map(|part| part.2.clone()).collect::<Vec<_>>());
    }

    fn finish(mut self) -> Vec<u8> {
        self.entries.sort_by_key(|entry| entry[0]);
        let mut bytes = vec![0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
        bytes.extend(u32::try_from(self.entries.len()).unwrap().to_be_bytes());
        bytes.extend(u32::try_from(self.store.len()).unwrap().to_be_bytes());
        bytes.extend(self.entries.iter().flatten().flat_map(|number| number.to_be_bytes()));
        bytes.extend(self.store);
        bytes
    }
}
