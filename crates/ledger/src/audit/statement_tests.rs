use std::fs;

use super::super::disk::Directory;
use super::super::testing::*;
use super::super::verify;
use super::*;

#[tokio::test]
async fn a_torn_statement_is_cut_off_at_every_byte() {
    let dir = dir();
    closed_log(dir.path(), 1).await;
    let path = dir.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for length in first..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let report = verify(dir.path(), keys(), None).unwrap();
        assert_eq!((report.statements, report.closed), (1, false));
        let disk = Directory::lock(dir.path()).unwrap();
        let (statements, reach) = Statements::open(&disk, dir.path(), signer()).unwrap();
        assert_eq!((statements.count().statements, reach), (1, 0));
        assert_eq!(fs::read(&path).unwrap(), whole[..first]);
    }
}

#[test]
fn only_the_beginning_of_a_line_passes_for_a_torn_one() {
    let line = r#"{"jws":"abc.def-_.ghi"}"#;
    for length in 0..=line.len() {
        assert!(is_torn(&line.as_bytes()[..length]), "{length}");
    }
    for wrong in [r#"{"jws":"abc"}x"#, r#"{"jwt":"#, r#"{"jws":"a b"#, "x", r#"{"jws":"abc"} "#] {
        assert!(!is_torn(wrong.as_bytes()), "{wrong}");
    }
}

#[test]
fn a_statement_is_written_like_this() {
    let claim = Claim::Checkpoint {
        seq: 7,
        hash: LineHash::NONE,
        segment: "audit-000000000001.jsonl".into(),
    };
    let statement = Statement {
        log: LOG.into(),
        n: 3,
        previous: LineHash::NONE,
        time: 1_700_000_000_250,
        claim,
    };
    let zeros = "0".repeat(64);
    let expected = format!(
        r#"{{"log":"doorward-audit","n":3,"previous":"{zeros}","time":1700000000250,"claim":{{"checkpoint":{{"seq":7,"hash":"{zeros}","segment":"audit-000000000001.jsonl"}}}}}}"#
    );
    let written = serde_json::to_string(&statement).unwrap();
    assert_eq!(written, expected);
    assert_eq!(Statement::read(written.as_bytes()), Some(statement));
    let other = written.replace("doorward-audit", "another");
    assert_eq!(Statement::read(other.as_bytes()), None);
}
