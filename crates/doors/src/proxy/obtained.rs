//! Certificates that are obtained while we run, and those that show an ACME server that a name is ours (RFC 8737).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::ClientHello;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokens::{Timestamp, UnverifiedChain};

use super::certificates::{CertificateError, PemFile, pair};
use super::tls::TlsError;

/// The protocol that an ACME server speaks to see that a name is ours (RFC 8737 §4).
const ACME_TLS: &[u8] = b"acme-tls/1";

/// Certificates that come and go while connections are served: what is swapped in here is shown to the next caller, and
/// disturbs no connection that is open.
#[derive(Default)]
pub struct Obtained {
    /// By name, in lower case.
    certificates: ArcSwap<HashMap<String, Arc<CertifiedKey>>>,
    /// What is shown to an ACME server, by the name whose order is under way.
    challenges: ArcSwap<HashMap<String, Arc<ServerConfig>>>,
}

impl fmt::Debug for Obtained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificates = self.certificates.load();
        f.debug_struct("Obtained").field("names", &certificates.keys()).finish_non_exhaustive()
    }
}

/// From when until when a certificate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Its first moment.
    pub from: Timestamp,
    /// The moment after its last.
    pub until: Timestamp,
}

impl Obtained {
    /// Shows the chain in `file`, with its key, to callers that ask for `name` from now on. Nothing changes when it
    /// cannot be used.
    ///
    /// # Errors
    /// When the file does not hold one chain and its key, or when the certificate is not for `name`.
    pub fn show(&self, name: &str, file: &PemFile) -> Result<Validity, CertificateError> {
        let pairs = pair(std::slice::from_ref(file), &default_provider())?;
        let not_for =
            || CertificateError::NotFor { file: file.name.clone(), name: name.to_owned() };
        let (_, certificate) = pairs.into_iter().next().ok_or_else(not_for)?;
        let leaf = certificate.cert.first().ok_or_else(not_for)?;
        let parsed = webpki::EndEntityCert::try_from(leaf).map_err(|_| not_for())?;
        if !parsed.valid_dns_names().any(|its| its.eq_ignore_ascii_case(name)) {
            return Err(not_for());
        }
        let validity = validity(leaf).ok_or_else(not_for)?;
        self.certificates.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.insert(name.to_ascii_lowercase(), Arc::clone(&certificate));
            all
        });
        Ok(validity)
    }

    /// Answers ACME servers that ask for `name` with a certificate made for that, until what is returned is dropped.
    ///
    /// # Errors
    /// When TLS cannot be spoken with it, or when an order for the name is under way already.
    pub fn prove(
        self: &Arc<Self>,
        name: &str,
        certificate: CertificateDer<'static>,
        key: PrivatePkcs8KeyDer<'static>,
    ) -> Result<Proof, TlsError> {
        let provider = Arc::new(default_provider());
        let key = provider.key_provider.load_private_key(key.into())?;
        // Not `with_single_cert`, which finds fault with what the certificate says to ACME servers alone.
        let shown = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown));
        config.alpn_protocols = vec![ACME_TLS.to_vec()];
        config.send_tls13_tickets = 0;
        let (name, config) = (name.to_ascii_lowercase(), Arc::new(config));
        let mut taken = false;
        self.challenges.rcu(|all| {
            let mut all = HashMap::clone(all);
            match all.entry(name.clone()) {
                Entry::Occupied(_) => taken = true,
                Entry::Vacant(entry) => {
                    entry.insert(Arc::clone(&config));
                    taken = false;
                }
            }
            all
        });
        if taken {
            return Err(TlsError::Setup(format!("an order for `{name}` is under way already")));
        }
        Ok(Proof { obtained: Arc::clone(self), name })
    }

    /// How to answer an ACME server, if it is one that asks, and for a name whose order is under way.
    pub(super) fn answer_to(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let mut protocols = hello.alpn()?;
        if protocols.next() != Some(ACME_TLS) || protocols.next().is_some() {
            return None;
        }
        self.challenges.load().get(&hello.server_name()?.to_ascii_lowercase()).cloned()
    }

    /// The certificate for a name, or some certificate for callers that ask for none: of the first name by the alphabet.
    pub(super) fn of(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let all = self.certificates.load();
        match name {
            Some(name) => all.get(&name.to_ascii_lowercase()).cloned(),
            None => all.iter().min_by_key(|(name, _)| *name).map(|(_, one)| Arc::clone(one)),
        }
    }

    /// All names, each with the end of its certificate.
    pub(super) fn ends(&self) -> Vec<(String, Timestamp)> {
        let all = self.certificates.load();
        let end = |one: &CertifiedKey| Some(validity(one.cert.first()?)?.until);
        all.iter().filter_map(|(name, one)| Some((name.clone(), end(one)?))).collect()
    }
}

/// A name whose order is under way. Dropping it ends the answers to ACME servers.
#[derive(Debug)]
pub struct Proof {
    obtained: Arc<Obtained>,
    name: String,
}

impl Drop for Proof {
    fn drop(&mut self) {
        self.obtained.challenges.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.remove(&self.name);
            all
        });
    }
}

/// From when until when a certificate holds; nothing if it is none.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let (from, until) = UnverifiedChain::new([certificate.as_ref()])?.times().ok()?;
    Some(Validity { from, until })
}

#[cfg(test)]
#[path = "obtained_tests.rs"]
mod tests;
