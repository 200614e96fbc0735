//! The streams of HTTP/2: each is run by a task of its own, which ends with its permit, whatever the other side does.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::time::{Instant, sleep};

use super::body::CHECK_EVERY;
use super::busyness::Busyness;
use super::least_rate::{ANSWER_WINDOW, LeastRate};
use super::worker::ProxyLimits;
use crate::in_flight::InFlight;

/// How long judging may take at least.
const SHORTEST_ALONE: Duration = Duration::from_secs(15);
/// How long a caller has to take an answer of our own: it is small, and anybody can have one.
const OURS_WITHIN: Duration = Duration::from_secs(5);

tokio::task_local! {
    static CARRIED: Carried;
}

/// What a task carries, once it has said so.
#[derive(Clone, Debug, Default)]
struct Carried(Arc<Mutex<Carrying>>);

#[derive(Clone, Debug, Default)]
struct Carrying {
    request: Weak<InFlight>,
    /// Since when there is an answer of our own.
    ours_since: Option<Instant>,
}

impl Carried {
    fn lock(&self) -> MutexGuard<'_, Carrying> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the task that this runs in which request it carries.
///
/// # Errors
/// The request back, when this is no stream's task.
pub(crate) fn carries(request: Weak<InFlight>) -> Result<(), Weak<InFlight>> {
    let mut request = Some(request);
    let told = CARRIED.try_with(|carried| {
        carried.lock().request = request.take().unwrap_or_default();
    });
    match (told, request) {
        (Err(_), Some(request)) => Err(request),
        _ => Ok(()),
    }
}

/// Tells the task that this runs in, if it is a stream's, that what it carries from now on is an answer of our own.
pub(crate) fn answered_by_us() {
    let _ = CARRIED.try_with(|carried| carried.lock().ours_since = Some(Instant::now()));
}

/// Runs the answers on a caller's connection. One whose caller takes nothing is asked after its permit, and is reset
/// when that no longer stands, or when the caller has taken nothing for too long, or too little.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    pub(crate) limits: ProxyLimits,
    pub(crate) busy: Busyness,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Answers {
    fn execute(&self, stream: F) {
        let ProxyLimits { write_timeout, answer_rate, .. } = self.limits;
        let (busy, mut rate, mut sent) = (self.busy.clone(), None::<LeastRate>, 0);
        let every = CHECK_EVERY.min(write_timeout);
        let alone = Some(write_timeout.max(SHORTEST_ALONE));
        // A stream that has become a WebSocket goes on in a task of its own, for the same request.
        let websocket = CARRIED.try_with(Clone::clone).ok();
        let is_websocket = websocket.is_some();
        spawn(stream, websocket.unwrap_or_default(), every, alone, move |request| {
            let stalled = request.not_taken_for();
            if stalled.is_some_and(|stalled| stalled >= write_timeout) {
                return true;
            }
            let now = Instant::now();
            let taken = request.carried().1.saturating_sub(sent);
            sent += taken;
            if let Some(rate) = &mut rate {
                rate.came(usize::try_from(taken).unwrap_or(usize::MAX), now);
            }
            // While the connection takes nothing, all its streams wait for that, which has a pace of its own.
            if stalled.is_some() && !busy.is_stalled() {
                if rate.is_none() {
                    rate = LeastRate::at_least(answer_rate, ANSWER_WINDOW);
                }
                if rate.as_mut().is_some_and(|rate| rate.is_too_slow(now)) {
                    return true;
                }
            }
            // While the caller takes what comes, the body asks for itself. A WebSocket asks, but what it has handed on waits
            // for the caller.
            let asks = !is_websocket && stalled.is_none_or(|stalled| stalled < CHECK_EVERY);
            !asks && !request.stands()
        });
    }
}

/// Runs the uploads on a connection to an endpoint. One that the endpoint does not take is given up when its answer is
/// complete or nobody reads it, or when its permit no longer stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uploads {
    /// The upload that the connection's own task has just begun, and hands over when it cannot end it at once.
    begun: Carried,
}

impl Uploads {
    /// Runs the task of the connection itself, which begins the uploads.
    pub(crate) fn begin<F: Future<Output = ()> + Send + 'static>(&self, connection: F) {
        tokio::spawn(CARRIED.scope(self.begun.clone(), connection));
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Uploads {
    fn execute(&self, stream: F) {
        let begun = std::mem::take(&mut *self.begun.lock());
        let over = |request: &InFlight| request.is_answer_over() || !request.stands();
        spawn(stream, Carried(Arc::new(Mutex::new(begun))), CHECK_EVERY, None, over);
    }
}

/// Runs a stream until it ends, or until the request that it carries `is_over`; whether it is, is asked every so often.
/// One that carries none (it is being judged) ends when it has not for as long as `alone`, and one whose answer is our own
/// [`OURS_WITHIN`] after there was one.
fn spawn<F>(
    stream: F,
    carried: Carried,
    every: Duration,
    alone: Option<Duration>,
    mut is_over: impl FnMut(&InFlight) -> bool + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        let over = async {
            let mut alone_since = Instant::now();
            loop {
                sleep(every).await;
                let Carrying { request, ours_since } = carried.lock().clone();
                if ours_since.is_some_and(|since| since.elapsed() >= OURS_WITHIN) {
                    return;
                }
                match request.upgrade() {
                    Some(request) if is_over(&request) => return,
                    Some(_) => alone_since = Instant::now(),
                    None if alone.is_some_and(|limit| alone_since.elapsed() >= limit) => return,
                    None => {}
                }
            }
        };
        tokio::select! {
            biased;
            // A stream whose task ends before it does is reset.
            () = CARRIED.scope(carried.clone(), stream) => {}
            () = over => {}
        }
    });
}
