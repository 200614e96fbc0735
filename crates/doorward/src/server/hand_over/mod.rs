//! From one process to the next: the listening sockets, and the directories that only one may have open.
//!
//! The sockets themselves are passed (`SCM_RIGHTS`, unix(7)), not only their addresses. A socket that is closed resets
//! the connections that wait in it and those whose handshake is under way, even where another socket shares its port;
//! one that two processes have is never closed, and whoever accepts first serves.
//!
//! ```text
//! old                                   new
//!  │ ◀───────── take over ───────────────┤  configuration read and checked
//!  ├────────── sockets ────────────────▶ │
//!  │ still serves                        │  everything made ready, the issuers' keys fetched
//!  │ ◀───────── ready ───────────────────┤
//!  │ accepts no more, lets go of the     │
//!  │ signing keys and the audit log      │
//!  ├────────── let go ─────────────────▶ │  opens both, and accepts what waits in the sockets
//!  │ answers what it has begun           │
//!  ├────────── its last records ───────▶ │  one log, one chain
//!  ▼ ends
//! ```

mod message;
mod predecessor;
mod successor;

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;
use thiserror::Error;

pub(super) use predecessor::Predecessor;
pub(super) use successor::{Offer, Successor};

/// How long an answer of the other process is waited for; letting go may take as long as writing out the audit log.
const PATIENCE: Duration = Duration::from_secs(30);

/// The version of what two processes say to each other.
const VERSION: u32 = 1;

/// Why nothing can be taken over.
#[derive(Debug, Error)]
pub enum HandOverError {
    /// The connection fails.
    #[error("the running process cannot be asked through `{}`: {source}", path.display())]
    Io {
        /// The socket between the two.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The process will not.
    #[error(
        "the running process does not hand over: {reason}; stop it, and start without `--take-over`"
    )]
    Refused {
        /// Why.
        reason: String,
    },
}

/// The socket at which a process with this audit directory can be found.
fn socket(audit: &Path) -> PathBuf {
    audit.join("hand-over")
}

/// Whether the other process runs as the same user.
fn is_ours(stream: &UnixStream) -> io::Result<bool> {
    Ok(socket_peercred(stream)?.uid == geteuid())
}
