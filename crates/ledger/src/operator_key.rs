//! The operator's key: 32 bytes from which every other key of sign-in is derived.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::AES_256_GCM;
use aws_lc_rs::hkdf::Prk;
use aws_lc_rs::rand::SecureRandom;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;

use crate::sealing::{self, Sealer};

/// How many bytes the key has.
pub const OPERATOR_KEY_BYTES: usize = 32;
/// How many bytes of a key file are read; the key takes 44 and a line end.
const MAX_FILE_BYTES: u64 = 256;
/// Base64url (RFC 4648 §5), with or without padding.
const TEXT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The operator's key. Whoever has it can read the secrets in the ledger and forge what browsers carry; whoever loses it
/// loses the secrets in the ledger.
#[derive(Clone)]
pub struct OperatorKey(Prk);

impl OperatorKey {
    /// The key with these bytes.
    #[must_use]
    pub fn new(secret: &[u8; OPERATOR_KEY_BYTES]) -> Self {
        Self(sealing::root(secret))
    }

    /// Reads a key as it is written in a secret: 32 bytes in base64 or base64url, with or without padding. White space
    /// around it does not count.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn parse(text: &str) -> Result<Self, OperatorKeyError> {
        let text: String = text
            .trim_ascii()
            .chars()
            .map(|c| match c {
                '+' => '-',
                '/' => '_',
                c => c,
            })
            .collect();
        let secret = TEXT.decode(text).map_err(|_| OperatorKeyError::Text)?;
        Ok(Self::new(&secret.try_into().map_err(|_| OperatorKeyError::Text)?))
    }

    /// Reads the key in the file at `path`; `None` if there is no such file.
    ///
    /// # Errors
    /// If others may read the file, or it cannot be read, or holds no key.
    pub fn in_file(path: &Path) -> Result<Option<Self>, OperatorKeyError> {
        let failed = |cause| OperatorKeyError::Io { path: path.to_owned(), cause };
        let file = match File::open(path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let mode = file.metadata().map_err(failed)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(OperatorKeyError::Mode { path: path.to_owned(), mode });
        }
        let mut text = String::new();
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
        let key =
            Self::parse(&text).map_err(|_| OperatorKeyError::File { path: path.to_owned() })?;
        Ok(Some(key))
    }

    /// Makes a key and the file at `path` with it, mode 0600, whole and confirmed by the disk. If somebody else makes it
    /// at the same moment, both have the same key.
    ///
    /// # Errors
    /// If there is no randomness or the file cannot be written.
    pub fn make_file(path: &Path, random: &dyn SecureRandom) -> Result<Self, OperatorKeyError> {
        let failed = |cause| OperatorKeyError::Io { path: path.to_owned(), cause };
        let mut secret = [0; OPERATOR_KEY_BYTES];
        random.fill(&mut secret).map_err(|_| OperatorKeyError::Random)?;
        let unfinished = PathBuf::from(format!("{}.{}.new", path.display(), std::process::id()));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)
            .map_err(failed)?;
        writeln!(file, "{}", TEXT.encode(secret)).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        // Unlike a rename, a link replaces nothing.
        let linked = fs::hard_link(&unfinished, path);
        fs::remove_file(&unfinished).map_err(failed)?;
        match linked {
            Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(cause));
            }
            _ => {}
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
        Self::in_file(path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
    }

    /// What seals for the purpose `label`; what is sealed for one purpose is not opened for another.
    #[must_use]
    pub fn sealer(&self, label: &'static str) -> Sealer {
        Sealer::new(self.0.clone(), label)
    }

    /// By this a ledger knows its key; nothing of the key can be told from it.
    pub(crate) fn check_value(&self) -> Option<[u8; OPERATOR_KEY_BYTES]> {
        let mut value = [0; OPERATOR_KEY_BYTES];
        // INVARIANT: a key of AES-256 has 32 bytes, which is how long the value is.
        self.0.expand(&[b"check"], &AES_256_GCM).ok()?.fill(&mut value).ok()?;
        Some(value)
    }
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorKey")
    }
}

/// Why there is no operator's key.
#[derive(Debug, Error)]
pub enum OperatorKeyError {
    /// The file holds something else.
    #[error("operator key file `{}` holds no key; expected 32 bytes in base64", path.display())]
    File {
        /// The file.
        path: PathBuf,
    },
    /// The file system fails.
    #[error("operator key file `{}` fails: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Others may read the key.
    #[error("operator key file `{}` has mode {mode:04o}; expected 0600, so that nobody else can read it", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// There is no randomness to make a key of.
    #[error("the random source fails, so no operator key can be made")]
    Random,
    /// The secret is no key.
    #[error(
        "the operator key cannot be read; expected 32 bytes in base64, as `openssl rand -base64 32` prints"
    )]
    Text,
}

#[cfg(test)]
#[path = "operator_key_tests.rs"]
mod tests;
