//! Proxies that ask over TLS: each shows a certificate, and only those that are named may ask.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokens::{
    CertificateProfile, CertificateRefusal, Timestamp, UnverifiedChain, VerifiedCertificate,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use crate::proxy::{ClientCertificates, HTTP_1, HTTP2, PemFile, ServerTls, TlsError};

/// The longest that a handshake takes.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// How TLS is spoken with proxies that ask, and which may.
#[derive(Debug)]
pub struct ProxyTls {
    server: ServerTls,
    profile: CertificateProfile,
    names: BTreeSet<String>,
}

/// Why a proxy may not ask.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum Unknown {
    #[error("its certificate: {0}")]
    Certificate(#[from] CertificateRefusal),
    #[error("`{0}` is none of `proxies`")]
    Name(String),
    #[error("the configuration has changed between TLS and none")]
    Otherwise,
}

impl ProxyTls {
    /// TLS 1.2 and 1.3 with the certificate in `files`, and HTTP/2 or HTTP/1.1 by ALPN. A proxy must show a certificate that an
    /// authority of the profile vouches for; may ask which have the names.
    ///
    /// # Errors
    /// As for [`ServerTls::new`].
    pub fn new(
        files: &[PemFile],
        profile: CertificateProfile,
        names: BTreeSet<String>,
        http2: bool,
    ) -> Result<Self, TlsError> {
        let authorities = profile.certificates().map(<[u8]>::to_vec).collect();
        let clients = ClientCertificates { authorities, required: true };
        let server = ServerTls::new(files, &clients, None)?.with_protocol(if http2 {
            HTTP2
        } else {
            HTTP_1
        });
        Ok(Self { server, profile, names })
    }

    /// Shakes hands with a proxy.
    pub(super) async fn accept(
        self: &Arc<Self>,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Shown)> {
        let accepting = self.server.accept(stream);
        let stream = timeout(HANDSHAKE, accepting).await.map_err(|_| io::ErrorKind::TimedOut)??;
        let stream = stream.ok_or(io::ErrorKind::UnexpectedEof)?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let chain = UnverifiedChain::new(chain.iter().map(AsRef::as_ref))
            .ok_or(io::ErrorKind::InvalidData)?;
        Ok((stream, Shown { chain, verified: Mutex::default() }))
    }
}

/// What a proxy has shown when it connected.
#[derive(Debug)]
pub(super) struct Shown {
    chain: UnverifiedChain,
    /// As it was verified last.
    verified: Mutex<Option<VerifiedCertificate>>,
}

impl Shown {
    /// Whether its proxy may ask, at this moment and by what the configuration says now.
    pub(super) fn is_known(&self, tls: &ProxyTls, now: Timestamp) -> Result<(), Unknown> {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |one: &VerifiedCertificate| {
            one.is_usable_at(now) && one.profile_revision() == tls.profile.revision()
        };
        let certificate = match verified.take().filter(holds) {
            Some(certificate) => certificate,
            None => self.chain.verify(&tls.profile, now)?,
        };
        let known = tls.names.contains(certificate.subject());
        let name = certificate.subject().to_owned();
        *verified = Some(certificate);
        if known { Ok(()) } else { Err(Unknown::Name(name)) }
    }
}
