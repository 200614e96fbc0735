use serde_json::{Value, json};

use super::*;
use crate::minting::{key, key_set, new_key, refusal, rng, set_of};

/// A JWS over `{}` with this header, properly signed with the shared ES256 key.
fn signed(header: &str) -> String {
    key(Algorithm::Es256).sign_header(header.as_bytes(), b"{}", &rng()).unwrap()
}

fn verify(token: &str, keys: &KeySet) -> Result<(), TokenRefusal> {
    UnverifiedJws::parse(token)?.verify(&[Algorithm::Es256], keys).map(|_| ())
}

fn corp() -> KeySet {
    key_set([key(Algorithm::Es256)])
}

#[test]
fn headers_that_ask_for_what_we_do_not_do_are_refused() {
    let names = "expected one of ES256, ES384, ES512, EdDSA, Ed25519, PS256, PS384, PS512, RS256, RS384, RS512";
    let cases = [
        (r#"{"alg":"ES256","crit":["exp"],"exp":1}"#, "the header has `crit`, and no extension is understood".into()),
        (r#"{"alg":"ES256","crit":[]}"#, "the header has `crit`, and no extension is understood".into()),
        (r#"{"alg":"ES256","crit":null}"#, "the header has `crit`, and no extension is understood".into()),
        (
            r#"{"alg":"ES256","crit":["b64"],"b64":false}"#,
            "the header has `crit`, and no extension is understood".into(),
        ),
        (
            r#"{"alg":"ES256","b64":false}"#,
            "the header asks for `b64` other than true, and unencoded payloads are not accepted".into(),
        ),
        (
            r#"{"alg":"ES256","b64":"true"}"#,
            "the header asks for `b64` other than true, and unencoded payloads are not accepted".into(),
        ),
        (
            r#"{"alg":"ES256","zip":"DEF"}"#,
            "the header asks for `zip`, and compressed tokens are not accepted".to_owned(),
        ),
        (r#"{"alg":"none"}"#, format!("algorithm `none` is not accepted; {names}")),
        (r#"{"alg":"nOnE"}"#, format!("algorithm `nOnE` is not accepted; {names}")),
        (r#"{"alg":"HS256"}"#, format!("algorithm `HS256` is not accepted; {names}")),
        (r#"{"alg":"es256"}"#, format!("algorithm `es256` is not accepted; {names}")),
        (r#"{"alg":""}"#, format!("algorithm `` is not accepted; {names}")),
        (r#"{"typ":"JWT"}"#, "the header has no `alg`".into()),
        (r#"{"alg":["ES256"]}"#, "header member `alg` is not a string".into()),
        (r#"{"alg":null}"#, "header member `alg` is not a string".into()),
        (r#"{"alg":"ES256","kid":7}"#, "header member `kid` is not a string".into()),
        (r#"{"alg":"ES256","typ":7}"#, "header member `typ` is not a string".into()),
        (r#"["ES256"]"#, "the header is not a JSON object".into()),
        (r#""ES256""#, "the header is not a JSON object".into()),
        ("", "the header is not strict JSON: expected a value at byte 0".into()),
        (
            r#"{"alg":"none","alg":"ES256"}"#,
            "the header is not strict JSON: the object that ends at byte 28 has two members of the same name".into(),
        ),
        (
            r#"{"alg":"ES256","x":{"y":1,"y":2}}"#,
            "the header is not strict JSON: the object that ends at byte 32 has two members of the same name".into(),
        ),
    ];
    for (header, expected) in cases {
        assert_eq!(refusal(verify(&signed(header), &corp())), expected, "{header}");
    }
}

#[test]
fn keys_in_the_header_are_never_looked_at() {
    let attacker = new_key(Algorithm::Es256);
    let jwk = attacker.public_jwk();
    let headers = [
        json!({ "alg": "ES256", "jwk": jwk }),
        json!({ "alg": "ES256", "jwk": jwk, "kid": jwk["kid"] }),
        json!({ "alg": "ES256", "jwk": jwk, "kid": key(Algorithm::Es256).thumbprint().to_string() }),
        json!({ "alg": "ES256", "jku": "https://evil.example/keys" }),
        json!({ "alg": "ES256", "x5u": "https://evil.example/cert", "x5c": ["AAAA"], "x5t": "AAAA" }),
    ];
    for header in headers {
        let token = attacker.sign_header(header.to_string().as_bytes(), b"{}", &rng()).unwrap();
        assert!(verify(&token, &corp()).is_err(), "{header}");
        let token = signed(&header.to_string());
        let unnamed = header.get("kid").is_none();
        let honest = header["kid"] == json!(key(Algorithm::Es256).thumbprint().to_string());
        assert_eq!(verify(&token, &corp()).is_ok(), unnamed || honest, "{header}");
    }
}

#[test]
fn a_type_is_compared_without_case_and_without_application() {
    let cases = [
        ("JWT", "jwt"),
        ("at+JWT", "at+jwt"),
        ("application/at+jwt", "at+jwt"),
        ("APPLICATION/AT+JWT", "at+jwt"),
        ("application/a/b", "application/a/b"),
        ("application/", ""),
        ("text/jwt", "text/jwt"),
        ("", ""),
    ];
    for (typ, expected) in cases {
        let token = signed(&json!({ "alg": "ES256", "typ": typ }).to_string());
        assert_eq!(UnverifiedJws::parse(&token).unwrap().token_type(), Some(expected));
    }
    assert_eq!(UnverifiedJws::parse(&signed(r#"{"alg":"ES256"}"#)).unwrap().token_type(), None);
}

#[test]
fn only_three_parts_in_canonical_base64url_are_a_token() {
    let token = signed(r#"{"alg":"ES256"}"#);
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = input.split_once('.').unwrap();
    let shape = "a token has three parts with `.` between them: header, payload, signature";
    let encoding = |part| format!("the {part} is not base64url without padding");
    // `e30` is `{}`; its last character carries two bits that must be zero.
    assert_eq!(payload, "e30");
    let cases = [
        (String::new(), shape.to_owned()),
        (header.into(), shape.into()),
        (input.into(), shape.into()),
        (format!("{token}."), shape.into()),
        (format!("{token}.{signature}"), shape.into()),
        (format!("{header}.{payload}.a.b.c"), shape.into()),
        (json!({ "payload": payload }).to_string(), shape.into()),
        (format!("{header}.e31.{signature}"), encoding("payload")),
        (format!("{header}.e30=.{signature}"), encoding("payload")),
        (format!("{header}.e3 0.{signature}"), encoding("payload")),
        (format!("{header}.e30\n.{signature}"), encoding("payload")),
        (format!("{header}.e+0.{signature}"), encoding("payload")),
        (format!("{header}.e/0.{signature}"), encoding("payload")),
        (format!("{header}.e.{signature}"), encoding("payload")),
        (format!("{header}.e30?.{signature}"), encoding("payload")),
        (format!("{header}.e3é.{signature}"), encoding("payload")),
        (format!(" {token}"), encoding("header")),
        (format!("{header}=.{payload}.{signature}"), encoding("header")),
        (format!("{header}?.{payload}.{signature}"), encoding("header")),
        (format!("{token}=="), encoding("signature")),
        (format!("{token}\n"), encoding("signature")),
        (format!("{token}?"), encoding("signature")),
        (
            format!(".{payload}.{signature}"),
            "the header is not strict JSON: expected a value at byte 0".into(),
        ),
    ];
    for (token, expected) in cases {
        assert_eq!(refusal(UnverifiedJws::parse(&token)), expected, "{token}");
    }
    for other in [format!("{header}.{payload}."), format!("{header}..{signature}")] {
        assert!(UnverifiedJws::parse(&other).is_ok());
        let error = refusal(verify(&other, &corp()));
        assert_eq!(
            error,
            "the token names no key, and none that we know of the issuer verifies it"
        );
    }
}

#[test]
fn lengths_are_bounded_at_their_edges() {
    let padded = |bytes: usize| {
        let frame = r#"{"alg":"ES256","x":""}"#.len();
        signed(&json!({ "alg": "ES256", "x": "x".repeat(bytes - frame) }).to_string())
    };
    assert!(verify(&padded(MAX_HEADER_BYTES), &corp()).is_ok());
    let error = refusal(verify(&padded(MAX_HEADER_BYTES + 1), &corp()));
    assert_eq!(error, "the header has 8193 bytes, more than 8192");

    let token = |bytes: usize| "a".repeat(bytes);
    assert_eq!(
        refusal(UnverifiedJws::parse(&token(MAX_TOKEN_BYTES))),
        TokenRefusal::NotCompact.to_string()
    );
    let error = refusal(UnverifiedJws::parse(&token(MAX_TOKEN_BYTES + 1)));
    assert_eq!(error, "the token has 16385 bytes, more than 16384");

    let named =
        |bytes: usize| signed(&json!({ "alg": "ES256", "kid": "k".repeat(bytes) }).to_string());
    assert!(UnverifiedJws::parse(&named(MAX_IDENTIFIER_BYTES)).is_ok());
    let error = refusal(UnverifiedJws::parse(&named(MAX_IDENTIFIER_BYTES + 1)));
    assert_eq!(error, "`kid` is longer than 255 bytes");
}

#[test]
fn the_algorithm_must_be_allowed_and_fit_the_key() {
    let kid = "shared";
    let publish = |algorithm: Algorithm, kid: &str| {
        let mut jwk = key(algorithm).public_jwk();
        jwk["kid"] = kid.into();
        jwk.as_object_mut().unwrap().remove("alg");
        jwk
    };
    let keys = set_of(&[publish(Algorithm::Rs256, kid)]);
    let header = |algorithm: &str| json!({ "alg": algorithm, "kid": kid }).to_string();
    let token =
        key(Algorithm::Rs256).sign_header(header("RS256").as_bytes(), b"{}", &rng()).unwrap();
    let jws = UnverifiedJws::parse(&token).unwrap();
    assert!(jws.verify(&[Algorithm::Es256, Algorithm::Rs256], &keys).is_ok());
    let error = refusal(jws.verify(&[Algorithm::Es256], &keys));
    assert_eq!(error, "algorithm RS256 is not one that the issuer is configured to use");
    assert_eq!(refusal(jws.verify(&[], &keys)), error);

    let token =
        key(Algorithm::Es256).sign_header(header("ES256").as_bytes(), b"{}", &rng()).unwrap();
    let error = refusal(UnverifiedJws::parse(&token).unwrap().verify(&Algorithm::ALL, &keys));
    assert_eq!(error, "the key that the token names does not verify ES256");

    // Signed with the right key, but by another algorithm than the header says.
    let token =
        key(Algorithm::Rs256).sign_header(header("RS384").as_bytes(), b"{}", &rng()).unwrap();
    let error = refusal(UnverifiedJws::parse(&token).unwrap().verify(&Algorithm::ALL, &keys));
    assert_eq!(error, "the signature does not verify");
}

#[test]
fn keys_of_one_name_are_all_tried_and_no_others() {
    let (signer, other) = (new_key(Algorithm::Es256), new_key(Algorithm::Es256));
    let named = |key: &crate::signing::SigningKey, kid: Value| {
        let mut jwk = key.public_jwk();
        jwk["kid"] = kid;
        jwk
    };
    let token =
        |header: Value| signer.sign_header(header.to_string().as_bytes(), b"{}", &rng()).unwrap();
    let with_kid = token(json!({ "alg": "ES256", "kid": "a" }));
    let without = token(json!({ "alg": "ES256" }));

    let twice = set_of(&[named(&other, "a".into()), named(&signer, "a".into())]);
    assert!(verify(&with_kid, &twice).is_ok());
    assert!(verify(&without, &twice).is_ok());

    let elsewhere = set_of(&[named(&other, "a".into()), named(&signer, "b".into())]);
    assert_eq!(refusal(verify(&with_kid, &elsewhere)), "the signature does not verify");
    assert!(verify(&without, &elsewhere).is_ok());

    let unknown = set_of(&[named(&signer, "b".into())]);
    let error = verify(&with_kid, &unknown).unwrap_err();
    assert_eq!(error, TokenRefusal::UnknownKey { kid: Some(Excerpt::of("a")) });
    assert_eq!(error.to_string(), "the issuer has no key called `a`, as far as we know");
    assert_eq!(verify(&without, &KeySet::empty()), Err(TokenRefusal::UnknownKey { kid: None }));
    assert_eq!(
        verify(&without, &set_of(&[named(&other, "a".into())])),
        Err(TokenRefusal::UnknownKey { kid: None })
    );
}

#[test]
fn no_more_than_eight_keys_are_tried() {
    let signer = new_key(Algorithm::Es256);
    let others: Vec<_> = (0..MAX_CANDIDATE_KEYS).map(|_| new_key(Algorithm::Es256)).collect();
    let token = signer.sign_header(br#"{"alg":"ES256"}"#, b"{}", &rng()).unwrap();
    let eight = key_set(others.iter().skip(1).chain([&signer]));
    assert!(verify(&token, &eight).is_ok());
    let nine = key_set([&signer].into_iter().chain(&others));
    let error = refusal(verify(&token, &nine));
    assert_eq!(error, "more than 8 of the issuer's keys could have signed the token");
    // A key of another algorithm costs nothing, so it does not count.
    let mixed = key_set(others.iter().skip(1).chain([
        key(Algorithm::Rs256),
        key(Algorithm::Ed25519),
        &signer,
    ]));
    assert!(verify(&token, &mixed).is_ok());
}

#[test]
fn an_ecdsa_signature_has_one_length() {
    let token = signed(r#"{"alg":"ES256"}"#);
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = crate::base64url::decode(signature).unwrap();
    let (r, s) = signature.split_at(32);
    let zero = [0; 32];
    let variants: [Vec<u8>; 6] = [
        Vec::new(),
        signature[..63].to_vec(),
        [&signature[..], &[0]].concat(),
        [&[0], r, &[0], s].concat(),
        [zero, zero].concat(),
        [r, &zero].concat(),
    ];
    for variant in variants {
        let token = format!("{input}.{}", crate::base64url::encode(&variant));
        assert!(verify(&token, &corp()).is_err(), "{variant:?}");
    }
}
