//! Whether a caller's connection is at work, and for which permit.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::streams;
use crate::crowd::Place;
use crate::in_flight::InFlight;

/// Whether a connection is answering a request, and which; shared by its stream and its answers.
#[derive(Clone, Debug)]
pub(crate) struct Busyness(Arc<State>);

#[derive(Debug)]
struct State {
    answering: AtomicUsize,
    /// Those of them whose answer is our own.
    ours: AtomicUsize,
    streams: AtomicBool,
    served: AtomicBool,
    leaving: AtomicBool,
    handed_over: AtomicBool,
    stalled: AtomicBool,
    unwritten: AtomicUsize,
    moments: Mutex<Moments>,
    forwarded: Mutex<Weak<InFlight>>,
    rest: Notify,
    gives_way: Notify,
}

#[derive(Debug)]
struct Moments {
    head_began: Option<Instant>,
    idle_since: Instant,
    /// When the system last took more of what is sent to the caller, after it had not.
    stalled_until: Option<Instant>,
}

impl Moments {
    fn resting() -> Self {
        Self { head_began: None, idle_since: Instant::now(), stalled_until: None }
    }
}

/// Held while a request is being answered, or its body still read.
#[derive(Debug)]
pub(crate) struct Busy {
    connection: Busyness,
    /// The request's place among all that are under way.
    place: Option<Arc<Place>>,
    /// Whether its answer is our own.
    ours: bool,
}

/// Held while a part of an answer waits to be written to the caller (HTTP/2 keeps what its window does not let out).
#[derive(Debug)]
pub(crate) struct Unwritten(Busyness);

impl Default for Busyness {
    fn default() -> Self {
        Self(Arc::new(State {
            answering: AtomicUsize::new(0),
            ours: AtomicUsize::new(0),
            streams: AtomicBool::new(false),
            served: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            handed_over: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            unwritten: AtomicUsize::new(0),
            moments: Mutex::new(Moments::resting()),
            forwarded: Mutex::default(),
            rest: Notify::new(),
            gives_way: Notify::new(),
        }))
    }
}

impl Busyness {
    /// A request came whole.
    pub(crate) fn begin(&self) -> Busy {
        self.0.answering.fetch_add(1, Ordering::Relaxed);
        self.head_over();
        Busy { connection: self.clone(), place: None, ours: false }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.0.answering.load(Ordering::Relaxed) != 0
    }

    /// Whether there is more to answer than answers of our own, which cost nothing to make again.
    fn is_needed(&self) -> bool {
        self.0.answering.load(Ordering::Relaxed) > self.0.ours.load(Ordering::Relaxed)
    }

    /// When the connection was handed over, waits until whoever has it is done.
    pub(crate) async fn given_back(&self) {
        while self.0.handed_over.load(Ordering::Relaxed) && self.is_busy() {
            self.0.rest.notified().await;
        }
    }

    /// Whether a part of an answer waits to be written.
    pub(crate) fn has_unwritten(&self) -> bool {
        self.0.unwritten.load(Ordering::Relaxed) != 0
    }

    fn rests(&self) {
        self.moments(|moments| moments.idle_since = Instant::now());
    }

    /// Since when nothing is being answered, and no part of an answer was written; nothing while something is. For a connection
    /// that gives way, answers of our own do not count.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let leaving = self.0.leaving.load(Ordering::Relaxed);
        let busy = if leaving { self.is_needed() } else { self.is_busy() };
        (!busy).then(|| self.moments(|moments| moments.idle_since))
    }

    /// Since when the caller has neither asked for anything nor waited for anything: at the latest since a head began. Nothing
    /// while a request or a service's answer is under way: answers of our own are to be had without a credential, and keep
    /// nobody else out.
    pub(crate) fn quiet_since(&self) -> Option<Instant> {
        // What waits where nothing was served is our own.
        let stalled = self.is_stalled() && self.was_served();
        let moving = self.is_needed() || self.has_unwritten() || stalled;
        (!moving).then(|| {
            self.moments(|moments| {
                moments.head_began.map_or(moments.idle_since, |began| began.max(moments.idle_since))
            })
        })
    }

    /// Whether a service has answered a request on it.
    pub(crate) fn was_served(&self) -> bool {
        self.0.served.load(Ordering::Relaxed)
    }

    /// Has the connection end for another, unless a request comes before it does.
    pub(crate) fn give_way(&self) {
        self.0.leaving.store(true, Ordering::Relaxed);
        self.0.gives_way.notify_one();
    }

    /// Ends once the connection is to give way; tells one caller of this, once.
    pub(crate) async fn gives_way(&self) {
        self.0.gives_way.notified().await;
    }

    /// Whether it is to give way.
    #[cfg(test)]
    pub(crate) fn gave_way(&self) -> bool {
        let mut told = std::pin::pin!(self.0.gives_way.notified());
        let gave = told.as_mut().enable();
        if gave {
            self.give_way();
        }
        gave
    }

    /// The system has what it takes of what is sent to the caller, or takes more again.
    pub(crate) fn stalls(&self, stalled: bool) {
        self.0.stalled.store(stalled, Ordering::Relaxed);
        if !stalled {
            self.moments(|moments| moments.stalled_until = Some(Instant::now()));
        }
    }

    /// Until when something waited for the caller to take it: now, if it does. Nothing if nothing has since the last head.
    pub(crate) fn stalled_until(&self) -> Option<Instant> {
        if self.is_stalled() {
            return Some(Instant::now());
        }
        self.moments(|moments| moments.stalled_until)
    }

    /// Whether something waits that the system does not take until the caller has taken more.
    pub(crate) fn is_stalled(&self) -> bool {
        self.0.stalled.load(Ordering::Relaxed)
    }

    /// Requests come beside each other (HTTP/2): what is read need not be a head.
    pub(crate) fn has_streams(&self) {
        self.0.streams.store(true, Ordering::Relaxed);
    }

    /// The first byte of a head came; later ones do not count.
    pub(crate) fn head_began(&self, now: Instant) {
        if !self.0.streams.load(Ordering::Relaxed) {
            self.moments(|moments| *moments.head_began.get_or_insert(now));
        }
    }

    pub(crate) fn head_began_at(&self) -> Option<Instant> {
        self.moments(|moments| moments.head_began)
    }

    /// What began has come to its end.
    pub(crate) fn head_over(&self) {
        self.moments(|moments| *moments = Moments::resting());
    }

    /// Whether the permit of the request being answered still stands.
    pub(crate) fn permit_stands(&self) -> bool {
        let forwarded = self.0.forwarded.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        forwarded.is_none_or(|request| request.stands())
    }

    fn moments<T>(&self, use_them: impl FnOnce(&mut Moments) -> T) -> T {
        use_them(&mut self.0.moments.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Busy {
    /// The same, with the request's place.
    pub(crate) fn holding(mut self, place: Place) -> Self {
        self.place = Some(Arc::new(place));
        self
    }

    /// The same for an answer of our own, which exists from now on: it takes nobody's place, and its caller has a few seconds
    /// to take it.
    pub(crate) fn answered_by_us(mut self) -> Self {
        self.place = None;
        if !std::mem::replace(&mut self.ours, true) {
            self.connection.0.ours.fetch_add(1, Ordering::Relaxed);
            self.connection.rests();
            streams::answered_by_us();
        }
        self
    }

    /// Whether requests come beside each other on its connection (HTTP/2).
    pub(crate) fn has_streams(&self) -> bool {
        self.connection.0.streams.load(Ordering::Relaxed)
    }

    /// A service has answered it.
    pub(crate) fn served(&self) {
        self.connection.0.served.store(true, Ordering::Relaxed);
    }

    /// Whether a service has answered a request on its connection.
    pub(crate) fn was_served(&self) -> bool {
        self.connection.was_served()
    }

    /// A part of its answer begins to wait.
    pub(crate) fn unwritten(&self) -> Unwritten {
        self.connection.0.unwritten.fetch_add(1, Ordering::Relaxed);
        Unwritten(self.connection.clone())
    }

    /// The connection goes on without us reading requests from it, for as long as this or a clone of it is held.
    pub(crate) fn hand_over(&self) -> Self {
        self.connection.0.handed_over.store(true, Ordering::Relaxed);
        self.clone()
    }

    /// The request being answered was permitted: its permit is asked for while the caller takes nothing.
    pub(crate) fn forwards(&self, request: &Arc<InFlight>) {
        let request = Arc::downgrade(request);
        // With HTTP/2 a permit that ends takes its stream with it, and never the others of the connection.
        if let Err(request) = streams::carries(request) {
            let forwarded = &self.connection.0.forwarded;
            *forwarded.lock().unwrap_or_else(PoisonError::into_inner) = request;
        }
    }
}

impl Clone for Busy {
    fn clone(&self) -> Self {
        let connection = self.connection.clone();
        connection.0.answering.fetch_add(1, Ordering::Relaxed);
        if self.ours {
            connection.0.ours.fetch_add(1, Ordering::Relaxed);
        }
        Self { connection, place: self.place.clone(), ours: self.ours }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.ours {
            self.connection.0.ours.fetch_sub(1, Ordering::Relaxed);
        }
        if self.connection.0.answering.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.connection.rests();
            self.connection.0.rest.notify_one();
        }
    }
}

impl Drop for Unwritten {
    fn drop(&mut self) {
        self.0.0.unwritten.fetch_sub(1, Ordering::Relaxed);
        self.0.rests();
    }
}
