//! Connecting to an endpoint: TCP, and TLS where the endpoint has it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls::HTTP2;

/// How TLS is spoken with an endpoint.
#[derive(Clone, Debug)]
pub struct EndpointTls {
    /// What is believed and shown.
    pub config: Arc<ClientConfig>,
    /// The name that its certificate must be for.
    pub name: ServerName<'static>,
}

/// Where an endpoint is, and what is spoken with it.
#[derive(Clone, Debug)]
pub struct Dial {
    /// The host: a name, an IPv4 address, or an IPv6 address in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// TLS, if it is to be had.
    pub tls: Option<EndpointTls>,
    /// Whether HTTP/2 is spoken.
    pub http2: bool,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    #[error("it cannot be connected to: {0}")]
    Connect(io::Error),
    #[error("TLS cannot be spoken with it: {0}")]
    Tls(io::Error),
    #[error("it did not take the connection within {0:?}")]
    TimedOut(Duration),
    #[error("it does not speak HTTP/2 over TLS")]
    NoHttp2,
}

impl DialError {
    /// Whether it says nothing of the endpoint: we have no descriptor to connect with.
    pub(crate) fn is_ours(&self) -> bool {
        const NO_DESCRIPTORS: [i32; 2] = [23, 24]; // ENFILE, EMFILE
        match self {
            Self::Connect(error) => {
                error.raw_os_error().is_some_and(|code| NO_DESCRIPTORS.contains(&code))
            }
            Self::Tls(_) | Self::TimedOut(_) | Self::NoHttp2 => false,
        }
    }
}

/// An open connection.
pub(crate) enum Dialled {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Dial {
    /// `host:port`.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    #[cfg(test)]
    pub(crate) fn plain(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, tls: None, http2: false }
    }

    /// Connects.
    pub(crate) async fn connect(&self, within: Duration) -> Result<Dialled, DialError> {
        let connected = timeout(within, async {
            let address = (self.host.trim_matches(['[', ']']), self.port);
            let stream = TcpStream::connect(address).await.map_err(DialError::Connect)?;
            // Requests are small and written whole; waiting for more would only add time.
            let _ = stream.set_nodelay(true);
            let Some(tls) = &self.tls else {
                return Ok(Dialled::Plain(stream));
            };
            let connector = TlsConnector::from(Arc::clone(&tls.config));
            let stream =
                connector.connect(tls.name.clone(), stream).await.map_err(DialError::Tls)?;
            // RFC 9113 §3.2: over TLS, HTTP/2 is agreed on by ALPN.
            if self.http2 && stream.get_ref().1.alpn_protocol() != Some(HTTP2) {
                return Err(DialError::NoHttp2);
            }
            Ok(Dialled::Tls(Box::new(stream)))
        });
        connected.await.unwrap_or(Err(DialError::TimedOut(within)))
    }
}
