//! How a proxy that asks is connected, and whether it may ask.

use std::io;
use std::sync::Arc;

use tokens::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};

use super::listener::Stream;
use super::proxy_tls::{ProxyTls, Shown, Unknown};

/// What is read from a proxy and written to it.
pub(super) trait Line: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Line for S {}

/// How a proxy is connected.
#[derive(Debug)]
pub(super) enum Link {
    /// In plain, on this machine.
    Loopback,
    /// By TLS, with what it has shown.
    Tls(Shown),
    /// By a Unix socket, whose file says who may.
    Unix,
}

impl Link {
    /// Whether its proxy may ask, at this moment and by what the configuration says now of TLS at the door.
    pub(super) fn may_ask(&self, tls: Option<&ProxyTls>, now: Timestamp) -> Result<(), Unknown> {
        match (self, tls) {
            (Self::Unix, _) | (Self::Loopback, None) => Ok(()),
            (Self::Tls(shown), Some(tls)) => shown.is_known(tls, now),
            _ => Err(Unknown::Otherwise),
        }
    }
}

/// Begins with what a proxy has connected, over TLS if the configuration says so.
///
/// # Errors
/// When it cannot connect so.
pub(super) async fn begin(
    stream: Stream,
    tls: Option<Arc<ProxyTls>>,
) -> io::Result<(Box<dyn Line>, Link)> {
    match (stream, tls) {
        (Stream::Unix(stream), _) => Ok((Box::new(stream), Link::Unix)),
        (Stream::Tcp(stream), Some(tls)) => {
            let (stream, shown) = tls.accept(stream).await?;
            Ok((Box::new(stream), Link::Tls(shown)))
        }
        // A new configuration may have dropped TLS, and kept where it is listened.
        (Stream::Tcp(stream), None) if !stream.local_addr()?.ip().to_canonical().is_loopback() => {
            Err(io::Error::other("it is not on this machine, and there is no TLS"))
        }
        (Stream::Tcp(stream), None) => Ok((Box::new(stream), Link::Loopback)),
    }
}
