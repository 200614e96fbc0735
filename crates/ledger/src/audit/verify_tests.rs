use proptest::prelude::*;

use super::super::chain::Link;
use super::super::statement::FILE;
use super::super::testing::*;
use super::super::{AuditOptions, CheckpointEvery, Retain};
use super::*;

use TamperingKind::*;

/// A log of nine records in one segment: header, opened, six decisions, closed. Two statements: at its opening, and of
/// its last record.
async fn small() -> tempfile::TempDir {
    let dir = dir();
    closed_log(dir.path(), 6).await;
    dir
}

/// A log of several segments.
async fn large() -> tempfile::TempDir {
    let dir = dir();
    write_log(AuditOptions { segment_bytes: 4000, ..options(dir.path()) }, 12).await;
    dir
}

fn tampering(dir: &Path) -> Tampering {
    match verify(dir, keys(), None) {
        Err(VerifyError::Tampered(found)) => *found,
        other => panic!("{other:?}"),
    }
}

/// Exchanges the lines of a file for what `edit` makes of them.
fn edit(path: &Path, edit: impl FnOnce(&mut Vec<String>)) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    edit(&mut lines);
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

/// Links the lines from `from` on anew, as one would who can write the files and has no key.
fn relink(lines: &mut [String], from: usize) {
    for index in from..lines.len() {
        let prev = LineHash::of(lines[index - 1].as_bytes()).to_string();
        let link = Link::of(lines[index].as_bytes()).unwrap();
        lines[index] = lines[index].replace(&link.prev.to_string(), &prev);
    }
}

type Edit = fn(&mut Vec<String>);

#[tokio::test]
async fn what_is_done_to_records_is_named_and_located() {
    let table: [(&str, Edit, TamperingKind, u64, u64); 22] = [
        ("a record is altered", |it| it[3] = it[3].replace("alice", "mallory"), Altered, 4, 4),
        ("a verdict is turned", |it| it[5] = it[5].replace("\"allow\"", "\"deny\""), Altered, 6, 6),
        (
            "the last record is altered",
            |it| it[8] = it[8].replace("closed", "cloned"),
            Rewritten,
            9,
            9,
        ),
        ("the last but one is altered", |it| it[7] = it[7].replace("alice", "bob"), Altered, 8, 8),
        ("the header is altered", |it| it[0] = it[0].replace("\"p1\"", "\"p2\""), Altered, 1, 1),
        (
            "the header's link is altered",
            |it| it[0] = it[0].replace("\"0000", "\"1000"),
            Altered,
            1,
            1,
        ),
        ("a link is altered", |it| it[4] = flip_link(&it[4]), Altered, 5, 5),
        (
            "a number is altered",
            |it| it[4] = it[4].replace("\"seq\":5", "\"seq\":6"),
            Altered,
            5,
            5,
        ),
        (
            "a number is altered to one long gone",
            |it| it[4] = it[4].replace("\"seq\":5", "\"seq\":2"),
            Altered,
            5,
            5,
        ),
        ("a line is overwritten", |it| it[4] = "x".repeat(it[4].len()), Altered, 5, 5),
        ("a record is taken out", |it| drop(it.remove(4)), Missing, 5, 5),
        ("three records are taken out", |it| drop(it.drain(3..6)), Missing, 4, 4),
        ("the header is taken out", |it| drop(it.remove(0)), Missing, 1, 1),
        ("two records are exchanged", |it| it.swap(3, 4), Reordered, 4, 5),
        (
            "a record is moved to the end",
            |it| {
                let line = it.remove(3);
                it.push(line);
            },
            Reordered,
            4,
            5,
        ),
        ("a record is repeated", |it| it.insert(4, it[3].clone()), Duplicated, 5, 4),
        ("an early record is repeated late", |it| it.insert(7, it[2].clone()), Duplicated, 8, 3),
        (
            "a linked record is put in",
            |it| it.insert(4, it[4].replace("alice", "eve")),
            Inserted,
            5,
            5,
        ),
        ("an empty line is put in", |it| it.insert(4, String::new()), Inserted, 5, 5),
        ("the last two are cut off", |it| it.truncate(7), CutOff, 8, 8),
        ("all is cut off", Vec::clear, CutOff, 1, 1),
        (
            "all is written anew from the fourth record on",
            |it| {
                it[3] = it[3].replace("alice", "mallory");
                relink(it, 4);
            },
            Rewritten,
            9,
            9,
        ),
    ];
    let log = small().await;
    for (what, change, kind, line, seq) in table {
        let dir = copy(log.path());
        edit(&first_segment(dir.path()), change);
        let found = tampering(dir.path());
        assert_eq!((found.kind, found.line, found.seq), (kind, line, Some(seq)), "{what}: {found}");
        assert_eq!(found.file, "audit-000000000001.jsonl", "{what}");
    }
}

fn flip_link(line: &str) -> String {
    let link = Link::of(line.as_bytes()).unwrap().prev.to_string();
    let other = LineHash::of(link.as_bytes()).to_string();
    line.replace(&link, &other)
}

#[tokio::test]
async fn a_half_cut_last_line_is_missed() {
    let log = small().await;
    let path = first_segment(log.path());
    let bytes = fs::read(&path).unwrap();
    for cut in [1, 2, 300] {
        fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
        let found = tampering(log.path());
        assert_eq!((found.kind, found.line, found.seq), (CutOff, 9, Some(9)));
    }
}

#[tokio::test]
async fn what_is_done_to_statements_is_named_and_located() {
    fn payload(line: &str, edit: impl FnOnce(&str) -> String) -> String {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let parts: Vec<_> = line.split('.').collect();
        let text = String::from_utf8(base64.decode(parts[1]).unwrap()).unwrap();
        [parts[0], &base64.encode(edit(&text)), parts[2]].join(".")
    }
    let table: [(&str, Edit, TamperingKind, u64, u64); 8] = [
        (
            "a statement is edited",
            |it| it[1] = payload(&it[1], |text| text.replace("\"seq\":9", "\"seq\":8")),
            Forged,
            2,
            1,
        ),
        ("a signature is edited", |it| it[1] = it[1].replace("\"}", "A\"}"), Forged, 2, 1),
        (
            "a stranger signs",
            |it| {
                let jws = stranger().sign(payload_of(&it[1]).as_bytes()).unwrap();
                it[1] = format!("{{\"jws\":\"{jws}\"}}");
            },
            Forged,
            2,
            1,
        ),
        ("a line is put in", |it| it.insert(1, "{\"jws\":\"\"}".into()), Forged, 2, 1),
        ("the first is taken out", |it| drop(it.remove(0)), StatementMissing, 1, 0),
        ("two are exchanged", |it| it.swap(0, 1), StatementMissing, 1, 0),
        ("one is repeated", |it| it.push(it[1].clone()), StatementMoved, 3, 2),
        ("all are taken out", Vec::clear, StatementMissing, 1, 0),
    ];
    let log = small().await;
    for (what, change, kind, line, n) in table {
        let dir = copy(log.path());
        edit(&dir.path().join(FILE), change);
        let found = tampering(dir.path());
        assert_eq!((found.kind, found.line, found.seq), (kind, line, Some(n)), "{what}: {found}");
        assert_eq!(found.file, FILE, "{what}");
    }
    fs::remove_file(log.path().join(FILE)).unwrap();
    assert_eq!(tampering(log.path()).kind, StatementMissing, "the file is removed");
}

fn payload_of(line: &str) -> String {
    use base64::Engine as _;
    let payload = line.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_statement_taken_out_is_missed_by_the_next_opening() {
    let dir = small().await;
    edit(&dir.path().join(FILE), |it| it.truncate(1));
    let report = verify(dir.path(), keys(), None).unwrap();
    assert_eq!(report.unprotected_records, 9, "without its last checkpoint it looks like a crash");
    let whole = small().await;
    closed_log(whole.path(), 1).await;
    edit(&whole.path().join(FILE), |it| it.truncate(1));
    let found = tampering(whole.path());
    assert_eq!((found.kind, found.line, found.seq), (StatementMissing, 2, Some(2)));
}

#[tokio::test]
async fn what_is_done_to_segments_is_named_and_located() {
    type Change = fn(&[Segment]);
    let table: [(&str, Change, TamperingKind, Where); 11] = [
        ("the first is removed", |it| remove(&it[0]), Missing, Where::Begin(0)),
        ("one in the middle is removed", |it| remove(&it[2]), Missing, Where::Behind(1)),
        (
            "two in the middle are removed",
            |it| {
                remove(&it[1]);
                remove(&it[2]);
            },
            Missing,
            Where::Behind(0),
        ),
        ("the last is removed", |it| remove(it.last().unwrap()), CutOff, Where::BehindLastButOne),
        (
            "two are exchanged",
            |it| {
                fs::rename(&it[1].path, it[1].path.with_extension("x")).unwrap();
                fs::rename(&it[2].path, &it[1].path).unwrap();
                fs::rename(it[1].path.with_extension("x"), &it[2].path).unwrap();
            },
            Misplaced,
            Where::Begin(1),
        ),
        (
            "one is copied over the next",
            |it| assert!(fs::copy(&it[1].path, &it[2].path).is_ok()),
            Misplaced,
            Where::Begin(2),
        ),
        ("one is emptied", |it| fs::write(&it[2].path, "").unwrap(), Missing, Where::Begin(2)),
        (
            "the end of one is cut off",
            |it| edit(&it[1].path, |lines| drop(lines.pop())),
            Missing,
            Where::LastLine(1),
        ),
        (
            "the last line of one is altered",
            |it| {
                edit(&it[1].path, |lines| {
                    let last = lines.len() - 1;
                    lines[last] = lines[last].replace("alice", "eve");
                })
            },
            Altered,
            Where::LastLine(1),
        ),
        (
            "the header of one is altered",
            |it| edit(&it[2].path, |lines| lines[0] = lines[0].replace("\"p1\"", "\"p2\"")),
            Altered,
            Where::Begin(2),
        ),
        (
            "a line of one is cut in half",
            |it| {
                let bytes = fs::read(&it[1].path).unwrap();
                fs::write(&it[1].path, &bytes[..bytes.len() - 50]).unwrap();
            },
            Altered,
            Where::LastLine(1),
        ),
    ];
    let log = large().await;
    let names: Vec<_> = segments(log.path());
    let count = |index: usize| names[index].1.len() as u64;
    for (what, change, kind, place) in table {
        let dir = copy(log.path());
        change(&Segment::list(dir.path()).unwrap());
        let found = tampering(dir.path());
        assert_eq!(found.kind, kind, "{what}: {found}");
        let (index, line) = match place {
            Where::Begin(index) => (index, 1),
            Where::Behind(index) => (index, count(index) + 1),
            Where::BehindLastButOne => (names.len() - 2, count(names.len() - 2) + 1),
            Where::LastLine(index) => (index, count(index)),
        };
        assert_eq!(
            (found.file.as_str(), found.line),
            (names[index].0.as_str(), line),
            "{what}: {found}"
        );
        let seq = names[..index].iter().map(|(_, lines)| lines.len() as u64).sum::<u64>() + line;
        assert_eq!(found.seq, Some(seq), "{what}: {found}");
    }
}

/// Where a tampering is found.
#[derive(Clone, Copy)]
enum Where {
    /// In the first line of this segment.
    Begin(usize),
    /// Behind the last line of this segment.
    Behind(usize),
    /// Behind the last line of the last segment but one.
    BehindLastButOne,
    /// In what was the last line of this segment.
    LastLine(usize),
}

fn remove(segment: &Segment) {
    fs::remove_file(&segment.path).unwrap();
}

#[tokio::test]
async fn a_segment_removed_without_a_statement_is_missed_beside_those_with_one() {
    let dir = dir();
    let retain = Retain { segments: Some(3), ..Retain::default() };
    write_log(AuditOptions { segment_bytes: 4000, retain, ..options(dir.path()) }, 12).await;
    let report = verify(dir.path(), keys(), None).unwrap();
    assert!(report.removed_segments > 0);
    let left = Segment::list(dir.path()).unwrap();
    remove(&left[0]);
    let found = tampering(dir.path());
    assert_eq!(
        (found.kind, found.file, found.seq),
        (Missing, left[0].name.clone(), Some(report.first_seq))
    );
}

#[tokio::test]
async fn a_checkpoint_from_elsewhere_finds_what_was_done_to_log_and_checkpoints_together() {
    let log = small().await;
    let statements = fs::read_to_string(log.path().join(FILE)).unwrap();
    let jws: Vec<_> = statements
        .lines()
        .map(|line| super::super::statement::envelope(line.as_bytes()).unwrap())
        .collect();
    for jws in &jws {
        assert!(verify(log.path(), keys(), Some(jws)).unwrap().closed);
    }
    let last = Some(jws[1]);
    // Cut off together with its checkpoint.
    let cut = copy(log.path());
    edit(&first_segment(cut.path()), |it| it.truncate(5));
    edit(&cut.path().join(FILE), |it| it.truncate(1));
    verify(cut.path(), keys(), None).unwrap();
    let Err(VerifyError::Tampered(found)) = verify(cut.path(), keys(), last) else { panic!() };
    assert_eq!((found.kind, found.line, found.seq), (StatementMissing, 2, Some(1)));
    // Another log in its place, made with the key.
    let other = small().await;
    edit(&first_segment(other.path()), |it| it.truncate(9));
    let Err(VerifyError::Tampered(found)) = verify(other.path(), keys(), last) else {
        // The same records at the same moments make the same log, signed the same way.
        assert_eq!(
            fs::read(first_segment(other.path())).unwrap(),
            fs::read(first_segment(log.path())).unwrap()
        );
        return;
    };
    assert_eq!((found.kind, found.seq), (StatementMissing, Some(1)));
}

#[tokio::test]
async fn a_checkpoint_from_elsewhere_must_be_signed() {
    let log = small().await;
    let line = fs::read_to_string(log.path().join(FILE)).unwrap();
    let forged = stranger().sign(payload_of(line.lines().next().unwrap()).as_bytes()).unwrap();
    let other = signer().sign(b"{}").unwrap();
    for jws in [forged.as_str(), other.as_str(), "", "a.b.c"] {
        assert_eq!(
            verify(log.path(), keys(), Some(jws)).unwrap_err().to_string(),
            "the given checkpoint is not an audit checkpoint signed by one of the keys"
        );
    }
}

#[tokio::test]
async fn tampering_is_told_like_this() {
    let log = small().await;
    edit(&first_segment(log.path()), |it| drop(it.remove(4)));
    let (fourth, fifth) = {
        let lines = &segments(log.path())[0].1;
        (LineHash::of(lines[3].as_bytes()), Link::of(lines[4].as_bytes()).unwrap().prev)
    };
    assert_eq!(
        tampering(log.path()).to_string(),
        format!(
            "record 5 is missing (`audit-000000000001.jsonl` line 5): \
             expected record 5 after {fourth}, found record 6 after {fifth}"
        )
    );
}

#[tokio::test]
async fn checkpoints_in_between_vouch_for_the_records_before_them() {
    let dir = dir();
    let checkpoint_every = CheckpointEvery { records: 1, age: AMPLE };
    let log = open(AuditOptions { checkpoint_every, ..options(dir.path()) }, &TestClock::new());
    log.decide(&allow(), AMPLE).await.unwrap();
    while log.health().checkpoints == 0 {
        std::thread::yield_now();
    }
    let left = copy(dir.path());
    let report = verify(left.path(), keys(), None).unwrap();
    assert_eq!((report.statements, report.unprotected_records, report.closed), (2, 0, false));
    edit(&first_segment(left.path()), |it| it.truncate(2));
    assert_eq!(tampering(left.path()).kind, CutOff);
}

#[tokio::test]
async fn a_log_that_is_written_meanwhile_verifies() {
    let dir = dir();
    let log = open(AuditOptions { segment_bytes: 4000, ..options(dir.path()) }, &TestClock::new());
    for _ in 0..20 {
        log.decide(&allow(), AMPLE).await.unwrap();
        verify(dir.path(), keys(), None).unwrap();
    }
}

#[test]
fn an_empty_directory_is_an_empty_log() {
    assert_eq!(verify(dir().path(), keys(), None).unwrap(), VerifyReport::default());
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let missing = dir().path().join("missing");
    let error = verify(&missing, keys(), None).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("cannot read `{}`: No such file or directory (os error 2)", missing.display())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_single_flipped_bit_is_found(file in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>()) {
        static LOG: std::sync::LazyLock<tempfile::TempDir> = std::sync::LazyLock::new(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(large())
        });
        let dir = copy(LOG.path());
        let mut paths: Vec<_> =
            Segment::list(dir.path()).unwrap().into_iter().map(|segment| segment.path).collect();
        paths.push(dir.path().join(FILE));
        let path = &paths[file.index(paths.len())];
        let mut bytes = fs::read(path).unwrap();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(path, bytes).unwrap();
        prop_assert!(verify(dir.path(), keys(), None).is_err(), "{} bit {bit}", path.display());
    }
}
