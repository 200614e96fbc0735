use proptest::prelude::*;

use super::super::disk::Directory;
use super::super::testing::*;
use super::super::{AuditOptions, TamperingKind, VerifyError, verify};
use super::*;

/// A log as a crash leaves it: opened, so many decisions, never closed.
async fn crashed(decisions: usize) -> tempfile::TempDir {
    let dir = dir();
    let log = open(options(dir.path()), &TestClock::new());
    for _ in 0..decisions {
        log.decide(&allow(), AMPLE).await.unwrap();
    }
    copy(dir.path())
}

#[tokio::test]
async fn a_crash_loses_no_decision_that_was_answered() {
    let dir = crashed(3).await;
    let report = verify(dir.path(), keys(), None).unwrap();
    assert_eq!((report.records, report.unprotected_records, report.closed), (5, 5, false));
    closed_log(dir.path(), 1).await;
    let expected =
        ["header", "opened", "decision", "decision", "decision", "opened", "decision", "closed"];
    assert_eq!(records(dir.path()), expected);
    assert_eq!(verify(dir.path(), keys(), None).unwrap().unprotected_records, 0);
}

#[tokio::test]
async fn a_torn_last_line_is_cut_off_at_every_byte() {
    let dir = crashed(1).await;
    let path = first_segment(dir.path());
    let whole = fs::read(&path).unwrap();
    let ends: Vec<_> = (1..=whole.len()).filter(|end| whole[end - 1] == b'\n').collect();
    for length in 0..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let report = verify(dir.path(), keys(), None).unwrap();
        let kept = ends.iter().rev().find(|end| **end <= length).copied().unwrap_or(0);
        assert_eq!(report.torn_bytes, (length - kept) as u64);
        let disk = Directory::lock(dir.path()).unwrap();
        let found = Recovered::find(&disk, dir.path(), NOW).unwrap();
        assert!(!found.damaged);
        assert_eq!(found.tip.seq, ends.iter().filter(|end| **end <= length).count() as u64);
        assert_eq!(found.torn.map_or(0, |torn| torn.bytes), (length - kept) as u64);
        assert_eq!(found.last.map_or(0, |last| last.bytes), kept as u64);
        let left = fs::read(&path).unwrap_or_default();
        assert_eq!(left, whole[..kept], "nothing but the torn line is touched");
    }
}

#[tokio::test]
async fn a_torn_line_is_noted_and_the_chain_goes_on() {
    for cut in [1, 2, 100, 1000] {
        let dir = crashed(2).await;
        let path = first_segment(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - cut);
        fs::write(&path, &bytes).unwrap();
        closed_log(dir.path(), 1).await;
        let expected = ["header", "opened", "decision", "opened", "torn", "decision", "closed"];
        assert_eq!(records(dir.path()), expected, "{cut}");
        let torn = &lines(dir.path())[4];
        let torn = &torn.event()["unmapped"]["doorward"];
        assert_eq!(torn["segment"], "audit-000000000001.jsonl");
        let rest = bytes.rsplit(|byte| *byte == b'\n').next().unwrap();
        assert_eq!(torn["bytes"], rest.len());
        assert_eq!(torn["sha256"], LineHash::of(rest).to_string());
        assert!(verify(dir.path(), keys(), None).unwrap().closed);
    }
}

#[tokio::test]
async fn a_segment_that_was_only_begun_is_taken_back() {
    for content in ["", "{\"time\":17"] {
        let dir = crashed(1).await;
        fs::write(dir.path().join("audit-000000000004.jsonl"), content).unwrap();
        verify(dir.path(), keys(), None).unwrap();
        closed_log(dir.path(), 1).await;
        let report = verify(dir.path(), keys(), None).unwrap();
        assert!(report.closed);
        assert_eq!(segments(dir.path()).len(), 1);
        assert_eq!(records(dir.path()).contains(&"torn".to_owned()), !content.is_empty());
    }
}

#[tokio::test]
async fn records_that_a_checkpoint_knows_and_the_log_does_not_leave_a_hole() {
    let dir = dir();
    closed_log(dir.path(), 3).await;
    let path = first_segment(dir.path());
    let text = fs::read_to_string(&path).unwrap();
    let kept: String = text.lines().take(4).map(|line| format!("{line}\n")).collect();
    fs::write(&path, kept).unwrap();
    closed_log(dir.path(), 1).await;
    let opened = &lines(dir.path())[4];
    assert_eq!((opened.record(), opened.seq()), ("opened", 7));
    assert_eq!(opened.event()["unmapped"]["doorward"]["missing"], 2);
    let Err(VerifyError::Tampered(found)) = verify(dir.path(), keys(), None) else { panic!() };
    assert_eq!((found.kind, found.line, found.seq), (TamperingKind::Missing, 5, Some(5)));
}

#[tokio::test]
async fn damage_is_left_as_it_is_and_the_log_goes_on_beside_it() {
    let dir = crashed(3).await;
    let path = first_segment(dir.path());
    let damaged = fs::read_to_string(&path).unwrap().replacen("/orders/7", "/orders/8", 1);
    fs::write(&path, &damaged).unwrap();
    closed_log(dir.path(), 1).await;
    assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    assert_eq!(segments(dir.path()).len(), 2);
    let opened = &lines(dir.path())[6];
    assert_eq!(opened.event()["unmapped"]["doorward"]["damaged"], true);
    let Err(VerifyError::Tampered(found)) = verify(dir.path(), keys(), None) else { panic!() };
    assert_eq!((found.kind, found.line, found.seq), (TamperingKind::Altered, 3, Some(3)));
}

/// What may happen to a log.
#[derive(Clone, Debug)]
enum Event {
    /// So many decisions.
    Decide(u8),
    /// An outcome.
    Outcome,
    /// Time passes, enough for the next segment.
    Pass,
    /// The process crashes, and leaves so many bytes of a line.
    Crash(u8),
    /// The log is closed and opened again.
    Reopen,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1..5_u8).prop_map(Event::Decide),
        2 => Just(Event::Outcome),
        1 => Just(Event::Pass),
        1 => any::<u8>().prop_map(Event::Crash),
        1 => Just(Event::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_happens_to_it_a_log_verifies(events in prop::collection::vec(event(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let clock = TestClock::new();
            let age = std::time::Duration::from_secs(60);
            let options = |dir: &Path| AuditOptions {
                segment_bytes: 5000,
                segment_age: Some(age),
                ..options(dir)
            };
            let mut place = dir();
            let mut log = Some(open(options(place.path()), &clock));
            let mut decided = 0;
            for event in events {
                let current = log.as_ref().unwrap();
                match event {
                    Event::Decide(count) => {
                        for _ in 0..count {
                            current.decide(&allow(), AMPLE).await.unwrap();
                            decided += 1;
                        }
                    }
                    Event::Outcome => current.outcome(&outcome()),
                    Event::Pass => clock.advance(age),
                    Event::Crash(bytes) => {
                        let left = copy(place.path());
                        verify(left.path(), keys(), None).unwrap();
                        let last = Segment::list(left.path()).unwrap().pop().unwrap();
                        let mut text = fs::read(&last.path).unwrap();
                        text.extend(text.clone().into_iter().take(bytes.into()));
                        fs::write(&last.path, text).unwrap();
                        drop(log.take());
                        place = left;
                        log = Some(open(options(place.path()), &clock));
                    }
                    Event::Reopen => {
                        drop(log.take());
                        verify(place.path(), keys(), None).unwrap();
                        log = Some(open(options(place.path()), &clock));
                    }
                }
            }
            log.unwrap().close(AMPLE).unwrap();
            let report = verify(place.path(), keys(), None).unwrap();
            assert!(report.closed);
            let found = records(place.path()).iter().filter(|it| *it == "decision").count();
            assert_eq!(found, decided);
        });
    }
}
