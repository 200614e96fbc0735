//! What is signed is what is believed: no change to a token goes unnoticed.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use aws_lc_rs::rand::SystemRandom;
use proptest::prelude::*;
use serde_json::json;
use tokens::{
    Algorithm, Fingerprint, KeySet, Profile, ProfileOptions, SigningKey, Timestamp, TokenRefusal,
    UnverifiedToken,
};

const NOW: u64 = 1_700_000_000;

struct Issuer {
    profile: Profile,
    keys: KeySet,
    token: String,
}

#[expect(clippy::disallowed_methods, reason = "signatures under test need real randomness")]
fn issuer(algorithm: Algorithm) -> Issuer {
    let rng = SystemRandom::new();
    let key = SigningKey::generate(algorithm, &rng).unwrap();
    let mut options = ProfileOptions::new("corp", "https://idp.example.com");
    options.algorithms = Algorithm::ALL.to_vec();
    let claims = json!({
        "iss": "https://idp.example.com", "sub": "alice", "aud": "orders", "client_id": "shop", "jti": "t-1",
        "iat": NOW, "exp": NOW + 300, "scope": "read write",
    });
    Issuer {
        profile: Profile::new(options).unwrap(),
        keys: KeySet::parse(json!({ "keys": [key.public_jwk()] }).to_string().as_bytes())
            .unwrap()
            .set,
        token: key.sign("at+jwt", &claims, &rng).unwrap(),
    }
}

/// The subject, scopes and fingerprint that a token is believed to have.
fn believed(
    issuer: &Issuer,
    token: &str,
) -> Result<(String, Vec<String>, Fingerprint), TokenRefusal> {
    let facts = UnverifiedToken::parse(token)?.verify(
        &issuer.profile,
        &issuer.keys,
        Timestamp::from_secs(NOW),
    )?;
    Ok((facts.subject().to_owned(), facts.scopes().to_vec(), facts.fingerprint()))
}

#[test]
fn no_byte_of_a_token_can_be_changed() {
    for algorithm in [Algorithm::Es256, Algorithm::Ed25519, Algorithm::Rs256, Algorithm::Ps256] {
        let issuer = issuer(algorithm);
        assert!(believed(&issuer, &issuer.token).is_ok());
        for at in 0..issuer.token.len() {
            let original = issuer.token.as_bytes()[at];
            for bit in 0..7 {
                let mut mutant = issuer.token.clone().into_bytes();
                mutant[at] = original ^ (1 << bit);
                let mutant = String::from_utf8(mutant).unwrap();
                let result = believed(&issuer, &mutant);
                assert!(result.is_err(), "{algorithm}: byte {at} changed, and {result:?}");
            }
        }
    }
}

#[test]
fn no_byte_of_a_token_can_be_dropped_or_doubled() {
    let issuer = issuer(Algorithm::Es256);
    for at in 0..issuer.token.len() {
        let (mut shorter, mut longer) = (issuer.token.clone(), issuer.token.clone());
        let removed = shorter.remove(at);
        longer.insert(at, removed);
        assert!(believed(&issuer, &shorter).is_err(), "byte {at} dropped");
        assert!(believed(&issuer, &longer).is_err(), "byte {at} doubled");
    }
}

#[test]
fn no_part_of_a_token_can_be_taken_from_another() {
    let issuers = [Algorithm::Es256, Algorithm::Es256, Algorithm::Ed25519].map(issuer);
    for judge in &issuers {
        for parts in 0..27 {
            let part =
                |index: usize, of: usize| issuers[of % 3].token.split('.').nth(index).unwrap();
            let (header, payload, signature) = (parts / 9, parts / 3, parts);
            let token = format!("{}.{}.{}", part(0, header), part(1, payload), part(2, signature));
            let genuine = token == judge.token;
            assert_eq!(believed(judge, &token).is_ok(), genuine, "parts {parts}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_text_comes_the_invariants_hold(text in "[eyJ.a-zA-Z0-9_=-]{0,80}") {
        tokens::fuzz::fuzz_token(text.as_bytes());
    }

    #[test]
    fn whatever_header_and_payload_come_the_invariants_hold(
        header in r#"\{"alg":"(ES256|RS256|none)"(,"(typ|kid|crit|b64)":("JWT"|"at\+jwt"|1|false))?\}"#,
        payload in r#"\{("iss":"[a-z]{0,3}")?(,"(exp|sub|aud|iss)":("a"|1|null|\[\]))*\}"#,
    ) {
        use base64::Engine as _;
        let encode = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        tokens::fuzz::fuzz_token(format!("{}.{}.AAAA", encode(header), encode(payload)).as_bytes());
    }

    #[test]
    fn whatever_key_set_comes_the_invariants_hold(
        keys in prop::collection::vec(
            r#"\{("kty":"(RSA|EC|OKP|oct)")?(,"(crv|x|y|n|e|d|alg|use|kid)":("P-256"|"AQAB"|"Ed25519"|"sig"|1))*\}"#,
            0..4,
        ),
    ) {
        tokens::fuzz::fuzz_key_set(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes());
    }
}

/// The signature of an ECDSA token can be turned into another that verifies, by anyone who has it: `s` becomes `n - s`.
#[test]
fn a_rewritten_signature_makes_no_other_token() {
    use base64::Engine as _;
    let base64url = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let issuer = issuer(Algorithm::Es256);
    let (signed, signature) = issuer.token.rsplit_once('.').unwrap();
    let mut signature = base64url.decode(signature).unwrap();
    // The order of P-256 (SEC 2 §2.4.2).
    let order: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut borrow = 0;
    for (s, n) in signature[32..].iter_mut().zip(order).rev() {
        let difference = i16::from(n) - i16::from(*s) - borrow;
        borrow = i16::from(difference < 0);
        *s = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let rewritten = format!("{signed}.{}", base64url.encode(signature));
    assert_ne!(rewritten, issuer.token);
    assert_eq!(believed(&issuer, &rewritten), believed(&issuer, &issuer.token));
}
