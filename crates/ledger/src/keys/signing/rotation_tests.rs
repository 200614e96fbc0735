use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::from_secs(1_700_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const MILLI: Duration = Duration::from_millis(1);

#[test]
fn the_first_key_signs_at_once() {
    let plan = Plan::of(&RotationOptions::default(), &[], START);
    let first = KeyTimes { published_from: START, signs_from: START };
    assert_eq!(plan, Plan { create: Some(first), retire: 0, next: START.plus(DAY - MINUTE * 5) });
}

#[test]
fn the_next_key_is_published_ahead_and_the_old_one_until_its_last_token_has_ended() {
    let options = RotationOptions::default();
    let first = KeyTimes { published_from: START, signs_from: START };
    let ahead = START.plus(DAY - MINUTE * 5);
    assert_eq!(Plan::of(&options, &[first], ahead.minus(MILLI)).create, None);

    let plan = Plan::of(&options, &[first], ahead);
    let second = KeyTimes { published_from: ahead, signs_from: START.plus(DAY) };
    assert_eq!(plan.create, Some(second));

    let keys = [first, second];
    let change = START.plus(DAY);
    assert_eq!(signing(keys.into_iter(), change.minus(MILLI)), 0);
    assert_eq!(signing(keys.into_iter(), change), 1);

    let over = change.plus(MINUTE * 10);
    assert_eq!(next_retirement(&options, &keys, change), over);
    assert_eq!(retired(&options, &keys, over.minus(MILLI)), 0);
    assert_eq!(retired(&options, &keys, over), 1);
    let plan = Plan::of(&options, &keys, change);
    assert_eq!(plan, Plan { create: None, retire: 0, next: over });
    let plan = Plan::of(&options, &keys, over);
    assert_eq!(plan, Plan { create: None, retire: 1, next: START.plus(DAY * 2 - MINUTE * 5) });
}

#[test]
fn after_a_long_pause_the_old_key_signs_until_the_new_one_has_been_published_long_enough() {
    let options = RotationOptions::default();
    let old = KeyTimes { published_from: START, signs_from: START };
    let now = START.plus(DAY * 30);
    let new = Plan::of(&options, &[old], now).create.unwrap();
    assert_eq!(new, KeyTimes { published_from: now, signs_from: now.plus(MINUTE * 5) });
    assert_eq!(signing([old, new].into_iter(), now), 0);
}

#[test]
fn before_the_time_of_every_key_the_oldest_signs() {
    let key = |at: Timestamp| KeyTimes { published_from: at, signs_from: at };
    assert_eq!(signing([key(START), key(START.plus(DAY))].into_iter(), START.minus(DAY)), 0);
}

#[test]
fn times_are_accepted_up_to_their_bounds_and_refused_beyond() {
    let options = RotationOptions::default();
    let text = |refused: Result<RotationOptions, RotationError>| refused.unwrap_err().to_string();
    assert!(options.with_rotation(MINUTE * 10, MINUTE * 5).is_ok());
    assert!(options.with_rotation(DAY * 90, MINUTE * 5).is_ok());
    assert_eq!(
        text(options.with_rotation(DAY, MINUTE * 5 - MILLI)),
        "`publish_ahead` is 299.999s; expected 300s to 3888000s"
    );
    assert_eq!(
        text(options.with_rotation(MINUTE * 10 - MILLI, MINUTE * 5)),
        "`rotate_every` is 599.999s; expected 600s to 7776000s"
    );
    assert_eq!(
        text(options.with_rotation(DAY * 90 + MILLI, MINUTE * 5)),
        "`rotate_every` is 7776000.001s; expected 600s to 7776000s"
    );
    assert!(options.with_token_life(DAY).is_ok());
    assert_eq!(
        text(options.with_token_life(Duration::ZERO)),
        "`token_life` is 0ns; expected 1s to 86400s"
    );
    assert_eq!(
        text(options.with_token_life(DAY + MILLI)),
        "`token_life` is 86400.001s; expected 1s to 86400s"
    );
}

proptest! {
    #[test]
    fn at_any_moment_what_signs_has_been_published_for_long_enough_and_stays_so(
        pauses in proptest::collection::vec(prop_oneof![4 => 0_u64..600_000, 1 => 0_u64..400_000_000], 1..120),
        late in any::<bool>(),
    ) {
        let options = RotationOptions::default();
        let (mut keys, mut now, mut planned) = (Vec::new(), START, START);
        // When each key was last seen to sign.
        let mut signed: Vec<(KeyTimes, Timestamp)> = Vec::new();
        for pause in pauses {
            // In time, or whenever the machine was up again.
            let later = now.plus(Duration::from_millis(pause));
            now = if late { later } else { later.min(planned) };
            let plan = Plan::of(&options, &keys, now);
            prop_assert!(plan.next > now);
            planned = plan.next;
            keys.extend(plan.create);
            for gone in keys.drain(..plan.retire) {
                let last = signed.iter().rev().find(|(times, _)| *times == gone);
                if let Some((_, at)) = last {
                    prop_assert!(now >= at.plus(options.token_life));
                }
            }
            prop_assert!(!keys.is_empty());
            let signs = keys[signing(keys.iter().copied(), now)];
            let first = signs.signs_from == signs.published_from;
            prop_assert!(first || now.since(signs.published_from) >= options.publish_ahead);
            prop_assert!(retired(&options, &keys, now) == 0);
            signed.push((signs, now));
        }
    }
}
