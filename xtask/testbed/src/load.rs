//! Load: a fixed number of keep-alive connections that ask again and again, each its own thread, until told to stop.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::Context as _;

use crate::client::{Client, Reply};

/// The most requests that one connection sends, so that no load runs on by itself.
const REQUESTS: usize = 2_000_000;

/// How many faults are kept word for word.
const FAULTS: usize = 5;

/// A load that runs. It stops when it is dropped.
#[derive(Debug)]
pub struct Load {
    stopping: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Answers>>,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// How often each status came.
    pub statuses: BTreeMap<u16, u64>,
    /// How many requests got no answer although their connection had been opened.
    pub unanswered: u64,
    /// How often no connection could be opened.
    pub unconnected: u64,
    /// The first answers other than 200, word for word.
    pub faults: Vec<String>,
}

impl Load {
    /// Starts `connections` connections to `address`; each asks what `request` says for its number and its turn.
    pub fn start(
        address: SocketAddr,
        connections: usize,
        request: impl Fn(usize, usize) -> String + Send + Sync + 'static,
    ) -> Self {
        let request = Arc::new(request);
        Self::of((0..connections).map(|number| {
            let request = Arc::clone(&request);
            move |stopping: &AtomicBool| work(address, stopping, |turn| request(number, turn))
        }))
    }

    /// A load of these threads, each of which works until it is told to stop.
    pub(crate) fn of<W>(works: impl Iterator<Item = W>) -> Self
    where
        W: FnOnce(&AtomicBool) -> Answers + Send + 'static,
    {
        let stopping = Arc::new(AtomicBool::new(false));
        let workers = works.map(|work| {
            let stopping = Arc::clone(&stopping);
            std::thread::spawn(move || work(&stopping))
        });
        let workers = workers.collect();
        Self { stopping, workers }
    }

    /// Stops when every open request has its answer, and sums up.
    #[must_use]
    pub fn stop(mut self) -> Answers {
        self.stopping.store(true, Ordering::SeqCst);
        let mut sum = Answers::default();
        for worker in self.workers.drain(..) {
            match worker.join() {
                Ok(answers) => sum.add(answers),
                Err(_) => sum.faults.push("a connection of the load panicked".to_owned()),
            }
        }
        sum
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
    }
}

impl Answers {
    /// How many answers had this status.
    #[must_use]
    pub fn of(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or(0)
    }

    /// How many requests did not get 200.
    #[must_use]
    pub fn failed(&self) -> u64 {
        let others = self.statuses.iter().filter(|(status, _)| **status != 200);
        others.map(|(_, count)| count).sum::<u64>() + self.unanswered + self.unconnected
    }

    fn add(&mut self, other: Self) {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.unanswered += other.unanswered;
        self.unconnected += other.unconnected;
        self.faults.extend(other.faults);
        self.faults.truncate(FAULTS);
    }

    /// An answer came.
    pub(crate) fn answered(&mut self, reply: &Reply) {
        *self.statuses.entry(reply.status).or_default() += 1;
        if reply.status != 200 {
            self.fault(|| format!("{}: {}", reply.status, reply.text()));
        }
    }

    /// No answer came.
    pub(crate) fn unanswered(&mut self, error: &anyhow::Error) {
        self.unanswered += 1;
        self.fault(|| format!("{error:#}"));
    }

    /// No connection could be opened.
    pub(crate) fn unconnected(&mut self, error: &anyhow::Error) {
        self.unconnected += 1;
        self.fault(|| format!("{error:#}"));
        crate::clock::let_pass(std::time::Duration::from_millis(2));
    }

    fn fault(&mut self, text: impl FnOnce() -> String) {
        if self.faults.len() < FAULTS {
            self.faults.push(text());
        }
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statuses: Vec<_> =
            self.statuses.iter().map(|(status, count)| format!("{count} × {status}")).collect();
        write!(f, "{}", statuses.join(", "))?;
        if self.unanswered + self.unconnected > 0 {
            write!(f, ", {} unanswered, {} unconnected", self.unanswered, self.unconnected)?;
        }
        for fault in &self.faults {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

fn work(address: SocketAddr, stopping: &AtomicBool, request: impl Fn(usize) -> String) -> Answers {
    let mut answers = Answers::default();
    let mut connection = None;
    for turn in 0..REQUESTS {
        if stopping.load(Ordering::SeqCst) {
            break;
        }
        let mut client = match connection.take().map_or_else(|| Client::connect(address), Ok) {
            Ok(client) => client,
            Err(error) => {
                answers.unconnected(&error);
                continue;
            }
        };
        let text = request(turn);
        let reply = client.send(text.as_bytes()).and_then(|()| client.reply());
        match reply.and_then(|reply| reply.context("closed without an answer")) {
            Ok(reply) => {
                answers.answered(&reply);
                let closes = reply.field("connection").is_some_and(|value| value == "close");
                connection = (!closes).then_some(client);
            }
            Err(error) => answers.unanswered(&error),
        }
    }
    answers
}
