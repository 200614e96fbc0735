//! TLS towards callers: who is shown which certificate, and who is answered as an ACME server.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use rustls::server::{Acceptor, ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, crypto::aws_lc_rs};
use tokens::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::certificates::{ByName, PemFile, pair};
use super::obtained::Obtained;
use super::tls::{ClientCertificates, PROTOCOLS, TlsError, client_verifier, provider};

/// How TLS is spoken with callers.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
}

/// The certificates that callers are shown.
#[derive(Debug)]
struct Shown {
    files: ByName,
    obtained: Option<Arc<Obtained>>,
}

impl ServerTls {
    /// TLS 1.2 and 1.3, with the certificates in `files` and, for names that have none there, with those in `obtained`.
    /// There is no early data (RFC 8446 §8): what can be replayed is not judged.
    ///
    /// A client certificate that no authority vouches for ends the connection. Whose it is, the gate says at each
    /// request.
    ///
    /// # Errors
    /// When a chain has no key, a key no chain, or a file cannot be read.
    pub fn new(
        files: &[PemFile],
        clients: &ClientCertificates,
        obtained: Option<Arc<Obtained>>,
    ) -> Result<Self, TlsError> {
        let provider = provider();
        let files = ByName::new(pair(files, &provider)?)?;
        let shown = Arc::new(Shown { files, obtained });
        let verifier = client_verifier(clients, &provider)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        Ok(Self { config: Arc::new(config), shown })
    }

    /// The same, with this protocol by ALPN and no other.
    #[must_use]
    pub(crate) fn with_protocol(mut self, protocol: &[u8]) -> Self {
        Arc::make_mut(&mut self.config).alpn_protocols = vec![protocol.to_vec()];
        self
    }

    /// Shakes hands with a caller; none is left if it was an ACME server, which has seen all it wanted by then. It alone
    /// can have `acme-tls/1` by ALPN, and no request comes with it.
    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<Option<TlsStream<S>>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let config = Arc::clone(&self.config);
        let Some(obtained) = &self.shown.obtained else {
            return TlsAcceptor::from(config).accept(stream).await.map(Some);
        };
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        match obtained.answer_to(&begun.client_hello()) {
            Some(challenge) => {
                begun.into_stream(challenge).await?.shutdown().await?;
                Ok(None)
            }
            None => begun.into_stream(config).await.map(Some),
        }
    }

    /// All names that there are certificates for, each with the moment at which the first of them ends.
    #[must_use]
    pub fn ends(&self) -> BTreeMap<String, Timestamp> {
        let mut ends = BTreeMap::new();
        let obtained = self.shown.obtained.as_ref().map_or_else(Vec::new, |all| all.ends());
        for (name, end) in self.shown.files.ends().chain(obtained) {
            let first = ends.entry(name).or_insert(end);
            *first = end.min(*first);
        }
        ends
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let (name, schemes) = (hello.server_name(), hello.signature_schemes());
        let from_files = self.files.of(name);
        if from_files.is_empty() {
            return self.obtained.as_ref()?.of(name);
        }
        let mut fitting = from_files.iter();
        fitting.find(|one| one.key.choose_scheme(schemes).is_some()).cloned()
    }
}

#[cfg(test)]
#[path = "server_tls_tests.rs"]
mod tests;
