use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;

use super::super::signing::SignerError;
use super::super::testing::*;
use super::super::{Retain, Sync, verify};
use super::*;

/// Turns until `ready`: another thread is on its way there.
fn until(mut ready: impl FnMut() -> bool) {
    while !ready() {
        std::thread::yield_now();
    }
}

fn faulty(dir: &Path, options: AuditOptions) -> (AuditLog, Arc<Faults>) {
    let (disk, faults) = FaultyDisk::new(dir);
    let log = AuditLog::open_on(options, disk, signer(), TestClock::new()).unwrap();
    (log, faults)
}

const SHORT: Duration = Duration::from_millis(5);

#[tokio::test]
async fn a_decision_is_in_the_file_when_it_resolves() {
    let dir = dir();
    let log = open(options(dir.path()), &TestClock::new());
    for number in 0..20 {
        let id = format!("request-{number}");
        log.decide(&Decision { request_id: &id, ..allow() }, AMPLE).await.unwrap();
        assert!(fs::read_to_string(first_segment(dir.path())).unwrap().contains(&id));
    }
}

#[tokio::test]
async fn a_log_holds_what_it_was_told_in_its_order() {
    let dir = dir();
    let log = open(options(dir.path()), &TestClock::new());
    log.decide(&allow(), AMPLE).await.unwrap();
    log.outcome(&outcome());
    log.decide(&deny(), AMPLE).await.unwrap();
    log.close(AMPLE).unwrap();
    let expected = ["header", "opened", "decision", "outcome", "decision", "closed"];
    assert_eq!(records(dir.path()), expected);
    let seqs: Vec<_> = lines(dir.path()).iter().map(|line| line.seq()).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_sign_in_is_in_the_file_when_it_resolves() {
    let dir = dir();
    let log = open(options(dir.path()), &TestClock::new());
    log.sign_in(&sign_in(), AMPLE).await.unwrap();
    assert_eq!(records(dir.path()), ["header", "opened", "sign_in"]);
    log.close(AMPLE).unwrap();
    assert_eq!(log.sign_in(&sign_in(), AMPLE).await, Err(AuditUnavailable::Closed));
    assert!(verify(dir.path(), keys(), None).unwrap().closed);
}

#[tokio::test]
async fn an_outcome_is_written_though_no_decision_follows() {
    let dir = dir();
    let log = open(options(dir.path()), &TestClock::new());
    log.outcome(&outcome());
    until(|| log.health().written_records == 3);
    assert_eq!(records(dir.path()), ["header", "opened", "outcome"]);
}

#[tokio::test]
async fn a_log_goes_on_where_it_was_closed() {
    let dir = dir();
    closed_log(dir.path(), 1).await;
    closed_log(dir.path(), 1).await;
    let expected = ["header", "opened", "decision", "closed", "opened", "decision", "closed"];
    assert_eq!(records(dir.path()), expected);
    let report = verify(dir.path(), keys(), None).unwrap();
    assert!(report.closed);
    assert_eq!((report.segments, report.records, report.unprotected_records), (1, 7, 0));
}

#[tokio::test]
async fn a_dropped_log_is_closed_in_good_order() {
    let dir = dir();
    let log = open(options(dir.path()), &TestClock::new());
    log.decide(&allow(), AMPLE).await.unwrap();
    drop(log);
    assert!(verify(dir.path(), keys(), None).unwrap().closed);
}

#[tokio::test]
async fn a_closed_log_refuses_decisions_and_counts_outcomes_as_dropped() {
    let dir = dir();
    let log = open(options(dir.path()), &TestClock::new());
    log.close(AMPLE).unwrap();
    log.close(AMPLE).unwrap();
    let refused = log.decide(&allow(), AMPLE).await.unwrap_err();
    assert_eq!(refused, AuditUnavailable::Closed);
    assert_eq!(refused.to_string(), "the audit log is closed");
    log.outcome(&outcome());
    assert_eq!((log.health().refused_decisions, log.health().dropped_outcomes), (1, 1));
}

#[tokio::test]
async fn two_processes_never_write_one_log() {
    let dir = dir();
    let _log = open(options(dir.path()), &TestClock::new());
    let second = AuditLog::open(options(dir.path()), signer(), TestClock::new()).unwrap_err();
    let expected = format!(
        "the audit log in `{}` is open in another process; stop that, or choose another directory",
        dir.path().display()
    );
    assert_eq!(second.to_string(), expected);
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    let parent = dir();
    let dir = parent.path().join("audit");
    closed_log(&dir, 1).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_directory_that_others_can_write_is_refused() {
    let dir = dir();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o770)).unwrap();
    let refused = AuditLog::open(options(dir.path()), signer(), TestClock::new()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the audit log's directory's mode is 0770; expected 0700, or at least that only its owner can write"
    );
}

#[test]
fn options_out_of_range_are_refused() {
    let dir = dir();
    let good = || options(dir.path());
    let interval = |millis| Sync::Interval(Duration::from_millis(millis));
    for (options, message) in [
        (
            AuditOptions { sync: interval(101), ..good() },
            "the audit log's sync interval is 101ms; expected more than 0 and at most 100ms",
        ),
        (
            AuditOptions { sync: interval(0), ..good() },
            "the audit log's sync interval is 0ns; expected more than 0 and at most 100ms",
        ),
        (
            AuditOptions { queue_records: 0, ..good() },
            "the audit log's queue is 0 records; expected at least 1 record",
        ),
        (
            AuditOptions { segment_bytes: 0, ..good() },
            "the audit log's segment size is 0 bytes; expected at least 1 byte",
        ),
    ] {
        let refused = AuditLog::open(options, signer(), TestClock::new()).unwrap_err();
        assert_eq!(refused.to_string(), message);
    }
    assert!(
        AuditLog::open(AuditOptions { sync: interval(100), ..good() }, signer(), TestClock::new())
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_is_not_written_in_time_is_refused_and_written_later() {
    let dir = dir();
    let (log, faults) = faulty(dir.path(), options(dir.path()));
    faults.room.store(0, SeqCst);
    let refused = log.decide(&allow(), SHORT).await.unwrap_err();
    assert_eq!(refused, AuditUnavailable::NotWritten { budget: SHORT });
    assert_eq!(refused.to_string(), "the audit log did not write the record within 5ms");
    until(|| !log.health().is_ready());
    let health = log.health();
    assert_eq!((health.queued_records, health.refused_decisions), (1, 1));
    assert_eq!(health.error.unwrap(), "cannot write `audit-000000000001.jsonl`: no storage space");
    faults.room.store(usize::MAX, SeqCst);
    log.close(AMPLE).unwrap();
    assert!(log.health().is_ready());
    assert_eq!(records(dir.path()), ["header", "opened", "decision", "closed"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_decisions_and_drops_outcomes_with_a_note() {
    let dir = dir();
    let (log, faults) =
        faulty(dir.path(), AuditOptions { queue_records: 4, ..options(dir.path()) });
    faults.room.store(0, SeqCst);
    for _ in 0..5 {
        log.outcome(&outcome());
    }
    assert_eq!(log.health().dropped_outcomes, 2, "outcomes get three quarters");
    let last = log.decide(&allow(), SHORT).await.unwrap_err();
    assert_eq!(last, AuditUnavailable::NotWritten { budget: SHORT });
    let refused = log.decide(&allow(), SHORT).await.unwrap_err();
    assert_eq!(refused, AuditUnavailable::QueueFull { budget: SHORT });
    assert_eq!(refused.to_string(), "the audit log's queue had no room for the record within 5ms");
    faults.room.store(usize::MAX, SeqCst);
    log.close(AMPLE).unwrap();
    let mut found = records(dir.path());
    assert_eq!(found.pop().unwrap(), "closed");
    found.sort();
    let expected = ["decision", "gap", "header", "opened", "outcome", "outcome", "outcome"];
    assert_eq!(found, expected);
    let gap = lines(dir.path()).into_iter().find(|line| line.record() == "gap").unwrap();
    assert_eq!(gap.event()["unmapped"]["doorward"]["dropped"], 2);
    verify(dir.path(), keys(), None).unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_in_bytes_too() {
    let dir = dir();
    let (log, faults) =
        faulty(dir.path(), AuditOptions { queue_bytes: 3000, ..options(dir.path()) });
    faults.room.store(0, SeqCst);
    let full = AuditUnavailable::QueueFull { budget: SHORT };
    let written = AuditUnavailable::NotWritten { budget: SHORT };
    assert_eq!(log.decide(&allow(), SHORT).await, Err(written));
    let mut refusals = 0;
    while log.decide(&allow(), SHORT).await == Err(written) {
        refusals += 1;
        assert!(refusals < 3, "three records have more than 3000 bytes");
    }
    assert!(log.health().queued_bytes <= 3000);
    assert_eq!(log.decide(&allow(), SHORT).await, Err(full));
    faults.room.store(usize::MAX, SeqCst);
}

#[tokio::test]
async fn a_decision_waits_for_room_within_its_budget() {
    let dir = dir();
    let (log, faults) =
        faulty(dir.path(), AuditOptions { queue_records: 1, ..options(dir.path()) });
    faults.room.store(0, SeqCst);
    let (first, second) = (allow(), deny());
    let first = log.decide(&first, AMPLE);
    let second = log.decide(&second, AMPLE);
    let repair = async {
        tokio::task::yield_now().await;
        faults.room.store(usize::MAX, SeqCst);
    };
    let (first, second, ()) = tokio::join!(first, second, repair);
    assert_eq!((first, second), (Ok(()), Ok(())));
    log.close(AMPLE).unwrap();
    assert_eq!(records(dir.path()), ["header", "opened", "decision", "decision", "closed"]);
}

#[tokio::test]
async fn a_decision_that_nobody_waits_for_any_more_is_written() {
    let dir = dir();
    let log = open(options(dir.path()), &TestClock::new());
    {
        let decision = allow();
        let mut decide = std::pin::pin!(log.decide(&decision, AMPLE));
        let waker = std::task::Waker::noop();
        let _ = decide.as_mut().poll(&mut std::task::Context::from_waker(waker));
    }
    log.close(AMPLE).unwrap();
    assert_eq!(records(dir.path()), ["header", "opened", "decision", "closed"]);
}

#[tokio::test]
async fn short_writes_are_completed() {
    let dir = dir();
    let (log, faults) = faulty(dir.path(), options(dir.path()));
    faults.most.store(7, SeqCst);
    log.decide(&allow(), AMPLE).await.unwrap();
    log.close(AMPLE).unwrap();
    assert_eq!(records(dir.path()), ["header", "opened", "decision", "closed"]);
    verify(dir.path(), keys(), None).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fills_up_leaves_whole_records_and_the_chain_goes_on() {
    for room in [1, 100, 1000] {
        let dir = dir();
        let (log, faults) = faulty(dir.path(), options(dir.path()));
        faults.room.store(room, SeqCst);
        assert!(log.decide(&allow(), SHORT).await.is_err());
        until(|| log.health().failures > 0);
        assert_eq!(records(dir.path()), ["header", "opened"], "the part was cut off again");
        faults.room.store(usize::MAX, SeqCst);
        log.close(AMPLE).unwrap();
        assert_eq!(records(dir.path()), ["header", "opened", "decision", "closed"]);
        verify(dir.path(), keys(), None).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn with_every_record_a_decision_waits_for_the_disk() {
    let dir = dir();
    let options = AuditOptions { sync: Sync::EveryRecord, ..options(dir.path()) };
    let (log, faults) = faulty(dir.path(), options);
    faults.sync.store(true, SeqCst);
    let refused = log.decide(&allow(), SHORT).await;
    assert_eq!(refused, Err(AuditUnavailable::NotWritten { budget: SHORT }));
    faults.sync.store(false, SeqCst);
    log.close(AMPLE).unwrap();
    assert_eq!(records(dir.path()), ["header", "opened", "decision", "closed"]);
    assert!(verify(dir.path(), keys(), None).unwrap().closed);
}

#[tokio::test]
async fn a_disk_that_confirms_nothing_shows_in_the_health_and_gets_the_records_again() {
    let dir = dir();
    let (log, faults) = faulty(dir.path(), options(dir.path()));
    faults.sync.store(true, SeqCst);
    log.decide(&allow(), AMPLE).await.unwrap();
    until(|| !log.health().is_ready());
    let expected = format!(
        "the audit log cannot sync `{}`: the disk is gone",
        first_segment(dir.path()).display()
    );
    assert_eq!(log.health().error.unwrap(), expected);
    let before = faults.writes.load(SeqCst);
    until(|| faults.writes.load(SeqCst) > before);
    faults.sync.store(false, SeqCst);
    until(|| log.health().is_ready());
    assert_eq!(log.health().unsynced_records, 0);
    log.close(AMPLE).unwrap();
    verify(dir.path(), keys(), None).unwrap();
}

#[tokio::test]
async fn when_no_segment_can_be_begun_the_old_one_goes_on() {
    let dir = dir();
    let options = AuditOptions { segment_bytes: 2000, ..options(dir.path()) };
    let (log, faults) = faulty(dir.path(), options);
    faults.make.store(true, SeqCst);
    for _ in 0..3 {
        log.decide(&allow(), AMPLE).await.unwrap();
    }
    let health = log.health();
    assert_eq!(health.error.unwrap(), "cannot begin `audit-000000000005.jsonl`: no storage space");
    assert_eq!(segments(dir.path()).len(), 1);
    faults.make.store(false, SeqCst);
    log.decide(&allow(), AMPLE).await.unwrap();
    assert!(log.health().is_ready());
    log.close(AMPLE).unwrap();
    assert_eq!(segments(dir.path()).len(), 2);
    verify(dir.path(), keys(), None).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_log_on_a_dead_disk_is_closed_unfinished() {
    let dir = dir();
    let (log, faults) = faulty(dir.path(), options(dir.path()));
    faults.room.store(0, SeqCst);
    assert!(log.decide(&allow(), SHORT).await.is_err());
    until(|| !log.health().is_ready());
    assert_eq!(
        log.close(SHORT).unwrap_err().to_string(),
        "the audit log was closed unfinished after 5ms, 1 records unwritten: \
         cannot write `audit-000000000001.jsonl`: no storage space"
    );
}

#[derive(Debug)]
struct NoSigner;

impl CheckpointSigner for NoSigner {
    fn sign(&self, _: &[u8]) -> Result<String, SignerError> {
        Err(SignerError { reason: "the key is gone".into() })
    }

    fn key_id(&self) -> String {
        "none".into()
    }
}

#[test]
fn a_log_that_nobody_signs_is_not_opened() {
    let dir = dir();
    let options = options(dir.path());
    let refused = AuditLog::open(options, Arc::new(NoSigner), TestClock::new()).unwrap_err();
    let expected = "the audit log's statement could not be signed: the key is gone";
    assert_eq!(refused.to_string(), expected);
}

#[tokio::test]
async fn segments_follow_one_another_by_size_and_by_age() {
    let dir = dir();
    let clock = TestClock::new();
    let age = Duration::from_secs(3600);
    let log = open(
        AuditOptions { segment_bytes: 4000, segment_age: Some(age), ..options(dir.path()) },
        &clock,
    );
    log.policies_changed("p2");
    for _ in 0..3 {
        log.decide(&allow(), AMPLE).await.unwrap();
    }
    clock.advance(age);
    log.decide(&allow(), AMPLE).await.unwrap();
    log.close(AMPLE).unwrap();
    let segments = segments(dir.path());
    let names: Vec<_> = segments.iter().map(|(name, _)| name.as_str()).collect();
    let expected =
        ["audit-000000000001.jsonl", "audit-000000000005.jsonl", "audit-000000000007.jsonl"];
    assert_eq!(names, expected);
    let header = super::super::Line::parse(&segments[1].1[0]).unwrap();
    assert_eq!(header.event()["unmapped"]["doorward"]["policy_set"], "p2");
    verify(dir.path(), keys(), None).unwrap();
}

#[tokio::test]
async fn the_oldest_segments_are_removed_with_a_signed_statement() {
    let day = Duration::from_secs(86_400);
    let mut all = None;
    for (retain, kept) in [
        (Retain::default(), None),
        (Retain { segments: Some(2), ..Retain::default() }, Some(2)),
        (Retain { bytes: Some(11_000), ..Retain::default() }, Some(2)),
        (Retain { age: Some(day), ..Retain::default() }, Some(1)),
    ] {
        let dir = dir();
        let clock = TestClock::new();
        let log = open(AuditOptions { segment_bytes: 4000, retain, ..options(dir.path()) }, &clock);
        for _ in 0..12 {
            log.decide(&allow(), AMPLE).await.unwrap();
        }
        until(|| log.health().unsynced_records == 0);
        clock.advance(day);
        log.close(AMPLE).unwrap();
        let report = verify(dir.path(), keys(), None).unwrap();
        let all = *all.get_or_insert(report.segments);
        assert!(all >= 5);
        assert_eq!(report.segments, kept.unwrap_or(all), "{retain:?}");
        assert_eq!(report.removed_segments, all - report.segments, "{retain:?}");
        let last = report.last_seq;
        // And the log goes on, and is verified from there.
        drop(open(options(dir.path()), &clock));
        assert_eq!(verify(dir.path(), keys(), None).unwrap().last_seq, last + 2);
    }
}

#[test]
fn many_threads_write_one_chain() {
    const THREADS: usize = 4;
    const REQUESTS: usize = 200;
    let dir = dir();
    let log =
        open(AuditOptions { segment_bytes: 200_000, ..options(dir.path()) }, &TestClock::new());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = &log;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(async {
                    for request in 0..REQUESTS {
                        let id = format!("{thread}-{request}");
                        let decision = Decision { request_id: &id, ..allow() };
                        log.decide(&decision, AMPLE).await.unwrap();
                        log.outcome(&Outcome { request_id: &id, ..outcome() });
                    }
                });
            });
        }
    });
    log.close(AMPLE).unwrap();
    assert_eq!(log.health().dropped_outcomes, 0);
    let all = records(dir.path());
    for record in ["decision", "outcome"] {
        assert_eq!(all.iter().filter(|found| *found == record).count(), THREADS * REQUESTS);
    }
    let report = verify(dir.path(), keys(), None).unwrap();
    assert!(report.closed && report.segments > 1);
}

#[tokio::test]
async fn the_health_counts_what_happened() {
    let dir = dir();
    let log = open(options(dir.path()), &TestClock::new());
    log.decide(&allow(), AMPLE).await.unwrap();
    until(|| log.health().unsynced_records == 0);
    log.close(AMPLE).unwrap();
    let health = log.health();
    let bytes = fs::metadata(first_segment(dir.path())).unwrap().len();
    assert_eq!(
        health,
        AuditHealth {
            sync_age: Some(Duration::ZERO),
            written_records: 4,
            written_bytes: bytes,
            writes: 3,
            checkpoints: 1,
            last_seq: 4,
            ..AuditHealth::default()
        }
    );
}

#[tokio::test]
async fn evaluations_are_all_on_record_however_few_the_queue_holds() {
    let dir = dir();
    let log = open(AuditOptions { queue_records: 8, ..options(dir.path()) }, &TestClock::new());
    let all: Vec<_> = (0..100).map(|number| Evaluation { number, ..evaluation() }).collect();
    log.evaluate(&all, AMPLE).await.unwrap();
    let written = lines(dir.path());
    let written: Vec<_> = written.iter().filter(|line| line.record() == "evaluation").collect();
    assert_eq!(written.len(), 100);
    log.close(AMPLE).unwrap();
}
