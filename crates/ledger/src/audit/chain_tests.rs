use proptest::prelude::*;

use super::*;

#[test]
fn a_record_is_linked_to_the_line_before_it() {
    let (mut tip, mut out) = (Tip::START, Vec::new());
    tip.append(&mut out, br#"{"a":{"b":{"c":1"#);
    tip.append(&mut out, br#"{"a":{"b":{"c":2"#);
    let text = String::from_utf8(out).unwrap();
    let [first, second] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let zeros = "0".repeat(64);
    assert_eq!(first, format!(r#"{{"a":{{"b":{{"c":1,"seq":1,"prev":"{zeros}"}}}}}}"#));
    let hash = LineHash::of(first.as_bytes());
    assert_eq!(second, format!(r#"{{"a":{{"b":{{"c":2,"seq":2,"prev":"{hash}"}}}}}}"#));
    assert_eq!(tip, Tip { seq: 2, hash: LineHash::of(second.as_bytes()) });
}

#[test]
fn the_hash_is_sha_256() {
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(LineHash::of(b"abc").to_string(), expected);
    assert_eq!(expected.parse(), Ok(LineHash::of(b"abc")));
    for wrong in [
        "",
        "ab",
        &expected.to_uppercase(),
        expected.strip_prefix('b').unwrap(),
        &format!("{expected}0"),
    ] {
        assert_eq!(wrong.parse::<LineHash>(), Err(NotAHash), "{wrong}");
    }
}

proptest! {
    #[test]
    fn what_is_appended_reads_back(seq in 0..u64::MAX, body in "[^\n]{0,40}") {
        let hash = LineHash::of(b"before");
        let (mut tip, mut out) = (Tip { seq, hash }, Vec::new());
        tip.append(&mut out, body.as_bytes());
        let line = out.strip_suffix(b"\n").unwrap();
        prop_assert_eq!(Link::of(line), Some(Link { seq: seq + 1, prev: hash }));
    }
}

#[test]
fn a_link_written_otherwise_is_none() {
    let zeros = "0".repeat(64);
    let good = format!(r#"{{"seq":7,"prev":"{zeros}"}}}}}}"#);
    assert_eq!(
        Link::of(good.replacen('{', r#"{"a":1,"#, 1).as_bytes()).map(|link| link.seq),
        Some(7)
    );
    for wrong in [
        format!(r#",seq":7,"prev":"{zeros}"}}}}}}"#),
        format!(r#","seq":07,"prev":"{zeros}"}}}}}}"#),
        format!(r#","seq":,"prev":"{zeros}"}}}}}}"#),
        format!(r#","seq":99999999999999999999,"prev":"{zeros}"}}}}}}"#),
        format!(r#","seq":7,"prev":"{zeros}"}}}}}} "#),
        format!(r#","seq":7,"prev":"{}"}}}}}}"#, "g".repeat(64)),
        String::new(),
    ] {
        assert_eq!(Link::of(wrong.as_bytes()), None, "{wrong}");
    }
}
