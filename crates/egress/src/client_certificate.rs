//! Who we are to the other side, where it asks.

use std::path::PathBuf;

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder};

use crate::trust::TrustError;

/// A certificate and its key, in PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The file of the certificate, with those between it and its authority behind it.
    pub chain: PathBuf,
    /// The file of its private key.
    pub key: PathBuf,
}

impl ClientCertificate {
    /// Has `tls` show it. It is read now, and not again.
    pub(crate) fn show(
        &self,
        tls: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, TrustError> {
        let unusable = |path: &PathBuf, cause: &dyn ToString| TrustError::Client {
            path: path.clone(),
            cause: cause.to_string(),
        };
        let read = |path| std::fs::read(path).map_err(|cause| unusable(path, &cause));
        let chain: Option<Vec<_>> =
            CertificateDer::pem_slice_iter(&read(&self.chain)?).map(Result::ok).collect();
        let chain = chain
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| unusable(&self.chain, &"expected a certificate in PEM"))?;
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|_| unusable(&self.key, &"expected a private key in PEM"))?;
        tls.with_client_auth_cert(chain, key).map_err(|cause| unusable(&self.chain, &cause))
    }
}
