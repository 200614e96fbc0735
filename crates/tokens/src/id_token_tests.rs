use serde_json::{Value as Json, json};

use super::*;
use crate::minting::{claims, key, key_set, now, profile, refusal, rng};

fn verify(algorithm: Algorithm, typ: &str, changes: Json) -> Result<VerifiedIdToken, TokenRefusal> {
    let token = key(algorithm).sign(typ, &claims(changes), &rng()).unwrap();
    let profile = profile(|options| {
        options.algorithms = Algorithm::ALL.to_vec();
        options.token_types = vec![TokenType::AtJwt, TokenType::IdToken];
    });
    UnverifiedToken::parse(&token)?.verify_id_token(&profile, &key_set([key(algorithm)]), now())
}

#[test]
fn an_id_token_tells_what_ties_it_to_a_request() {
    let changes = json!({ "nonce": "n", "sid": "s", "email": "a@example.com" });
    let token = verify(Algorithm::Es256, "JWT", changes).unwrap();
    assert!(token.names_a_nonce() && token.has_nonce("n"));
    assert!(!token.has_nonce("N") && !token.has_nonce(""));
    assert_eq!(token.session(), Some("s"));
    assert_eq!(token.is_of_access_token("a"), None);
    assert!(token.claims().contains("email"));
    assert_eq!(token.token().subject(), "alice");
    assert!(!format!("{token:?}").contains("example.com\","));

    let bare = verify(Algorithm::Es256, "JWT", json!({})).unwrap();
    assert!(!bare.names_a_nonce() && !bare.has_nonce(""));
    assert_eq!(bare.session(), None);
}

#[test]
fn an_access_token_is_known_by_half_of_its_hash_under_each_algorithm() {
    // SHA-256, SHA-384 and SHA-512 of `ya29.token`, halved: from Python's hashlib.
    let halves = [
        ("SHA256", SHA256_HALF, &[Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256][..]),
        ("SHA384", SHA384_HALF, &[Algorithm::Es384, Algorithm::Ps384, Algorithm::Rs384]),
        (
            "SHA512",
            SHA512_HALF,
            &[Algorithm::Es512, Algorithm::Ps512, Algorithm::Rs512, Algorithm::Ed25519],
        ),
    ];
    for (name, half, algorithms) in halves {
        for algorithm in algorithms {
            let token = verify(*algorithm, "JWT", json!({ "at_hash": half })).unwrap();
            assert_eq!(token.is_of_access_token("ya29.token"), Some(true), "{name} {algorithm}");
            assert_eq!(token.is_of_access_token("ya29.other"), Some(false), "{name} {algorithm}");
        }
    }
}

#[test]
fn another_token_is_no_id_token() {
    let cases = [
        (
            "at+jwt",
            json!({}),
            "the token is of type `at+jwt`, which is not one that the issuer is configured to use",
        ),
        (
            "logout+jwt",
            json!({}),
            "the token is of type `logout+jwt`, which is not one that the issuer is configured to use",
        ),
        ("JWT", json!({ "events": {} }), "claim `events` has no place in an ID token"),
        ("JWT", json!({ "aud": null }), "claim `aud` is missing"),
        ("JWT", json!({ "sub": null }), "claim `sub` is missing"),
        ("JWT", json!({ "nonce": 7 }), "claim `nonce` is not a string"),
        ("JWT", json!({ "at_hash": [] }), "claim `at_hash` is not a string"),
        (
            "JWT",
            json!({ "sid": "" }),
            "claim `sid` is not a name: not empty, without control characters",
        ),
    ];
    for (typ, changes, expected) in cases {
        assert_eq!(refusal(verify(Algorithm::Es256, typ, changes)), expected);
    }
}

const SHA256_HALF: &str = "h45ojdp7r-uuXxSJUK2pDg";
const SHA384_HALF: &str = "4YiyXolfyYpeecwdGMqe0CnnZ1Nr5Wer";
const SHA512_HALF: &str = "uTfCtEhU10wOsCy64OI-UnU0gKtQQXc5K3DLEZiJH6E";
