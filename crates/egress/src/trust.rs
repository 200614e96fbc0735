//! Whose certificates are believed.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

/// The certificate authorities that may vouch for the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustRoots {
    /// Those of these PEM files, and no others.
    Files(Vec<PathBuf>),
    /// Those of the operating system (`SSL_CERT_FILE` and `SSL_CERT_DIR` are heeded).
    System,
}

impl TrustRoots {
    /// Reads them. There is no falling back from one kind to another.
    pub(crate) fn load(&self) -> Result<RootCertStore, TrustError> {
        match self {
            Self::Files(paths) => from_files(paths),
            Self::System => from_system(),
        }
    }
}

/// Why there is nobody to believe, or nothing to be believed by.
#[derive(Debug, Error)]
pub enum TrustError {
    /// Our own certificate cannot be shown.
    #[error("client certificate `{}` cannot be used: {cause}", path.display())]
    Client {
        /// The file of the certificate, or of the key.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A file has no certificate.
    #[error("CA file `{}` has no certificate in PEM", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A file has something that is not a certificate.
    #[error("CA file `{}` has a certificate that cannot be read: {cause}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The list of files is empty.
    #[error("expected at least one CA file")]
    NoFiles,
    /// The system has no certificate authorities.
    #[error(
        "the system has no CA certificates (install `ca-certificates`, or name CA files){cause}"
    )]
    NoSystemRoots {
        /// What was wrong with those that it has.
        cause: String,
    },
    /// The TLS library refused our settings.
    #[error("TLS cannot be set up: {cause}")]
    Tls {
        /// What it said.
        cause: String,
    },
    /// A file cannot be read.
    #[error("CA file `{}` cannot be read: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The user agent cannot stand in a header.
    #[error("the user agent is not visible ASCII")]
    UserAgent,
}

fn from_files(paths: &[PathBuf]) -> Result<RootCertStore, TrustError> {
    if paths.is_empty() {
        return Err(TrustError::NoFiles);
    }
    let mut roots = RootCertStore::empty();
    for path in paths {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|cause| malformed(path, &cause))?;
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let pem = std::fs::read(path)
        .map_err(|cause| TrustError::Unreadable { path: path.to_owned(), cause })?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = read.map_err(|cause| malformed(path, &cause))?;
    if certificates.is_empty() {
        return Err(TrustError::Empty { path: path.to_owned() });
    }
    Ok(certificates)
}

fn malformed(path: &Path, cause: &impl ToString) -> TrustError {
    TrustError::Malformed { path: path.to_owned(), cause: cause.to_string() }
}

/// A system's store may hold certificates that nobody can read; those are left out, as everybody does.
fn from_system() -> Result<RootCertStore, TrustError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (_, unreadable) = roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let cause = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(TrustError::NoSystemRoots { cause });
    }
    if unreadable > 0 || !found.errors.is_empty() {
        tracing::warn!(
            unreadable,
            errors = found.errors.len(),
            "some CA certificates of the system are left out"
        );
    }
    Ok(roots)
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
