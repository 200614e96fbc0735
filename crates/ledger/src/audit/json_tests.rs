use proptest::prelude::*;

use super::*;

fn written(write: impl FnOnce(&mut Json<'_>)) -> String {
    let mut out = Vec::new();
    object(&mut out, write);
    String::from_utf8(out).unwrap()
}

proptest! {
    #[test]
    fn a_text_is_written_as_serde_json_writes_it(text in any::<String>()) {
        let mut out = Vec::new();
        string(&mut out, &text);
        prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
    }

    #[test]
    fn an_object_reads_back_as_what_was_written(
        text in any::<String>(), number in any::<u64>(), flag in any::<bool>(),
        texts in prop::collection::vec(any::<String>(), 0..8),
    ) {
        let out = written(|json| {
            json.text("text", &text);
            json.object("inner", |json| {
                json.number("number", number);
                json.flag("flag", flag);
            });
            json.texts("texts", texts.iter().map(String::as_str));
        });
        let read: serde_json::Value = serde_json::from_str(&out).unwrap();
        prop_assert_eq!(read, serde_json::json!({
            "text": text, "inner": { "number": number, "flag": flag }, "texts": texts,
        }));
    }

    #[test]
    fn a_long_text_is_cut_between_characters(text in "[aé🦀]{1500,2100}") {
        let mut out = Vec::new();
        let cut = string(&mut out, &text);
        let read: String = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(cut, text.len() > MAX_TEXT_BYTES);
        if cut {
            let kept = read.strip_suffix(CUT_MARK).unwrap();
            prop_assert!(text.starts_with(kept));
            prop_assert!(kept.len() <= MAX_TEXT_BYTES && kept.len() > MAX_TEXT_BYTES - 4);
        } else {
            prop_assert_eq!(read, text);
        }
    }
}

#[test]
fn what_needs_an_escape_is_found_wherever_it_stands() {
    for length in 1..20 {
        for (at, byte) in (0..length).flat_map(|at| (0..0x80).map(move |byte| (at, byte))) {
            for around in [b' ', b'!', b'#', b'[', b']', 0x7f] {
                let mut text = vec![around; length];
                text[at] = byte;
                let text = String::from_utf8(text).unwrap();
                let mut out = Vec::new();
                string(&mut out, &text);
                let out = String::from_utf8(out).unwrap();
                assert_eq!(out, serde_json::to_string(&text).unwrap(), "{byte} at {at}");
            }
        }
    }
}

#[test]
fn a_text_of_exactly_the_limit_is_kept_whole() {
    let mut out = Vec::new();
    assert!(!string(&mut out, &"x".repeat(MAX_TEXT_BYTES)));
    assert!(string(&mut out, &"x".repeat(MAX_TEXT_BYTES + 1)));
}

#[test]
fn a_list_of_more_than_the_limit_is_cut_and_says_so() {
    for (entries, cut) in [(MAX_LIST_ENTRIES, false), (MAX_LIST_ENTRIES + 1, true)] {
        let mut was_cut = None;
        let out = written(|json| {
            json.texts("list", std::iter::repeat_n("x", entries));
            was_cut = Some(json.was_cut());
        });
        let read: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(read["list"].as_array().unwrap().len(), MAX_LIST_ENTRIES);
        assert_eq!(was_cut, Some(cut));
    }
}

#[test]
fn bytes_are_written_in_hexadecimal_digits() {
    assert_eq!(written(|json| json.hex("h", &[0, 0x9f, 0xff])), r#"{"h":"009fff"}"#);
}
