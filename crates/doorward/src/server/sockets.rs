//! The listening sockets: opened here, passed by a service manager, or taken over from the process before this one.

use std::fs::{self, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use doors::proxy::{BACKLOG, listen};
use serde::{Deserialize, Serialize};
use socket2::{Domain, SockAddr, Socket, Type};

use super::StartError;
use crate::config::{Listen, ListenAt};

/// Who may use a Unix socket: its owner and group.
const MODE: u32 = 0o660;

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
    pub(super) fn wanted(self, listen: &Listen) -> Option<ListenAt> {
        match self {
            Self::Admin => Some(ListenAt::Address(listen.admin)),
            Self::ExtAuthz => listen.ext_authz.as_ref().map(|door| door.at.clone()),
            Self::ForwardAuth => listen.forward_auth.as_ref().map(|(door, _)| door.at.clone()),
            Self::Http => listen.http.map(ListenAt::Address),
            Self::Https => listen.https.as_ref().map(|https| ListenAt::Address(https.address)),
        }
    }
}

/// Listening sockets.
#[derive(Debug, Default)]
pub(super) struct Sockets(Vec<(Purpose, Socket)>);

impl Sockets {
    pub(super) fn add(&mut self, purpose: Purpose, socket: impl Into<Socket>) {
        self.0.push((purpose, socket.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sockets for `purpose`.
    pub(super) fn of(&self, purpose: Purpose) -> impl Iterator<Item = &Socket> {
        self.0.iter().filter(move |(other, _)| *other == purpose).map(|(_, socket)| socket)
    }

    /// Where it is listened for `purpose`, if it is.
    pub(super) fn at(&self, purpose: Purpose) -> Option<ListenAt> {
        self.of(purpose).find_map(at)
    }

    /// The same, when it is an address.
    pub(super) fn address(&self, purpose: Purpose) -> Option<SocketAddr> {
        self.of(purpose).find_map(|socket| socket.local_addr().ok()?.as_socket())
    }

    /// Closes those that are not where the configuration wants them.
    pub(super) fn keep_wanted(&mut self, listen: &Listen) {
        self.0.retain(|(purpose, socket)| {
            at(socket).is_some_and(|at| fits(purpose.wanted(listen).as_ref(), &at))
        });
    }

    /// The first that is not where the configuration wants it.
    pub(super) fn unwanted(&self, listen: &Listen) -> Option<(Purpose, ListenAt)> {
        self.0.iter().find_map(|(purpose, socket)| {
            let at = at(socket)?;
            (!fits(purpose.wanted(listen).as_ref(), &at)).then_some((*purpose, at))
        })
    }

    /// Opens what the configuration wants and is not there.
    pub(super) fn complete(&mut self, wanted: &Listen, threads: usize) -> Result<(), StartError> {
        for purpose in Purpose::ALL {
            let Some(wanted) = purpose.wanted(wanted) else { continue };
            if self.of(purpose).next().is_some() {
                continue;
            }
            let proxy = matches!(purpose, Purpose::Http | Purpose::Https);
            let threads = if proxy { threads } else { 1 };
            let opened = match &wanted {
                ListenAt::Address(address) => listen(*address, threads)
                    .map(|all| all.into_iter().map(Socket::from).collect::<Vec<_>>()),
                ListenAt::Socket(path) => listen_at(path).map(|one| vec![one]),
            };
            let opened =
                opened.map_err(|error| StartError::listen(purpose.key(), wanted, error))?;
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
                thread.push(socket.into());
            }
        }
        Ok(spread)
    }
}

/// Opens a Unix socket, for its owner and group. One that nobody listens at any more gives way.
fn listen_at(path: &Path) -> io::Result<Socket> {
    let socket = match bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
            fs::remove_file(path)?;
            bind(path)
        }
        bound => bound,
    }?;
    // What the umask took of it is given back.
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn bind(path: &Path) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // The file is made with the mode of the socket: there is no moment at which others may use it.
    rustix::fs::fchmod(&socket, rustix::fs::Mode::from_raw_mode(MODE))?;
    socket.bind(&SockAddr::unix(path)?)?;
    Ok(socket)
}

/// Whether there is a socket at which nobody listens.
fn is_abandoned(path: &Path) -> bool {
    // Nobody listens at a file of another kind either.
    fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
        && UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Where a socket is.
fn at(socket: &Socket) -> Option<ListenAt> {
    let at = socket.local_addr().ok()?;
    let address = at.as_socket().map(ListenAt::Address);
    address.or_else(|| Some(ListenAt::Socket(at.as_pathname()?.to_owned())))
}

/// Whether a socket there is what was wanted; port 0 is any.
fn fits(wanted: Option<&ListenAt>, at: &ListenAt) -> bool {
    match (wanted, at) {
        (Some(ListenAt::Address(wanted)), ListenAt::Address(at)) => {
            wanted.ip() == at.ip() && (wanted.port() == at.port() || wanted.port() == 0)
        }
        (Some(wanted), at) => wanted == at,
        (None, _) => false,
    }
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
