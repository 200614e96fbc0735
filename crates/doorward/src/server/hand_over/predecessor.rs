//! The process before this one, as this one sees it.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::message::{Message, receive, send};
use super::{HandOverError, PATIENCE, VERSION, is_ours, socket};
use crate::server::sockets::Sockets;

/// A process that serves, and is willing to hand over.
#[derive(Debug)]
pub(in crate::server) struct Predecessor {
    stream: UnixStream,
}

impl Predecessor {
    /// The process that serves with this audit directory, and its listening sockets; none if there is none.
    pub(in crate::server) fn find(audit: &Path) -> Result<Option<(Self, Sockets)>, HandOverError> {
        let path = socket(audit);
        let stream = match UnixStream::connect(&path) {
            Ok(stream) => stream,
            Err(error) if nobody(&error) => return Ok(None),
            Err(source) => return Err(HandOverError::Io { path, source }),
        };
        let failed = |source| HandOverError::Io { path: path.clone(), source };
        if !is_ours(&stream).map_err(failed)? {
            return Err(HandOverError::Refused { reason: "it runs as another user".to_owned() });
        }
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        send(&stream, &Message::TakeOver { version: VERSION }, &[]).map_err(failed)?;
        let mut sockets = Sockets::default();
        loop {
            match receive(&stream).map_err(failed)? {
                (Message::Sockets { purpose }, files) => {
                    files.into_iter().for_each(|file| sockets.add(purpose, file));
                }
                (Message::AllSockets, _) => return Ok(Some((Self { stream }, sockets))),
                (Message::Refused { reason }, _) => return Err(HandOverError::Refused { reason }),
                (message, _) => {
                    let text = format!("it said {message:?}");
                    return Err(failed(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
            }
        }
    }

    /// Has it accept no more and unlock its directories; waits until it has. Its last records come over what is returned;
    /// nothing if it ended instead, and what it had is free.
    pub(in crate::server) fn let_go(self) -> Option<UnixStream> {
        let answer = send(&self.stream, &Message::Ready, &[]).and_then(|()| receive(&self.stream));
        match answer {
            Ok((Message::LetGo, _)) => Some(self.stream),
            Ok((message, _)) => {
                tracing::warn!(?message, "the process before this one did not let go");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "the process before this one ended before it let go");
                None
            }
        }
    }
}

/// Whether nobody is at the socket.
fn nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}
