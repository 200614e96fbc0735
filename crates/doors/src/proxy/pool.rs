//! Connections to endpoints, kept by one data thread for itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;
use thiserror::Error;
use tokio::time::{Instant, timeout};

use super::dial::{DialError, Dialled};
use super::endpoint::{Endpoint, EndpointId};
use super::sender::{Sender, Shared, speak_http1, speak_http2};
use super::service::Service;
use super::slots::{Slots, SlotsSize};
use crate::model::Model;

/// The connections of one data thread.
///
/// The locks are never contended: only the thread that owns the pool takes them, and never across a wait.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<HashMap<EndpointId, Vec<Idle>, FixedState>>,
    shared: Mutex<HashMap<EndpointId, Vec<SharedUntil>>>,
    /// Held while a connection of HTTP/2 is made, so that those who wait share it.
    connecting: Mutex<HashMap<EndpointId, Arc<tokio::sync::Mutex<()>>>>,
    slots: Mutex<HashMap<String, Arc<Slots>, FixedState>>,
}

/// A connection that waits for its next request.
#[derive(Debug)]
struct Idle {
    connection: Sender,
    until: Instant,
}

/// A connection of HTTP/2; let go when it has had nothing to do until then.
#[derive(Debug)]
struct SharedUntil {
    connection: Shared,
    until: Instant,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    /// The endpoint cannot be reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The HTTP handshake failed.
    #[error("HTTP cannot be spoken with it: {0}")]
    Handshake(#[from] hyper::Error),
}

impl ConnectError {
    /// Whether it says nothing of the endpoint.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Dial(error) if error.is_ours())
    }
}

impl Pool {
    /// The places of a service.
    pub(crate) fn slots(&self, service: &Service) -> Arc<Slots> {
        let options = &service.options;
        let of_one = |all: usize| (all * options.caller_share_percent / 100).max(1);
        let size = SlotsSize {
            under_way: options.max_connections,
            waiting: options.max_pending,
            of_one: of_one(options.max_connections),
            waiting_of_one: of_one(options.max_pending),
        };
        let mut all = lock(&self.slots);
        match all.get(options.name.as_str()) {
            Some(slots) if slots.size() == size => Arc::clone(slots),
            _ => {
                let slots = Slots::new(size, Instant::now());
                all.insert(options.name.clone(), Arc::clone(&slots));
                slots
            }
        }
    }

    /// A connection that was used before and is still open.
    pub(crate) fn idle(&self, endpoint: &Endpoint) -> Option<Sender> {
        if endpoint.dial.http2 {
            return self.stream(endpoint);
        }
        let mut idle = lock(&self.idle);
        let connections = idle.get_mut(&endpoint.id)?;
        // One that has been closed is found out when it is asked whether it is ready.
        connections.pop().map(|idle| idle.connection)
    }

    /// A place on a connection of HTTP/2 that is open.
    fn stream(&self, endpoint: &Endpoint) -> Option<Sender> {
        let mut shared = lock(&self.shared);
        let connections = shared.get_mut(&endpoint.id)?;
        // One that is given no more is held by the requests that it has alone, and is closed with the last of them. All others are
        // full before the next is made: there are no more than `max_connections` has of `max_streams`, and one.
        connections.retain(|shared| !shared.connection.is_over());
        let stream = connections.iter().find_map(|shared| shared.connection.stream());
        stream.map(Sender::Http2)
    }

    /// A new connection.
    pub(crate) async fn connect(
        &self,
        service: &Service,
        endpoint: &Endpoint,
    ) -> Result<Sender, ConnectError> {
        let within = service.options.timeouts.connect;
        if !endpoint.dial.http2 {
            return Ok(match endpoint.dial.connect(within).await? {
                Dialled::Plain(stream) => speak_http1(stream).await?,
                Dialled::Socket(stream) => speak_http1(stream).await?,
                Dialled::Tls(stream) => speak_http1(stream).await?,
            });
        }
        let turn = Arc::clone(lock(&self.connecting).entry(endpoint.id).or_default());
        // Each who waits may find the endpoint as silent as the one before did.
        let _turn = timeout(within, turn.lock()).await.map_err(|_| DialError::TimedOut(within))?;
        // Whoever had the turn before may have made one with room for us.
        if let Some(stream) = self.stream(endpoint) {
            return Ok(stream);
        }
        let streams = service.options.max_streams;
        let connection = match endpoint.dial.connect(within).await? {
            Dialled::Plain(stream) => speak_http2(stream, streams).await?,
            Dialled::Socket(stream) => speak_http2(stream, streams).await?,
            Dialled::Tls(stream) => speak_http2(stream, streams).await?,
        };
        let stream = connection.stream().ok_or(DialError::TimedOut(within))?;
        let until = Instant::now() + service.options.timeouts.idle;
        lock(&self.shared).entry(endpoint.id).or_default().push(SharedUntil { connection, until });
        Ok(Sender::Http2(stream))
    }

    /// Closes the connections that waited too long, or whose endpoint no service in `model` has.
    pub(crate) fn tidy(&self, model: &Model, now: Instant) {
        let idle_timeouts: HashMap<_, _> = model
            .services
            .iter()
            .flat_map(|service| {
                let idle = service.options.timeouts.idle;
                service.endpoints().iter().map(move |one| (one.id, idle)).collect::<Vec<_>>()
            })
            .collect();
        lock(&self.idle).retain(|endpoint, connections| {
            let known = idle_timeouts.contains_key(endpoint);
            connections.retain(|idle| known && now < idle.until && !idle.connection.is_closed());
            !connections.is_empty()
        });
        lock(&self.shared).retain(|endpoint, connections| {
            let idle_timeout = idle_timeouts.get(endpoint);
            connections.retain_mut(|shared| {
                if !shared.connection.is_idle() {
                    shared.until = now + idle_timeout.copied().unwrap_or_default();
                }
                idle_timeout.is_some() && now < shared.until && !shared.connection.is_over()
            });
            !connections.is_empty()
        });
        lock(&self.connecting).retain(|endpoint, _| idle_timeouts.contains_key(endpoint));
    }

    /// Takes back a connection whose answer was read to its end.
    pub(crate) fn put_back(
        &self,
        service: &Service,
        endpoint: EndpointId,
        connection: Sender,
        now: Instant,
    ) {
        // A connection of HTTP/2 was never taken away.
        if matches!(connection, Sender::Http2(_)) || connection.is_closed() {
            return;
        }
        let mut idle = lock(&self.idle);
        let connections = idle.entry(endpoint).or_default();
        if connections.len() < service.options.max_connections {
            connections.push(Idle { connection, until: now + service.options.timeouts.idle });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
