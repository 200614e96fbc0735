//! What an operator can set about outbound requests.

use std::time::Duration;

use crate::client_certificate::ClientCertificate;
use crate::trust::TrustRoots;

/// How outbound requests are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressOptions {
    /// Whose certificates are believed. Default: the system's.
    pub ca: TrustRoots,
    /// The certificate that is shown to whoever asks for one. Default: none.
    pub client: Option<ClientCertificate>,
    /// How long one address may take to connect and to shake hands over TLS. Default: 3 s.
    pub connect_timeout: Duration,
    /// How long a request may take in all, from resolving the name to the last byte of the body. Default: 10 s.
    pub total_timeout: Duration,
    /// How many bytes a body may have. Default: 1 MiB.
    pub max_body: usize,
    /// What we call ourselves. Default: `doorward/` and the version.
    pub user_agent: String,
}

impl Default for EgressOptions {
    fn default() -> Self {
        Self {
            ca: TrustRoots::System,
            client: None,
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            max_body: 1024 * 1024,
            user_agent: concat!("doorward/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}
