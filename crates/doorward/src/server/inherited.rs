//! Sockets that a service manager has opened for us: sd_listen_fds(3). They outlive this process, and connections wait
//! in them while it is started anew.

use std::env;
use std::io;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use thiserror::Error;

use super::sockets::{Purpose, Sockets};
use crate::config::{Listen, ListenAt};

/// Sockets that were passed to this process.
#[derive(Debug)]
pub struct Inherited(Sockets);

/// Why the sockets that were passed cannot be used.
#[derive(Debug, Error)]
pub enum InheritedError {
    /// One is somewhere else than configured.
    #[error(
        "the service manager passes a socket `{name}` at {address}, and `{key}` is {wanted}; let `ListenStream=` of the socket unit and the configuration say the same"
    )]
    Address {
        /// Its name.
        name: &'static str,
        /// Where it is.
        address: ListenAt,
        /// The configuration's key.
        key: &'static str,
        /// What it says.
        wanted: String,
    },
    /// One is not what can be used.
    #[error(
        "the socket `{name}` that the service manager passes is no TCP socket that listens ({source}); set `ListenStream=` to an address and port, and `Accept=no`, in its socket unit"
    )]
    Kind {
        /// Its name.
        name: String,
        /// What it is instead.
        source: io::Error,
    },
    /// One has a name that says nothing.
    #[error(
        "the service manager passes a socket called `{name}`; expected `http`, `https` or `admin`: set `FileDescriptorName=` in its socket unit"
    )]
    Name {
        /// The name.
        name: String,
    },
}

impl Inherited {
    /// The sockets that the environment speaks of, if it does. It speaks no more of them afterwards, and no child has
    /// them.
    ///
    /// To be called before there are threads: it changes the environment.
    ///
    /// # Errors
    /// When there is one that cannot be used.
    pub fn from_environment() -> Result<Option<Self>, InheritedError> {
        let own = std::process::id().to_string();
        if env::var("LISTEN_PID").ok() != Some(own) {
            // They are not there, or were for the process that started us.
            return Ok(None);
        }
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut passed = ListenFd::from_env();
        let mut names = names.split(':');
        let mut sockets = Sockets::default();
        for index in 0..passed.len() {
            let name = names.next().unwrap_or_default();
            let purpose = Purpose::named(name)
                .ok_or_else(|| InheritedError::Name { name: name.to_owned() })?;
            let kind = |source| InheritedError::Kind { name: name.to_owned(), source };
            let Some(socket) = passed.take_tcp_listener(index).map_err(kind)? else { continue };
            if !socket_acceptconn(&socket).map_err(|error| kind(error.into()))? {
                return Err(kind(io::Error::other("it does not listen")));
            }
            sockets.add(purpose, socket);
        }
        Ok((!sockets.is_empty()).then_some(Self(sockets)))
    }

    /// The sockets, if they are where the configuration wants them.
    pub(super) fn sockets(self, listen: &Listen) -> Result<Sockets, InheritedError> {
        match self.0.unwanted(listen) {
            None => Ok(self.0),
            Some((purpose, address)) => Err(InheritedError::Address {
                name: purpose.name(),
                address,
                key: purpose.key(),
                wanted: purpose
                    .wanted(listen)
                    .map_or_else(|| "not set".to_owned(), |wanted| wanted.to_string()),
            }),
        }
    }
}
