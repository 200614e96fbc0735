//! What lasts of ACME: the account and the certificates, each in a file of a directory.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use doors::proxy::PemFile;
use egress::Destination;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tokens::Digest;

use super::error::AcmeError;

/// How many bytes a file may have.
const MAX_FILE_BYTES: u64 = 256 * 1024;
/// The account's file.
const ACCOUNT: &str = "account.json";
/// The file that is locked while something is ordered.
const LOCK: &str = "lock";
/// The end of the name of a file that is being written.
const UNFINISHED: &str = ".unfinished";

/// The directory of one ACME server: what another one has issued is not mistaken for its.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    directory: PathBuf,
}

/// Keeps other processes from ordering, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Cache {
    /// Opens the directory for the server at `server`, or makes it.
    pub(super) fn open(directory: &Path, server: &Destination) -> Result<Self, AcmeError> {
        let directory = directory.join(Digest::of(&server.to_string()).short());
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(|cause| AcmeError::Cache { path: directory.clone(), cause })?;
        let cache = Self { directory };
        // So that a directory that cannot be written to is found at once.
        cache.lock_file()?;
        Ok(cache)
    }

    /// The right to order; none while another process has it.
    pub(super) fn lock(&self) -> Result<Option<Lock>, AcmeError> {
        let file = self.lock_file()?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => {
                Err(AcmeError::Cache { path: self.directory.join(LOCK), cause: error.into() })
            }
        }
    }

    fn lock_file(&self) -> Result<File, AcmeError> {
        let path = self.directory.join(LOCK);
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false).mode(0o600);
        options.open(&path).map_err(|cause| AcmeError::Cache { path, cause })
    }

    /// Where the account is.
    pub(super) fn account_path(&self) -> PathBuf {
        self.directory.join(ACCOUNT)
    }

    /// The account, if there is one.
    pub(super) fn account(&self) -> Result<Option<Vec<u8>>, AcmeError> {
        read(&self.account_path())
    }

    /// Keeps the account.
    pub(super) fn keep_account(&self, bytes: &[u8]) -> Result<(), AcmeError> {
        self.write(&self.account_path(), bytes)
    }

    /// The certificate for `name` with its key, if there is one.
    pub(super) fn certificate(&self, name: &str) -> Result<Option<PemFile>, AcmeError> {
        let path = self.certificate_path(name);
        let bytes = read(&path)?;
        Ok(bytes.map(|bytes| PemFile { name: path.display().to_string(), bytes }))
    }

    /// Keeps the certificate for `name` with its key.
    pub(super) fn keep_certificate(&self, name: &str, pem: &[u8]) -> Result<(), AcmeError> {
        self.write(&self.certificate_path(name), pem)
    }

    /// INVARIANT: a name of a configuration has no `/`, and does not begin with a dot.
    pub(super) fn certificate_path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.pem"))
    }

    /// Writes a file so that it is there whole, and after a crash too.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), AcmeError> {
        let unfinished = PathBuf::from(format!("{}{UNFINISHED}", path.display()));
        let written = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&unfinished, path)?;
            File::open(&self.directory)?.sync_all()
        };
        written().map_err(|cause| AcmeError::Cache { path: path.to_owned(), cause })
    }
}

/// What a file holds; nothing if there is none. What others may read is refused: it holds a key.
fn read(path: &Path) -> Result<Option<Vec<u8>>, AcmeError> {
    let failed = |cause| AcmeError::Cache { path: path.to_owned(), cause };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(AcmeError::Mode { path: path.to_owned(), mode });
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
