//! The streams of HTTP/2: each is answered by a task of its own, which ends with its permit.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::time::sleep;

use super::body::CHECK_EVERY;
use crate::in_flight::InFlight;

tokio::task_local! {
    static ANSWERED: Answered;
}

/// What a stream's task answers.
#[derive(Clone, Debug, Default)]
struct Answered(Arc<Mutex<Weak<InFlight>>>);

/// Tells the stream whose task this is what it answers.
///
/// # Errors
/// The request back, when this is no stream's task.
pub(crate) fn answers(request: Weak<InFlight>) -> Result<(), Weak<InFlight>> {
    let mut request = Some(request);
    let told = ANSWERED.try_with(|answered| {
        let mut answered = answered.0.lock().unwrap_or_else(PoisonError::into_inner);
        *answered = request.take().unwrap_or_default();
    });
    match (told, request) {
        (Err(_), Some(request)) => Err(request),
        _ => Ok(()),
    }
}

/// Runs the streams of a connection. A stream whose caller takes nothing is asked after its permit, and is reset when
/// that no longer stands, or when the caller has taken nothing for too long.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    write_timeout: Duration,
}

impl Streams {
    pub(crate) const fn new(write_timeout: Duration) -> Self {
        Self { write_timeout }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let (answered, write_timeout) = (Answered::default(), self.write_timeout);
        tokio::spawn(async move {
            tokio::select! {
                biased;
                // A stream whose task ends before its answer does is reset.
                () = ANSWERED.scope(answered.clone(), stream) => {}
                () = answered.over(write_timeout) => {}
            }
        });
    }
}

impl Answered {
    /// Ends when there is no reason to go on.
    async fn over(&self, write_timeout: Duration) {
        loop {
            sleep(CHECK_EVERY.min(write_timeout)).await;
            let answered = self.0.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
            // While the caller takes what comes, the body asks for itself.
            let Some((request, stalled)) =
                answered.and_then(|request| request.not_taken_for().map(|for_| (request, for_)))
            else {
                continue;
            };
            if stalled >= write_timeout || (stalled >= CHECK_EVERY && !request.stands()) {
                return;
            }
        }
    }
}
