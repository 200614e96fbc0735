use serde_json::Value as Json;

use super::*;

fn facts() -> Facts {
    let claims = [
        ("admin", ClaimValue::Bool(true)),
        ("age", ClaimValue::Long(-7)),
        ("one", ClaimValue::Strings(vec!["x".to_owned()])),
        ("text", ClaimValue::String("ü\n".to_owned())),
    ];
    Facts {
        subject: "alice".to_owned(),
        kind: SubjectKind::Workload,
        groups: vec!["staff".to_owned()],
        claims: claims.map(|(name, value)| (Arc::from(name), value)).into(),
        acr: Some("gold".to_owned()),
        amr: vec!["otp".to_owned()],
        auth_time: Some(Timestamp::from_millis(1_700_000_000_250)),
    }
}

#[test]
fn facts_are_read_as_they_were_written() {
    let bare = Facts {
        kind: SubjectKind::User,
        groups: Vec::new(),
        claims: BTreeMap::new(),
        acr: None,
        amr: Vec::new(),
        auth_time: None,
        ..facts()
    };
    for facts in [facts(), bare] {
        assert_eq!(Facts::from_json(facts.to_json().as_bytes()), Ok(facts));
    }
    let text = facts().to_json();
    assert!(text.contains(r#""claims":{"admin":{"bool":true},"age":{"long":-7}"#), "{text}");
}

#[test]
fn anything_else_is_not_read() {
    let with = |name: &str, value: Json| {
        let mut document: Json = serde_json::from_str(&facts().to_json()).unwrap();
        document[name] = value;
        document.to_string()
    };
    let without = |name: &str| {
        let mut document: Json = serde_json::from_str(&facts().to_json()).unwrap();
        document.as_object_mut().unwrap().remove(name);
        document.to_string()
    };
    let members = "the facts have other members than version 1 has";
    let cases = [
        (with("version", json!(2)), "the facts are not of version 1"),
        (without("version"), "the facts are not of version 1"),
        (with("more", json!(1)), members),
        (without("amr"), members),
        (with("subject", json!(7)), "subject of the facts is not of the right type"),
        (with("kind", json!("robot")), "kind of the facts is not of the right type"),
        (with("groups", json!("staff")), "groups of the facts is not of the right type"),
        (with("amr", json!(null)), "amr of the facts is not of the right type"),
        (with("acr", json!(1)), "acr of the facts is not of the right type"),
        (with("auth_time", json!(-1)), "auth_time of the facts is not of the right type"),
        (with("claims", json!([])), "claims of the facts is not of the right type"),
        (
            with("claims", json!({ "a": { "bool": 1 } })),
            "a claim of the facts is not of the right type",
        ),
        (with("claims", json!({ "a": {} })), "a claim of the facts is not of the right type"),
        (
            with("claims", json!({ "a": { "float": 1 } })),
            "a claim of the facts is not of the right type",
        ),
        ("[]".to_owned(), "the document of the facts is not of the right type"),
        (
            "{}x".to_owned(),
            "the facts are not strict JSON: the document goes on at byte 2, behind its value",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(Facts::from_json(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
    }
}
