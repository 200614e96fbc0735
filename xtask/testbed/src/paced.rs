//! Load at a fixed pace: a thread for each connection, which waits for the moment that its next request is due. Finer than
//! [`Offered`](crate::Offered), which looks once in a millisecond what is due.
//!
//! What a request took is counted from when it was due: what waits behind a slow answer has waited too.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::clock::{Stopwatch, let_pass};
use crate::offered::{Ending, Outcome};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest that a load may last, so that none runs on by itself.
const LONGEST: Duration = Duration::from_secs(600);
/// The largest answer that is read.
const ANSWER_BYTES: usize = 64 << 10;

/// A pace, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Where.
    pub address: SocketAddr,
    /// Requests in a second.
    pub rate: u32,
    /// Over how many connections, in turn.
    pub connections: usize,
}

/// A load that runs. It stops when it is dropped.
#[derive(Debug)]
pub struct Paced {
    stopping: Arc<AtomicBool>,
    watch: Stopwatch,
    working: Vec<JoinHandle<Vec<Ending>>>,
}

impl Paced {
    /// Starts; the requests are sent in turn.
    ///
    /// # Errors
    /// When nothing listens there.
    pub fn start(pace: Pace, requests: Arc<[String]>) -> Result<Self> {
        let connect = || connect(pace.address);
        let streams = (0..pace.connections).map(|_| connect()).collect::<Result<Vec<_>>>()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let watch = Stopwatch::start();
        let work = |(first, stream)| {
            let (requests, stopping) = (Arc::clone(&requests), Arc::clone(&stopping));
            std::thread::spawn(move || keep(pace, first, stream, &requests, watch, &stopping))
        };
        let working = streams.into_iter().enumerate().map(work).collect();
        Ok(Self { stopping, watch, working })
    }

    /// How long it has run.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.watch.elapsed()
    }

    /// Sends no more, and tells how each request ended.
    ///
    /// # Errors
    /// When the load panicked.
    pub fn stop(mut self) -> Result<Vec<Ending>> {
        self.stopping.store(true, Ordering::SeqCst);
        let mut endings = Vec::new();
        for worker in self.working.drain(..) {
            endings.extend(worker.join().map_err(|_| anyhow!("the load panicked"))?);
        }
        Ok(endings)
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
    }
}

fn keep(
    pace: Pace,
    first: usize,
    stream: TcpStream,
    requests: &[String],
    watch: Stopwatch,
    stopping: &AtomicBool,
) -> Vec<Ending> {
    let mut endings = Vec::new();
    let mut kept = Some(stream);
    let mut answer = Vec::new();
    for index in (first..).step_by(pace.connections) {
        let due = Duration::from_secs_f64(index as f64 / f64::from(pace.rate));
        let_pass(due.saturating_sub(watch.elapsed()));
        if stopping.load(Ordering::SeqCst) || due > LONGEST {
            break;
        }
        let text = requests.get(index % requests.len().max(1)).map_or("", String::as_str);
        let outcome = match exchange(pace.address, text, &mut kept, &mut answer) {
            Ok(status) => Outcome::Answered(status),
            Err(_) => Outcome::Broken,
        };
        endings.push(Ending { number: index as u64, due, took: watch.elapsed() - due, outcome });
    }
    endings
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends `text` on the connection that is kept, or on a new one, and reads the whole answer.
fn exchange(
    address: SocketAddr,
    text: &str,
    kept: &mut Option<TcpStream>,
    answer: &mut Vec<u8>,
) -> Result<u16> {
    let mut stream = kept.take().map_or_else(|| connect(address), Ok)?;
    stream.write_all(text.as_bytes())?;
    answer.clear();
    let mut piece = [0; 4096];
    let mut head = None;
    let (status, closes) = loop {
        let count = stream.read(&mut piece)?;
        if count == 0 || answer.len() > ANSWER_BYTES {
            bail!("no whole answer came");
        }
        answer.extend_from_slice(piece.get(..count).unwrap_or_default());
        if head.is_none() {
            head = Head::read(answer)?;
        }
        if let Some(Head { end, length, status, closes }) = head
            && answer.len() >= end + length
        {
            break (status, closes);
        }
    };
    if !closes {
        *kept = Some(stream);
    }
    Ok(status)
}

#[derive(Clone, Copy)]
struct Head {
    end: usize,
    length: usize,
    status: u16,
    closes: bool,
}

impl Head {
    /// The head of an answer, once it is whole.
    fn read(answer: &[u8]) -> Result<Option<Self>> {
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(answer.get(..end).unwrap_or_default());
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status = status.and_then(|status| status.parse().ok());
        let (mut length, mut closes) = (None, false);
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().ok(),
                "connection" => closes = value.trim().eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        Ok(Some(Self {
            end: end + 4,
            length: length.context("expected a content-length")?,
            status: status.context("expected a status")?,
            closes,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk;

    #[test]
    fn every_request_that_was_due_is_sent_and_ends() {
        let service = bulk::start().unwrap();
        let pace = Pace { address: service.address(), rate: 1_000, connections: 4 };
        let requests =
            ["GET /a/10 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a/9000 HTTP/1.1\r\nHost: a\r\n\r\n"];
        let load = Paced::start(pace, requests.map(str::to_owned).into()).unwrap();
        let_pass(Duration::from_millis(300));
        let mut endings = load.stop().unwrap();
        endings.sort_by_key(|ending| ending.number);
        assert!(endings.len() > 100, "{}", endings.len());
        for (number, ending) in endings.iter().enumerate().take(100) {
            assert_eq!(ending.number, number as u64);
            assert_eq!(ending.due, Duration::from_millis(number as u64));
            assert_eq!(ending.outcome, Outcome::Answered(200));
        }
    }
}
