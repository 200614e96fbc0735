//! TLS certificates: read from PEM files, each chain with its key, and shown by the name that is asked for.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use thiserror::Error;
use tokens::Timestamp;

use super::obtained::validity;

/// A PEM file, by the name that its problems are told with.
#[derive(Clone, PartialEq, Eq)]
pub struct PemFile {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for PemFile {
    /// Its name: what it holds may be a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PemFile").field(&self.name).finish()
    }
}

/// Why certificates and keys cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CertificateError {
    /// A PEM file that is broken.
    #[error("`{file}` is not a PEM file: {cause}")]
    Pem {
        /// Its name.
        file: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Neither a certificate nor a private key.
    #[error("`{0}` holds neither a certificate nor a private key")]
    Empty(String),
    /// A certificate without its key.
    #[error("the private key of the certificate in `{0}` is missing")]
    NoKey(String),
    /// A key without its certificate.
    #[error("the certificate of the private key in `{0}` is missing")]
    NoCertificate(String),
    /// A key of a kind that is not supported.
    #[error("the private key in `{0}` cannot be used: expected RSA, ECDSA or Ed25519")]
    Key(String),
    /// A certificate for other names than the one it was obtained for.
    #[error("the certificate in `{file}` is not for `{name}`")]
    NotFor {
        /// Its file.
        file: String,
        /// The name.
        name: String,
    },
    /// A certificate that is broken, or for no name.
    #[error("the certificate in `{0}` is for no host name")]
    Nameless(String),
}

/// Reads chains, leaf first, and keys, together in one file or apart, and brings together what belongs together.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn pair(
    files: &[PemFile],
    provider: &CryptoProvider,
) -> Result<Vec<(String, Arc<CertifiedKey>)>, CertificateError> {
    let mut chains = Vec::new();
    let mut keys = Vec::new();
    for file in files {
        let broken = |error: pem::Error| CertificateError::Pem {
            file: file.name.clone(),
            cause: error.to_string(),
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&file.bytes).collect();
        let chain = chain.map_err(broken)?;
        let key = match PrivateKeyDer::from_pem_slice(&file.bytes) {
            Ok(key) => Some(key),
            Err(pem::Error::NoItemsFound) => None,
            Err(error) => return Err(broken(error)),
        };
        if chain.is_empty() && key.is_none() {
            return Err(CertificateError::Empty(file.name.clone()));
        }
        if !chain.is_empty() {
            chains.push((file.name.clone(), chain));
        }
        if let Some(key) = key {
            let loaded = provider.key_provider.load_private_key(key);
            let loaded = loaded.map_err(|_| CertificateError::Key(file.name.clone()))?;
            keys.push((file.name.clone(), loaded));
        }
    }
    let mut used = vec![false; keys.len()];
    let mut pairs = Vec::with_capacity(chains.len());
    for (name, chain) in chains {
        let matching = keys.iter().position(|(_, key)| belongs(&chain, key));
        let Some((index, (_, key))) =
            matching.and_then(|index| keys.get(index).map(|key| (index, key)))
        else {
            return Err(CertificateError::NoKey(name));
        };
        if let Some(used) = used.get_mut(index) {
            *used = true;
        }
        pairs.push((name, Arc::new(CertifiedKey::new(chain, Arc::clone(key)))));
    }
    match keys.iter().zip(used).find(|(_, used)| !used) {
        Some(((name, _), _)) => Err(CertificateError::NoCertificate(name.clone())),
        None => Ok(pairs),
    }
}

fn belongs(chain: &[CertificateDer<'static>], key: &Arc<dyn SigningKey>) -> bool {
    CertifiedKey::new(chain.to_vec(), Arc::clone(key)).keys_match().is_ok()
}

/// Chooses the certificate to show.
#[derive(Debug)]
pub(crate) struct ByName {
    /// By whole name, and by what follows `*.`; more than one for a name that has keys of several kinds.
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    wildcard: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// For callers that ask for no name.
    first: Vec<Arc<CertifiedKey>>,
}

impl ByName {
    pub(crate) fn new(
        certificates: Vec<(String, Arc<CertifiedKey>)>,
    ) -> Result<Self, CertificateError> {
        let mut all = Self { exact: HashMap::new(), wildcard: HashMap::new(), first: Vec::new() };
        for (file, certificate) in certificates {
            let nameless = || CertificateError::Nameless(file.clone());
            let leaf = certificate.cert.first().ok_or_else(nameless)?;
            let leaf = webpki::EndEntityCert::try_from(leaf).map_err(|_| nameless())?;
            let mut names = leaf.valid_dns_names().peekable();
            names.peek().ok_or_else(nameless)?;
            for name in names {
                let name = name.to_ascii_lowercase();
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut all.wildcard, parent.to_owned()),
                    None => (&mut all.exact, name),
                };
                names.entry(name).or_default().push(Arc::clone(&certificate));
            }
            all.first.push(certificate);
        }
        Ok(all)
    }

    /// All names, each with the end of one of its certificates.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (String, Timestamp)> {
        let exact = self.exact.iter().map(|(name, all)| (name.clone(), all));
        let wildcard = self.wildcard.iter().map(|(parent, all)| (format!("*.{parent}"), all));
        let end = |one: &Arc<CertifiedKey>| Some(validity(one.cert.first()?)?.until);
        exact.chain(wildcard).flat_map(move |(name, all)| {
            all.iter().filter_map(end).map(move |end| (name.clone(), end)).collect::<Vec<_>>()
        })
    }

    /// The certificates for a name: those for it alone before those for its siblings too.
    pub(crate) fn of(&self, name: Option<&str>) -> &[Arc<CertifiedKey>] {
        let Some(name) = name else { return &self.first };
        let name = name.to_ascii_lowercase();
        let parent = name.split_once('.').map(|(_, parent)| parent);
        self.exact.get(&name).or_else(|| self.wildcard.get(parent?)).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
#[path = "certificates_tests.rs"]
mod tests;
