//! Connecting to an endpoint: TCP or a Unix socket, and TLS where the endpoint has it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::net::{TcpStream, UnixStream};
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
    /// Where it is.
    pub at: At,
    /// What it is called when it is asked for itself: `host:port`, as it was configured.
    pub authority: String,
    /// TLS, if it is to be had.
    pub tls: Option<EndpointTls>,
    /// Whether HTTP/2 is spoken.
    pub http2: bool,
}

/// Where an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// At an address.
    Address(SocketAddr),
    /// At whatever addresses a host name stands for.
    Name(String, u16),
    /// At a Unix socket of this machine.
    Socket(PathBuf),
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
    /// Whether it says nothing of the endpoint: we have no descriptor or no port to connect with.
    pub(crate) fn is_ours(&self) -> bool {
        const NOTHING_TO_CONNECT_WITH: [i32; 3] = [23, 24, 99]; // ENFILE, EMFILE, EADDRNOTAVAIL
        match self {
            Self::Connect(error) => {
                error.raw_os_error().is_some_and(|code| NOTHING_TO_CONNECT_WITH.contains(&code))
            }
            Self::Tls(_) | Self::TimedOut(_) | Self::NoHttp2 => false,
        }
    }
}

/// An open connection.
pub(crate) enum Dialled {
    Plain(TcpStream),
    Socket(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Dial {
    /// Where it is, for records: `host:port`, or `unix:` and a path.
    pub(crate) fn name(&self) -> String {
        match &self.at {
            At::Address(address) => address.to_string(),
            At::Name(host, port) => format!("{host}:{port}"),
            At::Socket(path) => format!("unix:{}", path.display()),
        }
    }

    #[cfg(test)]
    pub(crate) fn plain(host: &str, port: u16) -> Self {
        let at = At::Name(host.to_owned(), port);
        Self { at, authority: format!("{host}:{port}"), tls: None, http2: false }
    }

    /// Connects.
    pub(crate) async fn connect(&self, within: Duration) -> Result<Dialled, DialError> {
        let connected = timeout(within, async {
            let stream = match &self.at {
                At::Address(address) => TcpStream::connect(address).await,
                At::Name(host, port) => TcpStream::connect((host.as_str(), *port)).await,
                At::Socket(path) => {
                    let stream = UnixStream::connect(path).await.map_err(DialError::Connect)?;
                    return Ok(Dialled::Socket(stream));
                }
            };
            let stream = stream.map_err(DialError::Connect)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_lack_is_not_held_against_an_endpoint() {
        let table = [(23, true), (24, true), (99, true), (104, false), (110, false), (111, false)];
        for (code, ours) in table {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(DialError::Connect(error).is_ours(), ours, "{code}");
        }
        assert!(!DialError::Tls(io::Error::from_raw_os_error(99)).is_ours());
        assert!(!DialError::TimedOut(Duration::ZERO).is_ours());
    }
}
