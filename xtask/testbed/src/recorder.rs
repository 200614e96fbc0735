//! An upstream that records exactly what arrives: every request, and every byte that belongs to none.

use std::collections::HashMap;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::Result;

use crate::message::{Message, Reader, Unframed};
use crate::port::Port;

/// What it answers to every request.
pub const ANSWER: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\nrecorded\n";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which connection it came on, counted from zero.
    pub connection: usize,
    /// What came.
    pub message: Message,
}

impl Seen {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.part(0)
    }

    /// The request target.
    #[must_use]
    pub fn target(&self) -> &str {
        self.part(1)
    }

    /// The path: the target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    /// All values of the field called `name`, in order.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.message.head.values(name)
    }

    fn part(&self, index: usize) -> &str {
        self.message.head.first_line.split(' ').nth(index).unwrap_or_default()
    }
}

/// What has been recorded.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Requests in the order of their last byte.
    pub requests: Vec<Seen>,
    /// Bytes that made no whole request before their connection ended, or that could not be read as one.
    pub stray: Vec<Vec<u8>>,
}

/// The upstream. It stops when it is dropped.
#[derive(Debug)]
pub struct Recorder {
    port: Arc<Port>,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts on a port of its own.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> Result<Self> {
        Self::start_on(Arc::new(Port::reserve()?))
    }

    /// Starts on `port`; an upstream that was stopped comes back this way.
    ///
    /// # Errors
    /// When something else listens there.
    pub fn start_on(port: Arc<Port>) -> Result<Self> {
        let listener = port.listen()?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let accepting = std::thread::spawn(move || accept(&listener, &shared));
        Ok(Self { port, state, accepting: Some(accepting) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The port, to come back on after [`Recorder::stop`].
    #[must_use]
    pub fn port(&self) -> Arc<Port> {
        Arc::clone(&self.port)
    }

    /// What was recorded since the last call.
    #[must_use]
    pub fn take(&self) -> Log {
        std::mem::take(&mut *self.state.log())
    }

    /// Stops as a killed process does: no new connection, and every open one reset or closed.
    #[must_use]
    pub fn stop(mut self) -> Log {
        self.shut();
        self.take()
    }

    fn shut(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        self.state.stopping.store(true, Ordering::SeqCst);
        // Wakes the accepting thread; whether it was still listening makes no difference.
        let _ = TcpStream::connect(self.address());
        let _ = accepting.join();
        for stream in self.state.open().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shut();
    }
}

#[derive(Debug, Default)]
struct State {
    log: Mutex<Log>,
    open: Mutex<HashMap<usize, TcpStream>>,
    stopping: AtomicBool,
}

impl State {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<usize, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for (connection, stream) in listener.incoming().enumerate() {
        if state.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if let Ok(twin) = stream.try_clone() {
            state.open().insert(connection, twin);
        }
        let state = Arc::clone(state);
        std::thread::spawn(move || {
            let mut reader = Reader::new(stream);
            // A connection that fails has said all it will; what came on it is in the log.
            let _ = record(connection, &mut reader, &state);
            if !reader.rest().is_empty() {
                state.log().stray.push(reader.rest().to_vec());
            }
            state.open().remove(&connection);
        });
    }
}

fn record(connection: usize, reader: &mut Reader<TcpStream>, state: &State) -> Result<()> {
    reader.stream().set_nodelay(true)?;
    while let Some(head) = reader.head()? {
        if !head.values("expect").is_empty() {
            reader.stream().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let raw = head.raw.clone();
        let message = match reader.body(head, Unframed::Empty) {
            Ok(message) => message,
            Err(error) => {
                state.log().stray.push(raw);
                return Err(error);
            }
        };
        let is_head = message.head.first_line.starts_with("HEAD ");
        state.log().requests.push(Seen { connection, message });
        let answer = if is_head { ANSWER.trim_end_matches("recorded\n") } else { ANSWER };
        reader.stream().write_all(answer.as_bytes())?;
    }
    Ok(())
}
