//! Callers that take up a connection each and give little for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// How long one waits before it comes back.
const BACK_AFTER: Duration = Duration::from_millis(200);
/// How much of an answer the system takes for one that reads slowly.
const SMALL_BUFFER: u32 = 4 << 10;

/// What callers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Connect, and say nothing.
    Idle,
    /// Send a byte of a body every three seconds.
    SlowBody,
    /// Send a byte of a head every second.
    SlowHead,
    /// Take a byte of the answer every second.
    SlowReader,
}

/// So many callers with one habit. Who is turned away comes back. They go when this is dropped.
#[derive(Debug)]
pub struct Misbehaving {
    state: Arc<State>,
    working: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    open: AtomicUsize,
    turned_away: AtomicUsize,
    stopping: AtomicBool,
}

impl Misbehaving {
    /// Starts `count` callers at `address`, each with `head`, the head of its request.
    ///
    /// # Errors
    /// When no runtime can be had.
    pub fn start(address: SocketAddr, habit: Habit, count: usize, head: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let state = Arc::new(State::default());
        let (shared, head) = (Arc::clone(&state), Arc::<str>::from(head));
        let working = std::thread::spawn(move || {
            runtime.block_on(async {
                for _ in 0..count {
                    tokio::spawn(call(address, habit, Arc::clone(&head), Arc::clone(&shared)));
                    tokio::task::yield_now().await;
                }
                while !shared.stopping.load(Ordering::Relaxed) {
                    sleep(BACK_AFTER).await;
                }
            });
        });
        Ok(Self { state, working: Some(working) })
    }

    /// How many are connected.
    #[must_use]
    pub fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// How often one of them was turned away, or cut off.
    #[must_use]
    pub fn turned_away(&self) -> usize {
        self.state.turned_away.load(Ordering::SeqCst)
    }
}

impl Drop for Misbehaving {
    fn drop(&mut self) {
        self.state.stopping.store(true, Ordering::SeqCst);
        if let Some(working) = self.working.take() {
            let _ = working.join();
        }
    }
}

/// How many files and connections this process, and those that it starts, may have open.
#[must_use]
pub fn open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

async fn call(address: SocketAddr, habit: Habit, head: Arc<str>, state: Arc<State>) {
    loop {
        if let Ok(stream) = connect(address, habit).await {
            state.open.fetch_add(1, Ordering::SeqCst);
            // However it ends, it was the other side that ended it.
            let _ = keep(stream, habit, &head).await;
            state.open.fetch_sub(1, Ordering::SeqCst);
        }
        state.turned_away.fetch_add(1, Ordering::SeqCst);
        sleep(BACK_AFTER).await;
    }
}

async fn connect(address: SocketAddr, habit: Habit) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if habit == Habit::SlowReader {
        socket.set_recv_buffer_size(SMALL_BUFFER)?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Keeps to the habit until the other side ends it.
async fn keep(mut stream: TcpStream, habit: Habit, head: &str) -> Result<()> {
    let mut one = [0];
    match habit {
        Habit::Idle => drop(stream.read(&mut one).await?),
        Habit::SlowBody => {
            stream.write_all(head.as_bytes()).await?;
            trickle(&mut stream, std::iter::repeat(b'x'), Duration::from_secs(3)).await?;
        }
        Habit::SlowHead => {
            trickle(&mut stream, head.bytes(), Duration::from_secs(1)).await?;
        }
        Habit::SlowReader => {
            stream.write_all(head.as_bytes()).await?;
            while stream.read(&mut one).await? > 0 {
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
    Ok(())
}

/// Sends a byte at a time, `apart`; ends when the other side does.
async fn trickle(
    stream: &mut TcpStream,
    bytes: impl Iterator<Item = u8>,
    apart: Duration,
) -> Result<()> {
    let mut answer = [0; 512];
    for byte in bytes {
        stream.write_all(&[byte]).await?;
        if let Ok(read) = timeout(apart, stream.read(&mut answer)).await {
            // An answer that comes early is the other side's way to say that it has had enough.
            read?;
            return Ok(());
        }
    }
    Ok(())
}
