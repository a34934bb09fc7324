//! A program to be measured from outside, beside createrepo_c: `scripts/bench-rpmmd.sh` runs it.
//!
//! `generate FOLDER FIRST COUNT` writes synthetic packages. `full FOLDER STATE gz|zst` describes and publishes all of a folder;
//! `keep FOLDER STATE gz|zst` also stores what the others need. `add FOLDER STATE FILE gz|zst` and `remove FOLDER STATE FILE
//! gz|zst` publish after one file came or went. STATE is what a service keeps: the stored form of each package, their outlines, the
//! layout of the last publication. Each call is a process of its own, so `add` is the first publication after a restart; one in a
//! running service reads neither outlines nor the last files (`warm`, which measures itself). `owners REPOSITORY PATH` looks
//! through the filelists of any repository.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a program to be measured, not the library")]
#![expect(clippy::unwrap_used, reason = "what can not go on has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints what it measured")]

mod generate;

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pkg::Sha256;
use pkgfile::rpm::{RpmLimits, RpmReader};
use repo::compress::Compression;
use repo::pgp::SigningKey;
use repo::rpmmd::{
    ChunkCache, OutputFile, PackageFile, PackageOutline, PackageXml, RepodataSettings, Repomd, RpmMdLimits,
    find_owners, open_file, write_repodata_from,
};

const NOW: i64 = 1_783_764_997;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["generate", folder, first, count] => generate::packages(Path::new(folder), number(first), number(count)),
        ["full", folder, state, form] => full(&Place::new(folder, state, form), false),
        ["keep", folder, state, form] => full(&Place::new(folder, state, form), true),
        ["add", folder, state, file, form] => add(&Place::new(folder, state, form), file),
        ["remove", folder, state, file, form] => remove(&Place::new(folder, state, form), file),
        ["warm", folder, state, file, form] => warm(&Place::new(folder, state, form), file),
        ["owners", repository, path] => owners(Path::new(repository), path),
        _ => eprintln!("see scripts/bench-rpmmd.sh"),
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap()
}

struct Place {
    folder: PathBuf,
    state: PathBuf,
    compression: Compression,
}

/// Packages with the places of their stored forms: offset and length.
type Packages = Vec<(PackageOutline, Span)>;
type Span = (u64, u64);

impl Place {
    fn new(folder: &str, state: &str, form: &str) -> Self {
        let compression = if form == "zst" { Compression::Zstd } else { Compression::Gzip };
        Self { folder: folder.into(), state: state.into(), compression }
    }

    /// Describes a package.
    fn describe(&self, file: &str) -> PackageXml {
        let bytes = fs::read(self.folder.join(file)).unwrap();
        let sha256 = Sha256::of(&bytes);
        let package = RpmReader::open(bytes.as_slice(), RpmLimits::default()).unwrap().into_package();
        let file = PackageFile { location: file.into(), bytes: bytes.len() as u64, sha256, modified_at: NOW };
        PackageXml::new(&package, &file).unwrap()
    }

    fn describe_and_store(&self, file: &str, store: &mut File) -> (PackageXml, Span) {
        let package = self.describe(file);
        let stored = package.to_bytes().unwrap();
        let start = store.seek(SeekFrom::End(0)).unwrap();
        store.write_all(&stored).unwrap();
        (package, (start, stored.len() as u64))
    }

    /// What a database would be.
    fn store(&self) -> File {
        File::options().read(true).append(true).create(true).open(self.state.join("packages")).unwrap()
    }

    /// The outlines of the last publication, as a database would give them.
    fn outlines(&self) -> Packages {
        let bytes = fs::read(self.state.join("outlines")).unwrap();
        let mut rest = bytes.as_slice();
        let mut packages = Vec::new();
        while let Some((head, behind)) = rest.split_at_checked(24) {
            let number = |place: usize| u64::from_be_bytes(head[place..place + 8].try_into().unwrap());
            let (outline, behind) = behind.split_at(number(16) as usize);
            packages.push((PackageOutline::from_bytes(outline).unwrap(), (number(0), number(8))));
            rest = behind;
        }
        packages
    }

    fn store_outlines(&self, packages: &Packages) {
        let mut bytes = Vec::new();
        for (outline, (start, length)) in packages {
            let outline = outline.to_bytes();
            bytes.extend([*start, *length, outline.len() as u64].iter().flat_map(|number| number.to_be_bytes()));
            bytes.extend(outline);
        }
        fs::write(self.state.join("outlines"), bytes).unwrap();
    }

    /// The cache of the last publication, from its files.
    fn cache(&self) -> ChunkCache {
        let mut cache = ChunkCache::default();
        let layout = fs::read(self.state.join("layout")).unwrap();
        let file = |sha256: &Sha256| fs::read(self.state.join("blobs").join(sha256.to_string())).ok();
        cache.refill(&layout, &mut { file }).unwrap();
        cache
    }

    fn publish(&self, packages: &Packages, known: &[(PackageXml, Span)], cache: &mut ChunkCache) {
        let key = SigningKey::generate("Project bench", [7; 32], NOW).unwrap();
        let settings = RepodataSettings { compression: self.compression, ..RepodataSettings::default() };
        let outlines: Vec<&PackageOutline> = packages.iter().map(|(outline, _)| outline).collect();
        let store = self.store();
        let load_stored = |(start, length): Span| {
            let mut bytes = vec![0; length as usize];
            store.read_exact_at(&mut bytes, start)?;
            PackageXml::from_bytes(&bytes).map_err(std::io::Error::other)
        };
        let mut load = |place: usize| {
            let (outline, span) = &packages[place];
            // All are at hand in order after a full run; else one or none.
            let at_hand = known.get(place).or(known.first()).filter(|(package, _)| package.outline() == outline);
            match at_hand {
                Some((package, _)) => Ok(Cow::Borrowed(package)),
                None => load_stored(*span).map(Cow::Owned),
            }
        };
        let files = write_repodata_from(&settings, &outlines, &mut load, cache, &key, NOW).unwrap();
        files.iter().for_each(|file| self.put(file));
        fs::write(self.state.join("layout"), cache.layout()).unwrap();
    }

    /// As a blob, and linked to its path.
    fn put(&self, file: &OutputFile) {
        let blob = self.state.join("blobs").join(file.sha256.to_string());
        if !blob.exists() {
            fs::write(&blob, &file.content).unwrap();
        }
        let path = self.state.join(&file.paths[0]);
        drop(fs::remove_file(&path));
        fs::hard_link(&blob, &path).unwrap();
    }
}

fn full(place: &Place, is_kept: bool) {
    drop(fs::remove_dir_all(&place.state));
    for folder in ["blobs", "repodata"] {
        fs::create_dir_all(place.state.join(folder)).unwrap();
    }
    let names = fs::read_dir(&place.folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut files: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    files.retain(|name| name.ends_with(".rpm"));
    files.sort();
    let mut store = place.store();
    let mut describe = |file: &String| {
        if is_kept { place.describe_and_store(file, &mut store) } else { (place.describe(file), (0, 0)) }
    };
    let described: Vec<(PackageXml, Span)> = files.iter().map(&mut describe).collect();
    let packages = described.iter().map(|(package, span)| (package.outline().clone(), *span)).collect();
    place.publish(&packages, &described, &mut ChunkCache::default());
    if is_kept {
        place.store_outlines(&packages);
    }
}

fn add(place: &Place, file: &str) {
    let described = place.describe_and_store(file, &mut place.store());
    let mut packages = place.outlines();
    packages.push((described.0.outline().clone(), described.1));
    place.publish(&packages, &[described], &mut place.cache());
    place.store_outlines(&packages);
}

fn remove(place: &Place, file: &str) {
    let mut packages = place.outlines();
    packages.retain(|(outline, _)| outline.location() != file);
    place.publish(&packages, &[], &mut place.cache());
    place.store_outlines(&packages);
}

/// The same with outlines and cache at hand, as in a running service; prints CPU and wall seconds of one more, and of one less.
fn warm(place: &Place, file: &str) {
    let mut packages = place.outlines();
    let mut cache = place.cache();
    place.publish(&packages, &[], &mut cache);
    let start = (cpu_seconds(), Instant::now());
    let described = place.describe_and_store(file, &mut place.store());
    packages.push((described.0.outline().clone(), described.1));
    place.publish(&packages, &[described], &mut cache);
    let more = (cpu_seconds() - start.0, start.1.elapsed().as_secs_f64());
    let start = (cpu_seconds(), Instant::now());
    packages.pop();
    place.publish(&packages, &[], &mut cache);
    let less = (cpu_seconds() - start.0, start.1.elapsed().as_secs_f64());
    println!("{:.3} {:.3} {:.3} {:.3}", more.0, more.1, less.0, less.1);
}

/// CPU seconds of looking for the owners of a path.
fn owners(repository: &Path, path: &str) {
    let repomd = Repomd::parse(&fs::read(repository.join("repodata/repomd.xml")).unwrap()).unwrap();
    let file = repomd.file("filelists").unwrap();
    let bytes = fs::read(repository.join(&file.path)).unwrap();
    let start = cpu_seconds();
    let mut count = 0;
    let mut content = open_file(file, &bytes).unwrap();
    let wanted = [path.to_owned()].into();
    find_owners(&mut content, &RpmMdLimits::default(), &wanted, &mut |_, _| count += 1).unwrap();
    println!("{count} owners in {:.3} s CPU", cpu_seconds() - start);
}

/// What this thread has computed; other processes disturb it little.
fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
