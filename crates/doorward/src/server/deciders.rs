//! The doors that only decide, on threads of their own: a proxy asks about many requests on one connection, which is not to
//! hold up one thread.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use doors::Doorway;
use doors::relay::{Asked, Asking, Listener, serve};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::sockets::{Purpose, Sockets};
use crate::entropy::{self, Entropy};

/// What answers proxies that ask; nothing when none is to.
#[derive(Debug)]
pub(super) struct Deciders(Option<(Runtime, Vec<JoinHandle<()>>)>);

impl Deciders {
    /// Answers what is asked on the sockets that are for it, on so many threads, until `draining` turns true.
    pub(super) fn start(
        sockets: &Sockets,
        asking: Option<Asking>,
        threads: usize,
        doorway: &Arc<Doorway>,
        entropy: &Entropy,
        draining: (watch::Receiver<bool>, Duration),
    ) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for socket in sockets.of(Purpose::ExtAuthz) {
            listeners.push((Listener::of(socket)?, Asked::ExtAuthz));
        }
        for socket in sockets.of(Purpose::ForwardAuth) {
            let Some(asking) = asking else { continue };
            listeners.push((Listener::of(socket)?, Asked::ForwardAuth(asking)));
        }
        if listeners.is_empty() {
            return Ok(Self(None));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("decider")
            .enable_all()
            .build()?;
        let serving = listeners.into_iter().map(|(listener, asked)| {
            let (doorway, draining) = (Arc::clone(doorway), draining.clone());
            let seed = entropy::number(entropy);
            runtime.spawn(async move {
                if let Err(error) = serve(listener, asked, doorway, seed, draining).await {
                    tracing::error!(%error, "a door that proxies ask at has closed");
                }
            })
        });
        let serving = serving.collect();
        Ok(Self(Some((runtime, serving))))
    }

    /// Waits for its end.
    pub(super) fn join(self) {
        let Some((runtime, serving)) = self.0 else { return };
        for door in serving {
            if runtime.block_on(door).is_err() {
                tracing::error!("a door that proxies ask at ended in a panic");
            }
        }
    }
}
