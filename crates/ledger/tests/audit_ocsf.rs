//! Real lines of an audit log keep to our own JSON Schema, `audit_record.schema.json`.
//!
//! The same lines are checked against OCSF's own schema by `xtask/live/ocsf_validate.py`; with `AUDIT_SAMPLE` set to a
//! path, this test leaves them there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use ledger::Clock;
use ledger::audit::{
    Actor, AuditLog, AuditOptions, Credential, Decision, Ended, EndedBy, KeySigner, Outcome,
    SignIn, SignInEvent, Subject, Trace, Verdict,
};
use tokens::{Algorithm, Fingerprint, SigningKey, SubjectKind, Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_250);
const AMPLE: Duration = Duration::from_secs(60);

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

impl fmt::Debug for Still {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Still")
    }
}

fn schema() -> jsonschema::Validator {
    let schema = serde_json::from_str(include_str!("audit_record.schema.json")).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// The lines of a log that holds every kind of record, and every shape of those that doors and the desk write.
#[expect(clippy::disallowed_methods, reason = "a test makes a key of its own")]
async fn sample() -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let rng = Arc::new(SystemRandom::new());
    let key = SigningKey::generate(Algorithm::Es256, &*rng).unwrap();
    let signer = Arc::new(KeySigner::new(Arc::new(key), rng));
    let open = |queue_records| {
        let options = AuditOptions {
            queue_records,
            policy_set: "p1".into(),
            ..AuditOptions::in_dir(dir.path())
        };
        AuditLog::open(options, signer.clone(), Arc::new(Still)).unwrap()
    };
    let log = open(1000);
    let groups = vec!["support".to_owned(), "größe \"x\" \\ \u{7}".to_owned()];
    let user = Subject {
        issuer: "corp",
        subject: "alice",
        kind: SubjectKind::User,
        groups: groups.as_slice().into(),
        actors: &[
            Actor { issuer: Some("partner"), subject: "bot" },
            Actor { issuer: None, subject: "desk" },
        ],
        client_id: Some("portal"),
        session: Some([1; 16]),
        credential: Some(Credential::Token(Fingerprint::of("token"))),
    };
    let workload = Subject {
        kind: SubjectKind::Workload,
        subject: "spiffe://corp/billing",
        groups: tokens::Texts::NONE,
        actors: &[],
        client_id: None,
        session: None,
        credential: None,
        ..user
    };
    let decision = Decision {
        request_id: "01J0000000000000000000000A",
        at: NOW,
        door: "proxy",
        route: Some("read-order"),
        service: Some("orders"),
        method: "GET",
        host: "orders.example.com:8443",
        path: "/orders/7",
        peer: "192.0.2.7:50123".parse().unwrap(),
        verdict: Verdict::Allow,
        code: "permit",
        reasons: &["read-order/allow/0"],
        policies: &["read-order/allow/0", "defaults/require/1"],
        policy_set: "p1",
        identity: Some(user),
        trace: Some(Trace { trace_id: [1; 16], span_id: [2; 8] }),
        took: Duration::from_micros(12),
    };
    let long = "x".repeat(5000);
    for method in
        ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PURGE"]
    {
        log.decide(&Decision { method, ..decision }, AMPLE).await.unwrap();
    }
    for decision in [
        Decision { identity: Some(workload), trace: None, ..decision },
        Decision { identity: None, policies: &[], reasons: &[], ..decision },
        Decision {
            path: &long,
            host: "[2001:db8::1]",
            peer: "[2001:db8::7]:1".parse().unwrap(),
            ..decision
        },
        Decision { peer: "[::ffff:192.0.2.7]:1".parse().unwrap(), ..decision },
        Decision {
            route: None,
            service: None,
            verdict: Verdict::Deny { status: 404 },
            identity: None,
            policies: &[],
            ..decision
        },
        Decision { verdict: Verdict::Deny { status: 403 }, code: "no_permit", ..decision },
        Decision { verdict: Verdict::Answer { status: 204 }, code: "preflight", ..decision },
    ] {
        log.decide(&decision, AMPLE).await.unwrap();
    }
    let amr = ["pwd".to_owned(), "otp".to_owned()];
    let sign_in = SignIn {
        request_id: decision.request_id,
        at: NOW,
        event: SignInEvent::SignedIn,
        provider: Some("corp"),
        subject: Some("alice"),
        kind: Some(SubjectKind::User),
        session: Some([1; 16]),
        peer: Some(decision.peer),
        host: Some("id.example.com:8443"),
        code: "signed_in",
        reason: Some("größe \"x\" \\ \u{7}"),
        acr: Some("urn:example:mfa"),
        amr: &amr,
    };
    for event in [
        SignInEvent::SessionEnded(EndedBy::Administrator),
        SignInEvent::SessionEnded(EndedBy::Person),
        SignInEvent::SessionEnded(EndedBy::Provider),
        SignInEvent::SessionEnded(EndedBy::Refresh),
        SignInEvent::SessionRefreshed,
        SignInEvent::SignInRefused,
        SignInEvent::SignedIn,
        SignInEvent::SignedOut,
    ] {
        let workload = SignIn { kind: Some(SubjectKind::Workload), host: None, ..sign_in };
        let nobody = SignIn {
            provider: None,
            subject: None,
            kind: None,
            session: None,
            peer: None,
            reason: Some(&long),
            acr: None,
            amr: &[],
            ..sign_in
        };
        for shape in [sign_in, workload, nobody, SignIn { peer: None, host: None, ..sign_in }] {
            log.sign_in(&SignIn { event, ..shape }, AMPLE).await.unwrap();
        }
    }
    let outcome = Outcome {
        request_id: decision.request_id,
        at: NOW,
        door: "proxy",
        route: decision.route,
        service: decision.service,
        method: "GET",
        peer: decision.peer,
        identity: Some(user),
        status: Some(200),
        bytes_in: 3,
        bytes_out: 1024,
        took: Duration::from_millis(5),
        endpoint: Some("http://10.0.0.11:9001"),
        ended: Ended::Completed,
        trace: decision.trace,
    };
    for ended in [
        Ended::AuditUnavailable,
        Ended::ClientGone,
        Ended::Completed,
        Ended::PermitEnded,
        Ended::Revoked,
        Ended::ShuttingDown,
        Ended::UpstreamFailed,
        Ended::UpstreamTimedOut,
    ] {
        log.outcome(&Outcome { ended, ..outcome });
        log.outcome(&Outcome {
            ended,
            status: None,
            identity: None,
            endpoint: None,
            service: None,
            route: None,
            ..outcome
        });
    }
    log.close(AMPLE).unwrap();
    let path = dir.path().join("audit-000000000001.jsonl");
    // A crash in the middle of a line, and a queue that outcomes find full.
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"time\":17")).unwrap();
    let log = open(1);
    log.outcome(&outcome);
    log.close(AMPLE).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn every_kind_of_record_keeps_to_the_schema() {
    let schema = schema();
    let lines = sample().await;
    let mut kinds = std::collections::BTreeSet::new();
    for line in &lines {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let errors: Vec<_> = schema
            .iter_errors(&event)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}\n{line}");
        kinds.insert(event["unmapped"]["doorward"]["record"].as_str().unwrap().to_owned());
    }
    let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
    assert_eq!(
        kinds,
        ["closed", "decision", "gap", "header", "opened", "outcome", "sign_in", "torn"]
    );
    if let Some(path) = std::env::var_os("AUDIT_SAMPLE") {
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
    }
}

#[tokio::test]
async fn a_line_that_lacks_or_adds_anything_is_found_by_the_schema() {
    let schema = schema();
    let lines = sample().await;
    let event: serde_json::Value = serde_json::from_str(&lines[2]).unwrap();
    for pointer in
        ["", "/actor", "/api", "/http_request", "/metadata", "/unmapped/doorward", "/actor/user"]
    {
        let mut more = event.clone();
        more.pointer_mut(pointer).unwrap()["extra"] = 1.into();
        assert!(!schema.is_valid(&more), "a member more in `{pointer}`");
    }
    for name in
        ["time", "class_uid", "actor", "api", "src_endpoint", "metadata", "unmapped", "action_id"]
    {
        let mut less = event.clone();
        less.as_object_mut().unwrap().remove(name);
        assert!(!schema.is_valid(&less), "without `{name}`");
    }
}
