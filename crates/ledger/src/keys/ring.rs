//! One issuer's keys and everything decided about them. Pure: the driver tells it what happened and when.

use std::sync::Arc;

use tokens::{KeySet, Timestamp};

use super::error::KeyFetchError;
use super::metadata::IssuerMetadata;
use super::schedule::{Action, Answer, Chance, Pace, Schedule, Validity};
use super::snapshot::KeySnapshot;
use super::source::Published;
use super::status::{IssuerState, IssuerStatus};

/// One issuer's keys.
#[derive(Debug)]
pub(crate) struct Ring {
    name: String,
    source: Arc<str>,
    schedule: Schedule,
    set: Arc<KeySet>,
    skipped: usize,
    metadata: Option<Arc<IssuerMetadata>>,
    last_error: Option<KeyFetchError>,
    /// Whether there have ever been keys.
    started: bool,
    /// Whether a token with an unknown key caused the fetch that is due or under way.
    asked: bool,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    fetches: u64,
    failures: u64,
    refetches: u64,
}

impl Ring {
    /// A ring without keys.
    pub(crate) fn new(name: &str, source: &str, pace: Pace) -> Self {
        Self {
            name: name.to_owned(),
            source: source.into(),
            schedule: Schedule::new(pace),
            set: Arc::new(KeySet::empty()),
            skipped: 0,
            metadata: None,
            last_error: None,
            started: false,
            asked: false,
            counts: Counts::default(),
        }
    }

    /// What the driver has to do now. Keys whose time is over are dropped.
    pub(crate) fn tick(&mut self, now: Timestamp) -> Action {
        let action = self.schedule.tick(now);
        if self.schedule.validity().is_none() {
            self.set = Arc::new(KeySet::empty());
        }
        action
    }

    /// A token names a key that is not in the set.
    pub(crate) fn ask(&mut self, now: Timestamp) -> Answer {
        let answer = self.schedule.ask(now);
        self.asked |= answer == Answer::Begin;
        answer
    }

    /// The fetch has ended.
    pub(crate) fn fetched(
        &mut self,
        outcome: Result<Published, KeyFetchError>,
        chance: Chance,
        now: Timestamp,
    ) {
        self.counts.fetches += 1;
        self.counts.refetches += u64::from(std::mem::take(&mut self.asked));
        match outcome {
            Ok(published) => {
                self.schedule.succeeded(published.freshness.lifetime(now), chance, now);
                self.take(published);
            }
            Err(error) => {
                self.schedule.failed(chance, now);
                self.counts.failures += 1;
                let (issuer, source) = (&self.name, &self.source);
                tracing::warn!(%issuer, %source, %error, "the issuer's keys cannot be fetched");
                self.last_error = Some(error);
            }
        }
    }

    /// Whether a key of this name is at hand and may be believed.
    pub(crate) fn knows(&self, kid: &str, now: Timestamp) -> bool {
        self.schedule.validity().is_some_and(|validity| now < validity.usable_until)
            && self.set.contains_kid(kid)
    }

    /// Whether the last fetch failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.schedule.is_failing()
    }

    /// The keys as they are.
    pub(crate) fn snapshot(&self) -> KeySnapshot {
        let validity = self.schedule.validity();
        let moment = |part: fn(Validity) -> Timestamp| validity.map(part);
        KeySnapshot {
            set: Arc::clone(&self.set),
            fetched_at: moment(|validity| validity.fetched_at),
            fresh_until: moment(|validity| validity.fresh_until).unwrap_or_default(),
            usable_until: moment(|validity| validity.usable_until).unwrap_or_default(),
            source: Arc::clone(&self.source),
            metadata: self.metadata.clone(),
        }
    }

    /// How it is doing.
    pub(crate) fn status(&self, now: Timestamp) -> IssuerStatus {
        let validity = self.schedule.validity().filter(|validity| now < validity.usable_until);
        let state = match validity {
            None if self.started => IssuerState::Expired,
            None => IssuerState::Starting,
            Some(validity) if now >= validity.fresh_until => IssuerState::Stale,
            Some(_) if self.is_failing() => IssuerState::Failing,
            Some(_) => IssuerState::Fresh,
        };
        let next = self.schedule.next();
        IssuerStatus {
            name: self.name.clone(),
            source: self.source.to_string(),
            state,
            last_error: self.last_error.as_ref().map(ToString::to_string),
            keys: if validity.is_some() { self.set.len() } else { 0 },
            skipped: self.skipped,
            fetched_at: validity.map(|validity| validity.fetched_at),
            next: (next != Timestamp::default()).then_some(next),
            fetches: self.counts.fetches,
            failures: self.counts.failures,
            refetches: self.counts.refetches,
        }
    }

    fn take(&mut self, published: Published) {
        let issuer = &self.name;
        let known = published.set.generation() == self.set.generation();
        if !known {
            tracing::info!(%issuer, keys = published.set.len(), "the issuer's keys have changed");
            self.set = published.set;
        }
        if !known || published.skipped.len() != self.skipped {
            for key in &published.skipped {
                let kid = key.kid.as_ref().map(ToString::to_string);
                tracing::warn!(%issuer, kid, reason = %key.reason, "a published key is not used");
            }
        }
        self.skipped = published.skipped.len();
        self.metadata = published.metadata;
        self.last_error = None;
        self.started = true;
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
