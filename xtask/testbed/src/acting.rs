//! A service that does on each connection what a test says: answers early, breaks off, or keeps silent.

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::Result;

use crate::message::Reader;
use crate::port::Port;

/// The service. When it is dropped it takes no more connections, and every open one is closed.
#[derive(Debug)]
pub struct Acting {
    port: Port,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    stopping: AtomicBool,
    connections: AtomicUsize,
    open: Mutex<HashMap<usize, TcpStream>>,
}

impl State {
    fn open(&self) -> MutexGuard<'_, HashMap<usize, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Acting {
    /// Starts one that does `act` on each connection, which it is given with its number, counted from zero. A
    /// connection is closed when `act` returns.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(
        act: impl Fn(usize, &mut Reader<TcpStream>) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        let port = Port::reserve()?;
        let listener = port.listen()?;
        let (state, act) = (Arc::new(State::default()), Arc::new(act));
        let shared = Arc::clone(&state);
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                if let Ok(twin) = stream.try_clone() {
                    shared.open().insert(number, twin);
                }
                let (act, shared) = (Arc::clone(&act), Arc::clone(&shared));
                std::thread::spawn(move || {
                    let mut reader = Reader::new(stream);
                    // That the other side closes is how most of these connections end.
                    let _ = act(number, &mut reader);
                    let _ = reader.stream().shutdown(Shutdown::Both);
                    shared.open().remove(&number);
                });
            }
        });
        Ok(Self { port, state, accepting: Some(accepting) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// How many connections it has had.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        self.state.stopping.store(true, Ordering::SeqCst);
        // Wakes the accepting thread; whether it was still listening makes no difference.
        let _ = TcpStream::connect(self.address());
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for (_, stream) in self.state.open().drain() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
