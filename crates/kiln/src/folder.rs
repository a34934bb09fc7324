//! A data folder and the lock that keeps a second program out of it.

use std::fs::File;
use std::path::Path;

use crate::failure::{Exit, Failure};

/// Held as long as this program uses the folder; the kernel lets go of it however the program ends.
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the folder for this program alone, and makes it if it is missing.
    ///
    /// # Errors
    /// If another program has it, or it can not be made.
    pub(crate) fn take(folder: &Path) -> Result<Self, Failure> {
        fs_err::create_dir_all(folder)?;
        let path = folder.join("lock");
        let file = fs_err::OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        let file = file.into_parts().0;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => {
                Err(Failure::new(Exit::Busy, format!("{} is in use by another kiln", folder.display())))
            }
            Err(std::fs::TryLockError::Error(error)) => {
                Err(Failure::new(Exit::Broken, format!("{} can not be locked: {error}", path.display())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_program_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        let first = FolderLock::take(&data).unwrap();
        assert_eq!(FolderLock::take(&data).err().map(|failure| failure.exit), Some(Exit::Busy));
        drop(first);
        assert!(FolderLock::take(&data).is_ok());
    }
}
