//! The process after this one, as this one sees it.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::message::{FILES, Message, receive, send};
use super::{PATIENCE, VERSION, is_ours, socket};
use crate::server::sockets::{Purpose, Sockets};

/// The sockets, offered to whoever takes over.
#[derive(Debug)]
pub(in crate::server) struct Offer {
    path: PathBuf,
    sockets: Arc<Mutex<Sockets>>,
    taken: mpsc::Receiver<Successor>,
}

/// A process that has the sockets, and waits for the rest.
#[derive(Debug)]
pub(in crate::server) struct Successor {
    stream: UnixStream,
}

impl Offer {
    /// Waits for a process to take over, on a thread of its own. To be called by the one that has the audit directory
    /// locked: whoever offered before it is gone.
    pub(in crate::server) fn make(audit: &Path, sockets: Sockets) -> io::Result<Self> {
        let path = socket(audit);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let sockets = Arc::new(Mutex::new(sockets));
        let (tell, taken) = mpsc::channel(1);
        let offered = Arc::clone(&sockets);
        std::thread::Builder::new().name("hand-over".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                match stream.and_then(|stream| exchange(stream, &offered)) {
                    Ok(successor) => {
                        // Whoever waited for it may be draining by now.
                        let _ = tell.blocking_send(successor);
                        return;
                    }
                    Err(error) => tracing::warn!(%error, "a process did not take over"),
                }
            }
        })?;
        Ok(Self { path, sockets, taken })
    }

    /// Waits for the process that takes over.
    pub(in crate::server) async fn taken(&mut self) -> Option<Successor> {
        self.taken.recv().await
    }

    /// Closes the sockets here. Nobody can take over any more, unless somebody has.
    pub(in crate::server) fn withdraw(self, handed_over: bool) {
        *self.sockets.lock().unwrap_or_else(PoisonError::into_inner) = Sockets::default();
        if !handed_over {
            // A file that stays behind is removed by the next one.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Successor {
    /// Tells it that the directories are unlocked.
    pub(in crate::server) fn go_on(&self) -> io::Result<()> {
        send(&self.stream, &Message::LetGo, &[])
    }

    /// Where it takes audit records, after that.
    pub(in crate::server) fn into_records(self) -> UnixStream {
        self.stream
    }
}

/// Gives a process the sockets, and waits until it is ready for the rest.
fn exchange(stream: UnixStream, sockets: &Mutex<Sockets>) -> io::Result<Successor> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    if !is_ours(&stream)? {
        return Err(io::Error::other("it runs as another user"));
    }
    match receive(&stream)? {
        (Message::TakeOver { version: VERSION }, _) => {}
        (other, _) => {
            let reason = format!("expected version {VERSION}, got {other:?}");
            send(&stream, &Message::Refused { reason: reason.clone() }, &[])?;
            return Err(io::Error::other(reason));
        }
    }
    {
        let sockets = sockets.lock().unwrap_or_else(PoisonError::into_inner);
        for purpose in Purpose::ALL {
            let files: Vec<_> = sockets.of(purpose).map(|socket| socket.as_fd()).collect();
            for files in files.chunks(FILES) {
                send(&stream, &Message::Sockets { purpose }, files)?;
            }
        }
    }
    send(&stream, &Message::AllSockets, &[])?;
    match receive(&stream)? {
        (Message::Ready, _) => Ok(Successor { stream }),
        (other, _) => Err(io::Error::other(format!("expected that it is ready, got {other:?}"))),
    }
}
