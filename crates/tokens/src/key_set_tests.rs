use serde_json::{Value, json};

use super::*;
use crate::base64url;
use crate::minting::{key, key_set, set_of};

/// A usable JWK of this algorithm, with these changes; `null` takes a member away.
fn jwk(algorithm: Algorithm, changes: Value) -> Value {
    let mut jwk = key(algorithm).public_jwk();
    let members = jwk.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    jwk
}

fn parse(document: &Value) -> Result<ParsedKeySet, KeySetError> {
    KeySet::parse(document.to_string().as_bytes())
}

fn reason(jwk: Value) -> String {
    let parsed = parse(&json!({ "keys": [jwk] })).unwrap();
    assert!(parsed.set.is_empty(), "the key is used");
    parsed.skipped[0].reason.to_string()
}

fn encoded(bytes: &[u8]) -> String {
    base64url::encode(bytes)
}

/// An odd number of this many bits that no broken generator makes.
fn modulus(bits: usize) -> String {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] = u8::MAX >> (bytes.len() * 8 - bits);
    encoded(&bytes)
}

#[test]
fn every_kind_of_key_is_used_for_the_algorithms_it_fits() {
    for algorithm in Algorithm::ALL {
        let set = key_set([key(algorithm)]);
        let thumbprint = key(algorithm).thumbprint();
        assert_eq!((set.len(), set.is_empty()), (1, false));
        assert!(set.contains(&thumbprint) && set.contains_kid(&thumbprint.to_string()));
        let usable = |other| set.candidates(None, other).count();
        assert_eq!(Algorithm::ALL.map(usable).iter().sum::<usize>(), 1, "{algorithm}");
        assert_eq!(usable(algorithm), 1, "{algorithm}");
    }
}

#[test]
fn a_key_without_alg_is_used_for_every_algorithm_of_its_kind() {
    let set = set_of(&[jwk(Algorithm::Rs256, json!({ "alg": null }))]);
    let usable = |algorithm: &Algorithm| set.candidates(None, *algorithm).count() == 1;
    let usable: Vec<_> = Algorithm::ALL.into_iter().filter(usable).map(Algorithm::name).collect();
    assert_eq!(usable, ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512"]);
    let set = set_of(&[jwk(Algorithm::Es384, json!({ "alg": null }))]);
    assert_eq!(set.candidates(None, Algorithm::Es384).count(), 1);
    assert_eq!(set.candidates(None, Algorithm::Es256).count(), 0);
}

#[test]
fn ed25519_may_be_published_under_either_name() {
    for name in ["EdDSA", "Ed25519"] {
        assert_eq!(set_of(&[jwk(Algorithm::Ed25519, json!({ "alg": name }))]).len(), 1);
    }
}

#[test]
fn a_key_that_cannot_be_used_is_skipped_with_the_reason() {
    use Algorithm::{Ed25519, Es256, Es512, Rs256};
    let names = "expected one of ES256, ES384, ES512, EdDSA, Ed25519, PS256, PS384, PS512, RS256, RS384, RS512";
    let private = |name| {
        format!(
            "it publishes its PRIVATE member `{name}`: anyone can sign with it, and the issuer must replace it at once"
        )
    };
    let symmetric = "it is a symmetric key (`kty` oct), which never verifies a token here";
    let coordinate =
        |name| format!("its `{name}` is not the base64url form of a coordinate, at full length");
    let integer = |name| {
        format!(
            "its `{name}` is not the base64url form of a positive number, without leading zero bytes"
        )
    };
    let bits = |bits| {
        format!("its RSA modulus has {bits} bits; expected an odd number of 2048 to 8192 bits")
    };
    let exponent = "its RSA exponent is not an odd number from 3 to 4294967295";
    let x = jwk(Es256, json!({}))["x"].as_str().unwrap().to_owned();
    let n = jwk(Rs256, json!({}))["n"].as_str().unwrap().to_owned();
    let even = encoded(&[&[0x80; 255][..], &[2]].concat());
    let cases = [
        (json!(7), "it is not an object".into()),
        (json!({}), "its `kty` is not there".into()),
        (json!({ "kty": 7 }), "its `kty` is not a string".into()),
        (
            json!({ "kty": "EC2" }),
            "its `kty` `EC2` is not accepted; expected EC, OKP or RSA".into(),
        ),
        (json!({ "kty": "oct", "k": "AAAA" }), symmetric.into()),
        (json!({ "kty": "oct", "k": "AAAA", "alg": "RS256" }), symmetric.into()),
        (jwk(Es256, json!({ "kid": 7 })), "its `kid` is not a string".into()),
        (jwk(Es256, json!({ "kid": "k".repeat(256) })), "its `kid` has more than 255 bytes".into()),
        (jwk(Es256, json!({ "use": "enc" })), "its `use` is `enc`; expected `sig`".into()),
        (jwk(Es256, json!({ "use": ["sig"] })), "its `use` is not a string".into()),
        (jwk(Es256, json!({ "key_ops": ["sign"] })), "its `key_ops` do not name `verify`".into()),
        (jwk(Es256, json!({ "key_ops": [] })), "its `key_ops` do not name `verify`".into()),
        (
            jwk(Es256, json!({ "key_ops": "verify" })),
            "its `key_ops` is not an array of strings".into(),
        ),
        (
            jwk(Es256, json!({ "key_ops": ["verify", 7] })),
            "its `key_ops` is not an array of strings".into(),
        ),
        (
            jwk(Es256, json!({ "alg": "ES384" })),
            "its `alg` is ES384, which a key of kind P-256 cannot verify".into(),
        ),
        (
            jwk(Rs256, json!({ "alg": "ES256" })),
            "its `alg` is ES256, which a key of kind RSA cannot verify".into(),
        ),
        (
            jwk(Es256, json!({ "alg": "EdDSA" })),
            "its `alg` is EdDSA, which a key of kind P-256 cannot verify".into(),
        ),
        (
            jwk(Es256, json!({ "alg": "HS256" })),
            format!("algorithm `HS256` is not accepted; {names}"),
        ),
        (
            jwk(Es256, json!({ "alg": "none" })),
            format!("algorithm `none` is not accepted; {names}"),
        ),
        (jwk(Es256, json!({ "alg": 7 })), "its `alg` is not a string".into()),
        (jwk(Es256, json!({ "d": "AAAA" })), private("d")),
        (jwk(Es256, json!({ "d": null, "k": "AAAA" })), private("k")),
        (jwk(Rs256, json!({ "p": "AAAA" })), private("p")),
        (jwk(Rs256, json!({ "oth": [] })), private("oth")),
        (jwk(Ed25519, json!({ "d": 7 })), private("d")),
        (
            jwk(Es256, json!({ "crv": "secp256k1" })),
            "its curve `secp256k1` is not accepted; expected P-256, P-384, P-521 or Ed25519".into(),
        ),
        (
            jwk(Ed25519, json!({ "crv": "X25519" })),
            "its curve `X25519` is not accepted; expected P-256, P-384, P-521 or Ed25519".into(),
        ),
        (
            jwk(Ed25519, json!({ "crv": "P-256" })),
            "its curve `P-256` is not accepted; expected P-256, P-384, P-521 or Ed25519".into(),
        ),
        (jwk(Es256, json!({ "crv": null })), "its `crv` is not there".into()),
        (jwk(Es256, json!({ "x": null })), "its `x` is not there".into()),
        (jwk(Es256, json!({ "y": 7 })), "its `y` is not a string".into()),
        (jwk(Es256, json!({ "x": encoded(&[1; 31]) })), coordinate("x")),
        (jwk(Es256, json!({ "y": encoded(&[0; 33]) })), coordinate("y")),
        (jwk(Es256, json!({ "x": format!("{x}=") })), coordinate("x")),
        (jwk(Es512, json!({ "x": encoded(&[1; 64]) })), coordinate("x")),
        (jwk(Es256, json!({ "x": encoded(&[1; 32]) })), "it is not a valid P-256 key".into()),
        (
            jwk(Es256, json!({ "x": encoded(&[0; 32]), "y": encoded(&[0; 32]) })),
            "it is not a valid P-256 key".into(),
        ),
        (jwk(Es256, json!({ "x": encoded(&[255; 32]) })), "it is not a valid P-256 key".into()),
        (
            jwk(Ed25519, json!({ "x": encoded(&[1; 31]) })),
            "its `x` is not the base64url form of 32 bytes".into(),
        ),
        (jwk(Rs256, json!({ "n": null })), "its `n` is not there".into()),
        (jwk(Rs256, json!({ "n": "" })), integer("n")),
        (jwk(Rs256, json!({ "n": format!("AA{n}") })), integer("n")),
        (jwk(Rs256, json!({ "n": format!("{n} ") })), integer("n")),
        (jwk(Rs256, json!({ "e": "AAEAAQ" })), integer("e")),
        (jwk(Rs256, json!({ "n": modulus(1024) })), bits(1024)),
        (jwk(Rs256, json!({ "n": modulus(2047) })), bits(2047)),
        (jwk(Rs256, json!({ "n": modulus(8193) })), bits(8193)),
        (jwk(Rs256, json!({ "n": even })), bits(2048)),
        (jwk(Rs256, json!({ "e": "AQ" })), exponent.into()),
        (jwk(Rs256, json!({ "e": "Ag" })), exponent.into()),
        (jwk(Rs256, json!({ "e": encoded(&[1, 0, 0, 0]) })), exponent.into()),
        (jwk(Rs256, json!({ "e": encoded(&[1, 0, 0, 0, 1]) })), exponent.into()),
    ];
    for (jwk, expected) in cases {
        assert_eq!(reason(jwk.clone()), expected, "{jwk}");
    }
}

#[test]
fn rsa_keys_are_used_up_to_the_edges() {
    for bits in [2048, 2049, 4096, 8192] {
        for e in [&[3][..], &[1, 0, 1], &[255, 255, 255, 255]] {
            let set =
                set_of(&[jwk(Algorithm::Rs256, json!({ "n": modulus(bits), "e": encoded(e) }))]);
            assert_eq!(set.len(), 1, "{bits} bits, exponent {e:?}");
        }
    }
}

#[test]
fn one_bad_key_does_not_lose_the_others() {
    let (good, other) =
        (jwk(Algorithm::Es256, json!({})), jwk(Algorithm::Ed25519, json!({ "kid": null })));
    let parsed =
        parse(&json!({ "keys": [good, { "kty": "oct", "kid": "s\n" }, other], "more": 1 }))
            .unwrap();
    assert_eq!(parsed.set.len(), 2);
    let expected =
        SkippedKey { index: 1, kid: Some(Excerpt::of("s\n")), reason: KeyRefusal::Symmetric };
    assert_eq!(parsed.skipped, [expected]);
    let thumbprints: Vec<_> = parsed.set.thumbprints().collect();
    assert_eq!(
        thumbprints,
        [key(Algorithm::Es256).thumbprint(), key(Algorithm::Ed25519).thumbprint()]
    );
}

#[test]
fn what_is_not_a_key_set_is_refused() {
    let shape = "expected a key set: an object with an array called `keys`";
    let cases = [
        ("[]", shape),
        ("{}", shape),
        (r#"{"keys":{}}"#, shape),
        (r#"{"kty":"oct"}"#, shape),
        ("", "the key set is not strict JSON: expected a value at byte 0"),
        (
            r#"{"keys":[],"keys":[]}"#,
            "the key set is not strict JSON: the object that ends at byte 21 has two members of the same name",
        ),
        (
            r#"{"keys":[{"kid":"a","kid":"b"}]}"#,
            "the key set is not strict JSON: the object that ends at byte 30 has two members of the same name",
        ),
    ];
    for (document, expected) in cases {
        assert_eq!(
            KeySet::parse(document.as_bytes()).unwrap_err().to_string(),
            expected,
            "{document}"
        );
    }
}

#[test]
fn a_key_set_has_at_most_a_hundred_keys() {
    let keys = |count| json!({ "keys": vec![json!({ "kty": "oct" }); count] });
    assert_eq!(parse(&keys(MAX_KEYS)).unwrap().skipped.len(), 100);
    let error = parse(&keys(MAX_KEYS + 1)).unwrap_err().to_string();
    assert_eq!(error, "the key set has 101 keys, more than 100");
}

#[test]
fn a_key_set_has_at_most_half_a_mebibyte() {
    let padded = |length| [br#"{"keys":[]}"#.to_vec(), vec![b' '; length - 11]].concat();
    assert!(KeySet::parse(&padded(Limits::KEY_SET.bytes)).is_ok());
    let error = KeySet::parse(&padded(Limits::KEY_SET.bytes + 1)).unwrap_err().to_string();
    assert_eq!(
        error,
        "the key set is not strict JSON: the document has 524289 bytes, more than 524288"
    );
}

#[test]
fn a_token_that_names_a_key_is_tried_with_keys_of_that_name_only() {
    let (one, two) = (
        jwk(Algorithm::Es256, json!({ "kid": "a" })),
        jwk(Algorithm::Es256, json!({ "kid": null })),
    );
    let set = set_of(&[one, two]);
    let count = |kid| set.candidates(kid, Algorithm::Es256).count();
    assert_eq!((count(Some("a")), count(Some("b")), count(Some("")), count(None)), (1, 0, 0, 2));
}

#[test]
fn the_generation_tells_apart_sets_that_verify_different_tokens() {
    let base = jwk(Algorithm::Es256, json!({}));
    let sets = [
        KeySet::empty(),
        set_of(std::slice::from_ref(&base)),
        set_of(&[jwk(Algorithm::Es256, json!({ "kid": "other" }))]),
        set_of(&[jwk(Algorithm::Es256, json!({ "kid": null }))]),
        set_of(&[jwk(Algorithm::Es256, json!({ "kid": "" }))]),
        set_of(&[base.clone(), base.clone()]),
        set_of(&[base.clone(), jwk(Algorithm::Ed25519, json!({}))]),
        set_of(&[jwk(Algorithm::Rs256, json!({}))]),
        set_of(&[jwk(Algorithm::Rs256, json!({ "alg": "PS256" }))]),
        set_of(&[jwk(Algorithm::Rs256, json!({ "alg": null }))]),
    ];
    for (left, a) in sets.iter().enumerate() {
        for (right, b) in sets.iter().enumerate() {
            assert_eq!(a.generation() == b.generation(), left == right, "sets {left} and {right}");
        }
    }
    let again = set_of(&[jwk(Algorithm::Es256, json!({ "use": null, "x5t": "extra" }))]);
    assert_eq!(again.generation(), sets[1].generation(), "what does not verify does not count");
    assert_eq!(KeySet::default().generation(), sets[0].generation());
}
