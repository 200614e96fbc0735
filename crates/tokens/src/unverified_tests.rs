use serde_json::{Value, json};

use super::*;
use crate::minting::{ISSUER, NOW, claims, key, key_set, mint, now, profile, refusal, rng, verify};
use crate::profile::TokenType;
use crate::verified::SubjectKind;

#[test]
fn a_token_shows_nothing_but_what_finds_its_issuer_and_key() {
    let token = mint(json!({}));
    let unverified = UnverifiedToken::parse(&token).unwrap();
    assert_eq!(unverified.claimed_issuer(), ISSUER);
    assert_eq!(unverified.algorithm(), Algorithm::Es256);
    assert_eq!(unverified.key_id(), Some(key(Algorithm::Es256).thumbprint().to_string().as_str()));
    assert_eq!(unverified.fingerprint(), Fingerprint::of(&token));
    let shown = format!("{unverified:?}");
    assert_eq!(shown, format!("UnverifiedToken({})", Fingerprint::of(&token).short()));
}

#[test]
fn payloads_that_are_not_claims_are_refused_before_anything_is_verified() {
    let cases = [
        ("", "the payload is not strict JSON: expected a value at byte 0"),
        ("foo", "the payload is not strict JSON: expected `false` at byte 0"),
        ("[]", "the payload is not a JSON object"),
        ("null", "the payload is not a JSON object"),
        ("{}", "claim `iss` is missing"),
        (r#"{"iss":7}"#, "claim `iss` is not a string"),
        (r#"{"iss":null}"#, "claim `iss` is not a string"),
        (r#"{"iss":["a"]}"#, "claim `iss` is not a string"),
        (
            r#"{"iss":"a","iss":"b"}"#,
            "the payload is not strict JSON: the object that ends at byte 21 has two members of the same name",
        ),
        (
            r#"{"iss":"a","x":{"y":1,"\u0079":1}}"#,
            "the payload is not strict JSON: the object that ends at byte 33 has two members of the same name",
        ),
        (
            r#"{"iss":"a","n":1e999}"#,
            "the payload is not strict JSON: the number at byte 15 is too large to represent",
        ),
    ];
    for (payload, expected) in cases {
        let header = br#"{"alg":"ES256"}"#;
        let token = key(Algorithm::Es256).sign_header(header, payload.as_bytes(), &rng()).unwrap();
        assert_eq!(refusal(UnverifiedToken::parse(&token)), expected, "{payload}");
    }
}

#[test]
fn a_good_token_becomes_facts() {
    let token = mint(json!({ "nbf": NOW - 5 }));
    let profile = profile(|_| ());
    let facts = verify(&token, &profile).unwrap();
    assert_eq!(&**facts.issuer(), "corp");
    assert_eq!((facts.subject(), facts.kind()), ("alice", SubjectKind::User));
    assert_eq!(facts.token_type(), &TokenType::AtJwt);
    assert_eq!(facts.audiences(), ["orders"]);
    assert!(
        facts.has_audience("orders")
            && !facts.has_audience("order")
            && !facts.has_audience("Orders")
    );
    assert_eq!((facts.client_id(), facts.jti()), (Some("shop"), Some("t-1")));
    assert_eq!(facts.issued_at(), Some(Timestamp::from_secs(NOW)));
    assert_eq!(facts.not_before(), Some(Timestamp::from_secs(NOW - 5)));
    assert_eq!(facts.expires_at(), Timestamp::from_secs(NOW + 300));
    assert_eq!(facts.usable_from(), Timestamp::from_secs(NOW - 30));
    assert_eq!(facts.usable_until(), Timestamp::from_secs(NOW + 330));
    assert!(
        facts.scopes().is_empty() && facts.groups().is_empty() && facts.claims().next().is_none()
    );
    assert!(facts.actors().is_empty() && facts.amr().is_empty() && !facts.is_sender_constrained());
    assert_eq!((facts.acr(), facts.auth_time(), facts.authorized_party()), (None, None, None));
    assert_eq!(facts.fingerprint(), Fingerprint::of(&token));
    assert_eq!(facts.key_thumbprint(), key(Algorithm::Es256).thumbprint());
    assert_eq!(facts.algorithm(), Algorithm::Es256);
    assert_eq!(facts.key_id(), Some(key(Algorithm::Es256).thumbprint().to_string().as_str()));
    assert_eq!(facts.profile_revision(), profile.revision());
}

#[test]
fn a_token_of_another_issuer_is_refused_whoever_signed_it() {
    for issuer in
        ["https://idp.example.com/", "https://IDP.example.com", "https://evil.example", ""]
    {
        let error = refusal(verify(&mint(json!({ "iss": issuer })), &profile(|_| ())));
        assert_eq!(error, "claim `iss` is not the issuer's identifier", "{issuer}");
    }
}

#[test]
fn the_signature_is_judged_before_the_claims() {
    let token = mint(json!({ "exp": 1, "sub": 7, "aud": 7 }));
    let keys = key_set([key(Algorithm::Rs256)]);
    let error =
        UnverifiedToken::parse(&token).unwrap().verify(&profile(|_| ()), &keys, now()).unwrap_err();
    assert!(matches!(error, TokenRefusal::UnknownKey { kid: Some(_) }), "{error}");
    let (input, _) = token.rsplit_once('.').unwrap();
    let (_, other) =
        mint(json!({})).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let error = refusal(verify(&format!("{input}.{other}"), &profile(|_| ())));
    assert_eq!(error, "the signature does not verify");
}

#[test]
fn only_the_configured_types_are_accepted() {
    let token = |typ: Option<&str>| {
        let mut header = json!({ "alg": "ES256" });
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        let payload = claims(json!({})).to_string();
        key(Algorithm::Es256)
            .sign_header(header.to_string().as_bytes(), payload.as_bytes(), &rng())
            .unwrap()
    };
    let judge = |types: &[TokenType], typ| {
        let profile = profile(|options| options.token_types = types.to_vec());
        verify(&token(typ), &profile).map(|facts| facts.token_type().clone())
    };
    use TokenType::{AtJwt, IdToken, Jwt};
    let txn = TokenType::of_typ("application/TXNtoken+jwt");
    assert_eq!(txn, TokenType::Other("txntoken+jwt".into()));
    let accepted = [
        (&AtJwt, Some("at+jwt")),
        (&AtJwt, Some("application/AT+JWT")),
        (&Jwt, Some("JWT")),
        (&Jwt, Some("jwt")),
        (&Jwt, None),
        (&IdToken, Some("JWT")),
        (&IdToken, None),
        (&txn, Some("txntoken+jwt")),
    ];
    for (token_type, typ) in accepted {
        assert_eq!(
            judge(std::slice::from_ref(token_type), typ).as_ref(),
            Ok(token_type),
            "{typ:?}"
        );
    }
    let text = "which is not one that the issuer is configured to use";
    let refused = [
        (&AtJwt, Some("JWT"), format!("the token is of type `jwt`, {text}")),
        (&AtJwt, None, format!("the token is of type JWT (it names none), {text}")),
        (&AtJwt, Some(""), format!("the token is of type ``, {text}")),
        (&AtJwt, Some("dpop+jwt"), format!("the token is of type `dpop+jwt`, {text}")),
        (&Jwt, Some("at+jwt"), format!("the token is of type `at+jwt`, {text}")),
        (&IdToken, Some("logout+jwt"), format!("the token is of type `logout+jwt`, {text}")),
        (&txn, Some("JWT"), format!("the token is of type `jwt`, {text}")),
    ];
    for (token_type, typ, expected) in refused {
        assert_eq!(refusal(judge(std::slice::from_ref(token_type), typ)), expected);
    }
}

#[test]
fn what_each_type_of_token_must_have_is_required() {
    let all = ["iss", "sub", "exp", "aud", "iat", "client_id", "jti"];
    let judge = |typ: TokenType, strict, claim: &str| {
        let profile = profile(|options| {
            options.token_types = vec![typ.clone()];
            options.strict_rfc9068 = strict;
        });
        let typ = if typ == TokenType::AtJwt { "at+jwt" } else { "JWT" };
        let payload = claims(json!({ claim: null }));
        let token = key(Algorithm::Es256).sign(typ, &payload, &rng()).unwrap();
        verify(&token, &profile).map(|_| ())
    };
    let cases: [(TokenType, bool, &[&str]); 4] = [
        (TokenType::AtJwt, true, &all),
        (TokenType::AtJwt, false, &["iss", "sub", "exp"]),
        (TokenType::Jwt, true, &["iss", "sub", "exp"]),
        (TokenType::IdToken, true, &["iss", "sub", "exp", "aud", "iat"]),
    ];
    for (typ, strict, required) in cases {
        for claim in all {
            let result = judge(typ.clone(), strict, claim);
            if required.contains(&claim) {
                assert_eq!(refusal(result), format!("claim `{claim}` is missing"), "{typ:?}");
            } else {
                assert_eq!(result, Ok(()), "{typ:?} without {claim}");
            }
        }
    }
}

#[test]
fn an_id_token_for_several_audiences_says_for_whom() {
    let profile = profile(|options| options.token_types = vec![TokenType::IdToken]);
    let judge = |changes: Value| {
        let token = key(Algorithm::Es256).sign("JWT", &claims(changes), &rng()).unwrap();
        verify(&token, &profile).map(|facts| facts.authorized_party().map(str::to_owned))
    };
    assert_eq!(judge(json!({ "aud": ["a"] })), Ok(None));
    assert_eq!(judge(json!({ "aud": ["a", "b"], "azp": "a" })), Ok(Some("a".into())));
    assert_eq!(refusal(judge(json!({ "aud": ["a", "b"] }))), "claim `azp` is missing");
    assert_eq!(refusal(judge(json!({ "azp": 7 }))), "claim `azp` is not a string");
}
