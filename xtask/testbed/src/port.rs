//! A port of 127.0.0.1 that stays ours while a process under test starts, stops and starts again on it.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

/// A reserved port.
///
/// The socket is bound but never listens, so it gets no connection; it keeps the kernel from handing the port to
/// another test, and lets a listener that sets `SO_REUSEADDR` or `SO_REUSEPORT` (all of ours do) bind beside it.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    _held: Socket,
}

impl Port {
    /// Reserves a free port.
    ///
    /// # Errors
    /// When no socket can be had.
    pub fn reserve() -> Result<Self> {
        Self::reserve_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Reserves the same port at another `address` of this machine.
    ///
    /// # Errors
    /// When something has it that does not share it.
    pub fn beside(&self, address: Ipv4Addr) -> Result<Self> {
        Self::reserve_at(SocketAddr::from((address, self.address.port())))
    }

    /// Reserves a certain port.
    ///
    /// # Errors
    /// When something has it that does not share it.
    pub fn at(address: SocketAddr) -> Result<Self> {
        Self::reserve_at(address)
    }

    fn reserve_at(address: SocketAddr) -> Result<Self> {
        let held = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))
            .context("no socket to reserve a port with")?;
        held.set_reuse_address(true)?;
        held.set_reuse_port(true)?;
        held.bind(&address.into()).with_context(|| format!("no free port at {address}"))?;
        let address =
            held.local_addr()?.as_socket().context("a bound socket has an internet address")?;
        Ok(Self { address, _held: held })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens on it.
    ///
    /// # Errors
    /// When something else listens there.
    pub fn listen(&self) -> Result<std::net::TcpListener> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        socket
            .bind(&self.address.into())
            .with_context(|| format!("cannot bind {}", self.address))?;
        socket.listen(1024)?;
        Ok(socket.into())
    }
}
