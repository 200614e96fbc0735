//! Offered load: requests that come at a fixed rate, whether or not those before them were answered.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, interval, timeout_at};

use crate::clock::Stopwatch;

/// How often it is looked which requests are due.
const TICK: Duration = Duration::from_millis(1);

/// The longest that a load may last, so that none runs on by itself.
const LONGEST: Duration = Duration::from_secs(600);

/// The largest answer that is read.
const ANSWER_BYTES: usize = 64 << 10;

/// What is offered, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// Where.
    pub address: SocketAddr,
    /// Requests in a second; `None` to send the next on each connection as soon as it is answered.
    pub rate: Option<u32>,
    /// The most connections: how many callers there are. What is due while all of them wait for an answer is not sent.
    pub connections: usize,
    /// How long an answer is waited for, from when its request was due.
    pub patience: Duration,
}

/// How one request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The number that the request was made for.
    pub number: u64,
    /// When it was due, from the start of the load.
    pub due: Duration,
    /// How long it took from then on.
    pub took: Duration,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was answered with this status.
    Answered(u16),
    /// The connection broke before it was answered.
    Broken,
    /// It was not answered in time.
    Late,
    /// It was due while every connection had one under way.
    Unsent,
}

/// A load that runs. It stops when it is dropped.
#[derive(Debug)]
pub struct Offered {
    stopping: Arc<AtomicBool>,
    lag: Arc<AtomicU64>,
    working: Option<JoinHandle<Vec<Ending>>>,
    watch: Stopwatch,
}

impl Offered {
    /// Starts; each request is what `request` says for its number, counted from zero.
    ///
    /// # Errors
    /// When no runtime can be had.
    pub fn start(
        offer: Offer,
        request: impl Fn(u64) -> String + Send + Sync + 'static,
    ) -> Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let watch = Stopwatch::start();
        let lag = Arc::new(AtomicU64::new(0));
        let (told, lagging) = (Arc::clone(&stopping), Arc::clone(&lag));
        let working = std::thread::spawn(move || {
            let desk = Arc::new(Desk {
                offer,
                request: Box::new(request),
                start: Instant::now(),
                stopping: told,
                lag: lagging,
                endings: Mutex::default(),
            });
            runtime.block_on(Arc::clone(&desk).run());
            // Those that are still under way count for nothing: the load was over.
            drop(runtime);
            std::mem::take(&mut *lock(&desk.endings))
        });
        Ok(Self { stopping, lag, working: Some(working), watch })
    }

    /// How long it has run.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.watch.elapsed()
    }

    /// How late a request was offered at most: what the machine itself held up.
    #[must_use]
    pub fn lag(&self) -> Duration {
        Duration::from_millis(self.lag.load(Ordering::SeqCst))
    }

    /// Offers no more, and tells how each request ended, in the order of their ends. What is under way has the
    /// patience of the load to end.
    ///
    /// # Errors
    /// When the load panicked.
    pub fn stop(mut self) -> Result<Vec<Ending>> {
        self.stopping.store(true, Ordering::SeqCst);
        let Some(working) = self.working.take() else { bail!("the load was stopped before") };
        working.join().ok().context("the load panicked")
    }
}

impl Drop for Offered {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
    }
}

/// Where requests are given out, and their ends written down.
struct Desk {
    offer: Offer,
    request: Box<dyn Fn(u64) -> String + Send + Sync>,
    start: Instant,
    stopping: Arc<AtomicBool>,
    lag: Arc<AtomicU64>,
    endings: Mutex<Vec<Ending>>,
}

/// A request that is due.
#[derive(Clone, Copy)]
struct Due {
    number: u64,
    at: Instant,
}

impl Desk {
    async fn run(self: Arc<Self>) {
        match self.offer.rate {
            Some(rate) => self.at_rate(rate).await,
            None => self.in_turn().await,
        }
    }

    fn is_over(&self) -> bool {
        self.stopping.load(Ordering::Relaxed) || self.start.elapsed() > LONGEST
    }

    /// The next request as soon as one is answered.
    async fn in_turn(self: Arc<Self>) {
        let stride = self.offer.connections as u64;
        let workers: Vec<_> = (0..stride)
            .map(|first| {
                let desk = Arc::clone(&self);
                tokio::spawn(async move {
                    let mut kept = None;
                    let mut number = first;
                    while !desk.is_over() {
                        desk.serve(Due { number, at: Instant::now() }, &mut kept).await;
                        number += stride;
                    }
                })
            })
            .collect();
        for worker in workers {
            let _ = worker.await;
        }
    }

    /// Requests when they are due; the connection that was free last is used first.
    async fn at_rate(self: Arc<Self>, rate: u32) {
        let (back, mut returned) = unbounded_channel::<usize>();
        let mut workers: Vec<UnboundedSender<Due>> = Vec::new();
        let mut free: Vec<usize> = Vec::new();
        let mut given = 0;
        let mut ticks = interval(TICK);
        while !self.is_over() {
            tokio::select! {
                tick = ticks.tick() => {
                    let lag = u64::try_from(tick.elapsed().as_millis()).unwrap_or(u64::MAX);
                    self.lag.fetch_max(lag, Ordering::Relaxed);
                }
                Some(number) = returned.recv() => free.push(number),
            }
            while let Ok(number) = returned.try_recv() {
                free.push(number);
            }
            let due = (self.start.elapsed().as_secs_f64() * f64::from(rate)) as u64;
            while given < due {
                let at = self.start + Duration::from_secs_f64(given as f64 / f64::from(rate));
                let due = Due { number: given, at };
                given += 1;
                if let Some(worker) = free.pop().and_then(|number| workers.get(number)) {
                    // A worker ends only when this end is dropped.
                    let _ = worker.send(due);
                } else if workers.len() < self.offer.connections {
                    let (worker, dues) = unbounded_channel();
                    let _ = worker.send(due);
                    tokio::spawn(Arc::clone(&self).work(workers.len(), dues, back.clone()));
                    workers.push(worker);
                } else {
                    self.write(due, Outcome::Unsent);
                }
            }
        }
        drop(workers);
        drop(back);
        while returned.recv().await.is_some() {}
    }

    async fn work(
        self: Arc<Self>,
        number: usize,
        mut dues: UnboundedReceiver<Due>,
        back: UnboundedSender<usize>,
    ) {
        let mut kept = None;
        while let Some(due) = dues.recv().await {
            self.serve(due, &mut kept).await;
            // Nobody waits for it once the load is over.
            let _ = back.send(number);
        }
    }

    async fn serve(&self, due: Due, kept: &mut Option<TcpStream>) {
        let text = (self.request)(due.number);
        let until = due.at + self.offer.patience;
        let exchanged = timeout_at(until, exchange(self.offer.address, &text, kept)).await;
        let outcome = match exchanged {
            Ok(Ok(status)) => Outcome::Answered(status),
            Ok(Err(_)) => Outcome::Broken,
            Err(_) => Outcome::Late,
        };
        if !matches!(outcome, Outcome::Answered(_)) {
            *kept = None;
        }
        self.write(due, outcome);
    }

    fn write(&self, due: Due, outcome: Outcome) {
        lock(&self.endings).push(Ending {
            number: due.number,
            due: due.at.duration_since(self.start),
            took: due.at.elapsed(),
            outcome,
        });
    }
}

/// Sends `text` on the connection that is kept, or on a new one, and reads the answer.
async fn exchange(address: SocketAddr, text: &str, kept: &mut Option<TcpStream>) -> Result<u16> {
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            stream
        }
    };
    stream.write_all(text.as_bytes()).await?;
    let mut answer = Vec::with_capacity(1024);
    let end = loop {
        if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if answer.len() > ANSWER_BYTES || stream.read_buf(&mut answer).await? == 0 {
            bail!("no whole head came");
        }
    };
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default()).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let field = |name: &str| {
        head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let length = field("content-length").and_then(|length| length.parse::<usize>().ok());
    let whole = end + length.context("expected a content-length")?;
    while answer.len() < whole {
        if answer.len() > ANSWER_BYTES || stream.read_buf(&mut answer).await? == 0 {
            bail!("no whole body came");
        }
    }
    if field("connection") != Some("close") {
        *kept = Some(stream);
    }
    status.context("expected a status")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time that this part (from 0 to 1) of `endings` took at most.
#[must_use]
pub fn percentile(endings: &[Ending], part: f64) -> Duration {
    let mut took: Vec<_> = endings.iter().map(|ending| ending.took).collect();
    took.sort_unstable();
    let place = (took.len() as f64 * part) as usize;
    took.get(place.min(took.len().saturating_sub(1))).copied().unwrap_or_default()
}
