//! Request ids: 26 characters, in the order of time.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use tokens::Timestamp;

/// Makes ids. Each worker has one of its own, begun with another seed.
///
/// Ids are there to be told apart, not to be kept secret: they are spread by SplitMix64, which never repeats within
/// 2^64 ids.
#[derive(Debug)]
pub struct RequestIds(AtomicU64);

impl RequestIds {
    /// Begins with a random number.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next random-looking number.
    pub fn next_u64(&self) -> u64 {
        let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A new id: 48 bits of time and 80 bits of its own, as a ULID is written.
    pub fn next(&self, now: Timestamp) -> RequestId {
        let high = u128::from(now.as_millis() & 0xFFFF_FFFF_FFFF) << 80;
        let low = u128::from(self.next_u64()) << 16 | u128::from(self.next_u64() & 0xFFFF);
        RequestId::of(high | low)
    }
}

/// The id of a request; the same in the answer, the records, the logs and towards the service.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 26]);

impl RequestId {
    fn of(mut bits: u128) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut text = [b'0'; 26];
        for place in text.iter_mut().rev() {
            let index = usize::try_from(bits & 31).unwrap_or_default();
            *place = ALPHABET.get(index).copied().unwrap_or(b'0');
            bits >>= 5;
        }
        Self(text)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // INVARIANT: only ASCII is ever put in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_order_of_time_and_never_the_same() {
        let ids = RequestIds::new(7);
        let early: Vec<_> = (0..1000).map(|_| ids.next(Timestamp::from_secs(1))).collect();
        let late = ids.next(Timestamp::from_secs(2));
        assert!(early.iter().all(|id| id.as_str() < late.as_str() && id.as_str().len() == 26));
        let distinct: std::collections::HashSet<_> = early.iter().collect();
        assert_eq!(distinct.len(), early.len());
    }
}
