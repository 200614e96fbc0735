//! The client certificate of a connection: shown once, and held against the issuers of the day at every request.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokens::{CertificateProfile, CertificateRefusal, Revision, Timestamp, UnverifiedChain};

use crate::identity::Identity;

/// The most issuers whose word on a certificate is remembered: more than a configuration has, unless it changes often.
const MAX_REMEMBERED: usize = 16;

/// How long a refusal that may pass with time is not asked about again.
const REFUSED_FOR: Duration = Duration::from_secs(1);

/// A client certificate that a caller has shown to TLS, with what was found in it. One for each connection.
///
/// What is remembered are facts, by the options that they were found under; with and without it, the verdicts are
/// equal, but that a refusal may last a second longer.
#[derive(Debug)]
pub struct ClientCertificate {
    chain: UnverifiedChain,
    thumbprint: [u8; 32],
    remembered: Mutex<Vec<(Revision, Found, Timestamp)>>,
}

/// What an issuer's options make of a certificate.
type Found = Result<Arc<Identity>, CertificateRefusal>;

impl ClientCertificate {
    /// The certificate, and those above it, that a connection has shown.
    ///
    /// The caller's possession of its key must have been proven to TLS on the same connection.
    #[must_use]
    pub fn new(chain: UnverifiedChain) -> Self {
        Self { thumbprint: chain.thumbprint(), chain, remembered: Mutex::default() }
    }

    /// SHA-256 of the certificate: what a token that is bound to it names (RFC 8705 §3.1).
    #[must_use]
    pub const fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// Whose it is by the word of this issuer, at this moment.
    pub(crate) fn identity(&self, profile: &CertificateProfile, now: Timestamp) -> Found {
        let revision = profile.revision();
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let known = remembered.iter().find(|(known, ..)| *known == revision);
        match known {
            Some((_, Ok(identity), _)) if identity.is_usable_at(now) => {
                return Ok(Arc::clone(identity));
            }
            Some((_, Err(refusal), at))
                if !refusal.may_pass_with_time() || (*at <= now && now < at.plus(REFUSED_FOR)) =>
            {
                return Err(refusal.clone());
            }
            _ => {}
        }
        let found = self.chain.verify(profile, now);
        let found = found.map(|verified| Arc::new(Identity::of_certificate(verified)));
        remembered.retain(|(known, ..)| *known != revision);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.push((revision, found.clone(), now));
        found
    }
}
