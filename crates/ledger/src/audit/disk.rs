//! The files of a log, behind a trait so that tests can let the disk fail.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::AuditError;

/// The mode of every file.
const FILE_MODE: u32 = 0o600;
/// The mode of the directory.
const DIR_MODE: u32 = 0o700;
/// The bits that a directory that was there already may not have: others could remove and exchange its files.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// The file that is locked while the log is open.
const LOCK: &str = "lock";

/// The directory of a log.
pub(super) trait Disk: Send + Sync {
    /// Opens the file of this name, or makes it.
    fn open(&self, name: &str) -> io::Result<Arc<dyn Sink>>;
    /// Removes the file of this name.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Waits until the disk has the names that were made and removed.
    fn sync(&self) -> io::Result<()>;
}

/// A file of a log.
pub(super) trait Sink: Send + Sync {
    /// Writes some of `bytes` at `offset`; says how many.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Reads into all of `bytes` from `offset` on.
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    /// Cuts the file off behind its first `len` bytes.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Waits until the disk has what was written.
    fn sync(&self) -> io::Result<()>;
}

/// Writes all of `bytes` at `offset`. When that fails, nothing of them stays, as far as the disk lets us.
pub(super) fn write_all_at(sink: &dyn Sink, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut rest = bytes;
    let mut at = offset;
    while !rest.is_empty() {
        let result = match sink.write_at(rest, at) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other,
        };
        match result {
            Ok(count) => {
                rest = rest.get(count..).unwrap_or_default();
                at = at.saturating_add(count as u64);
            }
            Err(error) => {
                // The next write begins at the same place, so that a failure here leaves at most a torn line.
                let _ = sink.truncate(offset);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The real directory, locked against other processes for as long as this lives.
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Locks the directory, making it if it is not there.
    pub(super) fn lock(path: &Path) -> Result<Self, AuditError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(DIR_MODE)
            .create(path)
            .map_err(AuditError::io("make", path))?;
        let metadata = fs::metadata(path).map_err(AuditError::io("look at", path))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & WRITABLE_BY_OTHERS != 0 {
            return Err(AuditError::Setting {
                setting: "directory's mode",
                found: format!("{mode:04o}"),
                expected: "0700, or at least that only its owner can write",
            });
        }
        let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
        if owner != us {
            return Err(AuditError::Setting {
                setting: "directory's owner",
                found: format!("user {owner}"),
                expected: "the user that doorward runs as: whoever owns it can change what it holds",
            });
        }
        let file = path.join(LOCK);
        let lock = options().open(&file).map_err(AuditError::io("open", &file))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(AuditError::Locked { dir: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(AuditError::io("lock", &file)(error)),
        }
    }
}

impl Disk for Directory {
    fn open(&self, name: &str) -> io::Result<Arc<dyn Sink>> {
        Ok(Arc::new(options().open(self.path.join(name))?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

impl Sink for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, bytes, offset)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
    options
}
