use std::fs;

use super::super::testing::*;
use super::super::{AuditOptions, Decision};
use super::*;

fn ids(tail: &mut Tail) -> Vec<String> {
    let lines: Result<Vec<_>, _> = tail.by_ref().collect();
    let lines = lines.unwrap().into_iter();
    lines.filter_map(|line| line.request_id().map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_tail_goes_from_segment_to_segment_and_can_be_asked_again() {
    let dir = dir();
    let options = AuditOptions { segment_bytes: 4000, ..options(dir.path()) };
    let log = open(options, &TestClock::new());
    let mut tail = tail(dir.path(), TailFrom::Start, Filter::default()).unwrap();
    let mut number = 0;
    for _ in 0..4 {
        let mut expected = Vec::new();
        for _ in 0..3 {
            let id = format!("R{number}");
            log.decide(&Decision { request_id: &id, ..allow() }, AMPLE).await.unwrap();
            expected.push(id);
            number += 1;
        }
        assert_eq!(ids(&mut tail), expected);
    }
    assert_eq!(ids(&mut tail), [""; 0]);
    assert!(segments(dir.path()).len() > 3);
}

#[tokio::test]
async fn a_tail_from_the_end_shows_what_comes_after() {
    let dir = dir();
    let log = open(options(dir.path()), &TestClock::new());
    log.decide(&allow(), AMPLE).await.unwrap();
    let mut tail = tail(dir.path(), TailFrom::End, Filter::default()).unwrap();
    log.decide(&Decision { request_id: "later", ..allow() }, AMPLE).await.unwrap();
    assert_eq!(ids(&mut tail), ["later"]);
}

#[tokio::test(start_paused = true)]
async fn a_followed_log_is_waited_for() {
    let dir = dir();
    let filter = Filter { request_id: Some("wanted".into()), ..Filter::default() };
    let mut tail = tail(dir.path(), TailFrom::Start, filter).unwrap();
    let dir_path = dir.path().to_owned();
    let writer = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let log = open(options(&dir_path), &TestClock::new());
            log.decide(&Decision { request_id: "other", ..allow() }, AMPLE).await.unwrap();
            log.decide(&Decision { request_id: "wanted", ..deny() }, AMPLE).await.unwrap();
        });
    });
    assert_eq!(tail.follow().await.unwrap().verdict(), Some("deny"));
    writer.join().unwrap();
}

#[tokio::test]
async fn a_filter_takes_what_meets_all_its_conditions() {
    let dir = dir();
    let log = open(options(dir.path()), &TestClock::new());
    let later = NOW.plus(Duration::from_secs(60));
    for decision in [
        Decision { request_id: "a", ..allow() },
        Decision { request_id: "b", ..deny() },
        Decision { request_id: "c", route: Some("other"), service: None, at: later, ..allow() },
    ] {
        log.decide(&decision, AMPLE).await.unwrap();
    }
    log.close(AMPLE).unwrap();
    let some = |text: &str| Some(text.to_owned());
    let any = Filter::default;
    for (filter, expected) in [
        (Filter { verdict: some("deny"), ..any() }, vec!["b"]),
        (Filter { verdict: some("allow"), ..any() }, vec!["a", "c"]),
        (Filter { route: some("other"), ..any() }, vec!["c"]),
        (Filter { service: some("orders"), ..any() }, vec!["a", "b"]),
        (Filter { subject: some("alice"), ..any() }, vec!["a", "c"]),
        (Filter { issuer: some("corp"), route: some("read-order"), ..any() }, vec!["a"]),
        (Filter { issuer: some("partner"), ..any() }, vec![]),
        (Filter { status: Some(403), ..any() }, vec!["b"]),
        (Filter { since: Some(later), ..any() }, vec!["c"]),
        (Filter { request_id: some("a"), ..any() }, vec!["a"]),
        (any(), vec!["a", "b", "c"]),
    ] {
        let mut tail = tail(dir.path(), TailFrom::Start, filter.clone()).unwrap();
        assert_eq!(ids(&mut tail), expected, "{filter:?}");
    }
}

#[tokio::test]
async fn half_a_line_is_not_shown_and_what_replaces_it_is() {
    let dir = dir();
    closed_log(dir.path(), 1).await;
    let path = first_segment(dir.path());
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{{\"time\":17")).unwrap();
    let mut tail = tail(dir.path(), TailFrom::Start, Filter::default()).unwrap();
    assert_eq!(tail.by_ref().count(), 4);
    let line = whole.lines().next().unwrap();
    fs::write(&path, format!("{whole}{line}\nnot a record\n{line}\n")).unwrap();
    assert!(tail.next().unwrap().is_ok());
    assert_eq!(
        tail.next().unwrap().unwrap_err().to_string(),
        "`audit-000000000001.jsonl` has a line that is not a record; `doorward audit verify` says more"
    );
    assert!(tail.next().unwrap().is_ok());
    assert!(tail.next().is_none());
}
