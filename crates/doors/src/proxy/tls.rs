//! TLS, towards callers and towards services.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokens::{CertificateProfile, CertificateSubject, TrustDomain};

use super::certificates::{CertificateError, PemFile, pair};
use super::client_chains::OneChain;
use super::spiffe::KnownById;

/// The protocols that callers can have by ALPN (RFC 7301), the one that we would rather have first.
pub(super) const PROTOCOLS: [&[u8]; 2] = [HTTP2, HTTP_1];
/// HTTP/2 over TLS (RFC 9113 §3.2).
pub(crate) const HTTP2: &[u8] = b"h2";
/// HTTP/1.1 over TLS (RFC 7301 §6).
pub(crate) const HTTP_1: &[u8] = b"http/1.1";

/// Why TLS cannot be set up.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum TlsError {
    /// Something is wrong with a certificate or a key.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No authorities to believe.
    #[error("`{0}` holds no certificate of an authority")]
    NoAuthority(String),
    /// A text that is no SPIFFE ID.
    #[error("`{0}` is not the SPIFFE ID of a workload")]
    NoSpiffeId(String),
    /// The system has none.
    #[error("the system has no CA certificates")]
    NoSystemRoots,
    /// What rustls says of it.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

impl TlsError {
    /// The file that is to blame, if one is.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Certificate(error) => Some(match error {
                CertificateError::Pem { file, .. }
                | CertificateError::NotFor { file, .. }
                | CertificateError::Empty(file)
                | CertificateError::NoKey(file)
                | CertificateError::NoCertificate(file)
                | CertificateError::Key(file)
                | CertificateError::Nameless(file) => file,
            }),
            Self::NoAuthority(file) => Some(file),
            Self::NoSpiffeId(_) | Self::NoSystemRoots | Self::Setup(_) => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Certificate(CertificateError::NoKey(_)) => {
                "add the PEM file with its private key"
            }
            Self::Certificate(CertificateError::NoCertificate(_)) => {
                "add the PEM file with its certificate, or remove the key"
            }
            Self::Certificate(CertificateError::Nameless(_)) => {
                "use a certificate with DNS names in `subjectAltName`"
            }
            Self::Certificate(_) => {
                "write PEM files with a certificate chain, leaf first, and its private key"
            }
            Self::NoAuthority(_) => "write a PEM file with the certificates of authorities",
            Self::NoSpiffeId(_) => "write an ID such as `spiffe://corp.example/orders`",
            Self::NoSystemRoots => "install `ca-certificates`, or name a `ca`",
            Self::Setup(_) => "use another certificate",
        }
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self::Setup(error.to_string())
    }
}

/// Which client certificates callers may show.
#[derive(Clone, Debug, Default)]
pub struct ClientCertificates {
    /// The certificates in DER of the authorities that vouch for them; none is asked for without any.
    pub authorities: Vec<Vec<u8>>,
    /// Whether a caller must show one.
    pub required: bool,
}

pub(super) fn client_verifier(
    clients: &ClientCertificates,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    if clients.authorities.is_empty() {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    for authority in &clients.authorities {
        roots.add(CertificateDer::from(authority.as_slice()).into_owned())?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let verifier = if clients.required { verifier } else { verifier.allow_unauthenticated() };
    let verifier = verifier.build().map_err(|error| TlsError::Setup(error.to_string()))?;
    Ok(Arc::new(OneChain(verifier)))
}

/// How a service is reached over TLS.
#[derive(Clone, Debug, Default)]
pub struct ServiceTls<'a> {
    /// The authorities to believe; the system's without any.
    pub ca: Option<&'a PemFile>,
    /// The SPIFFE ID that its certificate must have, in place of the name that is dialled.
    pub spiffe_id: Option<&'a str>,
    /// The certificate to show, with its key; none without any.
    pub certificates: &'a [PemFile],
    /// Whether HTTP/2 is spoken.
    pub http2: bool,
}

/// TLS 1.2 and 1.3 towards a service.
///
/// # Errors
/// When the authorities, the certificate or its key cannot be used. There is no falling back to the system's authorities.
pub fn client_tls(options: &ServiceTls<'_>) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = provider();
    let verifier: Arc<dyn ServerCertVerifier> = match options.spiffe_id {
        Some(id) => Arc::new(known_by_id(id, options.ca, &provider)?),
        None => {
            let roots = Arc::new(options.ca.map_or_else(system_roots, authorities)?);
            let verifier =
                WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
            verifier.build().map_err(|error| TlsError::Setup(error.to_string()))?
        }
    };
    let certificate = pair(options.certificates, &provider)?.into_iter().next();
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // Ours are stricter than the usual one, or are the usual one.
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match certificate {
        Some((_, certified)) => builder
            .with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified))),
        None => builder.with_no_client_auth(),
    };
    let protocol = if options.http2 { HTTP2 } else { HTTP_1 };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config))
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Nobody but the given authorities vouches for SPIFFE IDs: the system's do not know them.
fn known_by_id(
    id: &str,
    ca: Option<&PemFile>,
    provider: &Arc<CryptoProvider>,
) -> Result<KnownById, TlsError> {
    let domain = TrustDomain::of(id).ok_or_else(|| TlsError::NoSpiffeId(id.to_owned()))?;
    let certificates = ca.map(certificates).transpose()?.unwrap_or_default();
    let certificates = certificates.iter().map(|der| der.to_vec());
    let profile = CertificateProfile::new(id, certificates, CertificateSubject::SpiffeId(domain))
        .map_err(|error| TlsError::Setup(error.to_string()))?;
    Ok(KnownById { id: id.to_owned(), profile, provider: Arc::clone(provider) })
}

fn certificates(file: &PemFile) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&file.bytes).collect();
    all.map_err(|error| {
        let (file, cause) = (file.name.clone(), error.to_string());
        TlsError::Certificate(CertificateError::Pem { file, cause })
    })
}

fn authorities(file: &PemFile) -> Result<RootCertStore, TlsError> {
    let broken = |cause: String| CertificateError::Pem { file: file.name.clone(), cause };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| broken(error.to_string()))?;
    }
    if roots.is_empty() { Err(TlsError::NoAuthority(file.name.clone())) } else { Ok(roots) }
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoSystemRoots) } else { Ok(roots) }
}
