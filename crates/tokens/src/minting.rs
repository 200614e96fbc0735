//! For the tests of this crate: issuers that mint real tokens.

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use serde_json::{Value, json};

use crate::algorithm::Algorithm;
use crate::key_set::KeySet;
use crate::profile::{Profile, ProfileOptions, TokenType};
use crate::refusal::TokenRefusal;
use crate::signing::SigningKey;
use crate::time::Timestamp;
use crate::unverified::UnverifiedToken;
use crate::verified::VerifiedToken;

/// The identifier of the issuer called `corp`.
pub(crate) const ISSUER: &str = "https://idp.example.com";

/// The moment around which tests play, in seconds.
pub(crate) const NOW: u64 = 1_700_000_000;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

#[expect(clippy::disallowed_methods, reason = "signatures under test need real randomness")]
pub(crate) fn rng() -> SystemRandom {
    SystemRandom::new()
}

/// A key of its own.
pub(crate) fn new_key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm, &rng()).unwrap()
}

/// The key that all tests share for this algorithm: RSA keys are slow to make.
pub(crate) fn key(algorithm: Algorithm) -> &'static SigningKey {
    static KEYS: [OnceLock<SigningKey>; 10] = [const { OnceLock::new() }; 10];
    KEYS[algorithm as usize].get_or_init(|| new_key(algorithm))
}

/// What an issuer with these keys publishes.
pub(crate) fn key_set<'a>(keys: impl IntoIterator<Item = &'a SigningKey>) -> KeySet {
    let keys: Vec<_> = keys.into_iter().map(SigningKey::public_jwk).collect();
    set_of(&keys)
}

/// A key set of these JWKs, all of them usable.
pub(crate) fn set_of(jwks: &[Value]) -> KeySet {
    let parsed = KeySet::parse(json!({ "keys": jwks }).to_string().as_bytes()).unwrap();
    assert_eq!(parsed.skipped, []);
    parsed.set
}

/// A complete access token's claims, with these changes; `null` takes a claim away.
pub(crate) fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": "alice", "aud": "orders", "client_id": "shop", "jti": "t-1",
        "iat": NOW, "exp": NOW + 300,
    });
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    claims
}

/// An access token of `corp`, signed with the shared ES256 key.
pub(crate) fn mint(changes: Value) -> String {
    key(Algorithm::Es256).sign("at+jwt", &claims(changes), &rng()).unwrap()
}

/// What `corp` is configured to be.
pub(crate) fn options() -> ProfileOptions {
    let mut options = ProfileOptions::new("corp", ISSUER);
    options.algorithms = vec![Algorithm::Es256];
    options.token_types = vec![TokenType::AtJwt, TokenType::Jwt];
    options
}

/// The profile of [`options`] with a change.
pub(crate) fn profile(change: impl FnOnce(&mut ProfileOptions)) -> Profile {
    let mut options = options();
    change(&mut options);
    Profile::new(options).unwrap()
}

/// Verifies a token at [`now`] with the shared ES256 key.
pub(crate) fn verify(token: &str, profile: &Profile) -> Result<VerifiedToken, TokenRefusal> {
    verify_at(token, profile, now())
}

/// Verifies a token with the shared ES256 key.
pub(crate) fn verify_at(
    token: &str,
    profile: &Profile,
    now: Timestamp,
) -> Result<VerifiedToken, TokenRefusal> {
    let keys = key_set([key(Algorithm::Es256)]);
    UnverifiedToken::parse(token)?.verify(profile, &keys, now)
}

/// The message of the refusal.
pub(crate) fn refusal<T>(result: Result<T, TokenRefusal>) -> String {
    result.err().expect("the token was believed").to_string()
}
