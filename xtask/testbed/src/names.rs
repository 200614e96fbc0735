//! A name server for a few test names: A records that live for a second, and whose addresses can change.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result};

/// How long its answers may be kept, in seconds.
pub const TTL: u32 = 1;

/// The longest query that it reads (RFC 1035 §4.2.1); longer ones are none of ours.
const QUERY_BYTES: usize = 512;
/// A query's header (RFC 1035 §4.1.1).
const HEADER_BYTES: usize = 12;
/// An answer with authority, and recursion as asked for: QR, AA, RD, RA.
const ANSWER: u16 = 0x8580;
/// `NXDOMAIN`: there is no such name.
const NO_SUCH_NAME: u16 = 3;
/// The type of an IPv4 address.
const A: u16 = 1;

/// The name server. It stops when it is dropped.
#[derive(Debug)]
pub struct Names {
    address: SocketAddr,
    state: Arc<State>,
    answering: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    addresses: Mutex<HashMap<String, Vec<Ipv4Addr>>>,
    queries: AtomicU64,
    stopping: AtomicBool,
}

impl Names {
    /// Starts one that knows no name yet.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for names")?;
        let address = socket.local_addr()?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let answering = Some(std::thread::spawn(move || answer(&socket, &shared)));
        Ok(Self { address, state, answering })
    }

    /// Where it listens, on UDP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says from now on that `name` is at `addresses`.
    pub fn set(&self, name: &str, addresses: &[Ipv4Addr]) {
        let mut all = self.state.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.to_ascii_lowercase(), addresses.to_vec());
    }

    /// How many queries it has answered.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.state.queries.load(Ordering::SeqCst)
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.state.stopping.store(true, Ordering::SeqCst);
        // Wakes the answering thread.
        if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            let _ = socket.send_to(&[], self.address);
        }
        if let Some(answering) = self.answering.take() {
            let _ = answering.join();
        }
    }
}

fn answer(socket: &UdpSocket, state: &State) {
    let mut query = [0; QUERY_BYTES];
    while let Ok((length, peer)) = socket.recv_from(&mut query) {
        if state.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Some(query) = query.get(..length) else { continue };
        let Some(answer) = answered(query, state) else { continue };
        state.queries.fetch_add(1, Ordering::SeqCst);
        // Who has gone away asks no more.
        let _ = socket.send_to(&answer, peer);
    }
}

/// The answer to `query`; none to what cannot be read.
fn answered(query: &[u8], state: &State) -> Option<Vec<u8>> {
    let (name, end) = question(query)?;
    let kind = u16::from_be_bytes(query.get(end..end + 2)?.try_into().ok()?);
    let addresses = state.addresses.lock().unwrap_or_else(PoisonError::into_inner);
    let known = addresses.get(&name);
    let found = known.filter(|_| kind == A).map_or(&[][..], Vec::as_slice);
    let flags = if known.is_some() { ANSWER } else { ANSWER | NO_SUCH_NAME };
    let count = u16::try_from(found.len()).ok()?;
    let mut answer = query.get(..2)?.to_vec();
    for field in [flags, 1, count, 0, 0] {
        answer.extend_from_slice(&field.to_be_bytes());
    }
    answer.extend_from_slice(query.get(HEADER_BYTES..end + 4)?);
    for address in found {
        // The name is the one at the start of the question.
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1]);
        answer.extend_from_slice(&TTL.to_be_bytes());
        answer.extend_from_slice(&[0, 4]);
        answer.extend_from_slice(&address.octets());
    }
    Some(answer)
}

/// The name that is asked for, in lower case, and where the name ends.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = HEADER_BYTES;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(names: &Names, name: &str, kind: u8) -> Vec<u8> {
        let mut query = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(u8::try_from(label.len()).unwrap());
            query.extend_from_slice(label.as_bytes());
        }
        query.extend_from_slice(&[0, 0, kind, 0, 1]);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.send_to(&query, names.address()).unwrap();
        let mut answer = [0; QUERY_BYTES];
        let length = socket.recv(&mut answer).unwrap();
        answer[..length].to_vec()
    }

    #[test]
    fn a_known_name_has_its_addresses_of_the_moment_and_an_unknown_one_is_said_to_be_unknown() {
        let names = Names::start().unwrap();
        names.set("orders.test", &[Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)]);
        let answer = ask(&names, "Orders.test", 1);
        assert_eq!(answer[..8], [7, 9, 0x85, 0x80, 0, 1, 0, 2]);
        assert!(answer.ends_with(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 3]));
        names.set("orders.test", &[Ipv4Addr::new(127, 0, 0, 4)]);
        let answer = ask(&names, "orders.test", 1);
        assert!(answer[7] == 1 && answer.ends_with(&[127, 0, 0, 4]));
        assert_eq!(ask(&names, "orders.test", 28)[2..8], [0x85, 0x80, 0, 1, 0, 0], "no IPv6");
        assert_eq!(ask(&names, "bills.test", 1)[2..8], [0x85, 0x83, 0, 1, 0, 0]);
    }
}
