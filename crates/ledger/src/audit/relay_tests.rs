use std::fs;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use super::super::testing::*;
use super::super::{AuditError, AuditLog, AuditUnavailable, Decision, verify};

/// A log whose directory was let go of, its successor in the same directory, and what is between them.
fn succession(dir: &std::path::Path) -> (Arc<AuditLog>, Arc<AuditLog>, [UnixStream; 2]) {
    let old = open(options(dir), &TestClock::new());
    old.let_go(AMPLE).unwrap();
    let new = open(options(dir), &TestClock::new());
    let (here, there) = UnixStream::pair().unwrap();
    (Arc::new(old), Arc::new(new), [here, there])
}

#[tokio::test]
async fn a_log_that_was_let_go_of_goes_on_in_the_next_process_on_one_chain() {
    let dir = dir();
    let (old, new, [here, there]) = succession(dir.path());
    old.relay(here).unwrap();
    let taker = Arc::clone(&new);
    let taking = tokio::spawn(async move { taker.take_from(there).await });
    for number in 0..20 {
        let (one, other) = (format!("old-{number}"), format!("new-{number}"));
        old.decide(&Decision { request_id: &one, ..allow() }, AMPLE).await.unwrap();
        new.decide(&Decision { request_id: &other, ..allow() }, AMPLE).await.unwrap();
        let text = fs::read_to_string(first_segment(dir.path())).unwrap();
        assert!(text.contains(&one) && text.contains(&other));
    }
    old.outcome(&outcome());
    tokio::task::spawn_blocking(move || old.close(AMPLE)).await.unwrap().unwrap();
    taking.await.unwrap().unwrap();
    new.close(AMPLE).unwrap();
    let records = records(dir.path());
    assert_eq!(records[..4], ["header", "opened", "closed", "opened"]);
    assert_eq!(records[44..], ["outcome", "closed"]);
    verify(dir.path(), keys(), None).unwrap();
}

#[tokio::test]
async fn a_decision_between_two_processes_waits_for_the_next_beyond_its_budget() {
    let dir = dir();
    let (old, new, [here, there]) = succession(dir.path());
    let waiting = {
        let old = Arc::clone(&old);
        tokio::spawn(async move { old.decide(&allow(), Duration::ZERO).await })
    };
    // Its budget is over by then: it is only the next process that it waits for.
    while old.health().queued_records == 0 {
        tokio::task::yield_now().await;
    }
    let taker = Arc::clone(&new);
    tokio::spawn(async move { taker.take_from(there).await });
    old.relay(here).unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn nothing_is_decided_once_the_next_process_is_gone() {
    let dir = dir();
    let (old, new, [here, there]) = succession(dir.path());
    old.relay(here).unwrap();
    drop(there);
    let refused = old.decide(&allow(), AMPLE).await.unwrap_err();
    assert!(matches!(refused, AuditUnavailable::Closed), "{refused}");
    let error = tokio::task::spawn_blocking(move || old.close(AMPLE)).await.unwrap().unwrap_err();
    assert!(matches!(error, AuditError::Relay { .. }), "{error}");
    new.close(AMPLE).unwrap();
    verify(dir.path(), keys(), None).unwrap();
}

#[tokio::test]
async fn what_is_no_record_is_not_taken() {
    use std::io::Write as _;
    let dir = dir();
    let (_old, new, [mut here, there]) = succession(dir.path());
    here.write_all(&[0, 0, 0, 1, 0xff, 0, 0, 0]).unwrap();
    let refused = new.take_from(there).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidData);
    new.close(AMPLE).unwrap();
    assert_eq!(records(dir.path()), ["header", "opened", "closed", "opened", "closed"]);
}
