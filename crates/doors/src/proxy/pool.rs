//! Connections to endpoints, kept by one data thread for itself.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::body::WatchedBody;
use super::endpoint::Endpoint;
use super::service::Service;
use crate::model::Model;

/// The connections of one data thread.
///
/// The locks are never contended: only the thread that owns the pool takes them, and never across a wait.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<HashMap<Arc<str>, Vec<Idle>>>,
    slots: Mutex<HashMap<String, Slots>>,
}

/// A connection that waits for its next request.
#[derive(Debug)]
struct Idle {
    connection: SendRequest<WatchedBody>,
    until: Instant,
}

/// How many requests of one service may be under way at once, and how many may wait.
#[derive(Clone, Debug)]
struct Slots {
    free: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    size: (usize, usize),
}

/// The right to have one connection to a service.
#[derive(Debug)]
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    /// The endpoint did not take it.
    #[error("cannot connect to `{endpoint}`: {source}")]
    Refused { endpoint: Arc<str>, source: std::io::Error },
    /// The HTTP handshake failed.
    #[error("cannot speak HTTP with `{endpoint}`: {source}")]
    Handshake { endpoint: Arc<str>, source: hyper::Error },
    /// The endpoint did not answer in time.
    #[error("`{endpoint}` did not take the connection within {within:?}")]
    TimedOut { endpoint: Arc<str>, within: Duration },
}

impl Pool {
    /// Waits for one of the service's connections to be free; nothing when too many wait already.
    pub(crate) async fn slot(&self, service: &Service) -> Option<Slot> {
        let slots = self.slots_of(service)?;
        if let Ok(permit) = Arc::clone(&slots.free).try_acquire_owned() {
            return Some(Slot { _permit: permit });
        }
        let _waiting = slots.waiting.try_acquire().ok()?;
        let permit = Arc::clone(&slots.free).acquire_owned().await.ok()?;
        Some(Slot { _permit: permit })
    }

    fn slots_of(&self, service: &Service) -> Option<Slots> {
        let size = (service.options.max_connections, service.options.max_pending);
        let mut all = self.slots.lock().ok()?;
        let slots = all.entry(service.options.name.clone()).or_insert_with(|| Slots::new(size));
        if slots.size != size {
            *slots = Slots::new(size);
        }
        Some(slots.clone())
    }

    /// A connection that was used before and is still open.
    pub(crate) fn idle(&self, endpoint: &Endpoint) -> Option<SendRequest<WatchedBody>> {
        let mut idle = self.idle.lock().ok()?;
        let connections = idle.get_mut(&endpoint.name)?;
        while let Some(idle) = connections.pop() {
            if !idle.connection.is_closed() {
                return Some(idle.connection);
            }
        }
        None
    }

    /// Closes the connections that waited too long, or whose endpoint no service in `model` has.
    pub(crate) fn tidy(&self, model: &Model, now: Instant) {
        let Ok(mut idle) = self.idle.lock() else { return };
        let endpoints = model.services.iter().flat_map(|service| &service.endpoints);
        let names: HashSet<_> = endpoints.map(|endpoint| &endpoint.name).collect();
        idle.retain(|name, connections| {
            let known = names.contains(name);
            connections.retain(|idle| known && now < idle.until && !idle.connection.is_closed());
            !connections.is_empty()
        });
    }

    /// A new connection.
    pub(crate) async fn connect(
        &self,
        endpoint: &Endpoint,
        within: Duration,
    ) -> Result<SendRequest<WatchedBody>, ConnectError> {
        let name = || Arc::clone(&endpoint.name);
        let address = (endpoint.host.trim_matches(['[', ']']), endpoint.port);
        let stream = timeout(within, TcpStream::connect(address))
            .await
            .map_err(|_| ConnectError::TimedOut { endpoint: name(), within })?
            .map_err(|source| ConnectError::Refused { endpoint: name(), source })?;
        // Requests are small and written whole; waiting for more would only add time.
        let _ = stream.set_nodelay(true);
        let (sender, connection) = http1::Builder::new()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| ConnectError::Handshake { endpoint: name(), source })?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an endpoint ended");
            }
        });
        Ok(sender)
    }

    /// Takes back a connection whose answer was read to its end.
    pub(crate) fn put_back(
        &self,
        service: &Service,
        endpoint: &Arc<str>,
        connection: SendRequest<WatchedBody>,
        now: Instant,
    ) {
        if connection.is_closed() {
            return;
        }
        if let Ok(mut idle) = self.idle.lock() {
            let connections = idle.entry(Arc::clone(endpoint)).or_default();
            if connections.len() < service.options.max_connections {
                connections.push(Idle { connection, until: now + service.options.idle_timeout });
            }
        }
    }
}

impl Slots {
    fn new(size: (usize, usize)) -> Self {
        Self {
            free: Arc::new(Semaphore::new(size.0)),
            waiting: Arc::new(Semaphore::new(size.1)),
            size,
        }
    }
}
