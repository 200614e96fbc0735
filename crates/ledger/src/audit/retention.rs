//! Which segments are kept, and which are removed next.

use std::collections::VecDeque;

use tokens::Timestamp;

use super::chain::LineHash;
use super::options::Retain;
use super::progress::Position;
use super::statement::Claim;

/// The complete segments of a log, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Kept(VecDeque<KeptSegment>);

/// A complete segment.
#[derive(Clone, Debug)]
pub(super) struct KeptSegment {
    pub(super) name: String,
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    /// The hash of its last line.
    pub(super) hash: LineHash,
    pub(super) bytes: u64,
    /// When the next one began.
    pub(super) until: Timestamp,
    /// Whether its removal has been stated.
    pub(super) stated: bool,
}

impl Kept {
    /// These segments, the oldest first.
    pub(super) fn of(segments: impl IntoIterator<Item = KeptSegment>) -> Self {
        Self(segments.into_iter().collect())
    }

    /// One more is complete, and ends here.
    pub(super) fn push(&mut self, end: &Position, until: Timestamp) {
        self.0.push_back(KeptSegment {
            name: end.name.clone(),
            first_seq: end.first_seq,
            last_seq: end.tip.seq,
            hash: end.tip.hash,
            bytes: end.bytes,
            until,
            stated: false,
        });
    }

    /// The oldest segment, if it must go. The one that is being written has `current` bytes, and counts.
    pub(super) fn due(
        &self,
        retain: &Retain,
        current: u64,
        now: Timestamp,
    ) -> Option<&KeptSegment> {
        let bytes: u64 = self.0.iter().map(|segment| segment.bytes).sum();
        let many = retain.segments.is_some_and(|limit| self.0.len() >= limit.max(1));
        let large = retain.bytes.is_some_and(|limit| bytes.saturating_add(current) > limit);
        let old = |segment: &&KeptSegment| {
            retain.age.is_some_and(|limit| now.since(segment.until) >= limit)
        };
        self.0.front().filter(|segment| many || large || old(segment))
    }

    /// The removal of the oldest has been stated.
    pub(super) fn stated(&mut self) {
        if let Some(oldest) = self.0.front_mut() {
            oldest.stated = true;
        }
    }

    /// The oldest is removed.
    pub(super) fn removed(&mut self) {
        self.0.pop_front();
    }
}

/// What is stated before a segment is removed.
pub(super) fn claim(segment: &KeptSegment) -> Claim {
    Claim::Removed {
        segment: segment.name.clone(),
        first_seq: segment.first_seq,
        last_seq: segment.last_seq,
        hash: segment.hash,
    }
}
