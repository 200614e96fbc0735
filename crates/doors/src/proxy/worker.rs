//! A data thread: its own runtime, its own listener on the shared port, its own connections to endpoints.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use gate::request::Scheme;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;
use tokio::task::{JoinSet, unconstrained, yield_now};
use tokio::time::{Instant, interval, sleep, timeout};

use super::busyness::Busyness;
use super::connection::{Caller, Serving};
use super::connections::{Connections, Way};
use super::handler::Handler;
use super::parting::drained;
use crate::model::Doorway;
use crate::request_id::RequestIds;

/// How many connections may wait to be accepted.
pub const BACKLOG: i32 = 4096;
/// How many connections are accepted until everything else has its turn.
const IN_A_ROW: usize = 128;
/// How many while there is too much to do: callers that come back as soon as they are turned away wait where they cost nothing.
const IN_A_ROW_WHEN_LATE: usize = 16;
/// How long accepting pauses when the process has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a caller waits for a place when none has been idle for long enough to give way to it. One that waits in vain is
/// the last to wait until there is a place at once again.
const PLACE_PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked whether there is a place for who waits.
const PLACE_LOOK: Duration = Duration::from_millis(10);
/// How many connections may be open beyond `limits.connections` for the moment that those which give way take to end.
const LEAVING: usize = 64;

/// How often connections that nothing needs any more are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(1);

/// What callers may use up.
#[derive(Clone, Copy, Debug)]
pub struct ProxyLimits {
    /// Bytes of a request's head.
    pub header_bytes: usize,
    /// Header lines of a request.
    pub headers: usize,
    /// Requests at a time on one connection of HTTP/2.
    pub streams: u32,
    /// Open connections, over all data threads.
    pub connections: usize,
    /// From the first byte of a head to its last.
    pub header_timeout: Duration,
    /// Between requests.
    pub idle_timeout: Duration,
    /// Without taking a byte of what is being sent.
    pub write_timeout: Duration,
    /// The least bytes of answers that a caller takes per second while they wait for it; zero for any pace.
    pub answer_rate: u64,
    /// Requests on one connection.
    pub requests_per_connection: usize,
    /// How long requests may take to end once the process was told to stop.
    pub drain: Duration,
}

/// A running data thread.
#[derive(Debug)]
pub struct Worker {
    thread: JoinHandle<()>,
    beats: Arc<AtomicU64>,
}

/// Opens the port, once for each data thread; the kernel spreads connections over them.
///
/// # Errors
/// When the address cannot be had; in particular when another process has it, even one that shares its ports.
pub fn listen(address: SocketAddr, threads: usize) -> io::Result<Vec<TcpListener>> {
    // Sharing a port is meant for our own threads: a first try without sharing finds everyone else.
    let mut address = address;
    {
        let alone = bind(address, false)?;
        alone.listen(BACKLOG)?;
        if let Some(bound) = alone.local_addr()?.as_socket() {
            address = bound;
        }
    }
    (0..threads.max(1))
        .map(|_| {
            let socket = bind(address, true)?;
            socket.listen(BACKLOG)?;
            Ok(socket.into())
        })
        .collect()
}

fn bind(address: SocketAddr, share: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(share)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

impl Worker {
    /// Starts a data thread. It ends some time after `draining` turns true: when its requests have ended, at the latest
    /// after `limits.drain`.
    ///
    /// # Errors
    /// When the thread or its runtime cannot be made.
    pub fn start(
        name: &str,
        listeners: Vec<(TcpListener, Scheme)>,
        doorway: Arc<Doorway>,
        limits: ProxyLimits,
        open: Arc<AtomicUsize>,
        seed: u64,
        draining: watch::Receiver<bool>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handler = Arc::new(Handler::new(doorway, RequestIds::new(seed)));
        let serving = Serving { handler, limits, draining };
        let connections = Arc::new(Connections::default());
        let mut doors = Vec::with_capacity(listeners.len());
        for (listener, scheme) in listeners {
            let _inside = runtime.enter();
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let (serving, open) = (serving.clone(), Arc::clone(&open));
            let connections = Arc::clone(&connections);
            doors.push(Door { listener, scheme, serving, open, connections });
        }
        let beats = Arc::new(AtomicU64::new(0));
        let beating = Arc::clone(&beats);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async {
                let handler = serving.handler;
                let watching = Arc::clone(&handler);
                let watching = tokio::spawn(async move { watching.keep_time().await });
                let tidying = tokio::spawn(async move {
                    let mut ticks = interval(TIDY_EVERY);
                    loop {
                        ticks.tick().await;
                        handler.tidy();
                        beating.fetch_add(1, Ordering::Relaxed);
                    }
                });
                let mut open: JoinSet<()> = doors.into_iter().map(Door::run).collect();
                while open.join_next().await.is_some() {}
                tidying.abort();
                watching.abort();
            });
        })?;
        Ok(Self { thread, beats })
    }

    /// A number that grows every second for as long as the thread gets to all that it has to do.
    #[must_use]
    pub fn beats(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.beats)
    }

    /// Waits for its end.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("a data thread ended in a panic");
        }
    }
}

/// Whether there is a place for one more connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Free,
    /// Another ends for it.
    GivesWay,
    /// Another will have been idle for long enough at this moment.
    Soon(Instant),
    None,
}

struct Door {
    listener: tokio::net::TcpListener,
    scheme: Scheme,
    serving: Serving,
    /// How many are open, over all data threads.
    open: Arc<AtomicUsize>,
    /// Those of this data thread.
    connections: Arc<Connections>,
}

impl Door {
    async fn run(self) {
        let mut connections = JoinSet::new();
        let stopping = drained(self.serving.draining.clone());
        tokio::pin!(stopping);
        let mut in_a_row = 0;
        let mut waits = true;
        loop {
            tokio::select! {
                // As many as there are: who waits for this waits where nobody sees it.
                accepted = unconstrained(self.listener.accept()) => match accepted {
                    Ok((stream, peer)) => {
                        in_a_row += 1;
                        let late = self.serving.handler.was_late();
                        let most = if late { IN_A_ROW_WHEN_LATE } else { IN_A_ROW };
                        let patience = if waits { PLACE_PATIENCE } else { Duration::ZERO };
                        let room = self.find_room(patience, &mut connections).await;
                        waits = !matches!(room, Room::Soon(_));
                        let gives_way = room == Room::GivesWay;
                        self.take(stream, peer, room, &mut connections);
                        // The one that gives way ends before the next comes.
                        if gives_way || in_a_row >= most {
                            in_a_row = 0;
                            yield_now().await;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                () = &mut stopping => break,
            }
        }
        // Those that the kernel has taken already are ours to answer.
        while let Ok(Ok((stream, peer))) = timeout(Duration::ZERO, self.listener.accept()).await {
            let room = self.room(Instant::now());
            self.take(stream, peer, room, &mut connections);
        }
        drop(self.listener);
        let drained = timeout(self.serving.limits.drain, async {
            while connections.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            tracing::warn!(
                open = connections.len(),
                "closing what did not end within the drain time"
            );
            self.serving.handler.cuts_off();
        }
    }

    /// Takes a place for one more connection; an idle one gives way to it when there is none.
    fn room(&self, now: Instant) -> Room {
        let most = self.serving.limits.connections;
        let one_more = |open: usize| (open < most).then_some(open + 1);
        match self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) {
            Ok(_) => return Room::Free,
            Err(open) if open >= most.saturating_add(LEAVING) => return Room::None,
            Err(_) => {}
        }
        match self.connections.give_way(now) {
            Way::Given => {
                self.open.fetch_add(1, Ordering::Relaxed);
                Room::GivesWay
            }
            Way::From(then) => Room::Soon(then),
            Way::Nobody => Room::None,
        }
    }

    /// Takes a place for one more connection, and waits for it as long as this if there is one to be had by then.
    async fn find_room(&self, patience: Duration, connections: &mut JoinSet<()>) -> Room {
        let until = Instant::now() + patience;
        loop {
            let now = Instant::now();
            let room = self.room(now);
            let Room::Soon(then) = room else { return room };
            if then > until {
                return room;
            }
            tokio::select! {
                // Connections of other data threads leave places too.
                () = sleep(PLACE_LOOK.min(then.saturating_duration_since(now))) => {}
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Serves a connection, if there was room for it.
    fn take(
        &self,
        stream: tokio::net::TcpStream,
        peer: SocketAddr,
        room: Room,
        connections: &mut JoinSet<()>,
    ) {
        let metrics = self.serving.handler.metrics();
        if matches!(room, Room::Soon(_) | Room::None) {
            metrics.connections_refused.inc();
            return;
        }
        if room == Room::GivesWay {
            metrics.connections_evicted.inc();
        }
        metrics.connections.inc();
        let gauge = metrics.connections.clone();
        let open = Arc::clone(&self.open);
        let busy = Busyness::default();
        let place = self.connections.open(busy.clone(), Instant::now());
        let (serving, caller) = (self.serving.clone(), Caller::new(peer, self.scheme));
        // Made in here, where it is kept once: most of them are idle.
        connections.spawn(async move {
            serving.serve(stream, caller, busy).await;
            drop(place);
            open.fetch_sub(1, Ordering::Relaxed);
            gauge.dec();
        });
    }
}
