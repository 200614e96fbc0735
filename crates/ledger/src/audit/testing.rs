//! What the tests of the audit log share: a clock that stands still, keys, samples, and a disk that fails when told to.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use tempfile::TempDir;
use tokens::{Algorithm, Fingerprint, KeySet, SigningKey, SubjectKind, Timestamp};

use super::disk::{Directory, Disk, Sink};
use super::*;
use crate::Clock;

/// More than any test needs.
pub(super) const AMPLE: Duration = Duration::from_secs(60);

/// 2023-11-14T22:13:20.250Z.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_250);

/// A clock that moves when it is told to.
#[derive(Debug, Default)]
pub(super) struct TestClock(AtomicU64);

impl TestClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW.as_millis())))
    }

    pub(super) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// A key that every test may sign with.
#[expect(clippy::disallowed_methods, reason = "tests make keys of their own")]
static KEYS: LazyLock<[(Arc<SigningKey>, KeySet); 2]> = LazyLock::new(|| {
    [(); 2].map(|()| {
        let key = SigningKey::generate(Algorithm::Ed25519, &SystemRandom::new()).unwrap();
        let set = serde_json::json!({ "keys": [key.public_jwk()] }).to_string();
        (Arc::new(key), KeySet::parse(set.as_bytes()).unwrap().set)
    })
});

/// The log's own signer.
pub(super) fn signer() -> Arc<dyn CheckpointSigner> {
    signer_of(0)
}

/// An evaluation that alice asked for.
pub(super) fn evaluation() -> Evaluation<'static> {
    Evaluation {
        request_id: "01J0000000000000000000000A",
        asked_as: Some("q-7"),
        number: 2,
        at: NOW,
        door: "proxy",
        route: "ask",
        service: "authzen",
        peer: allow().peer,
        identity: allow().identity.unwrap(),
        subject: Some(("user", "bob")),
        action: Some("write"),
        resource: Some(("record", "record-1")),
        permitted: false,
        code: "no_permit",
        reason: Some("no rule allows it"),
        policies: &[],
        policy_set: "p1",
        trace: None,
    }
}

/// Somebody else's.
pub(super) fn stranger() -> Arc<dyn CheckpointSigner> {
    signer_of(1)
}

#[expect(clippy::disallowed_methods, reason = "tests make keys of their own")]
fn signer_of(which: usize) -> Arc<dyn CheckpointSigner> {
    Arc::new(KeySigner::new(Arc::clone(&KEYS[which].0), Arc::new(SystemRandom::new())))
}

/// What the log's statements are verified with.
pub(super) fn keys() -> &'static KeySet {
    &KEYS[0].1
}

/// A new directory.
pub(super) fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The options of most tests.
pub(super) fn options(dir: &Path) -> AuditOptions {
    AuditOptions {
        sync: Sync::Interval(Duration::from_millis(1)),
        policy_set: "p1".into(),
        ..AuditOptions::in_dir(dir)
    }
}

/// Opens a log.
pub(super) fn open(options: AuditOptions, clock: &Arc<TestClock>) -> AuditLog {
    AuditLog::open(options, signer(), Arc::clone(clock) as Arc<dyn Clock>).unwrap()
}

/// A log of so many decisions, closed in good order.
pub(super) async fn closed_log(dir: &Path, decisions: usize) {
    write_log(options(dir), decisions).await;
}

/// As [`closed_log`], with options.
pub(super) async fn write_log(options: AuditOptions, decisions: usize) {
    let log = open(options, &TestClock::new());
    for number in 0..decisions {
        let id = format!("R{number}");
        log.decide(&Decision { request_id: &id, ..allow() }, AMPLE).await.unwrap();
    }
    log.close(AMPLE).unwrap();
}

/// The segments of a log, by name, with their lines.
pub(super) fn segments(dir: &Path) -> Vec<(String, Vec<String>)> {
    let segments = super::segment::Segment::list(dir).unwrap();
    let read =
        |path: &PathBuf| fs::read_to_string(path).unwrap().lines().map(String::from).collect();
    segments.into_iter().map(|segment| (segment.name, read(&segment.path))).collect()
}

/// All records of a log.
pub(super) fn lines(dir: &Path) -> Vec<Line> {
    let raw = segments(dir).into_iter().flat_map(|(_, lines)| lines);
    raw.map(|line| Line::parse(&line).unwrap()).collect()
}

/// What kinds of records a log has, in their order.
pub(super) fn records(dir: &Path) -> Vec<String> {
    lines(dir).iter().map(|line| line.record().to_owned()).collect()
}

/// Copies a log as it is: what a crash would leave. Statements come first, as they are behind the records.
pub(super) fn copy(from: &Path) -> TempDir {
    let to = dir();
    let mut names: Vec<_> = fs::read_dir(from).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort_by_key(|name| name.to_string_lossy().starts_with("audit-"));
    for name in names {
        fs::copy(from.join(&name), to.path().join(&name)).unwrap();
    }
    to
}

/// The first segment's path.
pub(super) fn first_segment(dir: &Path) -> PathBuf {
    dir.join(super::segment::name(1))
}

/// A caller.
pub(super) fn alice() -> Subject<'static> {
    static GROUPS: LazyLock<Vec<String>> = LazyLock::new(|| vec!["support".into(), "eu".into()]);
    Subject {
        issuer: "corp",
        subject: "alice",
        kind: SubjectKind::User,
        groups: GROUPS.as_slice().into(),
        actors: &[Actor { issuer: None, subject: "helpdesk" }],
        client_id: Some("portal"),
        session: Some([0x17; 16]),
        credential: Some(Credential::Token(Fingerprint::of("a token"))),
    }
}

/// Who is at the other end.
pub(super) fn peer() -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, 7), 50123).into()
}

/// An allowed request.
pub(super) fn allow() -> Decision<'static> {
    Decision {
        request_id: "01J0000000000000000000000A",
        at: NOW,
        door: "proxy",
        route: Some("read-order"),
        service: Some("orders"),
        method: "GET",
        host: "orders.example.com",
        path: "/orders/7",
        peer: peer(),
        verdict: Verdict::Allow,
        code: "permit",
        reasons: &[],
        policies: &["read-order/allow/0"],
        policy_set: "p1",
        identity: Some(alice()),
        trace: Some(Trace { trace_id: [0xab; 16], span_id: [0xcd; 8] }),
        took: Duration::from_micros(12),
    }
}

/// A denied request.
pub(super) fn deny() -> Decision<'static> {
    Decision {
        verdict: Verdict::Deny { status: 403 },
        code: "no_permit",
        reasons: &["no policy allows this"],
        policies: &[],
        trace: None,
        identity: None,
        ..allow()
    }
}

/// Alice signs in.
pub(super) fn sign_in() -> SignIn<'static> {
    static AMR: LazyLock<Vec<String>> = LazyLock::new(|| vec!["pwd".into(), "otp".into()]);
    SignIn {
        request_id: "01J0000000000000000000000A",
        at: NOW,
        event: SignInEvent::SignedIn,
        provider: Some("corp"),
        subject: Some("alice"),
        kind: Some(SubjectKind::User),
        session: Some([0x17; 16]),
        peer: Some(peer()),
        host: Some("id.example.com:8443"),
        code: "signed_in",
        reason: None,
        acr: Some("urn:example:mfa"),
        amr: &AMR,
    }
}

/// Somebody does not.
pub(super) fn refused_sign_in() -> SignIn<'static> {
    SignIn {
        event: SignInEvent::SignInRefused,
        subject: None,
        kind: None,
        session: None,
        host: Some("id.example.com"),
        code: "state_replayed",
        reason: Some("the state was used before"),
        acr: None,
        amr: &[],
        ..sign_in()
    }
}

/// The end of [`allow`].
pub(super) fn outcome() -> Outcome<'static> {
    Outcome {
        request_id: "01J0000000000000000000000A",
        at: NOW.plus(Duration::from_millis(5)),
        door: "proxy",
        route: Some("read-order"),
        service: Some("orders"),
        method: "GET",
        peer: peer(),
        identity: Some(alice()),
        status: Some(200),
        bytes_in: 0,
        bytes_out: 1024,
        took: Duration::from_micros(5250),
        endpoint: Some("http://10.0.0.11:9001"),
        ended: Ended::Completed,
        trace: None,
    }
}

/// A disk that fails as long as it is told to.
pub(super) struct FaultyDisk {
    inner: Directory,
    pub(super) faults: Arc<Faults>,
}

/// What fails.
#[derive(Debug)]
pub(super) struct Faults {
    /// How many more bytes fit on the disk.
    pub(super) room: AtomicUsize,
    /// The most bytes that one write takes.
    pub(super) most: AtomicUsize,
    /// Whether syncs fail.
    pub(super) sync: AtomicBool,
    /// Whether files can be made.
    pub(super) make: AtomicBool,
    /// How many writes there were.
    pub(super) writes: AtomicUsize,
    /// How many syncs there were.
    pub(super) syncs: AtomicUsize,
}

impl FaultyDisk {
    pub(super) fn new(dir: &Path) -> (Arc<Self>, Arc<Faults>) {
        let faults = Arc::new(Faults {
            room: AtomicUsize::new(usize::MAX),
            most: AtomicUsize::new(usize::MAX),
            sync: AtomicBool::new(false),
            make: AtomicBool::new(false),
            writes: AtomicUsize::new(0),
            syncs: AtomicUsize::new(0),
        });
        let inner = Directory::lock(dir).unwrap();
        (Arc::new(Self { inner, faults: Arc::clone(&faults) }), faults)
    }
}

impl Disk for FaultyDisk {
    fn open(&self, name: &str) -> io::Result<Arc<dyn Sink>> {
        if self.faults.make.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(Arc::new(FaultySink { inner: self.inner.open(name)?, faults: Arc::clone(&self.faults) }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

struct FaultySink {
    inner: Arc<dyn Sink>,
    faults: Arc<Faults>,
}

impl Sink for FaultySink {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.faults.writes.fetch_add(1, Ordering::SeqCst);
        let room = self.faults.room.load(Ordering::SeqCst);
        let most = self.faults.most.load(Ordering::SeqCst);
        let count = bytes.len().min(room).min(most);
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let count = self.inner.write_at(&bytes[..count], offset)?;
        if room != usize::MAX {
            self.faults.room.store(room - count, Ordering::SeqCst);
        }
        Ok(count)
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_exact_at(bytes, offset)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.inner.truncate(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.faults.syncs.fetch_add(1, Ordering::SeqCst);
        if self.faults.sync.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        self.inner.sync()
    }
}
