use serde_json::{Value, json};

use crate::minting::{mint, profile, refusal, verify};
use crate::refusal::TokenRefusal;
use crate::verified::VerifiedToken;

fn judge(changes: Value) -> Result<VerifiedToken, TokenRefusal> {
    verify(&mint(changes), &profile(|_| ()))
}

#[test]
fn scopes_are_read_from_scope_or_scp() {
    let cases = [
        (json!({}), vec![]),
        (json!({ "scope": "" }), vec![]),
        (json!({ "scope": "a" }), vec!["a"]),
        (json!({ "scope": "b a" }), vec!["b", "a"]),
        (json!({ "scope": " a  b " }), vec!["a", "b"]),
        (json!({ "scp": "a b" }), vec!["a", "b"]),
        (json!({ "scp": ["a", "b"] }), vec!["a", "b"]),
        (json!({ "scp": [] }), vec![]),
        (json!({ "scope": "a b", "scp": ["b", "a"] }), vec!["a", "b"]),
        (json!({ "scope": "a", "scp": "a" }), vec!["a"]),
        (json!({ "scope": "orders:read https://x/y.z" }), vec!["orders:read", "https://x/y.z"]),
    ];
    for (changes, expected) in cases {
        assert_eq!(judge(changes.clone()).unwrap().scopes().to_vec(), expected, "{changes}");
    }
    let form = |name| format!("claim `{name}` is not scopes with spaces between them");
    let cases = [
        (json!({ "scope": ["a"] }), "claim `scope` is not a string".to_owned()),
        (json!({ "scope": 7 }), "claim `scope` is not a string".into()),
        (json!({ "scp": 7 }), "claim `scp` is not a string, or an array of strings".into()),
        (json!({ "scp": ["a", 7] }), "claim `scp` is not a string, or an array of strings".into()),
        (json!({ "scp": ["a b"] }), form("scp")),
        (json!({ "scp": [""] }), form("scp")),
        (json!({ "scope": "a\tb" }), form("scope")),
        (json!({ "scope": "a\nb" }), form("scope")),
        (json!({ "scope": "a\u{a0}b" }), form("scope")),
        (json!({ "scope": "a\"b" }), form("scope")),
        (json!({ "scope": "a", "scp": ["a", "b"] }), "claims `scope` and `scp` differ".into()),
        (json!({ "scope": "a b", "scp": ["a", "c"] }), "claims `scope` and `scp` differ".into()),
        (json!({ "scope": "a", "scp": [] }), "claims `scope` and `scp` differ".into()),
        (json!({ "scope": "", "scp": "a" }), "claims `scope` and `scp` differ".into()),
    ];
    for (changes, expected) in cases {
        assert_eq!(refusal(judge(changes.clone())), expected, "{changes}");
    }
}
