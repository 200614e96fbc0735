use proptest::prelude::*;

use super::*;
use crate::json::{Limits, parse};

/// The document and the examples of RFC 6901 §5.
#[test]
fn the_examples_of_the_rfc_point_where_it_says() {
    let document = br#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
    let document = parse(document, &Limits::TOKEN).unwrap();
    let cases = [
        ("/foo", r#"["bar","baz"]"#),
        ("/foo/0", r#""bar""#),
        ("/", "0"),
        ("/a~1b", "1"),
        ("/c%d", "2"),
        ("/e^f", "3"),
        ("/g|h", "4"),
        ("/i\\j", "5"),
        ("/k\"l", "6"),
        ("/ ", "7"),
        ("/m~0n", "8"),
    ];
    for (pointer, expected) in cases {
        let found = JsonPointer::parse(pointer).unwrap().apply(&document).cloned();
        assert_eq!(serde_json::to_string(&found.unwrap()).unwrap(), expected, "{pointer}");
    }
    for nowhere in ["/bar", "/foo/2", "/foo/00", "/foo/+1", "/foo/-", "/foo/bar", "/foo/0/x", "//"]
    {
        assert_eq!(JsonPointer::parse(nowhere).unwrap().apply(&document), None, "{nowhere}");
    }
}

#[test]
fn what_is_not_a_pointer_is_refused_with_the_reason() {
    let start = "is not a JSON pointer such as `/realm_access/roles`";
    let cases = [
        ("", "it must start with `/`"),
        ("groups", "it must start with `/`"),
        ("/a~", "a `~` must be written `~0`, a `/` `~1`"),
        ("/a~2", "a `~` must be written `~0`, a `/` `~1`"),
    ];
    for (text, reason) in cases {
        let error = JsonPointer::parse(text).unwrap_err().to_string();
        assert_eq!(error, format!("`{text}` {start}: {reason}"));
    }
    assert!("/a".repeat(JsonPointer::MAX_STEPS).parse::<JsonPointer>().is_ok());
    let long = "/a".repeat(JsonPointer::MAX_STEPS + 1);
    let error = long.parse::<JsonPointer>().unwrap_err().to_string();
    assert_eq!(error, format!("`{long}` {start}: it has more than 16 steps"));
}

#[test]
fn a_pointer_shows_itself_as_it_was_written() {
    let pointer: JsonPointer = "/a~1b/c".parse().unwrap();
    assert_eq!(pointer.to_string(), "/a~1b/c");
    assert_eq!(format!("{pointer:?}"), "JsonPointer(/a~1b/c)");
}

proptest! {
    #[test]
    fn any_member_name_can_be_pointed_at(name in any::<String>()) {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        let document = serde_json::json!({ (name): 7 }).to_string();
        let document = parse(document.as_bytes(), &Limits::TOKEN).unwrap();
        let pointer = JsonPointer::parse(&format!("/{escaped}")).unwrap();
        prop_assert_eq!(pointer.apply(&document).and_then(Value::as_i64), Some(7));
    }

    #[test]
    fn whatever_text_comes_the_invariants_hold(text in "[/~01a]{0,40}") {
        crate::fuzz::fuzz_pointer(text.as_bytes());
    }
}
