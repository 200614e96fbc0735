//! Client certificates as Envoy passes them on: each parsed once, for as long as it is shown.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use gate::ClientCertificate;
use percent_encoding::percent_decode_str;
use quick_cache::sync::Cache;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokens::UnverifiedChain;

/// How many are kept.
const KEPT: usize = 1024;
/// The most bytes of one as it is passed on.
const MOST: usize = 32 << 10;

/// Certificates that were shown of late. What is kept is only that they were read: each request verifies them against the
/// issuers of the day.
#[derive(Debug)]
pub(crate) struct Certificates(Cache<[u8; 32], Arc<ClientCertificate>>);

impl Default for Certificates {
    fn default() -> Self {
        Self(Cache::new(KEPT))
    }
}

impl Certificates {
    /// The certificate in `escaped`: PEM, escaped as in a URL. Its caller has proven to Envoy that it holds the key.
    pub(super) fn read(&self, escaped: &str) -> Option<Arc<ClientCertificate>> {
        if escaped.len() > MOST {
            return None;
        }
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, escaped.as_bytes()).as_ref());
        if let Some(known) = self.0.get(&key) {
            return Some(known);
        }
        let pem: Vec<u8> = percent_decode_str(escaped).collect();
        let shown: Vec<_> = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().ok()?;
        let chain = UnverifiedChain::new(shown.iter().map(AsRef::as_ref))?;
        let certificate = Arc::new(ClientCertificate::new(chain));
        self.0.insert(key, Arc::clone(&certificate));
        Some(certificate)
    }
}
