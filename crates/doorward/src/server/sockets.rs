//! The listening sockets: opened here, passed by a service manager, or taken over from the process before this one.

use std::io;
use std::net::{SocketAddr, TcpListener};

use serde::{Deserialize, Serialize};

use super::StartError;
use crate::config::Listen;
use doors::proxy::listen;

/// What a socket is for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Purpose {
    Admin,
    ExtAuthz,
    ForwardAuth,
    Http,
    Https,
}

impl Purpose {
    pub(super) const ALL: [Self; 5] =
        [Self::Http, Self::Https, Self::ExtAuthz, Self::ForwardAuth, Self::Admin];

    /// The purpose that a service manager calls `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// Its name for a service manager.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::ExtAuthz => "ext_authz",
            Self::ForwardAuth => "forward_auth",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The configuration's key.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Admin => "listen.admin",
            Self::ExtAuthz => "listen.ext_authz",
            Self::ForwardAuth => "listen.forward_auth",
            Self::Http => "listen.http",
            Self::Https => "listen.https",
        }
    }

    /// Where the configuration wants it, if it does.
    pub(super) fn wanted(self, listen: &Listen) -> Option<SocketAddr> {
        match self {
            Self::Admin => Some(listen.admin),
            Self::ExtAuthz => listen.ext_authz,
            Self::ForwardAuth => listen.forward_auth.map(|(address, _)| address),
            Self::Http => listen.http,
            Self::Https => listen.https.as_ref().map(|https| https.address),
        }
    }
}

/// Listening sockets.
#[derive(Debug, Default)]
pub(super) struct Sockets(Vec<(Purpose, TcpListener)>);

impl Sockets {
    pub(super) fn add(&mut self, purpose: Purpose, socket: TcpListener) {
        self.0.push((purpose, socket));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sockets for `purpose`.
    pub(super) fn of(&self, purpose: Purpose) -> impl Iterator<Item = &TcpListener> {
        self.0.iter().filter(move |(other, _)| *other == purpose).map(|(_, socket)| socket)
    }

    /// Where it is listened for `purpose`, if it is.
    pub(super) fn address(&self, purpose: Purpose) -> Option<SocketAddr> {
        self.of(purpose).find_map(|socket| socket.local_addr().ok())
    }

    /// Closes those that are not where the configuration wants them.
    pub(super) fn keep_wanted(&mut self, listen: &Listen) {
        self.0.retain(|(purpose, socket)| {
            socket.local_addr().is_ok_and(|at| fits(purpose.wanted(listen), at))
        });
    }

    /// The first that is not where the configuration wants it.
    pub(super) fn unwanted(&self, listen: &Listen) -> Option<(Purpose, SocketAddr)> {
        self.0.iter().find_map(|(purpose, socket)| {
            let at = socket.local_addr().ok()?;
            (!fits(purpose.wanted(listen), at)).then_some((*purpose, at))
        })
    }

    /// Opens what the configuration wants and is not there.
    pub(super) fn complete(&mut self, wanted: &Listen, threads: usize) -> Result<(), StartError> {
        for purpose in Purpose::ALL {
            let Some(address) = purpose.wanted(wanted) else { continue };
            if self.address(purpose).is_some() {
                continue;
            }
            let proxy = matches!(purpose, Purpose::Http | Purpose::Https);
            let threads = if proxy { threads } else { 1 };
            let opened = listen(address, threads)
                .map_err(|error| StartError::listen(purpose.key(), address, error))?;
            self.0.extend(opened.into_iter().map(|socket| (purpose, socket)));
        }
        Ok(())
    }

    /// The sockets for `purpose`, for so many threads: each has at least one, and each socket has a thread that accepts
    /// from it. A socket that several threads have is shared by them.
    pub(super) fn spread(
        &self,
        purpose: Purpose,
        threads: usize,
    ) -> io::Result<Vec<Vec<TcpListener>>> {
        let sockets: Vec<_> = self.of(purpose).collect();
        let mut spread: Vec<Vec<_>> = (0..threads).map(|_| Vec::new()).collect();
        let turns = if sockets.is_empty() { 0 } else { sockets.len().max(threads) };
        let each = sockets.into_iter().cycle().take(turns).enumerate();
        for (turn, socket) in each {
            let socket = socket.try_clone()?;
            socket.set_nonblocking(true)?;
            if let Some(thread) = spread.get_mut(turn % threads.max(1)) {
                thread.push(socket);
            }
        }
        Ok(spread)
    }
}

/// Whether a socket at this address is what was wanted; port 0 is any.
fn fits(wanted: Option<SocketAddr>, at: SocketAddr) -> bool {
    wanted.is_some_and(|wanted| {
        wanted.ip() == at.ip() && (wanted.port() == at.port() || wanted.port() == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets(count: usize) -> Sockets {
        let mut sockets = Sockets::default();
        for _ in 0..count {
            sockets.add(Purpose::Https, TcpListener::bind("127.0.0.1:0").unwrap());
        }
        sockets
    }

    #[test]
    fn each_thread_has_a_socket_and_each_socket_a_thread() {
        for (count, threads, expected) in [
            (1, 1, vec![1]),
            (1, 3, vec![1, 1, 1]),
            (2, 3, vec![1, 1, 1]),
            (3, 2, vec![2, 1]),
            (0, 2, vec![0, 0]),
        ] {
            let sockets = sockets(count);
            let spread = sockets.spread(Purpose::Https, threads).unwrap();
            let each: Vec<_> = spread.iter().map(Vec::len).collect();
            assert_eq!(each, expected, "{count} sockets for {threads} threads");
            let mut had: Vec<_> =
                spread.iter().flatten().map(|one| one.local_addr().unwrap()).collect();
            had.sort();
            had.dedup();
            assert_eq!(had.len(), count);
        }
    }
}
