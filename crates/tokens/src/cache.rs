//! Verified tokens, remembered: facts, never verdicts.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, UnitWeighter};

use crate::fingerprint::{Digest, leading_128_bits};
use crate::key_set::{Generation, KeySet};
use crate::profile::Revision;
use crate::time::Timestamp;
use crate::verified::VerifiedToken;

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;

/// A bounded cache of what was found in verified tokens: `T` is the token, or what was made of it. An answer of the
/// cache equals what verifying anew would find: entries are kept by token and by the options they were verified under,
/// and hold only while the token's times allow and the key that signed it is still the issuer's.
///
/// Refusals are not stored, so strangers cannot fill it. It is shared between threads.
pub struct TokenCache<T> {
    entries: Cache<Key<T>, Entry<T>, UnitWeighter, BuildHasherDefault<DigestHasher>>,
}

impl<T: OfToken> TokenCache<T> {
    /// A cache for `capacity` tokens; the ones least worth keeping give way to new ones (S3-FIFO). A token takes about
    /// half a kilobyte, and what `T` adds.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let weight = u64::try_from(capacity).unwrap_or(u64::MAX);
        let hasher = BuildHasherDefault::default();
        let lifecycle = DefaultLifecycle::default();
        Self { entries: Cache::with(capacity, weight, UnitWeighter, hasher, lifecycle) }
    }

    /// What was found in the token of this digest, signature and all, under these options, if it would be found again with these keys at this moment.
    /// The caller has made sure that the issuer is still believed at all.
    #[must_use]
    pub fn get(
        &self,
        presented: &Digest,
        revision: Revision,
        keys: &KeySet,
        now: Timestamp,
    ) -> Option<Arc<T>> {
        let asked = Asked { presented, revision };
        let Entry { facts, generation } = self.entries.get(&asked)?;
        let token = facts.token()?;
        if !token.is_usable_at(now) {
            // Time can be set back: what has not begun to hold is kept, what has ended is verified anew if it must.
            if now >= token.usable_until() {
                self.entries.remove(&asked);
            }
            return None;
        }
        if generation != keys.generation() {
            if !token.is_vouched_for_by(keys) {
                self.entries.remove(&asked);
                return None;
            }
            let entry = Entry { facts: Arc::clone(&facts), generation: keys.generation() };
            self.entries.insert(Key(Arc::clone(&facts)), entry);
        }
        Some(facts)
    }

    /// Remembers what was found in a token that verified with `keys`.
    pub fn insert(&self, facts: Arc<T>, keys: &KeySet) {
        if facts.token().is_some() {
            let key = Key(Arc::clone(&facts));
            self.entries.insert(key, Entry { facts, generation: keys.generation() });
        }
    }

    /// How many tokens are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets all tokens.
    pub fn clear(&self) {
        self.entries.clear();
    }
}

/// What was made of a verified token. What was made of something else is not kept.
pub trait OfToken {
    /// The token.
    fn token(&self) -> Option<&VerifiedToken>;
}

impl OfToken for VerifiedToken {
    fn token(&self) -> Option<&VerifiedToken> {
        Some(self)
    }
}

/// What was found, and the key set that last vouched for it.
struct Entry<T> {
    facts: Arc<T>,
    generation: Generation,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { facts: Arc::clone(&self.facts), generation: self.generation }
    }
}

/// A token, and the options it was verified under, as both stand in what was made of it.
struct Key<T>(Arc<T>);

/// A token that was presented, and the options that it must have been verified under.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Asked<'a> {
    presented: &'a Digest,
    revision: Revision,
}

impl<T: OfToken> Key<T> {
    /// INVARIANT: there is a token in everything that is kept.
    fn asked(&self) -> Option<Asked<'_>> {
        let token = self.0.token()?;
        Some(Asked { presented: token.presented(), revision: token.profile_revision() })
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: OfToken> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.asked() == other.asked()
    }
}

impl<T: OfToken> Eq for Key<T> {}

impl<T: OfToken> Equivalent<Key<T>> for Asked<'_> {
    fn equivalent(&self, key: &Key<T>) -> bool {
        key.asked() == Some(*self)
    }
}

impl<T: OfToken> Hash for Key<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Some(asked) = self.asked() {
            asked.hash(state);
        }
    }
}

impl Hash for Asked<'_> {
    /// Both are digests already, so their bits are as good as any hash of them. Only tokens of our issuers get in:
    /// nobody else can choose them to collide.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let token = leading_128_bits(self.presented.as_bytes());
        let mixed = token ^ self.revision.number();
        state.write_u64((mixed ^ (mixed >> 64)) as u64);
    }
}

/// Passes the one number of a token through.
#[derive(Clone, Copy, Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    /// INVARIANT: a token writes one number and nothing else; this is right for anything, and slow.
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
