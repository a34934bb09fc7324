//! Sparse ext4 images: scratch disks and prepared roots of a privileged engine.
//!
//! Without a journal: what is on them is thrown away after a crash, or was written out before anybody relies on it.

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::idmap::find_program;

/// Smallest image that is still a useful file system.
const SMALLEST_BYTES: u64 = 16 << 20;

/// Makes images quickly, by copying the few written blocks of an empty one.
#[derive(Debug)]
pub(crate) struct Images {
    templates: PathBuf,
    owner: u32,
}

impl Images {
    /// `owner` is the host's id of root inside the sandboxes.
    ///
    /// # Errors
    /// The reason why images can not be made or mounted here.
    pub(crate) fn open(templates: PathBuf, owner: u32) -> Result<Self, String> {
        if find_program("mkfs.ext4").is_none() {
            return Err("mkfs.ext4 is not installed (package e2fsprogs)".to_owned());
        }
        if !Path::new("/dev/loop-control").exists() {
            return Err("there is no /dev/loop-control (kernel module loop)".to_owned());
        }
        fs::create_dir_all(&templates).map_err(|e| format!("{}: {e}", templates.display()))?;
        Ok(Self { templates, owner })
    }

    /// Makes an empty file system that takes about `bytes` bytes of files.
    pub(crate) fn create(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let bytes = bytes.max(SMALLEST_BYTES).div_ceil(4096) * 4096;
        let template = self.templates.join(format!("ext4-{bytes}-{}", self.owner));
        if !template.exists() {
            self.make_template(&template, bytes)?;
        }
        copy_sparse(&template, path)
    }

    fn make_template(&self, template: &Path, bytes: u64) -> io::Result<()> {
        let draft = tempfile::Builder::new().prefix("draft-").tempfile_in(&self.templates)?;
        draft.as_file().set_len(bytes)?;
        let program = find_program("mkfs.ext4").ok_or_else(|| io::Error::other("mkfs.ext4 is not installed"))?;
        let owner = self.owner;
        let output = Command::new(program)
            .args(["-q", "-F", "-m", "0", "-O", "^has_journal,^resize_inode", "-E"])
            .arg(format!("lazy_itable_init=1,nodiscard,root_owner={owner}:{owner}"))
            .arg(draft.path())
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(format!("mkfs.ext4: {}", String::from_utf8_lossy(&output.stderr).trim())));
        }
        draft.persist(template).map_err(|error| error.error)?;
        Ok(())
    }
}

fn copy_sparse(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = File::options().write(true).create_new(true).open(to)?;
    let length = source.metadata()?.len();
    target.set_len(length)?;
    let mut at = 0;
    while at < length {
        let start = match rustix::fs::seek(&source, rustix::fs::SeekFrom::Data(at)) {
            // Only a hole is left.
            Err(rustix::io::Errno::NXIO) => break,
            result => result?,
        };
        let end = rustix::fs::seek(&source, rustix::fs::SeekFrom::Hole(start))?;
        source.seek(SeekFrom::Start(start))?;
        target.seek(SeekFrom::Start(start))?;
        io::copy(&mut io::Read::take(&source, end - start), &mut target)?;
        at = end;
    }
    target.flush()
}
