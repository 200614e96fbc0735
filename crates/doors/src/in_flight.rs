//! A forwarded request from its permit to its end: what it carried, how it ended, and the record of that.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gate::request::Scheme;
use gate::route::Route;
use gate::{Standing, Surroundings, Watch};
use http::Method;
use ledger::audit::{Ended, Outcome};
use tokens::Timestamp;
use tokio::time::Instant;

use crate::judge::RequestFacts;
use crate::metrics::{Name, OutcomeLabels};
use crate::model::{Doorway, KeysAt};
use crate::recording::{actors_of, subject_of};
use crate::trace::TraceContext;

/// A request that was permitted. When the last part of it is dropped, its outcome is recorded: there is no way out
/// that forgets to.
#[derive(Debug)]
pub(crate) struct InFlight {
    doorway: Arc<Doorway>,
    watch: Watch<Route>,
    facts: RequestFacts,
    door: &'static str,
    method: Method,
    /// When it has taken too long as a whole.
    late_at: Option<Instant>,
    status: AtomicU16,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    endpoint: OnceLock<Arc<str>>,
    ended: AtomicU8,
    upload_broke: AtomicBool,
    upload_slow: AtomicBool,
    upload_done: AtomicBool,
    answer_over: AtomicBool,
    /// Microseconds after the beginning at which a part of the answer was offered to the caller; zero while none waits.
    offered: AtomicU64,
}

/// A finished request, for traces.
#[derive(Clone, Copy, Debug)]
pub struct FinishedRequest<'a> {
    /// Its place in its trace.
    pub trace: TraceContext,
    /// Its id.
    pub request_id: &'a str,
    /// Its method.
    pub method: &'a Method,
    /// How it reached us.
    pub scheme: Scheme,
    /// The route that took it, if one did.
    pub route: Option<&'a Route>,
    /// The endpoint that answered.
    pub endpoint: Option<&'a str>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// How long it took.
    pub took: Duration,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How it ended: an outcome, or `denied`.
    pub ended: &'static str,
    /// The caller's address.
    pub peer: SocketAddr,
}

/// How it ended so far; the numbers say which end counts when two are told: the higher one.
const ENDS: [Ended; 7] = [
    Ended::ClientGone,
    Ended::Completed,
    Ended::UpstreamFailed,
    Ended::UpstreamTimedOut,
    Ended::ShuttingDown,
    Ended::PermitEnded,
    Ended::Revoked,
];

impl InFlight {
    pub(crate) fn new(
        doorway: Arc<Doorway>,
        watch: Watch<Route>,
        facts: RequestFacts,
        door: &'static str,
        method: Method,
        total: Option<Duration>,
    ) -> Arc<Self> {
        doorway.metrics.in_flight.inc();
        Arc::new(Self {
            doorway,
            watch,
            facts,
            door,
            method,
            late_at: total.map(|total| facts.began + total),
            status: AtomicU16::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            endpoint: OnceLock::new(),
            ended: AtomicU8::new(0),
            upload_broke: AtomicBool::new(false),
            upload_slow: AtomicBool::new(false),
            upload_done: AtomicBool::new(false),
            answer_over: AtomicBool::new(false),
            offered: AtomicU64::new(0),
        })
    }

    pub(crate) const fn facts(&self) -> &RequestFacts {
        &self.facts
    }

    pub(crate) const fn watch(&self) -> &Watch<Route> {
        &self.watch
    }

    pub(crate) fn answered(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn received_so_far(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }

    /// How many bytes went either way.
    pub(crate) fn carried(&self) -> (u64, u64) {
        (self.bytes_in.load(Ordering::Relaxed), self.bytes_out.load(Ordering::Relaxed))
    }

    /// The caller's body was not what its head promised.
    pub(crate) fn upload_broke(&self) {
        self.upload_broke.store(true, Ordering::Relaxed);
    }

    /// The caller's body came too slowly.
    pub(crate) fn upload_slow(&self) {
        self.upload_slow.store(true, Ordering::Relaxed);
    }

    pub(crate) fn was_upload_slow(&self) -> bool {
        self.upload_slow.load(Ordering::Relaxed)
    }

    /// Whether there is an answer already.
    pub(crate) fn has_answer(&self) -> bool {
        self.status.load(Ordering::Relaxed) != 0
    }

    /// The caller's body was passed on to its end.
    pub(crate) fn upload_done(&self) {
        self.upload_done.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_upload_done(&self) -> bool {
        self.upload_done.load(Ordering::Relaxed)
    }

    /// The service's answer was read to its end, or nobody reads it any more.
    pub(crate) fn answer_over(&self) {
        self.answer_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_answer_over(&self) -> bool {
        self.answer_over.load(Ordering::Relaxed)
    }

    pub(crate) fn has_upload_broken(&self) -> bool {
        self.upload_broke.load(Ordering::Relaxed)
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A part of the answer was handed on towards the caller.
    pub(crate) fn offered(&self, now: Instant) {
        let after = now.saturating_duration_since(self.facts.began).as_micros();
        self.offered.store(u64::try_from(after).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    /// The next part is asked for: the last one was taken.
    pub(crate) fn taken(&self) {
        self.offered.store(0, Ordering::Relaxed);
    }

    /// For how long the part that waits has not been taken.
    pub(crate) fn not_taken_for(&self) -> Option<Duration> {
        let offered = self.offered.load(Ordering::Relaxed);
        let since = Duration::from_micros(offered);
        (offered != 0).then(|| self.facts.began.elapsed().saturating_sub(since))
    }

    pub(crate) fn went_to(&self, endpoint: &Arc<str>) {
        let _ = self.endpoint.set(Arc::clone(endpoint));
    }

    /// Tells how it ended. Until then it counts as left by the caller.
    pub(crate) fn end(&self, ended: Ended) {
        let rank = ENDS.iter().position(|end| *end == ended).unwrap_or_default();
        self.ended.fetch_max(u8::try_from(rank).unwrap_or_default(), Ordering::Relaxed);
    }

    /// When it has taken too long as a whole, if it can.
    pub(crate) const fn late_at(&self) -> Option<Instant> {
        self.late_at
    }

    /// Whether it has taken too long as a whole.
    pub(crate) fn is_late(&self) -> bool {
        self.late_at.is_some_and(|late_at| Instant::now() >= late_at)
    }

    /// The same, asked only once the request is older than `age`: a fresh permit was made a moment ago.
    pub(crate) fn still_stands(&self, age: Duration) -> bool {
        self.facts.began.elapsed() < age || self.stands()
    }

    /// Whether the permit still stands, under the configuration in force now, and the request may still take time.
    pub(crate) fn stands(&self) -> bool {
        if self.is_late() {
            self.end(Ended::UpstreamTimedOut);
            return false;
        }
        let model = self.doorway.model.load();
        let now = self.doorway.now();
        let keys = KeysAt { model: &model, now };
        let sessions = self.doorway.sessions();
        let around = Surroundings { now, keys: &keys, cache: None, sessions };
        match model.gate.standing(&self.watch, around) {
            Standing::Stands => true,
            Standing::Ended => {
                self.end(Ended::PermitEnded);
                false
            }
            Standing::Revoked => {
                self.end(Ended::Revoked);
                false
            }
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let identity = self.watch.caller().identity();
        let actors = identity.map(|identity| actors_of(identity)).unwrap_or_default();
        let route = self.watch.target();
        let status = Some(*self.status.get_mut()).filter(|status| *status != 0);
        let ended = match ENDS.get(usize::from(*self.ended.get_mut())).copied() {
            None | Some(Ended::ClientGone) if self.doorway.cutting_off.load(Ordering::Relaxed) => {
                Ended::ShuttingDown
            }
            ended => ended.unwrap_or(Ended::ClientGone),
        };
        let took = self.facts.began.elapsed();
        let ended_at = self.doorway.now();
        self.doorway.audit.outcome(&Outcome {
            request_id: self.facts.id.as_str(),
            at: ended_at,
            door: self.door,
            route: Some(route.name()),
            service: Some(&route.service().name),
            method: self.method.as_str(),
            peer: self.facts.peer,
            identity: identity.map(|identity| subject_of(identity, &actors)),
            status,
            bytes_in: *self.bytes_in.get_mut(),
            bytes_out: *self.bytes_out.get_mut(),
            took,
            endpoint: self.endpoint.get().map(|endpoint| &**endpoint),
            ended,
            trace: Some(self.facts.trace.for_audit()),
        });
        let metrics = &self.doorway.metrics;
        metrics.in_flight.dec();
        metrics.request_seconds.observe(took.as_secs_f64());
        let labels = OutcomeLabels {
            service: Name(Some(Arc::clone(&route.service().name))),
            status: status.unwrap_or_default(),
            ended: ended.name(),
        };
        metrics.outcomes.count(&labels);
        if self.facts.trace.sampled {
            self.doorway.traces.finished(&FinishedRequest {
                trace: self.facts.trace,
                request_id: self.facts.id.as_str(),
                method: &self.method,
                scheme: self.facts.scheme,
                route: Some(route),
                endpoint: self.endpoint.get().map(|endpoint| &**endpoint),
                status,
                took,
                ended_at,
                ended: ended.name(),
                peer: self.facts.peer,
            });
        }
    }
}
