use std::fmt::Write as _;
use std::io;

use pkg::{Sha256, Sha256Hasher};
use pkgfile::compression::Compression;

use super::release::by_hash_path;
use super::{ChunkCache, OutputFile, Stanza, format_date, is_safe_path};
use crate::chunks::{self, Chunk, Piece};
use crate::pgp::{SignError, Signer};

/// What a suite says of itself, and what is written for it.
#[derive(Debug, Clone)]
pub struct SuiteSettings {
    /// Name of the folder below `dists/`, and the Suite field.
    pub suite: String,
    /// Codename; often the suite's name again.
    pub codename: String,
    /// Who publishes it.
    pub origin: String,
    /// A word for pinning in `apt_preferences(5)`.
    pub label: String,
    /// One line about it.
    pub description: String,
    /// The one component, `main`.
    pub component: String,
    /// Architectures in Debian's spelling, without `all`; each gets an index, which also lists the packages for `all`.
    pub architectures: Vec<String>,
    /// For how many seconds clients accept what was published; `None` for ever.
    pub valid_seconds: Option<i64>,
    /// Which forms of an index are written. APT needs one; Debian 12 and newer read gzip, xz and zstd.
    pub compressions: Vec<Compression>,
}

/// Why a suite could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A setting would break a file or a path.
    #[error("suite setting {setting} {value:?} is not valid")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// Its value, shortened.
        value: String,
    },
    /// A compressor failed.
    #[error("{path}: can not be compressed")]
    Compress {
        /// The file.
        path: String,
        /// What the compressor said.
        #[source]
        source: io::Error,
    },
    /// The signer failed.
    #[error("suite {suite} can not be signed")]
    Sign {
        /// The suite.
        suite: String,
        /// What the signer said.
        #[source]
        source: SignError,
    },
}

/// Writes the metadata of a suite: `Packages` of each architecture in each form, `Release`, `InRelease`, `Release.gpg`.
///
/// The order of `stanzas` does not matter; the same stanzas, settings, key and `now` (seconds since 1970) give the same
/// bytes, whatever the cache holds. The files are in the order they may be put in place: what is signed names only files
/// before it. Nothing is written anywhere; to switch atomically is the caller's.
///
/// # Errors
/// [`WriteError`].
pub fn write_suite(
    settings: &SuiteSettings,
    stanzas: &[&Stanza],
    cache: &mut ChunkCache,
    signer: &dyn Signer,
    now: i64,
) -> Result<Vec<OutputFile>, WriteError> {
    check(settings)?;
    let mut sorted = stanzas.to_vec();
    sorted.sort_unstable_by(|left, right| left.order().cmp(&right.order()));
    sorted.dedup_by(|left, right| left.sha256() == right.sha256());
    let mut table = Table { folder: format!("dists/{}", settings.suite), lines: String::new(), files: Vec::new() };
    cache.begin();
    for architecture in &settings.architectures {
        table.add_architecture(settings, architecture, &sorted, cache)?;
    }
    cache.end();
    let release = top_release(settings, &table.lines, now);
    let sign_error = |source| WriteError::Sign { suite: settings.suite.clone(), source };
    let in_release = signer.clearsign(&release, now).map_err(sign_error)?;
    let signature = signer.detached(release.as_bytes(), now).map_err(sign_error)?;
    let mut files = table.files;
    for (name, content) in [("Release", release), ("Release.gpg", signature), ("InRelease", in_release)] {
        let path = format!("dists/{}/{name}", settings.suite);
        let sha256 = Sha256::of(content.as_bytes());
        files.push(OutputFile { paths: vec![path], content: content.into_bytes(), sha256 });
    }
    Ok(files)
}

fn check(settings: &SuiteSettings) -> Result<(), WriteError> {
    let error = |setting, value: &str| WriteError::Setting { setting, value: value.chars().take(80).collect() };
    let is_word = |text: &str| is_safe_path(text) && !text.contains(char::is_whitespace);
    for (setting, value) in [("suite", &settings.suite), ("codename", &settings.codename)] {
        if !is_word(value) {
            return Err(error(setting, value));
        }
    }
    let names = std::iter::once(&settings.component).chain(&settings.architectures);
    if let Some(name) = names.into_iter().find(|name| !is_word(name) || name.contains('/')) {
        return Err(error("component or architecture", name));
    }
    for (setting, value) in
        [("origin", &settings.origin), ("label", &settings.label), ("description", &settings.description)]
    {
        if value.contains(char::is_control) {
            return Err(error(setting, value));
        }
    }
    let is_writable = |form: &Compression| !matches!(form, Compression::Lzma | Compression::Bzip2);
    if settings.compressions.is_empty() || !settings.compressions.iter().all(is_writable) {
        return Err(error("compressions", &format!("{:?}", settings.compressions)));
    }
    Ok(())
}

/// On average a chunk has 128 stanzas, some 100 kB: smaller ones compress worse, larger ones cost more than hashing the whole
/// index does.
fn ends_chunk(piece: &Piece) -> bool {
    matches!(piece.sha256.as_bytes(), [0 | 1, ..])
}

/// The files below the folder of a suite, and their lines in `Release`.
struct Table {
    folder: String,
    lines: String,
    files: Vec<OutputFile>,
}

impl Table {
    fn add_architecture(
        &mut self,
        settings: &SuiteSettings,
        architecture: &str,
        sorted: &[&Stanza],
        cache: &mut ChunkCache,
    ) -> Result<(), WriteError> {
        let is_for = |stanza: &&&Stanza| stanza.architecture() == architecture || stanza.architecture() == "all";
        let stanzas: Vec<&Stanza> = sorted.iter().filter(is_for).copied().collect();
        let length = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
        let piece = |stanza: &&Stanza| Piece { sha256: stanza.sha256(), bytes: length(stanza.text()) };
        let pieces: Vec<Piece> = stanzas.iter().map(piece).collect();
        let mut chunks = chunks::cut(&pieces, ends_chunk);
        if chunks.is_empty() {
            chunks.push(Chunk::of_text(String::new()));
        }
        let mut texts = |place: usize, text: &mut String| {
            text.push_str(stanzas.get(place).map_or("", |stanza| stanza.text()));
            Ok(())
        };
        let folder = format!("{}/binary-{architecture}", settings.component);
        let path = format!("{folder}/Packages");
        // APT wants to know the plain form even where it is not offered.
        if !settings.compressions.contains(&Compression::None) {
            let mut hasher = Sha256Hasher::new();
            stanzas.iter().for_each(|stanza| hasher.update(stanza.text().as_bytes()));
            let bytes: usize = stanzas.iter().map(|stanza| stanza.text().len()).sum();
            self.add_line(&path, bytes, &hasher.finish());
        }
        for compression in &settings.compressions {
            let path = format!("{path}{}", compression.suffix());
            if *compression == Compression::None {
                self.add_text(&path, stanzas.iter().map(|stanza| stanza.text()).collect());
                continue;
            }
            let index = chunks::compressed(&chunks, *compression, cache, &mut texts)
                .map_err(|source| WriteError::Compress { path: path.clone(), source })?;
            self.add_file(&path, index.content, index.sha256);
        }
        self.add_text(&format!("{folder}/Release"), architecture_release(settings, architecture));
        Ok(())
    }

    fn add_line(&mut self, path: &str, bytes: usize, sha256: &Sha256) {
        // Writing to a String can not fail.
        let _ = writeln!(self.lines, " {sha256} {bytes:>8} {path}");
    }

    fn add_text(&mut self, path: &str, text: String) {
        let sha256 = Sha256::of(text.as_bytes());
        self.add_file(path, text.into_bytes(), sha256);
    }

    fn add_file(&mut self, path: &str, content: Vec<u8>, sha256: Sha256) {
        self.add_line(path, content.len(), &sha256);
        let full = |path: &str| format!("{}/{path}", self.folder);
        let paths = vec![full(path), full(&by_hash_path(path, &sha256))];
        self.files.push(OutputFile { paths, content, sha256 });
    }
}

fn architecture_release(settings: &SuiteSettings, architecture: &str) -> String {
    let SuiteSettings { suite, origin, label, component, .. } = settings;
    format!(
        "Archive: {suite}\nOrigin: {origin}\nLabel: {label}\nComponent: {component}\nArchitecture: {architecture}\n\
         Acquire-By-Hash: yes\n"
    )
}

fn top_release(settings: &SuiteSettings, lines: &str, now: i64) -> String {
    let SuiteSettings { suite, codename, origin, label, description, component, .. } = settings;
    let valid_until = settings.valid_seconds.map(|seconds| format_date(now.saturating_add(seconds)));
    let valid_until = valid_until.map_or(String::new(), |date| format!("Valid-Until: {date}\n"));
    format!(
        "Origin: {origin}\nLabel: {label}\nSuite: {suite}\nCodename: {codename}\nDate: {}\n{valid_until}\
         Acquire-By-Hash: yes\nArchitectures: {}\nComponents: {component}\nDescription: {description}\nSHA256:\n{lines}",
        format_date(now),
        settings.architectures.join(" "),
    )
}
