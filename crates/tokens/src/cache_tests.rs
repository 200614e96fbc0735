use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::algorithm::Algorithm;
use crate::limits::MAX_CANDIDATE_KEYS;
use crate::minting::{NOW, key, key_set, mint, new_key, now, profile, rng, set_of, verify};
use crate::profile::Profile;
use crate::signing::SigningKey;
use crate::unverified::UnverifiedToken;

fn corp() -> KeySet {
    key_set([key(Algorithm::Es256)])
}

fn remembered(token: &str, profile: &Profile) -> TokenCache<VerifiedToken> {
    let cache = TokenCache::new(16);
    cache.insert(Arc::new(verify(token, profile).unwrap()), &corp());
    cache
}

#[test]
fn a_remembered_token_is_found_by_its_text_and_options() {
    let (token, profile) = (mint(json!({})), profile(|_| ()));
    let cache = remembered(&token, &profile);
    let get = |token: &str, revision| cache.get(&Digest::of(token), revision, &corp(), now());
    assert_eq!(get(&token, profile.revision()).unwrap().subject(), "alice");
    assert_eq!(cache.len(), 1);
    assert!(get(&mint(json!({})), profile.revision()).is_none());
    let other = crate::minting::profile(|options| options.skew = Duration::ZERO);
    assert!(get(&token, other.revision()).is_none());
    let namesake = crate::minting::profile(|options| options.name = "partner".into());
    assert!(get(&token, namesake.revision()).is_none());
    cache.clear();
    assert!(cache.is_empty() && get(&token, profile.revision()).is_none());
}

#[test]
fn two_option_sets_do_not_answer_for_one_another_in_either_order() {
    let token = mint(json!({ "groups": ["a"], "iat": NOW - 100 }));
    let lax = profile(|options| {
        options.groups = Some(crate::pointer::JsonPointer::parse("/groups").unwrap())
    });
    let strict = profile(|options| options.max_age = Some(Duration::from_secs(10)));
    assert!(verify(&token, &strict).is_err());
    let cache = remembered(&token, &lax);
    assert!(cache.get(&Digest::of(&token), strict.revision(), &corp(), now()).is_none());
    let plain = profile(|_| ());
    cache.insert(Arc::new(verify(&token, &plain).unwrap()), &corp());
    let groups = |profile: &Profile| {
        let facts = cache.get(&Digest::of(&token), profile.revision(), &corp(), now());
        facts.unwrap().groups().to_vec()
    };
    assert_eq!((groups(&lax), groups(&plain)), (vec!["a".to_owned()], vec![]));
}

#[test]
fn a_token_is_forgotten_at_the_moment_it_ends() {
    let (token, profile) = (mint(json!({})), profile(|_| ()));
    let cache = remembered(&token, &profile);
    let end = Timestamp::from_secs(NOW + 330);
    let get = |at| cache.get(&Digest::of(&token), profile.revision(), &corp(), at).is_some();
    assert!(get(end.minus(Duration::from_millis(1))));
    assert!(!get(Timestamp::from_secs(NOW - 31)), "before it holds");
    assert!(get(now()), "and it is still there");
    assert!(!get(end));
    assert!(!get(now()), "it is gone");
    assert_eq!(cache.len(), 0);
}

#[test]
fn a_token_is_forgotten_when_its_key_is_withdrawn() {
    let (token, profile) = (mint(json!({})), profile(|_| ()));
    let other = new_key(Algorithm::Es256);
    let jwk = key(Algorithm::Es256).public_jwk();
    let renamed = {
        let mut jwk = jwk.clone();
        jwk["kid"] = "renamed".into();
        set_of(&[jwk])
    };
    let grown = set_of(&[jwk, other.public_jwk()]);
    for (keys, kept) in
        [(KeySet::empty(), false), (key_set([&other]), false), (renamed, false), (grown, true)]
    {
        let cache = remembered(&token, &profile);
        let get = |keys| cache.get(&Digest::of(&token), profile.revision(), keys, now()).is_some();
        assert_eq!(get(&keys), kept);
        assert_eq!(get(&corp()), kept, "a withdrawn key does not come back by itself");
        assert_eq!(cache.len(), usize::from(kept));
    }
}

#[test]
fn a_token_is_forgotten_when_too_many_keys_could_have_signed_it() {
    let profile = profile(|_| ());
    let payload = crate::minting::claims(json!({})).to_string();
    let header = br#"{"alg":"ES256","typ":"at+jwt"}"#;
    let token = key(Algorithm::Es256).sign_header(header, payload.as_bytes(), &rng()).unwrap();
    let cache = remembered(&token, &profile);
    let others: Vec<_> = (0..MAX_CANDIDATE_KEYS).map(|_| new_key(Algorithm::Es256)).collect();
    let nine = key_set([key(Algorithm::Es256)].into_iter().chain(&others));
    assert!(UnverifiedToken::parse(&token).unwrap().verify(&profile, &nine, now()).is_err());
    assert!(cache.get(&Digest::of(&token), profile.revision(), &nine, now()).is_none());
}

#[test]
fn a_cache_holds_no_more_than_its_capacity() {
    let profile = profile(|_| ());
    let cache = TokenCache::new(8);
    for _ in 0..100 {
        cache.insert(Arc::new(verify(&mint(json!({})), &profile).unwrap()), &corp());
    }
    assert!((1..=8).contains(&cache.len()), "{} entries", cache.len());
}

/// What can happen to a gate.
#[derive(Clone, Debug)]
enum Event {
    /// Time moves by this many seconds, also back.
    Time(i64),
    /// The issuer publishes these of its keys, by index, under their names or without.
    Keys(Vec<(usize, bool)>),
    /// One of the tokens comes, and is judged by one of the profiles.
    Token(usize, usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        2 => (-120_i64..240).prop_map(Event::Time),
        1 => prop::collection::vec((0..3_usize, any::<bool>()), 0..4).prop_map(Event::Keys),
        6 => (0..12_usize, 0..3_usize).prop_map(|(token, profile)| Event::Token(token, profile)),
    ];
    prop::collection::vec(event, 1..80)
}

/// Twelve tokens: by three keys, with and without `kid`, of two shapes.
fn tokens(keys: &[SigningKey; 3]) -> Vec<String> {
    let shapes = [json!({}), json!({ "iat": NOW - 60, "exp": NOW + 30, "nbf": NOW - 20 })];
    let mint = |key: &SigningKey, named, shape: &serde_json::Value| {
        let mut header = json!({ "alg": "ES256", "typ": "at+jwt" });
        if named {
            header["kid"] = key.thumbprint().to_string().into();
        }
        let payload = crate::minting::claims(shape.clone()).to_string();
        key.sign_header(header.to_string().as_bytes(), payload.as_bytes(), &rng()).unwrap()
    };
    let mut tokens = Vec::new();
    for key in keys {
        for named in [true, false] {
            tokens.extend(shapes.iter().map(|shape| mint(key, named, shape)));
        }
    }
    tokens
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn with_and_without_a_cache_the_facts_are_the_same(events in events()) {
        static KEYS: std::sync::LazyLock<[SigningKey; 3]> =
            std::sync::LazyLock::new(|| std::array::from_fn(|_| new_key(Algorithm::Es256)));
        static TOKENS: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| tokens(&KEYS));
        let profiles = [
            profile(|_| ()),
            profile(|options| options.max_age = Some(Duration::from_secs(90))),
            profile(|options| options.skew = Duration::ZERO),
        ];
        let cache = TokenCache::new(64);
        let (mut now, mut keys) = (now(), key_set(KEYS.iter()));
        for event in events {
            match event {
                Event::Time(seconds) if seconds < 0 => now = now.minus(Duration::from_secs(seconds.unsigned_abs())),
                Event::Time(seconds) => now = now.plus(Duration::from_secs(seconds.unsigned_abs())),
                Event::Keys(published) => {
                    let jwk = |(index, named): (usize, bool)| {
                        let mut jwk = KEYS[index].public_jwk();
                        if !named {
                            jwk.as_object_mut().unwrap().remove("kid");
                        }
                        jwk
                    };
                    keys = set_of(&published.into_iter().map(jwk).collect::<Vec<_>>());
                }
                Event::Token(token, profile) => {
                    let (token, profile) = (&TOKENS[token], &profiles[profile]);
                    let anew = UnverifiedToken::parse(token).unwrap().verify(profile, &keys, now);
                    let cached = cache.get(&Digest::of(token), profile.revision(), &keys, now);
                    match (&anew, &cached) {
                        (Ok(anew), Some(cached)) => prop_assert_eq!(anew, &**cached),
                        (Err(error), Some(_)) => prop_assert!(false, "the cache says yes, verifying: {}", error),
                        (_, None) => (),
                    }
                    if let (Ok(anew), None) = (anew, cached) {
                        cache.insert(Arc::new(anew), &keys);
                    }
                }
            }
        }
    }
}
