use serde_json::{Value, json};

use crate::minting::{mint, profile, refusal, verify};
use crate::refusal::TokenRefusal;
use crate::verified::VerifiedToken;

fn judge(changes: Value) -> Result<VerifiedToken, TokenRefusal> {
    verify(&mint(changes), &profile(|_| ()))
}

#[test]
fn a_token_with_a_confirmation_is_not_a_bearer_token() {
    let digest = crate::base64url::encode(&[7; 32]);
    let facts = judge(json!({ "cnf": { "jkt": digest } })).unwrap();
    assert!(facts.is_sender_constrained());
    let confirmation = facts.confirmation().unwrap();
    assert_eq!(confirmation.jwk_thumbprint().unwrap().as_bytes(), &[7; 32]);
    assert_eq!((confirmation.certificate_thumbprint(), confirmation.has_others()), (None, false));

    let facts = judge(json!({ "cnf": { "x5t#S256": digest } })).unwrap();
    assert_eq!(facts.confirmation().unwrap().certificate_thumbprint(), Some(&[7; 32]));
    assert!(facts.is_sender_constrained());

    let facts = judge(json!({ "cnf": { "jwk": {} } })).unwrap();
    assert!(facts.is_sender_constrained() && facts.confirmation().unwrap().has_others());

    let cases = [
        (json!("jkt"), "claim `cnf` is not an object with members"),
        (json!({}), "claim `cnf` is not an object with members"),
        (json!({ "jkt": 7 }), "claim `cnf/jkt` is not a string"),
        (json!({ "jkt": "AAAA" }), "claim `cnf/jkt` is not a SHA-256 digest in base64url"),
        (
            json!({ "x5t#S256": format!("{digest}=") }),
            "claim `cnf/x5t#S256` is not a SHA-256 digest in base64url",
        ),
    ];
    for (cnf, expected) in cases {
        assert_eq!(refusal(judge(json!({ "cnf": cnf.clone() }))), expected, "{cnf}");
    }
}
