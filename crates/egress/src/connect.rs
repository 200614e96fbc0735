//! From a destination to a connection: resolve, judge, connect to what was judged, TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::destination::Destination;
use crate::error::Fault;
use crate::resolve::Resolve;
use crate::url::{Host, Scheme};

/// How many addresses of a host are tried.
const MAX_ADDRESSES_TRIED: usize = 3;

/// Makes connections.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) timeout: Duration,
}

/// A connection, ready for HTTP.
pub(crate) type Connection = Box<dyn Stream>;

/// What HTTP can be spoken over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Connector {
    /// Connects to the first address that accepts, of those that the host resolves to now. One forbidden address
    /// forbids the host: who mixes them is up to something.
    pub(crate) async fn connect(&self, to: &Destination) -> Result<Connection, Fault> {
        let addresses = self.addresses(&to.url().origin.host).await?;
        for address in &addresses {
            to.permit(*address)?;
        }
        let mut last = Fault::Resolve { cause: "the name has no address".to_owned() };
        for address in addresses.into_iter().take(MAX_ADDRESSES_TRIED) {
            let attempt = self.connect_to(SocketAddr::new(address, to.url().origin.port), to);
            match timeout(self.timeout, attempt).await {
                Ok(Err(fault @ Fault::Connect { .. })) => last = fault,
                Ok(done) => return done,
                Err(_) => last = Fault::ConnectTimeout { limit: self.timeout },
            }
        }
        Err(last)
    }

    async fn addresses(&self, host: &Host) -> Result<Vec<IpAddr>, Fault> {
        match host {
            Host::Ip(address) => Ok(vec![*address]),
            Host::Name(name) => self
                .resolver
                .resolve(name)
                .await
                .map_err(|cause| Fault::Resolve { cause: cause.to_string() }),
        }
    }

    async fn connect_to(&self, address: SocketAddr, to: &Destination) -> Result<Connection, Fault> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|cause| Fault::Connect { cause: format!("{address}: {cause}") })?;
        let origin = &to.url().origin;
        if origin.scheme == Scheme::Http {
            return Ok(Box::new(stream));
        }
        let failed = |cause: String| Fault::Tls { cause };
        let name = match &origin.host {
            Host::Ip(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.to_string()).map_err(|_| {
                failed("the host is not a name that a certificate can have".to_owned())
            })?,
        };
        let connected = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        Ok(Box::new(connected.map_err(|cause| failed(cause.to_string()))?))
    }
}
