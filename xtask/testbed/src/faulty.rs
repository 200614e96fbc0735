//! A service that can be made to go wrong, and well again, while it is asked.

use std::collections::HashMap;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use socket2::SockRef;

use crate::message::{Message, Reader, Unframed};
use crate::port::Port;

/// How a service behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers 500 to everything.
    Failing,
    /// Takes connections and requests, and answers none, until it behaves otherwise.
    Hung,
    /// Reads a request, then resets its connection.
    Resetting,
    /// Answers 200, this much later.
    Slow(Duration),
    /// Answers 200.
    Well,
}

/// The service. It stops when it is dropped.
#[derive(Debug)]
pub struct Faulty {
    port: Arc<Port>,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

/// How often each request was delivered, by method and target, over all the services that share it.
#[derive(Clone, Debug, Default)]
pub struct Deliveries(Arc<Mutex<HashMap<String, u32>>>);

impl Deliveries {
    /// How many requests with `method` were delivered more than once.
    #[must_use]
    pub fn repeated(&self, method: &str) -> usize {
        let all = lock(&self.0);
        all.iter().filter(|(line, count)| line.starts_with(method) && **count > 1).count()
    }

    fn add(&self, message: &Message) {
        *lock(&self.0).entry(message.head.first_line.clone()).or_default() += 1;
    }
}

#[derive(Debug)]
struct State {
    now: Mutex<Now>,
    changed: Condvar,
    deliveries: Deliveries,
}

#[derive(Debug)]
struct Now {
    behaviour: Behaviour,
    stopping: bool,
    answered: u64,
    open: HashMap<usize, TcpStream>,
}

impl Faulty {
    /// Starts one that is well on `port`, and counts into `deliveries`.
    ///
    /// # Errors
    /// When something else listens there.
    pub fn start(port: &Arc<Port>, deliveries: &Deliveries) -> Result<Self> {
        let listener = port.listen()?;
        let state = Arc::new(State {
            now: Mutex::new(Now {
                behaviour: Behaviour::Well,
                stopping: false,
                answered: 0,
                open: HashMap::new(),
            }),
            changed: Condvar::new(),
            deliveries: deliveries.clone(),
        });
        let shared = Arc::clone(&state);
        let accepting = Some(std::thread::spawn(move || accept(&listener, &shared)));
        Ok(Self { port: Arc::clone(port), state, accepting })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Behaves like this from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        lock(&self.state.now).behaviour = behaviour;
        self.state.changed.notify_all();
    }

    /// How many requests it has answered with 200; probes do not count.
    #[must_use]
    pub fn answered(&self) -> u64 {
        lock(&self.state.now).answered
    }
}

impl Drop for Faulty {
    /// As a killed process ends: no new connection, and every open one closed.
    fn drop(&mut self) {
        lock(&self.state.now).stopping = true;
        self.state.changed.notify_all();
        // Wakes the accepting thread; whether it was still listening makes no difference.
        let _ = TcpStream::connect(self.address());
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for stream in lock(&self.state.now).open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for (number, stream) in listener.incoming().enumerate() {
        let Ok(stream) = stream else { continue };
        {
            let mut now = lock(&state.now);
            if now.stopping {
                return;
            }
            if let Ok(twin) = stream.try_clone() {
                now.open.insert(number, twin);
            }
        }
        let state = Arc::clone(state);
        std::thread::spawn(move || {
            let mut reader = Reader::new(stream);
            // That the other side closes is how most of these connections end.
            let _ = serve(&mut reader, &state);
            lock(&state.now).open.remove(&number);
        });
    }
}

fn serve(reader: &mut Reader<TcpStream>, state: &State) -> Result<()> {
    reader.stream().set_nodelay(true)?;
    while let Some(head) = reader.head()? {
        let message = reader.body(head, Unframed::Empty)?;
        let probe = message.head.first_line.contains(" /healthz ");
        if !probe {
            state.deliveries.add(&message);
        }
        match state.behaviour_for_an_answer() {
            Behaviour::Failing => reader.stream().write_all(FAILED.as_bytes())?,
            Behaviour::Resetting => {
                SockRef::from(reader.stream()).set_linger(Some(Duration::ZERO))?;
                return Ok(());
            }
            Behaviour::Slow(_) | Behaviour::Hung | Behaviour::Well => {
                reader.stream().write_all(DONE.as_bytes())?;
                lock(&state.now).answered += u64::from(!probe);
            }
        }
    }
    Ok(())
}

const DONE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\ndone\n";
const FAILED: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nfailed\n";

impl State {
    /// How it behaves once it may answer: while it hangs that is never, while it is slow that is later.
    fn behaviour_for_an_answer(&self) -> Behaviour {
        let now = lock(&self.now);
        let hanging =
            self.changed.wait_while(now, |now| now.behaviour == Behaviour::Hung && !now.stopping);
        let behaviour = hanging.unwrap_or_else(PoisonError::into_inner).behaviour;
        if let Behaviour::Slow(delay) = behaviour {
            crate::clock::let_pass(delay);
        }
        behaviour
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
