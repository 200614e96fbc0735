//! The key that signs the audit log's checkpoints: made once, kept beside the log.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokens::{Algorithm, KeySet, SigningError, SigningKey};

use crate::entropy::Entropy;

/// The secret key's file, in the audit directory.
const SECRET: &str = "checkpoint-key.pkcs8";
/// The public key's file, in the audit directory; to be kept elsewhere too, for verifying.
const PUBLIC: &str = "checkpoint-keys.json";

/// Why the key cannot be had.
#[derive(Debug, Error)]
pub enum CheckpointKeyError {
    /// A file failed.
    #[error("the audit log's checkpoint key cannot be used: `{}`: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can read it.
    #[error("`{}` has mode {mode:04o}; expected 0600, so that nobody else can sign checkpoints", path.display())]
    Mode {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file holds no key. It is never replaced: what it signed could not be verified any more.
    #[error("`{}` does not hold the audit log's checkpoint key: {source}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: SigningError,
    },
    /// The public keys are not a key set.
    #[error("`{}` does not hold the audit log's public keys: {source}", path.display())]
    NotKeys {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: tokens::KeySetError,
    },
}

/// The key in the audit directory, made if there is none.
pub(super) fn load_or_make(
    directory: &Path,
    entropy: &Entropy,
) -> Result<SigningKey, CheckpointKeyError> {
    let path = directory.join(SECRET);
    let io_error = |path: &Path| {
        let path = path.to_owned();
        move |source| CheckpointKeyError::Io { path, source }
    };
    match fs::read(&path) {
        Ok(der) => {
            let mode = fs::metadata(&path).map_err(io_error(&path))?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(CheckpointKeyError::Mode { path, mode });
            }
            return SigningKey::from_pkcs8(Algorithm::Es256, &der)
                .map_err(|source| CheckpointKeyError::Damaged { path, source });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error(&path)(error)),
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(io_error(directory))?;
    let damaged = |source| CheckpointKeyError::Damaged { path: path.clone(), source };
    let key = SigningKey::generate(Algorithm::Es256, &**entropy).map_err(damaged)?;
    let secret = key.to_pkcs8().map_err(damaged)?;
    let public = serde_json::json!({ "keys": [key.public_jwk()] }).to_string();
    write_new(&directory.join(PUBLIC), public.as_bytes(), 0o644)
        .map_err(io_error(&directory.join(PUBLIC)))?;
    write_new(&path, secret.as_ref(), 0o600).map_err(io_error(&path))?;
    Ok(key)
}

/// The public keys that checkpoints in this audit directory verify with.
///
/// # Errors
/// When the file cannot be read or holds no keys.
pub fn public_keys(path: &Path) -> Result<KeySet, CheckpointKeyError> {
    let path = if path.is_dir() { path.join(PUBLIC) } else { path.to_owned() };
    let bytes =
        fs::read(&path).map_err(|source| CheckpointKeyError::Io { path: path.clone(), source })?;
    let parsed =
        KeySet::parse(&bytes).map_err(|source| CheckpointKeyError::NotKeys { path, source })?;
    Ok(parsed.set)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
