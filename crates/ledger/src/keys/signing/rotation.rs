//! When a signing key is made, published, used and forgotten: every decision, and nothing else.

use std::time::Duration;

use thiserror::Error;
use tokens::Timestamp;

/// How signing keys follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationOptions {
    margin: Duration,
    publish_ahead: Duration,
    rotate_every: Duration,
    token_life: Duration,
}

impl RotationOptions {
    /// The shortest that `publish_ahead` may be.
    pub const SHORTEST_AHEAD: Duration = Duration::from_secs(5 * 60);
    /// The longest that `rotate_every` may be.
    pub const LONGEST_ROTATION: Duration = Duration::from_secs(90 * 24 * 60 * 60);
    /// The longest that a token may live.
    pub const LONGEST_TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

    /// Keys that sign for `rotate_every`, and are published for `publish_ahead` before that.
    ///
    /// # Errors
    /// If `publish_ahead` is below 5 min, or `rotate_every` is below twice that or above 90 days.
    pub fn with_rotation(
        self,
        rotate_every: Duration,
        publish_ahead: Duration,
    ) -> Result<Self, RotationError> {
        let (shortest, longest) = (Self::SHORTEST_AHEAD, Self::LONGEST_ROTATION);
        in_bounds("publish_ahead", publish_ahead, shortest, longest / 2)?;
        in_bounds("rotate_every", rotate_every, publish_ahead.saturating_mul(2), longest)?;
        Ok(Self { publish_ahead, rotate_every, ..self })
    }

    /// Keys whose tokens live at most this long.
    ///
    /// # Errors
    /// If it is zero or above 24 h.
    pub fn with_token_life(self, token_life: Duration) -> Result<Self, RotationError> {
        in_bounds("token_life", token_life, Duration::from_secs(1), Self::LONGEST_TOKEN_LIFE)?;
        Ok(Self { token_life, ..self })
    }

    /// How long a key is published before it signs: a verifier may keep our key set for as long (`max-age`).
    #[must_use]
    pub fn publish_ahead(&self) -> Duration {
        self.publish_ahead
    }

    /// How long a key is published after it has stopped to sign: until its last token has ended on the slowest clock.
    fn published_after(&self) -> Duration {
        self.token_life.saturating_add(self.margin)
    }
}

impl Default for RotationOptions {
    /// A new key each day, published 5 min ahead; tokens of 5 min, and 5 min for clocks that differ.
    fn default() -> Self {
        let five_minutes = Duration::from_secs(5 * 60);
        Self {
            margin: five_minutes,
            publish_ahead: five_minutes,
            rotate_every: Duration::from_secs(24 * 60 * 60),
            token_life: five_minutes,
        }
    }
}

/// A time that is out of its bounds.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("`{name}` is {given:?}; expected {least:?} to {most:?}")]
pub struct RotationError {
    name: &'static str,
    given: Duration,
    least: Duration,
    most: Duration,
}

/// When a key does what. It signs until the next one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyTimes {
    pub(crate) published_from: Timestamp,
    pub(crate) signs_from: Timestamp,
}

/// What is to be done with the keys at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The key to make.
    pub(crate) create: Option<KeyTimes>,
    /// How many keys, from the oldest on, are no longer published, and can be forgotten.
    pub(crate) retire: usize,
    /// When to plan again at the latest.
    pub(crate) next: Timestamp,
}

impl Plan {
    /// The plan for keys at `now`; `keys` is in the order of `signs_from`.
    pub(crate) fn of(options: &RotationOptions, keys: &[KeyTimes], now: Timestamp) -> Self {
        let create = match keys.last() {
            None => Some(KeyTimes { published_from: now, signs_from: now }),
            Some(newest) => {
                let due = newest.signs_from.plus(options.rotate_every);
                let times = KeyTimes {
                    published_from: now,
                    signs_from: due.max(now.plus(options.publish_ahead)),
                };
                (now >= due.minus(options.publish_ahead)).then_some(times)
            }
        };
        let newest = create.as_ref().or(keys.last());
        let next_creation = newest.map_or(now, |newest| {
            newest.signs_from.plus(options.rotate_every).minus(options.publish_ahead)
        });
        let retire = retired(options, keys, now);
        let next_retirement = keys
            .iter()
            .skip(retire + 1)
            .map(|next| next.signs_from.plus(options.published_after()));
        let next = next_retirement.chain([next_creation]).min().unwrap_or(next_creation);
        Self { create, retire, next }
    }
}

/// The place of the key that signs at `now`: the youngest whose time has come. If the clock was put back before all of
/// them, the oldest.
pub(crate) fn signing(
    keys: impl DoubleEndedIterator<Item = KeyTimes> + ExactSizeIterator,
    now: Timestamp,
) -> usize {
    keys.enumerate().rev().find(|(_, times)| times.signs_from <= now).map_or(0, |(place, _)| place)
}

/// How many keys, from the oldest on, are no longer published at `now`.
pub(crate) fn retired(options: &RotationOptions, keys: &[KeyTimes], now: Timestamp) -> usize {
    let successors = keys.iter().skip(1);
    successors.take_while(|next| now >= next.signs_from.plus(options.published_after())).count()
}

/// When the next of `keys` stops being published after `now`; the end of time if none does.
pub(crate) fn next_retirement(
    options: &RotationOptions,
    keys: &[KeyTimes],
    now: Timestamp,
) -> Timestamp {
    let next = keys.get(retired(options, keys, now) + 1);
    next.map_or(Timestamp::MAX, |next| next.signs_from.plus(options.published_after()))
}

fn in_bounds(
    name: &'static str,
    given: Duration,
    least: Duration,
    most: Duration,
) -> Result<(), RotationError> {
    if (least..=most).contains(&given) {
        Ok(())
    } else {
        Err(RotationError { name, given, least, most })
    }
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod tests;
