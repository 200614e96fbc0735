//! How a sign-in is renewed, and how it ends.

use serde_json::{Value, json};
use tokens::Timestamp;

use crate::provider::test_provider::{
    CLIENT, NOW, TestProvider, changed, flow, mapping, now, sign,
};
use crate::provider::{RefreshEnd, Secret};

#[tokio::test]
async fn a_sign_in_is_renewed_for_its_own_subject_or_is_over() {
    let idp = TestProvider::start();
    let provider = idp.openid(|_, _| {});
    let old = Secret::new("refresh-token-0");
    let refresh = || provider.refresh(&old, "alice", now());
    let id_token = |changes| sign("JWT", &idp.claims(&flow(), changes));

    idp.serve_tokens(Some(id_token(json!({ "nonce": null, "groups": ["new"] }))), json!({}));
    let renewed = refresh().await.unwrap();
    assert_eq!(renewed.facts.unwrap().groups, ["new"]);
    assert_eq!(renewed.refresh_token.unwrap().expose(), "refresh-token-1");
    let asked = idp.seen().remove(0);
    assert_eq!(asked.form("refresh_token").as_deref(), Some("refresh-token-0"));
    assert_eq!(asked.form("grant_type").as_deref(), Some("refresh_token"));

    idp.serve_tokens(None, json!({ "refresh_token": null }));
    let renewed = refresh().await.unwrap();
    assert!(renewed.facts.is_none() && renewed.refresh_token.is_none());

    let end = |status, body: Value| {
        idp.serve_json("/token", status, &body);
        refresh()
    };
    let cases = [
        (400, json!({ "error": "invalid_grant" }), "invalid_grant", RefreshEnd::Ended),
        (200, json!({ "error": "bad_refresh_token" }), "invalid_grant", RefreshEnd::Ended),
        (401, json!({ "error": "invalid_client" }), "invalid_client", RefreshEnd::Refused),
        (503, json!({ "error": "invalid_grant" }), "invalid_grant", RefreshEnd::Unavailable),
        (503, json!({}), "unexpected_status", RefreshEnd::Unavailable),
        (429, json!({}), "unexpected_status", RefreshEnd::Unavailable),
        (400, json!({}), "unexpected_status", RefreshEnd::Refused),
        (200, json!({}), "token_answer_no_type", RefreshEnd::Refused),
    ];
    for (status, body, code, expected) in cases {
        let refusal = end(status, body.clone()).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.end()), (code, expected), "{status} {body}");
    }
    let tokens = [
        (json!({ "sub": "mallory" }), "other_subject", RefreshEnd::Ended),
        (json!({ "iss": "https://evil.example" }), "wrong_issuer", RefreshEnd::Refused),
        (json!({ "aud": "other" }), "audience_other", RefreshEnd::Refused),
        (json!({ "events": {} }), "foreign_claim", RefreshEnd::Refused),
    ];
    for (changes, code, expected) in tokens {
        idp.serve_tokens(Some(id_token(changes)), json!({}));
        let refusal = refresh().await.unwrap_err();
        assert_eq!((refusal.code(), refusal.end()), (code, expected));
    }
    // What the provider took away and gave anew is not lost with what fails behind it.
    let curious = idp.openid(|_, openid| openid.userinfo = true);
    idp.serve_json("/userinfo", 503, &json!({}));
    idp.serve_tokens(Some(id_token(json!({}))), json!({}));
    let failure = curious.refresh(&old, "alice", now()).await.unwrap_err();
    assert_eq!((failure.code(), failure.end()), ("userinfo_status", RefreshEnd::Unavailable));
    assert_eq!(failure.rotated().map(Secret::expose), Some("refresh-token-1"));
    assert!(!format!("{failure:?}").contains("refresh-token"));

    let gone = TestProvider::start();
    gone.describe(json!({ "issuer": "https://evil.example" }));
    let refusal = gone.openid(|_, _| {}).refresh(&old, "alice", now()).await.unwrap_err();
    assert_eq!(refusal.end(), RefreshEnd::Unavailable);
}

#[tokio::test]
async fn a_logout_token_ends_a_session_and_signs_nobody_in() {
    let idp = TestProvider::start();
    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    let claims = |changes| {
        let claims = json!({
            "iss": idp.url, "aud": CLIENT, "iat": NOW, "exp": NOW + 120, "jti": "logout-1",
            "sub": "alice", "sid": "session-1", "events": event,
        });
        changed(claims, changes)
    };
    let strict = idp.openid(|_, _| {});
    let ended = strict.logout_token(&sign("logout+jwt", &claims(json!({}))), now()).await.unwrap();
    assert_eq!(ended.subject.as_deref(), Some("alice"));
    assert_eq!(ended.session.as_deref(), Some("session-1"));
    assert_eq!(ended.jti, "logout-1");
    assert_eq!(ended.until, Timestamp::from_secs(NOW + 150));

    let offline = json!({
        "http://schemas.openid.net/event/backchannel-logout": {}, "revoke_offline_access": true,
    });
    let cases = [
        ("logout+jwt", json!({ "sid": null }), None),
        ("logout+jwt", json!({ "sub": null }), None),
        ("logout+jwt", json!({ "events": offline }), None),
        ("LOGOUT+JWT", json!({}), None),
        ("JWT", json!({}), Some("type_not_allowed")),
        ("at+jwt", json!({}), Some("type_not_allowed")),
        ("logout+jwt", json!({ "nonce": "nonce-1" }), Some("foreign_claim")),
        ("logout+jwt", json!({ "events": null }), Some("missing_claim")),
        (
            "logout+jwt",
            json!({ "events": { "http://example.com/other": {} } }),
            Some("mistyped_claim"),
        ),
        ("logout+jwt", json!({ "events": [] }), Some("mistyped_claim")),
        ("logout+jwt", json!({ "sub": null, "sid": null }), Some("missing_claim")),
        ("logout+jwt", json!({ "jti": null }), Some("missing_claim")),
        ("logout+jwt", json!({ "iat": null }), Some("missing_claim")),
        ("logout+jwt", json!({ "exp": null }), Some("missing_claim")),
        ("logout+jwt", json!({ "aud": null }), Some("missing_claim")),
        ("logout+jwt", json!({ "aud": "other" }), Some("audience_other")),
        ("logout+jwt", json!({ "iss": "https://evil.example" }), Some("wrong_issuer")),
        ("logout+jwt", json!({ "iat": NOW - 200, "exp": NOW - 30 }), Some("expired")),
        ("logout+jwt", json!({ "iat": NOW - 630, "exp": NOW + 9000 }), Some("too_old")),
        ("logout+jwt", json!({ "iat": NOW + 31 }), Some("issued_in_future")),
    ];
    for (typ, changes, expected) in cases {
        let token = sign(typ, &claims(changes.clone()));
        let code = strict.logout_token(&token, now()).await.err().map(|refusal| refusal.code());
        assert_eq!(code, expected, "{typ} {changes}");
    }
    // An ID token is none, and a logout token of an older provider is no ID token.
    let older = idp.openid(|_, openid| openid.untyped_logout_tokens = true);
    assert!(older.logout_token(&sign("JWT", &claims(json!({}))), now()).await.is_ok());
    let id_token = sign("JWT", &idp.claims(&flow(), json!({ "jti": "x" })));
    let code = older.logout_token(&id_token, now()).await.unwrap_err().code();
    assert_eq!(code, "foreign_claim");
    let id_token = sign("JWT", &idp.claims(&flow(), json!({ "jti": "x", "nonce": null })));
    let code = older.logout_token(&id_token, now()).await.unwrap_err().code();
    assert_eq!(code, "missing_claim");

    let by_object = idp.openid(|options, _| options.mapping = mapping("/oid", Vec::new()));
    let ended =
        by_object.logout_token(&sign("logout+jwt", &claims(json!({}))), now()).await.unwrap();
    assert_eq!((ended.subject, ended.session.as_deref()), (None, Some("session-1")));
    let subject_only = sign("logout+jwt", &claims(json!({ "sid": null })));
    let code = by_object.logout_token(&subject_only, now()).await.unwrap_err().code();
    assert_eq!(code, "subject_unmapped");
    let code = idp.oauth(|_, _| {}).logout_token(&subject_only, now()).await.unwrap_err().code();
    assert_eq!(code, "not_openid");
}
