//! Signing keys in a directory: one PKCS #8 file each, whose name says when the key does what.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use thiserror::Error;
use tokens::{Algorithm, SigningError, SigningKey, Timestamp};

use super::ALGORITHM;
use super::rotation::KeyTimes;

/// How many bytes a key file may have.
const MAX_KEY_FILE_BYTES: u64 = 16 * 1024;
/// The end of a key file's name.
const SUFFIX: &str = ".es256.p8";
/// The end of the name of a file that is being written.
const UNFINISHED: &str = ".unfinished";

/// A directory of signing keys that this process alone has open.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// Holds the lock.
    handle: File,
}

impl Directory {
    /// Opens the directory, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self, DirectoryError> {
        let failed = |cause| DirectoryError::Io { path: path.to_owned(), cause };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let handle = File::open(path).map_err(failed)?;
        flock(&handle, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| DirectoryError::InUse { path: path.to_owned() })?;
        Ok(Self { path: path.to_owned(), handle })
    }

    /// Reads all keys, in the order in which they sign. A file that is not a key is an error: to leave it out would
    /// be to sign with another key than people think.
    pub(crate) fn load(&self) -> Result<Vec<(KeyTimes, SigningKey)>, DirectoryError> {
        let failed = |cause| DirectoryError::Io { path: self.path.clone(), cause };
        let mut keys = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            if name.ends_with(UNFINISHED) {
                fs::remove_file(&path).map_err(|cause| DirectoryError::Io { path, cause })?;
            } else if name.ends_with(SUFFIX) {
                let times =
                    times_of(&name).ok_or_else(|| DirectoryError::Name { path: path.clone() })?;
                keys.push((times, read(&path, ALGORITHM)?));
            }
        }
        keys.sort_by_key(|(times, _)| (times.signs_from, times.published_from));
        Ok(keys)
    }

    /// Writes a key so that it is there whole, and after a crash too, before it is published.
    pub(crate) fn store(&self, times: KeyTimes, key: &SigningKey) -> Result<(), DirectoryError> {
        let path = self.file(times);
        let failed = |cause| DirectoryError::Io { path: path.clone(), cause };
        let secret =
            key.to_pkcs8().map_err(|cause| DirectoryError::Key { path: path.clone(), cause })?;
        let unfinished = PathBuf::from(format!("{}{UNFINISHED}", path.display()));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)
            .map_err(failed)?;
        file.write_all(secret.as_ref()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&unfinished, &path).map_err(failed)?;
        self.handle.sync_all().map_err(failed)
    }

    /// Removes a key that is no longer published. One that is gone already is none the worse.
    pub(crate) fn remove(&self, times: KeyTimes) -> Result<(), DirectoryError> {
        let path = self.file(times);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                Err(DirectoryError::Io { path, cause })
            }
            _ => Ok(()),
        }
    }

    fn file(&self, times: KeyTimes) -> PathBuf {
        let (published, signs) = (times.published_from.as_millis(), times.signs_from.as_millis());
        self.path.join(format!("{published}-{signs}{SUFFIX}"))
    }
}

/// What is wrong with the directory of signing keys.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// Another process has it.
    #[error("signing key directory `{}` is in use by another process", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The file system fails.
    #[error("`{}` fails: {cause}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file holds no key.
    #[error("signing key file `{}` is not usable: {cause}; restore it, or move it away", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: SigningError,
    },
    /// Others may read a key.
    #[error("signing key file `{}` has mode {mode:04o}; expected 0600, so that nobody else can read it", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The name does not say when the key does what.
    #[error("signing key file `{}` is not named `<published>-<signs>.es256.p8`, both in milliseconds", path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
}

fn times_of(name: &str) -> Option<KeyTimes> {
    let (published, signs) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let moment = |text: &str| text.parse().ok().map(Timestamp::from_millis);
    Some(KeyTimes { published_from: moment(published)?, signs_from: moment(signs)? })
}

fn read(path: &Path, algorithm: Algorithm) -> Result<SigningKey, DirectoryError> {
    let failed = |cause| DirectoryError::Io { path: path.to_owned(), cause };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(DirectoryError::Mode { path: path.to_owned(), mode });
    }
    let mut der = Vec::new();
    file.take(MAX_KEY_FILE_BYTES).read_to_end(&mut der).map_err(failed)?;
    SigningKey::from_pkcs8(algorithm, &der)
        .map_err(|cause| DirectoryError::Key { path: path.to_owned(), cause })
}
