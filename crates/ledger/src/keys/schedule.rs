//! When to fetch keys, and how long to believe them: every decision, and nothing else. No clock, no network.

use std::time::Duration;

use tokens::Timestamp;

use super::timing::KeyTiming;

/// The lifetime of keys whose publisher does not state one.
pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How long after a first failure the fetch is repeated.
pub const FIRST_RETRY: Duration = Duration::from_secs(1);
/// How long after the last of many failures the fetch is repeated at most.
pub const LAST_RETRY: Duration = Duration::from_secs(60);
/// How often a file is looked at.
pub const FILE_POLL: Duration = Duration::from_secs(1);
/// How long keys from a file are fresh after a look at it.
const FILE_LIFETIME: Duration = Duration::from_secs(10);

/// The pace that a kind of source is fetched at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    timing: KeyTiming,
    lifetime: (Duration, Duration),
    /// After which part of the lifetime keys are fetched anew, in thousandths, from and to.
    refresh: (u32, u32),
    last_retry: Duration,
}

impl Pace {
    /// For what is fetched over the network.
    pub(crate) fn network(timing: KeyTiming) -> Self {
        let lifetime = (timing.min_refresh(), timing.max_refresh());
        Self { timing, lifetime, refresh: (700, 800), last_retry: LAST_RETRY }
    }

    /// For what is read from a file.
    pub(crate) fn file(timing: KeyTiming) -> Self {
        let lifetime = (FILE_LIFETIME, FILE_LIFETIME);
        Self { timing, lifetime, refresh: (100, 100), last_retry: FILE_POLL }
    }

    /// The longest that any wait can be; a longer one means that the clock was put back.
    fn longest_wait(&self) -> Duration {
        self.lifetime.1.max(self.last_retry)
    }
}

/// A random value, spread evenly over its range. It keeps a thousand gates from fetching at the same moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance(pub(crate) u32);

impl Chance {
    /// A part of `whole`, from `from` to `to` thousandths of it.
    fn part(self, whole: Duration, (from, to): (u32, u32)) -> Duration {
        let spread = (u64::from(to - from) * u64::from(self.0)) >> 32;
        let part = u128::from(u64::from(from) + spread);
        let millis = whole.as_millis() * part / 1000;
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

/// The state of one issuer's fetching.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pace: Pace,
    phase: Phase,
    validity: Option<Validity>,
    /// How many fetches have failed since the last success.
    failures: u32,
    /// When a token with an unknown key last caused a fetch.
    asked: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Due,
    Fetching,
    Waiting { until: Timestamp },
}

/// How long fetched keys are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) fetched_at: Timestamp,
    pub(crate) fresh_until: Timestamp,
    pub(crate) usable_until: Timestamp,
}

/// What the driver has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Fetch, and report how it went.
    Fetch,
    /// Come back then, or when woken.
    Wait { until: Timestamp },
}

/// What becomes of the wish for an unknown key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A fetch is now due because of it: wait for its end.
    Begin,
    /// A fetch was due or under way already: wait for its end.
    Join,
    /// The last such fetch was too recent.
    TooSoon,
}

impl Schedule {
    /// Nothing fetched, the first fetch due.
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, phase: Phase::Due, validity: None, failures: 0, asked: None }
    }

    /// The driver looks in. Keys whose time is over are forgotten.
    pub(crate) fn tick(&mut self, now: Timestamp) -> Action {
        self.heed_clock(now);
        self.validity = self.validity.filter(|validity| now < validity.usable_until);
        match self.phase {
            Phase::Waiting { until } if now < until => {
                let end = self.validity.map_or(until, |validity| validity.usable_until);
                return Action::Wait { until: until.min(end) };
            }
            Phase::Fetching => return Action::Wait { until: Timestamp::MAX },
            Phase::Due | Phase::Waiting { .. } => {}
        }
        self.phase = Phase::Fetching;
        Action::Fetch
    }

    /// A token names a key that is not there.
    pub(crate) fn ask(&mut self, now: Timestamp) -> Answer {
        self.heed_clock(now);
        if let Phase::Due | Phase::Fetching = self.phase {
            return Answer::Join;
        }
        let interval = self.pace.timing.unknown_kid_interval();
        if self.asked.is_some_and(|asked| now.since(asked) < interval) {
            return Answer::TooSoon;
        }
        self.asked = Some(now);
        self.phase = Phase::Due;
        Answer::Begin
    }

    /// The fetch brought keys that say how long they live, or do not.
    pub(crate) fn succeeded(&mut self, lifetime: Option<Duration>, chance: Chance, now: Timestamp) {
        let (least, most) = self.pace.lifetime;
        let lifetime = lifetime.unwrap_or(DEFAULT_LIFETIME).clamp(least, most);
        let fresh_until = now.plus(lifetime);
        let usable_until = fresh_until.plus(self.pace.timing.stale_grace());
        self.validity = Some(Validity { fetched_at: now, fresh_until, usable_until });
        self.failures = 0;
        self.phase = Phase::Waiting { until: now.plus(chance.part(lifetime, self.pace.refresh)) };
    }

    /// The fetch brought no keys that can be used.
    pub(crate) fn failed(&mut self, chance: Chance, now: Timestamp) {
        let doubled =
            FIRST_RETRY.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        let delay = chance.part(doubled.min(self.pace.last_retry), (750, 1000)).max(FIRST_RETRY);
        self.phase = Phase::Waiting { until: now.plus(delay) };
    }

    /// How long the keys at hand are believed, if there are any.
    pub(crate) fn validity(&self) -> Option<Validity> {
        self.validity
    }

    /// Whether the last fetch failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// When the next fetch is due; the epoch while one is due or under way.
    pub(crate) fn next(&self) -> Timestamp {
        match self.phase {
            Phase::Due | Phase::Fetching => Timestamp::default(),
            Phase::Waiting { until } => until,
        }
    }

    /// If the clock was put back, what was planned by the old time is due, and believed no longer than if it had been
    /// fetched now.
    fn heed_clock(&mut self, now: Timestamp) {
        if let Phase::Waiting { until } = self.phase
            && until.since(now) > self.pace.longest_wait()
        {
            self.phase = Phase::Due;
        }
        if let Some(validity) = &mut self.validity {
            validity.fetched_at = validity.fetched_at.min(now);
            validity.fresh_until = validity.fresh_until.min(now.plus(self.pace.lifetime.1));
            let usable = self.pace.lifetime.1.saturating_add(self.pace.timing.stale_grace());
            validity.usable_until = validity.usable_until.min(now.plus(usable));
        }
        self.asked = self.asked.map(|asked| asked.min(now));
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
