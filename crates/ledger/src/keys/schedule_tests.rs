use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::from_secs(1_700_000_000);
const SECOND: Duration = Duration::from_secs(1);
const MIDDLE: Chance = Chance(u32::MAX / 2 + 1);
const LEAST: Chance = Chance(0);
const MOST: Chance = Chance(u32::MAX);

#[test]
fn keys_are_fetched_at_once_and_again_at_three_quarters_of_their_lifetime() {
    for (chance, refresh) in [(LEAST, 420_000), (MIDDLE, 450_000), (MOST, 479_400)] {
        let mut schedule = network();
        assert_eq!(schedule.tick(START), Action::Fetch);
        schedule.succeeded(Some(SECOND * 600), chance, START);
        let due = START.plus(Duration::from_millis(refresh));
        assert_eq!(schedule.tick(START), Action::Wait { until: due });
        assert_eq!(schedule.tick(due.minus(MILLI)), Action::Wait { until: due });
        assert_eq!(schedule.tick(due), Action::Fetch);
    }
}

#[test]
fn the_lifetime_that_the_issuer_states_is_kept_within_bounds() {
    let cases = [
        (None, 300),
        (Some(0), 60),
        (Some(59), 60),
        (Some(60), 60),
        (Some(61), 61),
        (Some(3600), 3600),
        (Some(3601), 3600),
        (Some(u64::MAX), 3600),
    ];
    for (stated, honoured) in cases {
        let mut schedule = network();
        schedule.tick(START);
        schedule.succeeded(stated.map(Duration::from_secs), MIDDLE, START);
        let fresh_until = START.plus(SECOND * honoured);
        let usable_until = fresh_until.plus(SECOND * 3600);
        let expected = Validity { fetched_at: START, fresh_until, usable_until };
        assert_eq!(schedule.validity(), Some(expected), "{stated:?}");
    }
}

#[test]
fn after_failures_the_fetch_is_repeated_ever_later_up_to_a_minute() {
    let delays = |chance| {
        let (mut schedule, mut now) = (network(), START);
        let mut delays = Vec::new();
        for _ in 0..9 {
            assert_eq!(schedule.tick(now), Action::Fetch);
            schedule.failed(chance, now);
            let next = schedule.next();
            delays.push(next.since(now).as_millis());
            now = next;
        }
        delays
    };
    assert_eq!(delays(LEAST), [1000, 1500, 3000, 6000, 12_000, 24_000, 45_000, 45_000, 45_000]);
    assert_eq!(delays(MOST), [1000, 1998, 3996, 7992, 15_984, 31_968, 59_940, 59_940, 59_940]);
}

#[test]
fn a_success_ends_the_row_of_failures() {
    let (mut schedule, mut now) = (network(), START);
    for _ in 0..100 {
        assert_eq!(schedule.tick(now), Action::Fetch);
        schedule.failed(MIDDLE, now);
        now = schedule.next();
    }
    assert!(schedule.is_failing());
    assert_eq!(schedule.tick(now), Action::Fetch);
    schedule.succeeded(Some(SECOND * 600), MIDDLE, now);
    assert!(!schedule.is_failing());
    let now = schedule.next();
    assert_eq!(schedule.tick(now), Action::Fetch);
    schedule.failed(MIDDLE, now);
    assert_eq!(schedule.next(), now.plus(SECOND));
}

#[test]
fn failures_do_not_prolong_the_keys_at_hand() {
    let mut schedule = fetched(600);
    let validity = schedule.validity().unwrap();
    let mut now = schedule.next();
    while now < validity.usable_until {
        if schedule.tick(now) == Action::Fetch {
            schedule.failed(MIDDLE, now);
        }
        assert_eq!(schedule.validity(), Some(validity));
        let Action::Wait { until } = schedule.tick(now) else { panic!("two fetches in a row") };
        now = until;
    }
    assert_eq!(now, validity.usable_until);
    schedule.tick(now);
    assert_eq!(schedule.validity(), None);
}

#[test]
fn an_unknown_key_is_fetched_for_at_most_once_in_the_interval() {
    let mut schedule = fetched(600);
    let asked = START.plus(SECOND);
    assert_eq!(schedule.ask(asked), Answer::Begin);
    assert_eq!(schedule.ask(asked), Answer::Join);
    assert_eq!(schedule.tick(asked), Action::Fetch);
    assert_eq!(schedule.ask(asked), Answer::Join);
    schedule.succeeded(Some(SECOND * 600), MIDDLE, asked);
    assert_eq!(schedule.ask(asked), Answer::TooSoon);
    assert_eq!(schedule.ask(asked.plus(SECOND * 10).minus(MILLI)), Answer::TooSoon);
    assert_eq!(schedule.ask(asked.plus(SECOND * 10)), Answer::Begin);
}

#[test]
fn an_unknown_key_waits_for_the_fetch_that_is_under_way_anyway() {
    let mut schedule = network();
    assert_eq!(schedule.ask(START), Answer::Join);
    schedule.tick(START);
    assert_eq!(schedule.ask(START), Answer::Join);
    schedule.succeeded(None, MIDDLE, START);
    assert_eq!(schedule.ask(START), Answer::Begin, "that one was not for an unknown key");
}

#[test]
fn a_file_is_looked_at_each_second_in_good_times_and_bad() {
    let mut schedule = Schedule::new(Pace::file(KeyTiming::default()));
    let mut now = START;
    for good in [true, true, false, false, false, true] {
        assert_eq!(schedule.tick(now), Action::Fetch);
        if good {
            schedule.succeeded(None, MOST, now);
        } else {
            schedule.failed(MOST, now);
        }
        assert_eq!(schedule.tick(now), Action::Wait { until: now.plus(FILE_POLL) });
        now = now.plus(FILE_POLL);
    }
}

#[test]
fn a_clock_that_was_put_back_makes_the_fetch_due_and_shortens_the_belief() {
    let day = SECOND * 86_400;
    let mut schedule = fetched(600);
    let now = START.minus(day);
    assert_eq!(schedule.tick(now), Action::Fetch);
    let validity = schedule.validity().unwrap();
    assert_eq!(validity.fetched_at, now);
    assert!(validity.usable_until <= now.plus(SECOND * 7200));

    let mut schedule = fetched(600);
    assert_eq!(schedule.ask(START.plus(SECOND)), Answer::Begin);
    schedule.tick(START.plus(SECOND));
    schedule.succeeded(None, MIDDLE, START.plus(SECOND));
    assert_eq!(schedule.ask(now), Answer::Join, "a fetch is due");
    schedule.tick(now);
    schedule.succeeded(None, MIDDLE, now);
    assert_eq!(schedule.ask(now), Answer::TooSoon);
    assert_eq!(schedule.ask(now.plus(SECOND * 10)), Answer::Begin);
}

#[test]
fn a_clock_that_leaps_far_ahead_ends_the_belief() {
    let mut schedule = fetched(600);
    assert_eq!(schedule.tick(Timestamp::MAX), Action::Fetch);
    assert_eq!(schedule.validity(), None);
}

/// What can happen to a schedule.
#[derive(Clone, Debug)]
enum Step {
    Ask,
    Fail(u32),
    Pass(Duration),
    Succeed(Option<u64>, u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Ask),
        2 => any::<u32>().prop_map(Step::Fail),
        4 => (0_u64..20_000).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        1 => (0_u64..10_000).prop_map(|secs| Step::Pass(Duration::from_secs(secs))),
        2 => (proptest::option::of(0_u64..10_000), any::<u32>()).prop_map(|(life, chance)| Step::Succeed(life, chance)),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    #[test]
    fn whatever_happens_the_bounds_hold(steps in steps()) {
        let timing = KeyTiming::default();
        let (mut schedule, mut now) = (network(), START);
        let (mut asked, mut begun): (Vec<Timestamp>, Vec<Timestamp>) = (Vec::new(), Vec::new());
        let mut fetching = false;
        let mut last_success = None;
        for step in steps {
            match step {
                Step::Ask => {
                    if schedule.ask(now) == Answer::Begin {
                        asked.push(now);
                    }
                }
                Step::Pass(time) => now = now.plus(time),
                Step::Fail(chance) if fetching => {
                    fetching = false;
                    schedule.failed(Chance(chance), now);
                    let delay = schedule.next().since(now);
                    prop_assert!((FIRST_RETRY..=LAST_RETRY).contains(&delay));
                }
                Step::Succeed(lifetime, chance) if fetching => {
                    fetching = false;
                    schedule.succeeded(lifetime.map(Duration::from_secs), Chance(chance), now);
                    last_success = Some(now);
                    let delay = schedule.next().since(now);
                    prop_assert!(delay >= timing.min_refresh() * 7 / 10);
                    prop_assert!(delay <= timing.max_refresh() * 8 / 10);
                }
                Step::Fail(_) | Step::Succeed(..) => {}
            }
            match schedule.tick(now) {
                Action::Fetch => {
                    prop_assert!(!fetching, "two fetches at a time");
                    fetching = true;
                    begun.push(now);
                }
                Action::Wait { until } => prop_assert!(until > now || fetching),
            }
            if let Some(validity) = schedule.validity() {
                prop_assert!(now < validity.usable_until);
                prop_assert_eq!(Some(validity.fetched_at), last_success);
                let life = validity.usable_until.since(validity.fetched_at);
                prop_assert!(life <= timing.max_refresh() + timing.stale_grace());
            }
        }
        for pair in asked.windows(2) {
            prop_assert!(pair[1].since(pair[0]) >= timing.unknown_kid_interval());
        }
        // Of those that no token asked for, two are never closer than the first retry.
        for pair in begun.windows(2) {
            let close = pair[1].since(pair[0]) < FIRST_RETRY;
            prop_assert!(!close || asked.contains(&pair[1]));
        }
    }
}

const MILLI: Duration = Duration::from_millis(1);

fn network() -> Schedule {
    Schedule::new(Pace::network(KeyTiming::default()))
}

/// A schedule that has fetched keys of this lifetime at [`START`].
fn fetched(seconds: u64) -> Schedule {
    let mut schedule = network();
    schedule.tick(START);
    schedule.succeeded(Some(Duration::from_secs(seconds)), MIDDLE, START);
    schedule
}
