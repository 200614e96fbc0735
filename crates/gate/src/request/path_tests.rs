use proptest::prelude::*;

use super::*;

#[test]
fn every_path_has_one_reading_or_is_refused() {
    use RequestRefusal as R;
    let table: &[(&str, Result<&str, R>)] = &[
        ("/", Ok("/")),
        ("/orders/7", Ok("/orders/7")),
        ("/orders/", Ok("/orders/")),
        ("/a%7Eb%2dc", Ok("/a~b-c")),
        ("/caf%c3%a9", Ok("/caf%C3%A9")),
        ("/a!b$c&d'e(f)g*h+i,j=k:l@m", Ok("/a!b$c&d'e(f)g*h+i,j=k:l@m")),
        ("/a|b^c[d]", Ok("/a%7Cb%5Ec%5Bd%5D")),
        ("/a%20b", Ok("/a%20b")),
        ("/100%25", Ok("/100%25")),
        ("/...", Ok("/...")),
        ("/.well-known/x", Ok("/.well-known/x")),
        ("/a..b", Ok("/a..b")),
        ("", Err(R::TargetForm)),
        ("*", Err(R::TargetForm)),
        ("a/b", Err(R::TargetForm)),
        ("/.", Err(R::DotSegment)),
        ("/..", Err(R::DotSegment)),
        ("/a/../b", Err(R::DotSegment)),
        ("/a/./b", Err(R::DotSegment)),
        ("/a/%2e%2e/b", Err(R::DotSegment)),
        ("/a/%2E./b", Err(R::DotSegment)),
        ("/a/.%2e", Err(R::DotSegment)),
        ("/a/%252e%252e/b", Err(R::DotSegment)),
        ("/a/%252e./b", Err(R::DotSegment)),
        ("/a/..;x=1/b", Err(R::DotSegment)),
        ("/a/.;/b", Err(R::DotSegment)),
        ("/a/..%3bx/b", Err(R::DotSegment)),
        ("/a/%2e%2e%2fb", Err(R::DotSegment)),
        ("/a/x%2f..%2fb", Err(R::DotSegment)),
        ("/a/x%252f%252e%252e", Err(R::DotSegment)),
        ("/a%00b", Err(R::ControlInPath)),
        ("/a%0d%0ab", Err(R::ControlInPath)),
        ("/a%2500b", Err(R::ControlInPath)),
        ("/a%7fb", Err(R::ControlInPath)),
        ("/a%C2%85b", Err(R::ControlInPath)),
        ("/a\\b", Err(R::Backslash)),
        ("/a%5cb", Err(R::Backslash)),
        ("/a%5Cb", Err(R::Backslash)),
        ("/a%255cb", Err(R::Backslash)),
        ("/a%", Err(R::InvalidEscape)),
        ("/a%2", Err(R::InvalidEscape)),
        ("/a%zz", Err(R::InvalidEscape)),
        ("/a%+1", Err(R::InvalidEscape)),
        ("/a#b", Err(R::Fragment)),
        ("/a b", Err(R::InvalidPath)),
        ("/caf\u{e9}", Err(R::InvalidPath)),
        ("/%ff", Err(R::InvalidPath)),
        ("/%c3%28", Err(R::InvalidPath)),
        ("/%c0%ae%c0%ae/", Err(R::InvalidPath)),
    ];
    for (raw, expected) in table {
        let read = CanonicalPath::parse(raw);
        assert_eq!(read.as_ref().map(CanonicalPath::as_str).map_err(|e| *e), *expected, "{raw}");
    }
}

#[test]
fn what_a_route_must_ask_for_is_noticed_in_every_spelling() {
    let table = [
        ("/a%2Fb", (true, false, false)),
        ("/a%2fb", (true, false, false)),
        ("/a%252Fb", (true, false, false)),
        ("/a//b", (false, true, false)),
        ("//a", (false, true, false)),
        ("/a/b//", (false, true, false)),
        ("/a/b/", (false, false, false)),
        ("/a;v=1/b", (false, false, true)),
        ("/a%3Bv=1", (false, false, true)),
        ("/a%253bv", (false, false, true)),
    ];
    for (raw, expected) in table {
        let traits = CanonicalPath::parse(raw).unwrap().traits();
        let found = (traits.encoded_slash, traits.empty_segment, traits.segment_parameters);
        assert_eq!(found, expected, "{raw}");
    }
}

#[test]
fn segments_are_matched_decoded_so_that_no_spelling_slips_past_a_literal() {
    let path = CanonicalPath::parse("/admin%40x/a%2Fb/caf%C3%A9").unwrap();
    let segments: Vec<_> = path.segments().collect();
    assert_eq!(segments, ["admin@x", "a%2Fb", "café"]);
}

#[test]
fn two_different_segments_never_match_the_same_literal() {
    let matched =
        |raw: &str| CanonicalPath::parse(raw).unwrap().segments().next().unwrap().into_owned();
    let table = [
        ("/a%2Fb", "a%2Fb"),
        ("/a%252Fb", "a%252Fb"),
        ("/a%25252Fb", "a%25252Fb"),
        ("/a%2541", "a%2541"),
        ("/100%25", "100%"),
        ("/caf%C3%A9%2Fb", "caf%C3%A9%2Fb"),
    ];
    for (raw, expected) in table {
        assert_eq!(matched(raw), expected, "{raw}");
    }
}

#[test]
fn the_number_of_segments_is_bounded() {
    assert!(CanonicalPath::parse(&"/a".repeat(MAX_SEGMENTS)).is_ok());
    let refusal = CanonicalPath::parse(&"/a".repeat(MAX_SEGMENTS + 1)).unwrap_err();
    assert_eq!(refusal, RequestRefusal::TooManySegments);
}

proptest! {
    #[test]
    fn reading_a_canonical_path_again_changes_nothing(raw in "/[ -~é%2eEfF/;.]{0,40}") {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            prop_assert_eq!(CanonicalPath::parse(path.as_str()).unwrap(), path);
        }
    }

    #[test]
    fn different_canonical_segments_are_matched_as_different_texts(
        a in "(%25|%2F|%C3%A9|2|5|F|%40|a){0,6}",
        b in "(%25|%2F|%C3%A9|2|5|F|%40|a){0,6}",
    ) {
        if let (Ok(a), Ok(b)) = (CanonicalPath::parse(&format!("/{a}")), CanonicalPath::parse(&format!("/{b}"))) {
            let same = a.segments().eq(b.segments());
            prop_assert_eq!(same, a.as_str() == b.as_str(), "{:?} {:?}", a, b);
        }
    }

    #[test]
    fn no_reader_finds_a_parent_segment(raw in "/(%2[eEfF]|%25|\\.|/|;|a|%5[cC]){0,12}") {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            let mut reading = path.as_str().as_bytes().to_vec();
            for _ in 0..2 {
                reading = decode_all(&reading);
                let text = String::from_utf8_lossy(&reading).into_owned();
                for part in text.split(['/', '\\']) {
                    let name = part.split(';').next().unwrap();
                    prop_assert!(name != ".." && name != ".", "{} reads as {}", raw, text);
                }
            }
        }
    }
}
