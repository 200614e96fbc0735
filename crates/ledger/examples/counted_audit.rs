//! Writes so many audit records, for `cargo xtask count` to count instructions: `counted_audit NAME TIMES`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a measurement")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ledger::Clock;
use ledger::audit::{
    AuditLog, AuditOptions, CheckpointSigner, Decision, Ended, Outcome, SignerError, Subject,
    Trace, Verdict,
};
use tokens::{SubjectKind, Timestamp};

/// A clock that stands still.
#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_700_000_000)
    }
}

/// Nobody checks what is signed here.
struct Nobody;

impl CheckpointSigner for Nobody {
    fn sign(&self, _payload: &[u8]) -> Result<String, SignerError> {
        Ok("e30.e30.e30".to_owned())
    }

    fn key_id(&self) -> String {
        "counted".to_owned()
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (name, times) = (arguments.next().unwrap(), arguments.next().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let options = AuditOptions::in_dir(folder.path().join("audit"));
    let log = AuditLog::open(options, Arc::new(Nobody), Arc::new(Noon)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for _ in 0..times.parse().unwrap() {
        match name.as_str() {
            "record-decision" => {
                let decision = decision();
                runtime.block_on(log.decide(&decision, Duration::from_secs(60))).unwrap();
            }
            "record-outcome" => log.outcome(&outcome()),
            other => panic!("`{other}` is not counted"),
        }
    }
    log.close(Duration::from_secs(60)).unwrap();
}

const TRACE: Option<Trace> = Some(Trace { trace_id: [7; 16], span_id: [9; 8] });

fn peer() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], 49152))
}

fn alice() -> Option<Subject<'static>> {
    Some(Subject {
        issuer: "corp",
        subject: "alice",
        kind: SubjectKind::User,
        groups: tokens::Texts::NONE,
        actors: &[],
        client_id: Some("shop"),
        session: None,
        credential: None,
    })
}

fn decision() -> Decision<'static> {
    Decision {
        request_id: "01J0000000000000000000000A",
        at: Noon.now(),
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
        policy_set: "6f3c2b1a",
        identity: alice(),
        trace: TRACE,
        took: Duration::from_micros(20),
    }
}

fn outcome() -> Outcome<'static> {
    Outcome {
        request_id: "01J0000000000000000000000A",
        at: Noon.now(),
        door: "proxy",
        route: Some("read-order"),
        service: Some("orders"),
        method: "GET",
        peer: peer(),
        identity: alice(),
        status: Some(200),
        bytes_in: 0,
        bytes_out: 32,
        took: Duration::from_millis(2),
        endpoint: Some("10.0.0.11:9001"),
        ended: Ended::Completed,
        trace: TRACE,
    }
}
