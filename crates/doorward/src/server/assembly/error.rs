//! Why a configuration cannot be put to work.

use doors::proxy::TlsError;
use egress::TrustError;
use ledger::keys::signing::{RotationError, SigningKeysError};
use ledger::keys::{KeyOptionsError, TimingError};
use thiserror::Error;

use crate::server::acme::AcmeError;
use crate::server::signing_in::SigningInError;

/// Why a good configuration cannot be put to work.
#[derive(Debug, Error)]
pub enum AssemblyError {
    /// Certificates cannot be obtained this way.
    #[error("`listen.https.acme`: {0}")]
    Acme(#[from] AcmeError),
    /// The keys of an issuer cannot be had this way.
    #[error("issuer `{issuer}`: {source}")]
    Issuer {
        /// The issuer's name.
        issuer: String,
        /// What is wrong.
        source: Box<KeyOptionsError>,
    },
    /// A file that has gone since it was checked.
    #[error("`{name}` cannot be read: {source}")]
    File {
        /// Its path.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A host that TLS has no name for.
    #[error("`{0}` is not a host name")]
    ServerName(String),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The certificates to believe cannot be read.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The bounds of an issuer's refreshes do not fit together.
    #[error("issuer `{issuer}`: {source}")]
    Timing {
        /// The issuer's name.
        issuer: String,
        /// What is wrong.
        source: TimingError,
    },
    /// Nobody can sign in.
    #[error(transparent)]
    SigningIn(#[from] SigningInError),
    /// The signing keys cannot be had.
    #[error(transparent)]
    SigningKeys(#[from] SigningKeysError),
    /// The rotation of the signing keys does not fit together.
    #[error("`identity.keys`: {0}")]
    Rotation(#[from] RotationError),
}
