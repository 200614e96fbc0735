//! Why there is no new certificate.

use std::path::PathBuf;
use std::time::Duration;

use doors::proxy::{CertificateError, TlsError};
use egress::EgressError;
use thiserror::Error;

/// How many characters of what a server says are told.
const MAX_TOLD: usize = 300;

/// Why a certificate cannot be obtained, or what is kept of it cannot be used.
#[derive(Debug, Error)]
pub enum AcmeError {
    /// The file system fails.
    #[error("`{}` fails: {cause}", path.display())]
    Cache {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The certificate is over, or has not begun.
    #[error(
        "the certificate that the ACME server issued does not hold by this machine's clock: set the clock"
    )]
    Clock,
    /// The account's file is broken. It is never replaced: the account would be lost.
    #[error("`{}` does not hold the ACME account: {cause}; restore it, or move it away", path.display())]
    DamagedAccount {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The file of a certificate is broken. It is not replaced: whoever broke it may want to know.
    #[error("`{}` cannot be used: {cause}; restore it, or move it away", path.display())]
    DamagedCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: CertificateError,
    },
    /// The URL of the directory is none.
    #[error("`{0}` is not the URL of an ACME directory")]
    Directory(String),
    /// What was issued cannot be used.
    #[error("the ACME server issued what cannot be used: {0}")]
    Issued(CertificateError),
    /// No key or request could be made.
    #[error("the certificate cannot be asked for: {0}")]
    Making(String),
    /// Others may read a key.
    #[error("`{}` has mode {mode:04o}; expected 0600, so that nobody else can read it", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The server does not check names in the way that we can.
    #[error("the ACME server does not offer `tls-alpn-01` for the name")]
    NoChallenge,
    /// It took too long.
    #[error("the order did not end within {0:?}")]
    Slow(Duration),
    /// The server said no.
    #[error("the ACME server refuses: {0}")]
    Refused(String),
    /// The challenge cannot be answered.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server's authorities cannot be read.
    #[error(transparent)]
    Trust(#[from] egress::TrustError),
    /// The server answered something else than ACME.
    #[error("the ACME server answers what is not ACME: {0}")]
    Unintelligible(String),
    /// The server was not reached.
    #[error("the ACME server: {0}")]
    Unreached(EgressError),
}

impl AcmeError {
    /// Whether the server was reached: it counts what it has refused.
    pub(super) const fn reached(&self) -> bool {
        !matches!(self, Self::Unreached(_) | Self::Cache { .. })
    }

    /// How the order ended, for the metric.
    pub(super) const fn outcome(&self) -> &'static str {
        match self {
            Self::NoChallenge | Self::Refused(_) => "refused",
            Self::Unreached(_) => "unreachable",
            Self::Clock | Self::Issued(_) | Self::Slow(_) | Self::Unintelligible(_) => "unusable",
            _ => "failed",
        }
    }
}

impl From<instant_acme::Error> for AcmeError {
    fn from(error: instant_acme::Error) -> Self {
        use instant_acme::Error as Theirs;
        match error {
            Theirs::Api(problem) => Self::Refused(told(&problem)),
            Theirs::Other(other) => match other.downcast::<EgressError>() {
                Ok(error) => Self::Unreached(*error),
                Err(other) => Self::Unintelligible(told(&other)),
            },
            Theirs::Crypto | Theirs::KeyRejected => Self::Making(error.to_string()),
            other => Self::Unintelligible(told(&other)),
        }
    }
}

/// What a server says, fit for a line of a log.
pub(super) fn told(said: &impl ToString) -> String {
    let said = said.to_string();
    let line = said.chars().map(|c| if c.is_control() { ' ' } else { c });
    let line = line.take(MAX_TOLD).collect::<String>();
    line.strip_prefix("API error: ").map_or_else(|| line.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_one_short_line() {
        let said = format!("API error: no\nno\u{1b}[31m{}", "x".repeat(1000));
        let told = told(&said);
        assert!(told.starts_with("no no [31mxxx"), "{told}");
        assert_eq!(told.chars().count(), MAX_TOLD - "API error: ".len());
    }
}
