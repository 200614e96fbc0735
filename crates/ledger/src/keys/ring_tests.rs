use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::keys::source::read_set;
use crate::keys::test_issuer::{START, kid, published};
use crate::keys::timing::KeyTiming;

const CHANCE: Chance = Chance(1 << 31);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_state_tells_whether_there_are_keys_and_how_old_they_are() {
    let mut ring = ring();
    assert_eq!(ring.status(START).state, IssuerState::Starting);
    fetch(&mut ring, None, START);
    let status = ring.status(START);
    assert_eq!(status.state, IssuerState::Starting);
    assert_eq!(status.last_error.as_deref(), Some("the key set has no usable key"));

    let first = START.plus(SECOND);
    fetch(&mut ring, Some(&[0, 1]), first);
    let expected = IssuerStatus {
        name: "corp".to_owned(),
        source: "test".to_owned(),
        state: IssuerState::Fresh,
        last_error: None,
        keys: 2,
        skipped: 0,
        fetched_at: Some(first),
        next: Some(first.plus(SECOND * 450)),
        fetches: 2,
        failures: 1,
        refetches: 0,
    };
    assert_eq!(ring.status(first), expected);

    let second = first.plus(SECOND * 450);
    fetch(&mut ring, None, second);
    let status = ring.status(second);
    assert_eq!((status.state, status.keys, status.failures), (IssuerState::Failing, 2, 2));
    let status = ring.status(first.plus(SECOND * 600));
    assert_eq!((status.state, status.keys), (IssuerState::Stale, 2));
    let status = ring.status(first.plus(SECOND * 4200));
    assert_eq!((status.state, status.keys, status.fetched_at), (IssuerState::Expired, 0, None));
}

#[test]
fn a_set_that_cannot_be_used_does_not_replace_one_that_can() {
    let oct = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#;
    let cases = [
        (r#"{"keys":[]}"#, "the key set has no usable key"),
        (
            oct,
            "the key set has no usable key; the first one: it is a symmetric key (`kty` oct), which never verifies a token here",
        ),
        ("{}", "expected a key set: an object with an array called `keys`"),
    ];
    for (document, expected) in cases {
        let mut ring = ring();
        fetch(&mut ring, Some(&[0]), START);
        let now = START.plus(SECOND * 450);
        assert_eq!(ring.tick(now), Action::Fetch);
        let error = read_set(document.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        ring.fetched(Err(error), CHANCE, now);
        assert!(ring.snapshot().keys_at(now).unwrap().contains_kid(&kid(0)));
        assert_eq!(ring.status(now).last_error.as_deref(), Some(expected));
    }
}

#[test]
fn a_key_that_is_no_longer_published_is_dropped_at_the_fetch() {
    let mut ring = ring();
    fetch(&mut ring, Some(&[0, 1]), START);
    let now = START.plus(SECOND * 450);
    fetch(&mut ring, Some(&[1]), now);
    assert!(!ring.knows(&kid(0), now));
    assert!(ring.knows(&kid(1), now));
    assert!(!ring.snapshot().keys_at(now).unwrap().contains_kid(&kid(0)));
}

#[test]
fn readers_keep_the_set_they_know_while_it_stays_the_same() {
    let mut ring = ring();
    fetch(&mut ring, Some(&[0]), START);
    let before = ring.snapshot();
    fetch(&mut ring, Some(&[0]), START.plus(SECOND * 450));
    let after = ring.snapshot();
    assert!(Arc::ptr_eq(&before.set, &after.set));
    assert!(after.usable_until > before.usable_until);
}

#[test]
fn keys_are_not_given_out_beyond_their_time_even_if_nobody_ticks() {
    let mut ring = ring();
    fetch(&mut ring, Some(&[0]), START);
    let snapshot = ring.snapshot();
    let end = START.plus(SECOND * 4200);
    assert!(snapshot.keys_at(end.minus(Duration::from_millis(1))).is_ok());
    assert_eq!(
        snapshot.keys_at(end).unwrap_err().to_string(),
        "the keys of the issuer are not available"
    );
}

#[test]
fn a_fetch_for_an_unknown_key_is_counted_as_one() {
    let mut ring = ring();
    fetch(&mut ring, Some(&[0]), START);
    let now = START.plus(SECOND);
    assert_eq!(ring.ask(now), Answer::Begin);
    assert_eq!(ring.ask(now), Answer::Join);
    fetch(&mut ring, Some(&[0, 1]), now);
    assert_eq!((ring.status(now).fetches, ring.status(now).refetches), (2, 1));
    fetch(&mut ring, Some(&[0]), now.plus(SECOND * 450));
    assert_eq!((ring.status(now).fetches, ring.status(now).refetches), (3, 1));
}

#[derive(Clone, Debug)]
enum Step {
    Ask,
    Fail,
    Pass(u64),
    Publish(Vec<usize>, Option<u64>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let places = proptest::sample::subsequence(vec![0, 1, 2, 3], 1..=4);
    let step = prop_oneof![
        1 => Just(Step::Ask),
        2 => Just(Step::Fail),
        4 => (0_u64..120_000).prop_map(Step::Pass),
        1 => (0_u64..9_000_000).prop_map(Step::Pass),
        2 => (places, proptest::option::of(0_u64..8000)).prop_map(|(places, life)| Step::Publish(places, life)),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn keys_given_out_are_those_last_published_and_never_too_old(steps in steps()) {
        let timing = KeyTiming::default();
        let (mut ring, mut now) = (ring(), START);
        let mut fetching = false;
        let mut last: Option<(Vec<usize>, Timestamp)> = None;
        for step in steps {
            match step {
                Step::Ask => { ring.ask(now); }
                Step::Pass(millis) => now = now.plus(Duration::from_millis(millis)),
                Step::Fail if fetching => {
                    ring.fetched(Err(KeyFetchError::Stopped), CHANCE, now);
                    fetching = false;
                }
                Step::Publish(places, lifetime) if fetching => {
                    ring.fetched(Ok(published(&places, lifetime)), CHANCE, now);
                    last = Some((places, now));
                    fetching = false;
                }
                Step::Fail | Step::Publish(..) => {}
            }
            // The snapshot from before the tick must not say more than the one after it.
            let before = ring.snapshot();
            fetching |= ring.tick(now) == Action::Fetch;
            let after = ring.snapshot();
            prop_assert_eq!(before.keys_at(now).is_ok(), after.keys_at(now).is_ok());
            let status = ring.status(now);
            prop_assert_eq!(status.state.is_serving(), after.keys_at(now).is_ok());
            match (after.keys_at(now), &last) {
                (Ok(keys), Some((places, fetched_at))) => {
                    for place in 0..4 {
                        prop_assert_eq!(keys.contains_kid(&kid(place)), places.contains(&place));
                        prop_assert_eq!(ring.knows(&kid(place), now), places.contains(&place));
                    }
                    prop_assert!(now.since(*fetched_at) < timing.max_refresh() + timing.stale_grace());
                }
                (Ok(_), None) => prop_assert!(false, "keys from nowhere"),
                (Err(_), _) => prop_assert!((0..4).all(|place| !ring.knows(&kid(place), now))),
            }
        }
    }
}

fn ring() -> Ring {
    Ring::new("corp", "test", Pace::network(KeyTiming::default()))
}

/// A fetch from its begin to its end, at one moment: of these keys with a lifetime of 600 s, or failed.
fn fetch(ring: &mut Ring, places: Option<&[usize]>, now: Timestamp) {
    assert_eq!(ring.tick(now), Action::Fetch);
    let outcome = match places {
        Some(places) => Ok(published(places, Some(600))),
        None => Err(KeyFetchError::NoKeys { first: None }),
    };
    ring.fetched(outcome, CHANCE, now);
    assert_eq!(ring.tick(now), Action::Wait { until: ring.schedule.next() });
}
