use proptest::prelude::*;

use crate::fuzz::fuzz_authzen;

/// Parts of documents, some of them broken.
fn part() -> impl Strategy<Value = String> {
    let thing = prop::sample::select(vec![
        r#"{"type":"user","id":"a"}"#,
        r#"{"type":"user","id":""}"#,
        r#"{"name":"read"}"#,
        r#"{"name":"read","properties":{"a":[{}]}}"#,
        r#"{"type":"user","id":"a","properties":null}"#,
        "null",
        "{}",
        "[]",
        "1",
    ]);
    let name =
        prop::sample::select(vec!["subject", "action", "resource", "context", "options", "x"]);
    (name, thing).prop_map(|(name, thing)| format!("\"{name}\":{thing}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn no_document_breaks_an_invariant(
        top in prop::collection::vec(part(), 0..5),
        items in prop::collection::vec(prop::collection::vec(part(), 0..4), 0..4),
        listed: bool,
    ) {
        let items: Vec<_> = items.iter().map(|parts| format!("{{{}}}", parts.join(","))).collect();
        let list = format!("\"evaluations\":[{}]", items.join(","));
        let all: Vec<_> = top.iter().chain(listed.then_some(&list)).map(String::as_str).collect();
        fuzz_authzen(format!("{{{}}}", all.join(",")).as_bytes());
    }

    #[test]
    fn no_bytes_break_an_invariant(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        fuzz_authzen(&bytes);
    }
}
