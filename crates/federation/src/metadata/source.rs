//! Having a document, once: from a file or a URL.

use std::fs::{File, Metadata as FileFacts};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use egress::{Destination, Egress, EgressError};
use saml::{IdentityProvider, MAX_METADATA_BYTES, Metadata, MetadataRefusal, read_metadata};
use thiserror::Error;
use tokens::{SignerCertificate, Timestamp};

use super::known::said;
use super::{MetadataOptions, MetadataPlace};

/// What is asked for (saml-metadata-2.0-os, appendix A), and what many servers call it.
const ACCEPT: &str = "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.8";
/// A file that was changed less than this ago may be changed once more without its time telling so.
const GRAIN: Duration = Duration::from_secs(10);

/// Why a document is not had.
#[derive(Debug, Error)]
pub enum SourceError {
    /// It cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] EgressError),
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    File(#[from] io::Error),
    /// It is over.
    #[error("the metadata is no longer valid (`validUntil`)")]
    Over,
    /// It is not metadata, or not signed as it must be.
    #[error(transparent)]
    Refused(#[from] MetadataRefusal),
    /// Doorward ends.
    #[error("it was stopped")]
    Stopped,
}

/// Reads the metadata in a file.
///
/// # Errors
/// If there is none, or none that counts now.
pub fn read_file(
    path: &Path,
    signed_by: Option<&[SignerCertificate]>,
    now: Timestamp,
) -> Result<Metadata, SourceError> {
    let mut bytes = Vec::new();
    let limit = MAX_METADATA_BYTES as u64 + 1;
    // One that is longer is refused by its length.
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    read(&bytes, signed_by, now)
}

/// What the metadata of a provider says now, as far as it is believed.
///
/// # Errors
/// Why nobody can sign in with it, for the operator.
pub async fn look(
    options: &MetadataOptions,
    egress: &Egress,
    now: Timestamp,
) -> Result<IdentityProvider, String> {
    let signed_by = options.signed_by.as_deref();
    let had = match &options.place {
        MetadataPlace::File(path) => read_file(path, signed_by, now),
        MetadataPlace::Url(url) => fetch(egress, url, signed_by, now).await,
    };
    let said = said(options, &had.map_err(|error| error.to_string())?, now)?;
    match said.valid_until {
        Some(until) if until <= now => Err(SourceError::Over.to_string()),
        _ => Ok(said),
    }
}

/// Fetches the metadata at a URL, and reads it where nobody waits.
pub(super) async fn fetch(
    egress: &Egress,
    url: &Destination,
    signed_by: Option<&[SignerCertificate]>,
    now: Timestamp,
) -> Result<Metadata, SourceError> {
    let fetched = egress.get(url, ACCEPT).await?;
    let signed_by = signed_by.map(<[_]>::to_vec);
    let reading =
        tokio::task::spawn_blocking(move || read(&fetched.body, signed_by.as_deref(), now));
    reading.await.unwrap_or(Err(SourceError::Stopped))
}

fn read(
    bytes: &[u8],
    signed_by: Option<&[SignerCertificate]>,
    now: Timestamp,
) -> Result<Metadata, SourceError> {
    let metadata = read_metadata(bytes, signed_by)?;
    match metadata.valid_until {
        Some(until) if until <= now => Err(SourceError::Over),
        _ => Ok(metadata),
    }
}

/// What a look at a file shows: as long as it is the same, so is the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Look {
    length: u64,
    changed_at: Duration,
}

impl Look {
    /// Looks at a file. Nothing if it cannot be seen, or was changed so lately that its time may not tell the next change.
    pub(super) fn at(path: &Path, now: Timestamp) -> Option<Self> {
        let facts: FileFacts = std::fs::metadata(path).ok()?;
        let changed_at = facts.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let age = Duration::from_millis(now.as_millis()).checked_sub(changed_at)?;
        (age > GRAIN).then_some(Self { length: facts.len(), changed_at })
    }
}
