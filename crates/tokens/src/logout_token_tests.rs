use serde_json::{Value as Json, json};

use super::*;
use crate::algorithm::Algorithm;
use crate::minting::{NOW, claims, key, key_set, now, profile, refusal, rng};
use crate::profile::TokenType;

fn verify(typ: &str, changes: Json) -> Result<VerifiedLogoutToken, TokenRefusal> {
    let mut claims = claims(json!({ "events": { EVENT: {} }, "sid": "s", "client_id": null }));
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Json::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    let token = key(Algorithm::Es256).sign(typ, &claims, &rng()).unwrap();
    let profile =
        profile(|options| options.token_types = vec![TokenType::Other(LOGOUT_TOKEN_TYPE.into())]);
    let keys = key_set([key(Algorithm::Es256)]);
    UnverifiedToken::parse(&token)?.verify_logout_token(&profile, &keys, now())
}

#[test]
fn a_logout_token_names_a_subject_or_a_session() {
    let token = verify(LOGOUT_TOKEN_TYPE, json!({})).unwrap();
    assert_eq!((token.subject(), token.session()), (Some("alice"), Some("s")));
    assert_eq!(token.jti(), "t-1");
    assert_eq!(token.usable_until(), Timestamp::from_secs(NOW + 330));
    assert!(token.has_audience("orders") && !token.has_audience("Orders"));
    let token = verify(LOGOUT_TOKEN_TYPE, json!({ "sub": null })).unwrap();
    assert_eq!((token.subject(), token.session()), (None, Some("s")));
    let token = verify(LOGOUT_TOKEN_TYPE, json!({ "sid": null })).unwrap();
    assert_eq!((token.subject(), token.session()), (Some("alice"), None));
}

#[test]
fn what_a_logout_token_must_and_must_not_have() {
    let events = "claim `events` is not an object in which `http://schemas.openid.net/event/backchannel-logout` is one";
    let cases = [
        (json!({ "sub": null, "sid": null }), "claim `sub` or `sid` is missing"),
        (json!({ "nonce": "n" }), "claim `nonce` has no place in a logout token"),
        (json!({ "events": null }), "claim `events` is missing"),
        (json!({ "events": "x" }), events),
        (json!({ "events": {} }), events),
        (json!({ "events": { EVENT: true } }), events),
        (json!({ "jti": null }), "claim `jti` is missing"),
        (json!({ "iat": null }), "claim `iat` is missing"),
        (json!({ "exp": null }), "claim `exp` is missing"),
        (json!({ "aud": null }), "claim `aud` is missing"),
        (json!({ "exp": NOW - 30 }), "the token expired at 1699999970.000"),
    ];
    for (changes, expected) in cases {
        assert_eq!(refusal(verify(LOGOUT_TOKEN_TYPE, changes)), expected);
    }
    assert_eq!(
        refusal(verify("JWT", json!({}))),
        "the token is of type `jwt`, which is not one that the issuer is configured to use"
    );
}
