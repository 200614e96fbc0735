//! For tests: keys to publish, clocks to turn, and an issuer that serves what it is told to.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use egress::{Egress, EgressOptions, Freshness, TrustRoots};
use tokens::{Algorithm, SigningKey, Timestamp};

use super::source::{Published, read_set};
use super::{IssuerKeyOptions, IssuerKeys, KeyRings, KeySource, KeyTiming};
use crate::Clock;

pub(crate) const START: Timestamp = Timestamp::from_secs(1_700_000_000);

/// Four keys.
static POOL: LazyLock<Vec<SigningKey>> = LazyLock::new(|| {
    #[expect(clippy::disallowed_methods, reason = "real keys need real randomness")]
    let rng = SystemRandom::new();
    (0..4).map(|_| SigningKey::generate(Algorithm::Es256, &rng).unwrap()).collect()
});

/// The `kid` of the key at this place of the pool.
pub(crate) fn kid(place: usize) -> String {
    POOL[place].thumbprint().to_string()
}

/// The key set with the keys at these places of the pool.
pub(crate) fn key_set(places: &[usize]) -> String {
    let keys: Vec<_> = places.iter().map(|place| POOL[*place].public_jwk()).collect();
    serde_json::json!({ "keys": keys }).to_string()
}

/// The same, as fetched, with a stated lifetime.
pub(crate) fn published(places: &[usize], lifetime: Option<u64>) -> Published {
    let (set, skipped) = read_set(key_set(places).as_bytes()).unwrap();
    let max_age = lifetime.map(Duration::from_secs);
    let freshness = Freshness { max_age, ..Freshness::default() };
    Published { set, skipped, freshness, metadata: None }
}

/// A clock that goes with tokio's, which a test pauses.
#[derive(Debug)]
pub(crate) struct TokioClock(tokio::time::Instant);

impl TokioClock {
    pub(crate) fn start() -> Arc<dyn Clock> {
        Arc::new(Self(tokio::time::Instant::now()))
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        START.plus(self.0.elapsed())
    }
}

/// A clock that goes when it is told to.
#[derive(Debug, Default)]
pub(crate) struct HandClock(AtomicU64);

impl HandClock {
    pub(crate) fn pass(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        START.plus(Duration::from_millis(self.0.load(Ordering::SeqCst)))
    }
}

/// An egress that believes no certificate there is.
pub(crate) fn egress() -> Arc<Egress> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let ca = rcgen::generate_simple_self_signed(vec!["ca.test".to_owned()]).unwrap();
    std::fs::write(&path, ca.cert.pem()).unwrap();
    let ca = TrustRoots::Files(vec![path]);
    Arc::new(Egress::new(EgressOptions { ca, ..EgressOptions::default() }).unwrap())
}

/// An HTTP server with documents that can be exchanged. It ends with the test.
#[derive(Clone, Debug)]
pub(crate) struct TestIssuer {
    pub(crate) url: String,
    documents: Arc<Mutex<HashMap<String, String>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl TestIssuer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let this = Self { url, documents: Arc::default(), requests: Arc::default() };
        let server = this.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().unwrap().unwrap();
                lines.take_while(|line| !line.as_ref().unwrap().is_empty()).for_each(drop);
                let path = first.split(' ').nth(1).unwrap().to_owned();
                let answer = match server.documents.lock().unwrap().get(&path) {
                    Some(body) => {
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
                    }
                    None => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
                };
                server.requests.lock().unwrap().push(path);
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        this
    }

    pub(crate) fn serve(&self, path: &str, document: impl Into<String>) {
        self.documents.lock().unwrap().insert(path.to_owned(), document.into());
    }

    pub(crate) fn withdraw(&self, path: &str) {
        self.documents.lock().unwrap().remove(path);
    }

    /// The paths asked for since the last time.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

/// The keys of this issuer, by discovery.
pub(crate) fn discover(issuer: &str) -> (Arc<HandClock>, IssuerKeys) {
    let clock = Arc::new(HandClock::default());
    let rings = KeyRings::new(egress(), Arc::clone(&clock) as Arc<dyn Clock>, 1);
    let timing = KeyTiming::default();
    let options =
        IssuerKeyOptions::new("corp", issuer, KeySource::Discovery, false, timing).unwrap();
    (clock, rings.reconcile(vec![options]).remove(0))
}
