//! A root from the machine's own package sources, one engine for all tests, and sources packed on the spot.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use engine::{
    CancelToken, Engine, EngineConfig, EngineError, HandoverError, HelperCommand, JobFiles, JobRunner, JobSink,
};
use model::{
    BuildSettings, FileName, JobFile, JobId, JobReport, JobSpec, JobWork, Limits, Phase, RecipeSpec, ResultFile,
    RootPackage, RootSpec,
};
use pkg::{Arch, PackageFormat, RecipeKind, Sha256, Sha256Hasher};

/// What every test starts from; `None` where the machine can not run them.
pub(crate) struct Kit {
    pub(crate) engine: Engine,
    pub(crate) root: RootSpec,
    pub(crate) paths: HashMap<Sha256, PathBuf>,
}

/// Packages unpacked before dpkg can run, besides the essential ones.
const BASE: [&str; 17] = [
    "libc6",
    "libgcc-s1",
    "gcc-12-base",
    "libselinux1",
    "libpcre2-8-0",
    "zlib1g",
    "libacl1",
    "libattr1",
    "libmd0",
    "libbz2-1.0",
    "liblzma5",
    "libzstd1",
    "libgmp10",
    "libcrypt1",
    "libtinfo6",
    "debconf",
    "mawk",
];

/// The kit, made once a test program; prints why it is missing.
pub(crate) fn kit() -> Option<&'static Kit> {
    static KIT: OnceLock<Result<Kit, String>> = OnceLock::new();
    match KIT.get_or_init(make) {
        Ok(kit) => Some(kit),
        Err(reason) => {
            eprintln!("skipped: {reason}");
            None
        }
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("engine")
}

pub(crate) fn config(state_dir: PathBuf) -> EngineConfig {
    let helper = HelperCommand {
        program: PathBuf::from(env!("CARGO_BIN_EXE_engine-sandbox-helper")),
        arguments: vec!["sandbox-init".into()],
    };
    EngineConfig { helper, ..EngineConfig::new(state_dir) }
}

fn make() -> Result<Kit, String> {
    if !rustix::process::geteuid().is_root() {
        return Err("tests of the engine need root".to_owned());
    }
    let (root, paths) = debian_root()?;
    Ok(Kit { engine: open()?, root, paths })
}

/// Opens the engine; another test program may still have it.
fn open() -> Result<Engine, String> {
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        match Engine::open(config(folder().join("state"))) {
            Ok(engine) => return Ok(engine),
            Err(EngineError::Busy { .. }) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command.env("LC_ALL", "C").output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// A build root of this machine's own distribution, computed and downloaded by apt.
pub(crate) fn debian_root() -> Result<(RootSpec, HashMap<Sha256, PathBuf>), String> {
    let archives = folder().join("archives");
    fs::create_dir_all(archives.join("partial")).map_err(|e| e.to_string())?;
    let status = folder().join("empty-status");
    fs::write(&status, "").map_err(|e| e.to_string())?;
    let available = output(Command::new("apt-cache").arg("dumpavail"))?;
    let essential: Vec<&str> = available
        .split("\n\n")
        .filter(|paragraph| paragraph.contains("\nEssential: yes"))
        .filter_map(|paragraph| paragraph.trim_start().lines().next()?.strip_prefix("Package: "))
        .collect();
    let apt = || {
        let mut command = Command::new("apt-get");
        command.args(["-y", "-o", "APT::Install-Recommends=false", "-o", "Debug::NoLocking=1", "-o"]);
        command.arg(format!("Dir::State::status={}", status.display())).arg("-o");
        command.arg(format!("Dir::Cache::archives={}", archives.display()));
        command
    };
    let wishes: Vec<&str> =
        essential.iter().copied().chain(["build-essential", "debhelper", "fakeroot", "help2man", "texinfo"]).collect();
    let plan = output(apt().args(["-s", "install"]).args(&wishes))?;
    output(apt().args(["--download-only", "install"]).args(&wishes))?;
    let mut packages = Vec::new();
    let mut paths = HashMap::new();
    for line in plan.lines() {
        let Some(package) = planned(line, &archives, &mut paths)? else { continue };
        packages.push(package);
    }
    let wanted = |name: &str| essential.contains(&name) || BASE.contains(&name);
    let preinstall = packages.iter().map(|p| p.name.clone()).filter(|name| wanted(name)).collect();
    let root = RootSpec {
        format: PackageFormat::Deb,
        preinstall,
        run_scripts: vec!["base-passwd".to_owned(), "base-files".to_owned()],
        packages,
    };
    Ok((root, paths))
}

/// Reads a line `Inst NAME (VERSION ORIGIN [ARCH])`.
fn planned(line: &str, archives: &Path, paths: &mut HashMap<Sha256, PathBuf>) -> Result<Option<RootPackage>, String> {
    let Some(rest) = line.strip_prefix("Inst ") else { return Ok(None) };
    let words: Vec<&str> = rest.split_whitespace().collect();
    let name = words[0].to_owned();
    let version = words[1].trim_start_matches('(').to_owned();
    let arch = rest.split(")").next().unwrap().rsplit_once('[').unwrap().1.trim_end_matches(']').to_owned();
    let file = format!("{name}_{}_{arch}.deb", version.replace(':', "%3a"));
    let path = archives.join(&file);
    let file = job_file(&path)?;
    paths.insert(file.sha256, path);
    Ok(Some(RootPackage { name, version, arch, file }))
}

pub(crate) fn job_file(path: &Path) -> Result<JobFile, String> {
    let mut file = File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        let count = file.read(&mut buffer).unwrap();
        if count == 0 {
            let name = path.file_name().unwrap().to_str().unwrap();
            return Ok(JobFile { name: FileName::parse(name).unwrap(), bytes, sha256: hasher.finish() });
        }
        hasher.update(&buffer[..count]);
        bytes += count as u64;
    }
}

/// Hands out files by digest.
pub(crate) struct Files(pub(crate) HashMap<Sha256, PathBuf>);

impl JobFiles for Files {
    fn locate(&self, file: &JobFile) -> Result<PathBuf, HandoverError> {
        let missing = || HandoverError { name: file.name.to_string(), detail: "not there".to_owned() };
        self.0.get(&file.sha256).cloned().ok_or_else(missing)
    }
}

/// Remembers everything a job says.
#[derive(Default)]
pub(crate) struct Sink {
    pub(crate) log: Mutex<Vec<u8>>,
    pub(crate) phases: Mutex<Vec<Phase>>,
    pub(crate) results: Mutex<HashMap<String, Vec<u8>>>,
}

impl JobSink for Sink {
    fn log(&self, bytes: &[u8]) {
        self.log.lock().unwrap().extend_from_slice(bytes);
    }

    fn phase(&self, phase: Phase) {
        self.phases.lock().unwrap().push(phase);
    }

    fn result(&self, result: &ResultFile, path: &Path) -> Result<(), HandoverError> {
        self.results.lock().unwrap().insert(result.file.name.to_string(), fs::read(path).unwrap());
        Ok(())
    }
}

impl Sink {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap()).into_owned()
    }
}

/// Bounds small enough for tests.
pub(crate) fn limits() -> Limits {
    Limits {
        memory_bytes: 1 << 30,
        processes: 500,
        disk_bytes: 2 << 30,
        run_seconds: 120,
        silence_seconds: 60,
        log_bytes: 16 << 20,
        result_bytes: 64 << 20,
    }
}

impl Kit {
    /// The engine's folder.
    pub(crate) fn state_dir(&self) -> PathBuf {
        folder().join("state")
    }

    /// A job of the given source files.
    pub(crate) fn job(&self, sources: &[PathBuf]) -> (JobSpec, Files) {
        let mut files = self.paths.clone();
        let mut list = Vec::new();
        for path in sources {
            let file = job_file(path).unwrap();
            files.insert(file.sha256, path.clone());
            list.push(file);
        }
        let is_recipe = |name: &str| [".dsc", ".spec", ".src.rpm"].iter().any(|ending| name.ends_with(ending));
        let recipe = list.iter().find(|file| is_recipe(file.name.as_str())).unwrap().name.clone();
        let job = JobSpec {
            job: JobId::new(7),
            title: "test/package debian x86_64".to_owned(),
            arch: Arch::parse(std::env::consts::ARCH).unwrap(),
            root: self.root.clone(),
            work: JobWork::Recipe(RecipeSpec { kind: RecipeKind::Dsc, file: recipe }),
            sources: list,
            settings: BuildSettings::default(),
            limits: limits(),
            network: false,
        };
        (job, Files(files))
    }

    /// Runs a job whose `debian/rules` is the given shell script (called with the target as `$1`), as changed.
    pub(crate) fn run(&self, rules: &str, change: impl FnOnce(&mut JobSpec)) -> (JobReport, Sink) {
        let folder = tempfile::tempdir().unwrap();
        let (mut job, files) = self.job(&source(folder.path(), rules));
        change(&mut job);
        let sink = Sink::default();
        let report = self.engine.run(&job, &files, &sink, &CancelToken::new());
        (report, sink)
    }
}

/// Makes a native source package.
pub(crate) fn source(folder: &Path, rules: &str) -> Vec<PathBuf> {
    let tree = folder.join("sample-1");
    let debian = tree.join("debian");
    fs::create_dir_all(debian.join("source")).unwrap();
    let write = |name: &str, text: &str| fs::write(debian.join(name), text).unwrap();
    write("source/format", "3.0 (native)\n");
    write(
        "control",
        "Source: sample\nMaintainer: Nobody <nobody@example.org>\nStandards-Version: 4.6.2\n\n\
         Package: sample\nArchitecture: all\nDescription: sample\n",
    );
    write(
        "changelog",
        "sample (1) unstable; urgency=low\n\n  * Made.\n\n -- Nobody <nobody@example.org>  Thu, 01 Jan 2026 00:00:00 +0000\n",
    );
    write("script", rules);
    write(
        "rules",
        "#!/usr/bin/make -f\nclean:\n\t:\nbuild build-indep build-arch binary binary-indep binary-arch:\n\tsh -e debian/script $@\n",
    );
    let mut permissions = fs::metadata(debian.join("rules")).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(debian.join("rules"), permissions).unwrap();
    output(Command::new("dpkg-source").arg("-b").arg("sample-1").current_dir(folder)).unwrap();
    vec![folder.join("sample_1.dsc"), folder.join("sample_1.tar.xz")]
}

/// Rules that leave a valid package.
pub(crate) const GOOD: &str = "\
[ $1 = binary ] || [ $1 = binary-indep ] || exit 0
mkdir -p debian/sample/DEBIAN debian/sample/usr/share/sample
echo content > debian/sample/usr/share/sample/file
dpkg-gencontrol -Pdebian/sample
dpkg-deb --root-owner-group --build debian/sample ..
";
