//! Asking the same again and again, and what is answered when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use testbed::clock::{Stopwatch, let_pass};
use testbed::{Target, TlsClient};

/// How long one question is after the answer to the one before.
const PAUSE: Duration = Duration::from_millis(5);

/// Somebody who asks. It stops when it is dropped.
#[derive(Debug)]
pub(super) struct Watching {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Noted>>>,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    /// When its question was sent, by the watch that was given.
    pub(super) asked: Duration,
    /// When it came.
    pub(super) at: Duration,
    /// Its status; 0 when none came.
    pub(super) status: u16,
    /// Whether it says when to try again.
    pub(super) says_when: bool,
}

impl Watching {
    /// Asks `request` at `target`, on a connection that is kept.
    pub(super) fn start(target: Target, request: String, watch: Stopwatch) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stopping);
        let thread = std::thread::spawn(move || {
            let (mut kept, mut noted) = (None, Vec::new());
            while !told.load(Ordering::SeqCst) {
                noted.push(ask(&target, &request, watch, &mut kept));
                let_pass(PAUSE);
            }
            noted
        });
        Self { stopping, thread: Some(thread) }
    }

    /// Stops, and hands over the answers in order.
    pub(super) fn stop(mut self) -> Result<Vec<Noted>> {
        self.stopping.store(true, Ordering::SeqCst);
        let thread = self.thread.take().context("it was not stopped before")?;
        thread.join().ok().context("who asks panicked")
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
    }
}

fn ask(target: &Target, request: &str, watch: Stopwatch, kept: &mut Option<TlsClient>) -> Noted {
    let asked = watch.elapsed();
    let client = kept.take().map_or_else(|| TlsClient::connect(target), Ok);
    let reply = client.and_then(|mut client| {
        let reply = client.ask(request)?;
        let closes = reply.field("connection").is_some_and(|value| value == "close");
        *kept = (!closes).then_some(client);
        Ok(reply)
    });
    Noted {
        asked,
        at: watch.elapsed(),
        status: reply.as_ref().map(|reply| reply.status).unwrap_or_default(),
        says_when: reply.is_ok_and(|reply| reply.field("retry-after").is_some()),
    }
}
