//! Where proxies connect to ask: by TCP or a Unix socket.

use std::io;

use socket2::{Domain, Socket};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A socket that proxies connect to.
#[derive(Debug)]
pub enum Listener {
    /// By TCP.
    Tcp(std::net::TcpListener),
    /// On the same machine.
    Unix(std::os::unix::net::UnixListener),
}

/// The same, to be waited for.
#[derive(Debug)]
pub(super) enum Waiting {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection of a proxy.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    /// A further handle of a socket that listens.
    ///
    /// # Errors
    /// When there can be no further one.
    pub fn of(socket: &Socket) -> io::Result<Self> {
        let unix = socket.local_addr()?.domain() == Domain::UNIX;
        let socket = socket.try_clone()?;
        socket.set_nonblocking(true)?;
        Ok(if unix { Self::Unix(socket.into()) } else { Self::Tcp(socket.into()) })
    }

    /// To be called within a runtime.
    pub(super) fn wait(self) -> io::Result<Waiting> {
        match self {
            Self::Tcp(listener) => TcpListener::from_std(listener).map(Waiting::Tcp),
            Self::Unix(listener) => UnixListener::from_std(listener).map(Waiting::Unix),
        }
    }
}

impl Waiting {
    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}
