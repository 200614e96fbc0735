use proptest::prelude::*;

use super::*;

fn parse_text(text: &str) -> Result<Value, JsonError> {
    parse(text.as_bytes(), &Limits::TOKEN)
}

#[test]
fn a_document_is_read_as_it_is_written() {
    let value =
        parse_text(r#" {"b":[1,-2,0.5,"x\u00e9\ud83d\ude00\n\/"],"a":{"t":true,"n":null}} "#);
    let value = value.unwrap();
    let written = serde_json::to_string(&value).unwrap();
    assert_eq!(written, r#"{"a":{"n":null,"t":true},"b":[1,-2,0.5,"xé😀\n/"]}"#);
    let members = value.as_object().unwrap();
    assert_eq!((members.len(), members.is_empty()), (2, false));
    assert_eq!(members.get("b").unwrap().as_array().unwrap()[1].as_i64(), Some(-2));
    assert!(!members.contains("c"));
}

#[test]
fn what_two_parsers_could_read_differently_is_refused() {
    let cases: &[(&[u8], &str)] = &[
        (br#"{"a":1,"a":1}"#, "the object that ends at byte 13 has two members of the same name"),
        (
            br#"{"a":1,"\u0061":2}"#,
            "the object that ends at byte 18 has two members of the same name",
        ),
        (
            br#"[{"x":{"a":1,"b":2,"a":3}}]"#,
            "the object that ends at byte 25 has two members of the same name",
        ),
        (br#"{} {}"#, "the document goes on at byte 3, behind its value"),
        (b"{}\0", "the document goes on at byte 2, behind its value"),
        (b"", "expected a value at byte 0"),
        (b"\xef\xbb\xbf{}", "expected a value at byte 0"),
        (b"\"\xff\"", "the string at byte 0 is not valid UTF-8"),
        (b"\"\xc0\xaf\"", "the string at byte 0 is not valid UTF-8"),
        (b"\"\xed\xa0\x80\"", "the string at byte 0 is not valid UTF-8"),
        (b"{\"\xff\":1}", "the string at byte 1 is not valid UTF-8"),
        (br#""\ud800""#, "the escape at byte 1 is a lone surrogate"),
        (br#""\udc00\ud800""#, "the escape at byte 1 is a lone surrogate"),
        (br#""x\ud800\u0041""#, "the escape at byte 2 is a lone surrogate"),
        (br#""\ud800\n""#, "the escape at byte 1 is a lone surrogate"),
        (br#""\ud800\ud800""#, "the escape at byte 1 is a lone surrogate"),
        (br#""\udc00\udc00""#, "the escape at byte 1 is a lone surrogate"),
        (br#""\u12g4""#, "expected a hexadecimal digit at byte 5"),
        (br#""\x""#, "expected an escape character at byte 2"),
        (b"\"a\nb\"", "expected a control character to be escaped at byte 2"),
        (b"\"a", "expected `\"` at byte 2"),
        (b"1e400", "the number at byte 0 is too large to represent"),
        (b"[-1e400]", "the number at byte 1 is too large to represent"),
        (b"01", "the document goes on at byte 1, behind its value"),
        (b"1.", "expected a digit at byte 2"),
        (b".5", "expected a value at byte 0"),
        (b"-", "expected a digit at byte 1"),
        (b"+1", "expected a value at byte 0"),
        (b"1e", "expected a digit at byte 2"),
        (b"NaN", "expected a value at byte 0"),
        (b"Infinity", "expected a value at byte 0"),
        (b"nul", "expected `null` at byte 0"),
        (b"[1,]", "expected a value at byte 3"),
        (b"[1 2]", "expected `,` or `]` at byte 3"),
        (b"{\"a\":1,}", "expected a member name at byte 7"),
        (b"{\"a\" 1}", "expected `:` at byte 5"),
        (b"{\"a\":1 \"b\":2}", "expected `,` or `}` at byte 7"),
        (b"{a:1}", "expected a member name at byte 1"),
        (b"{'a':1}", "expected a member name at byte 1"),
        (b"[1]// end", "the document goes on at byte 3, behind its value"),
    ];
    for (document, expected) in cases {
        let error = parse(document, &Limits::TOKEN).unwrap_err();
        assert_eq!(error.to_string(), *expected, "{}", String::from_utf8_lossy(document));
    }
}

#[test]
fn numbers_are_whole_where_a_machine_holds_them_whole() {
    let cases = [
        ("0", Number::Integer(0)),
        ("-1", Number::Integer(-1)),
        ("18446744073709551615", Number::Integer(u64::MAX.into())),
        ("-9223372036854775808", Number::Integer(i64::MIN.into())),
        ("18446744073709551616", Number::Float(18446744073709551616.0)),
        ("1.0", Number::Float(1.0)),
        ("1e2", Number::Float(100.0)),
        ("1E+2", Number::Float(100.0)),
        ("5e-324", Number::Float(5e-324)),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_text(text), Ok(Value::Number(expected)), "{text}");
    }
    let long: String = "9".repeat(400);
    assert_eq!(parse_text(&long), Err(JsonError::HugeNumber { at: 0 }));
    let whole = |text| parse_text(text).unwrap().as_i64();
    assert_eq!(whole("9223372036854775807"), Some(i64::MAX));
    assert_eq!(whole("9223372036854775808"), None);
    assert_eq!(whole("1.0"), None);
    assert_eq!(whole("-0"), None);
}

#[test]
fn limits_hold_at_their_edges() {
    let limits = Limits { bytes: 12, depth: 2, values: 4 };
    let parse = |text: &str| parse(text.as_bytes(), &limits).map_err(|error| error.to_string());
    assert!(parse("            ").unwrap_err().starts_with("expected"));
    assert_eq!(parse("             ").unwrap_err(), "the document has 13 bytes, more than 12");
    assert!(parse("[[]]").is_ok());
    assert_eq!(parse("[[[]]]").unwrap_err(), "arrays and objects nest more than 2 deep at byte 2");
    assert!(parse("[1,2,3]").is_ok());
    assert_eq!(parse("[1,2,3,4]").unwrap_err(), "the document has more than 4 values at byte 7");
    assert!(parse("[[],[],[]]").is_ok(), "depth counts what is open, not what was");
}

#[test]
fn no_caller_can_ask_for_more_depth_than_the_stack_holds() {
    let boundless = Limits { bytes: usize::MAX, depth: usize::MAX, values: usize::MAX };
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(Limits::MAX_DEPTH).as_bytes(), &boundless).is_ok());
    let error = parse(nested(Limits::MAX_DEPTH + 1).as_bytes(), &boundless).unwrap_err();
    assert_eq!(error, JsonError::TooDeep { at: 64, limit: 64 });
    let error = parse("[{\"a\":".repeat(100_000).as_bytes(), &boundless).unwrap_err();
    assert_eq!(error.to_string(), "arrays and objects nest more than 64 deep at byte 192");
}

/// JSON as `serde_json` has it; its objects have no repeated members. Floats are multiples of ¼: `serde_json` rounds
/// others less exactly than we do.
fn documents() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<i32>().prop_map(|quarters| (f64::from(quarters) / 4.0).into()),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn documents_without_repeated_members_read_as_serde_json_reads_them(document in documents()) {
        for text in [document.to_string(), serde_json::to_string_pretty(&document).unwrap()] {
            let ours = parse(text.as_bytes(), &Limits::KEY_SET).unwrap();
            prop_assert_eq!(serde_json::to_value(&ours).unwrap(), document.clone());
        }
    }

    #[test]
    fn whatever_bytes_come_the_invariants_hold(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        crate::fuzz::fuzz_json(&bytes);
    }

    #[test]
    fn whatever_almost_json_comes_the_invariants_hold(text in r#"[\[\]{}",:0-9eE.+\-\\u dtrfalsn]{0,24}"#) {
        crate::fuzz::fuzz_json(text.as_bytes());
        let strict = parse_text(&text).is_ok();
        let lenient = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        prop_assert!(lenient || !strict);
    }
}
