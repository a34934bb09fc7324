//! A real rpm distribution: Debian's packages as rpms in a signed rpm-md repository, whose roots have a working rpm, rpmbuild
//! and C compiler.
//!
//! The machine's own apt names and brings the packages; what it takes to make rpms of them is decided in `rules` (versions and
//! dependencies) and `layout` (files). Everything is kept below `target/tmp/rpm-distribution`. Read [`RpmDistribution`] first.

mod apt;
mod convert;
mod elf;
mod layout;
mod names;
mod rules;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use pkg::Sha256;
use pkgfile::compression::Compression;
use pkgfile::rpm::{RpmLimits, RpmReader};
use repo::pgp::SigningKey;
use repo::rpmmd::{ChunkCache, PackageFile, PackageXml, RepodataSettings, write_repodata};

/// Packages by name; what they depend on comes with them.
const WANTED: [&str; 43] = [
    "base-files",
    "base-passwd",
    "bash",
    "binutils",
    "bzip2",
    "ca-certificates",
    "coreutils",
    "cpio",
    "curl",
    "dash",
    "debianutils",
    "debugedit",
    "diffutils",
    "dwz",
    "elfutils",
    "file",
    "findutils",
    "g++",
    "gawk",
    "gcc",
    "git",
    "grep",
    "gzip",
    "hostname",
    "libc-bin",
    "libc6-dev",
    "m4",
    "make",
    "ncurses-base",
    "patch",
    "perl",
    "pkg-config",
    "python3",
    "python3-rpm",
    "python3-setuptools",
    "python3-venv",
    "rpm",
    "sed",
    "tar",
    "unzip",
    "util-linux",
    "xz-utils",
    "zstd",
];

/// What decides how a package is converted: when one of these changes, earlier results are of no use.
const CONVERTER: [&str; 5] = [
    include_str!("rpm_distribution/convert.rs"),
    include_str!("rpm_distribution/elf.rs"),
    include_str!("rpm_distribution/layout.rs"),
    include_str!("rpm_distribution/names.rs"),
    include_str!("rpm_distribution/rules.rs"),
];

/// How many packages are converted at once; each takes up to a few hundred megabytes.
const THREADS: usize = 2;

/// When the repository claims to have been written (the first second of 2026).
const WRITTEN_AT: i64 = 1_767_225_600;

/// Why there is no distribution on this machine.
#[derive(Debug, thiserror::Error)]
#[error("no rpm distribution: {0}")]
pub struct Unavailable(String);

/// An rpm-md repository in a folder: `x86_64/*.rpm`, `noarch/*.rpm` and `repodata/`, signed by [`RpmDistribution::public_key`].
///
/// Tests share the folder and must not write to it; [`RpmDistribution::copy_to`] makes one that may be changed.
#[derive(Debug, Clone)]
pub struct RpmDistribution {
    folder: PathBuf,
}

impl RpmDistribution {
    /// The build configuration of a project that builds against this distribution.
    pub const CONFIG: &str = include_str!("rpm_distribution/prjconf.conf");

    /// The distribution, made on first use: some twenty seconds with a good connection, later a few milliseconds.
    ///
    /// # Errors
    /// [`Unavailable`] where apt is missing, or can not bring the packages.
    pub fn get() -> Result<Self, Unavailable> {
        Self::get_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tmp/rpm-distribution"))
    }

    /// As [`Self::get`]; where there is none, says so and gives `None`.
    #[must_use]
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub fn get_or_say() -> Option<Self> {
        Self::get().map_err(|error| eprintln!("skipped: {error}")).ok()
    }

    /// As [`Self::get`], with everything kept below `cache`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn get_below(cache: &Path) -> Result<Self, Unavailable> {
        if std::env::consts::ARCH != "x86_64" {
            return Err(Unavailable("it is made for x86_64 only".to_owned()));
        }
        fs::create_dir_all(cache).unwrap();
        let cache = cache.canonicalize().unwrap();
        // Tests of several programs may start at once.
        let lock = File::create(cache.join("lock")).unwrap();
        lock.lock().unwrap();
        let converter = Sha256::of(CONVERTER.concat().as_bytes());
        let state = format!("{converter} {} {}", WANTED.join(" "), apt::state());
        let folder = cache.join(format!("repository-{:.16}", Sha256::of(state.as_bytes()).to_string()));
        if !folder.exists() {
            let debs = apt::download(&WANTED, &cache.join("debs"))?;
            let rpms = convert_all(&debs, &cache.join("rpms"), &converter);
            publish(&rpms, &folder);
            remove_others(&cache, |name| name.starts_with("repository-") && folder.ends_with(name));
            remove_others(&cache.join("rpms"), |name| rpms.iter().any(|rpm| rpm.parent().unwrap().ends_with(name)));
        }
        Ok(Self { folder })
    }

    /// The repository's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Paths of all packages, sorted.
    #[must_use]
    pub fn rpms(&self) -> Vec<PathBuf> {
        rpms_below(&self.folder)
    }

    /// The armoured public key that verifies `repodata/repomd.xml.asc`.
    #[must_use]
    pub fn public_key() -> String {
        key().public_armoured().unwrap()
    }

    /// Makes the same repository in a folder that is not there yet; packages are linked where the file system can.
    pub fn copy_to(&self, folder: &Path) {
        for below in ["x86_64", "noarch", "repodata"] {
            fs::create_dir_all(folder.join(below)).unwrap();
            for entry in fs::read_dir(self.folder.join(below)).unwrap() {
                let (from, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
                put(&from, &folder.join(below).join(name), below != "repodata");
            }
        }
    }
}

/// Signs the repository; nobody else's trust rests on it.
fn key() -> SigningKey {
    SigningKey::generate("Test distribution <distribution@example.org>", [11; 32], WRITTEN_AT - 86_400).unwrap()
}

/// A link to a file, or a copy of it.
fn put(from: &Path, to: &Path, is_linked: bool) {
    if !is_linked || fs::hard_link(from, to).is_err() {
        fs::copy(from, to).unwrap();
    }
}

/// The rpms of these packages, converted unless an earlier call has done it. In the order of the packages.
fn convert_all(debs: &[PathBuf], folder: &Path, converter: &Sha256) -> Vec<PathBuf> {
    fs::create_dir_all(folder).unwrap();
    // The largest first, so that no thread is left with gcc at the end.
    let mut order: Vec<(u64, usize)> =
        debs.iter().enumerate().map(|(index, deb)| (fs::metadata(deb).unwrap().len(), index)).collect();
    order.sort_unstable();
    let order = Mutex::new(order);
    let done = Mutex::new(vec![PathBuf::new(); debs.len()]);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some((_, index)) = order.lock().unwrap().pop() else { break };
                    let path = convert_one(&debs[index], folder, converter);
                    done.lock().unwrap()[index] = path;
                }
            });
        }
    });
    done.into_inner().unwrap()
}

/// The rpm lies in a folder named by what it was made from.
fn convert_one(deb: &Path, folder: &Path, converter: &Sha256) -> PathBuf {
    let bytes = fs::read(deb).unwrap();
    let digest = Sha256::of(format!("{} {converter}", Sha256::of(&bytes)).as_bytes()).to_string();
    let place = folder.join(digest);
    if let Some(found) = rpms_in(&place).pop() {
        return found;
    }
    let converted = convert::convert(&bytes);
    let scratch = tempfile::tempdir_in(folder).unwrap();
    fs::write(scratch.path().join(&converted.file_name), &converted.bytes).unwrap();
    fs::rename(scratch.keep(), &place).unwrap();
    place.join(converted.file_name)
}

/// Lays packages and metadata out in a folder, which appears when all of it is there.
fn publish(rpms: &[PathBuf], folder: &Path) {
    let scratch = tempfile::tempdir_in(folder.parent().unwrap()).unwrap();
    let mut elements = Vec::new();
    for rpm in rpms {
        let bytes = fs::read(rpm).unwrap();
        let package = RpmReader::open(bytes.as_slice(), RpmLimits::default()).unwrap().into_package();
        let location = format!("{}/{}", package.meta().arch, rpm.file_name().unwrap().to_str().unwrap());
        let target = scratch.path().join(&location);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        put(rpm, &target, true);
        let modified_at = fs::metadata(rpm).unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
        let modified_at = i64::try_from(modified_at.as_secs()).unwrap();
        let bytes_count = u64::try_from(bytes.len()).unwrap();
        let file = PackageFile { location, bytes: bytes_count, sha256: Sha256::of(&bytes), modified_at };
        elements.push(PackageXml::new(&package, &file).unwrap());
    }
    write_metadata(&elements, scratch.path());
    fs::set_permissions(scratch.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs::rename(scratch.keep(), folder).unwrap();
}

fn write_metadata(elements: &[PackageXml], folder: &Path) {
    let settings = RepodataSettings {
        compression: Compression::Zstd,
        public_key: Some(RpmDistribution::public_key()),
        ..RepodataSettings::default()
    };
    let mut elements: Vec<&PackageXml> = elements.iter().collect();
    elements.sort_unstable_by_key(|element| element.location());
    fs::create_dir_all(folder.join("repodata")).unwrap();
    for file in write_repodata(&settings, &elements, &mut ChunkCache::default(), &key(), WRITTEN_AT).unwrap() {
        fs::write(folder.join(&file.paths[0]), &file.content).unwrap();
    }
}

/// Removes the folders that earlier states of the archive or of the converter left.
fn remove_others(folder: &Path, is_kept: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name != "debs" && name != "rpms" && entry.path().is_dir() && !is_kept(&name) {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
}

fn rpms_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "rpm")).collect()
}

fn rpms_below(folder: &Path) -> Vec<PathBuf> {
    let mut rpms: Vec<PathBuf> = ["noarch", "x86_64"].iter().flat_map(|below| rpms_in(&folder.join(below))).collect();
    rpms.sort();
    rpms
}
