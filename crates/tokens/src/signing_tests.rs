use serde_json::json;

use super::*;
use crate::jws::UnverifiedJws;
use crate::minting::{key, key_set, new_key, rng};

#[test]
fn what_every_algorithm_signs_verifies_and_says_what_it_is() {
    for algorithm in Algorithm::ALL {
        let signer = key(algorithm);
        let token = signer.sign("at+jwt", &json!({ "sub": "alice" }), &rng()).unwrap();
        assert_eq!(token.capacity(), token.len(), "it is kept by the thousand");
        let jws = UnverifiedJws::parse(&token).unwrap();
        assert_eq!((jws.algorithm(), jws.token_type()), (algorithm, Some("at+jwt")));
        assert_eq!(jws.key_id(), Some(signer.thumbprint().to_string().as_str()));
        let keys = key_set([signer]);
        let verified = jws.verify(&[algorithm], &keys).unwrap();
        assert_eq!(verified.payload(), br#"{"sub":"alice"}"#);
        assert_eq!(verified.key_thumbprint(), signer.thumbprint());
    }
}

#[test]
fn a_key_comes_back_from_pkcs8_as_the_same_key() {
    for algorithm in Algorithm::ALL {
        let secret = key(algorithm).to_pkcs8().unwrap();
        let again = SigningKey::from_pkcs8(algorithm, secret.as_ref()).unwrap();
        assert_eq!(again.public_jwk(), key(algorithm).public_jwk(), "{algorithm}");
        assert_eq!(
            (again.algorithm(), again.thumbprint()),
            (algorithm, key(algorithm).thumbprint())
        );
    }
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let secret = key(Algorithm::Es256).to_pkcs8().unwrap();
    for algorithm in [Algorithm::Es384, Algorithm::Ed25519, Algorithm::Rs256] {
        let error = SigningKey::from_pkcs8(algorithm, secret.as_ref()).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("expected a PKCS #8 document with a private key for {algorithm}")
        );
    }
    assert!(SigningKey::from_pkcs8(Algorithm::Es256, b"").is_err());
}

#[test]
fn the_public_key_is_published_without_the_private_one() {
    for algorithm in Algorithm::ALL {
        let jwk = key(algorithm).public_jwk();
        let members: Vec<_> = jwk.as_object().unwrap().keys().cloned().collect();
        for member in &members {
            let public = ["alg", "crv", "e", "kid", "kty", "n", "use", "x", "y"];
            assert!(public.contains(&member.as_str()), "{algorithm}: {member}");
        }
        assert_eq!(jwk["alg"], algorithm.name());
        assert_eq!(jwk["kid"], key(algorithm).thumbprint().to_string());
    }
}

#[test]
fn a_private_key_never_shows_itself() {
    let key = new_key(Algorithm::Es256);
    assert_eq!(format!("{key:?}"), format!("SigningKey(ES256, {})", key.thumbprint()));
    assert_eq!(format!("{:?}", key.to_pkcs8().unwrap()), "SecretDocument(…)");
}

#[test]
fn no_token_is_signed_that_no_verifier_takes() {
    let claims = |bytes: usize| json!({ "x": "x".repeat(bytes) });
    let error =
        key(Algorithm::Ed25519).sign("JWT", &claims(13_000), &rng()).unwrap_err().to_string();
    assert!(error.ends_with("bytes, more than 16384"), "{error}");
    assert!(key(Algorithm::Ed25519).sign("JWT", &claims(12_000), &rng()).is_ok());
    let unwritable = std::collections::BTreeMap::from([(vec![1], 1)]);
    let error = key(Algorithm::Ed25519).sign("JWT", &unwritable, &rng()).unwrap_err().to_string();
    assert_eq!(error, "the claims cannot be written as JSON");
}
