//! What ends a process, or has it read its configuration again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use super::hand_over::{Offer, Successor};

/// The signals that are listened for.
#[derive(Debug)]
pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen, within the current runtime: from here on none of them ends the process by itself.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the signal to stop, or for the process that takes over; a signal to reload is passed on.
    pub(super) async fn stop(
        mut self,
        reload: &Notify,
        mut offer: Option<&mut Offer>,
    ) -> Option<Successor> {
        let taken = async {
            match &mut offer {
                Some(offer) => offer.taken().await,
                None => None,
            }
        };
        tokio::pin!(taken);
        let mut offered = true;
        loop {
            tokio::select! {
                _ = self.hangup.recv() => reload.notify_one(),
                _ = self.terminate.recv() => return None,
                _ = self.interrupt.recv() => return None,
                taken = &mut taken, if offered => match taken {
                    Some(successor) => return Some(successor),
                    None => offered = false,
                },
            }
        }
    }
}
