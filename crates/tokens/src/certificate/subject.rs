//! Which name of a certificate says whose it is.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use x509_parser::prelude::{GeneralName, X509Certificate};

use super::refusal::CertificateRefusal;

/// The most bytes of a SPIFFE ID (SPIFFE-ID §2.3).
pub const MAX_SPIFFE_ID_BYTES: usize = 2048;

/// The most bytes of a trust domain (SPIFFE-ID §2.3).
const MAX_TRUST_DOMAIN_BYTES: usize = 255;

/// The most bytes of a DNS name (RFC 1035 §2.3.4, without the last dot).
const MAX_DNS_NAME_BYTES: usize = 253;

const SCHEME: &str = "spiffe://";

/// Which of a certificate's subject alternative names (RFC 5280 §4.2.1.6) is its subject. The subject's distinguished
/// name is never read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CertificateSubject {
    /// Its one DNS name, in lower case; a wildcard is nobody's name.
    DnsName,
    /// Its one URI, which is the SPIFFE ID of a workload in this trust domain (X.509-SVID §2).
    SpiffeId(TrustDomain),
}

impl CertificateSubject {
    /// Whether a certificate could have this subject; else, what one would have.
    ///
    /// # Errors
    /// How such a subject is written.
    pub fn could_be(&self, subject: &str) -> Result<(), String> {
        let (could, expected) = match self {
            Self::DnsName => (
                is_dns_name(subject) && subject.to_ascii_lowercase() == subject,
                "a DNS name in lower case, such as `billing.corp.example`".to_owned(),
            ),
            Self::SpiffeId(domain) => (
                trust_domain_of(subject) == Some(domain.as_str()),
                format!("a SPIFFE ID such as `spiffe://{domain}/billing`"),
            ),
        };
        could.then_some(()).ok_or(expected)
    }

    /// The subject of a certificate whose chain was verified.
    pub(super) fn read(
        &self,
        certificate: &X509Certificate<'_>,
    ) -> Result<String, CertificateRefusal> {
        let names = certificate
            .subject_alternative_name()
            .map_err(|_| CertificateRefusal::Malformed)?
            .map_or(&[][..], |names| names.value.general_names.as_slice());
        if names.iter().any(|name| matches!(name, GeneralName::Invalid(..))) {
            return Err(CertificateRefusal::Malformed);
        }
        match self {
            Self::DnsName => {
                let dns = names.iter().filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some(*name),
                    _ => None,
                });
                let name = only(dns, "DNS name")?.to_ascii_lowercase();
                if !is_dns_name(&name) {
                    return Err(CertificateRefusal::NotAName {
                        expected: "the DNS name of one host",
                    });
                }
                Ok(name)
            }
            Self::SpiffeId(domain) => {
                let uris = names.iter().filter_map(|name| match name {
                    GeneralName::URI(uri) => Some(*uri),
                    _ => None,
                });
                let id = only(uris, "URI")?;
                let Some(found) = trust_domain_of(id) else {
                    return Err(CertificateRefusal::NotAName {
                        expected: "the SPIFFE ID of a workload",
                    });
                };
                if found != domain.as_str() {
                    return Err(CertificateRefusal::TrustDomain { expected: domain.to_string() });
                }
                Ok(id.to_owned())
            }
        }
    }
}

fn only<'a>(
    mut names: impl Iterator<Item = &'a str>,
    expected: &'static str,
) -> Result<&'a str, CertificateRefusal> {
    match (names.next(), names.count()) {
        (Some(only), 0) => Ok(only),
        (first, others) => Err(CertificateRefusal::Names {
            expected,
            found: usize::from(first.is_some()) + others,
        }),
    }
}

/// The trust domain of a SPIFFE ID that names a workload (SPIFFE-ID §2): with a path, as every SVID has.
fn trust_domain_of(id: &str) -> Option<&str> {
    let rest = id.strip_prefix(SCHEME).filter(|_| id.len() <= MAX_SPIFFE_ID_BYTES)?;
    let (domain, path) = rest.split_once('/')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain);
    (is_trust_domain(domain) && path.split('/').all(segment)).then_some(domain)
}

fn is_trust_domain(text: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_')
    };
    (1..=MAX_TRUST_DOMAIN_BYTES).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_dns_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(allowed);
    text.len() <= MAX_DNS_NAME_BYTES && text.split('.').all(label)
}

/// A SPIFFE trust domain (SPIFFE-ID §2.1), such as `corp.example`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// The one that a SPIFFE ID of a workload is in; none for what is no such ID (SPIFFE-ID §2).
    #[must_use]
    pub fn of(id: &str) -> Option<Self> {
        trust_domain_of(id).map(|domain| Self(domain.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TrustDomain {
    type Err = TrustDomainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_trust_domain(text) { Ok(Self(text.to_owned())) } else { Err(TrustDomainError) }
    }
}

/// A text that is no trust domain.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("expected a SPIFFE trust domain: 1 to 255 of `a-z`, `0-9`, `.`, `-` and `_`")]
pub struct TrustDomainError;
