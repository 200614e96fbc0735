//! Counters at hand: found by their labels without a lock and without writing anything, once they were found.

use std::hash::{BuildHasher as _, Hash};
use std::sync::{Arc, OnceLock};

use foldhash::fast::FixedState;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// How many counters of a family are at hand at most; a power of two. The others are found in the family, with a lock.
const PLACES: usize = 512;

/// The counters of a family. A clone counts with the same ones.
#[derive(Clone, Debug)]
pub(crate) struct AtHand<L> {
    family: Family<L, Counter>,
    /// Each has its place by its labels; whoever comes first keeps it.
    places: Arc<[OnceLock<(L, Counter)>]>,
}

impl<L: Clone + Eq + Hash> Default for AtHand<L> {
    fn default() -> Self {
        let places = std::iter::repeat_with(OnceLock::new).take(PLACES).collect();
        Self { family: Family::default(), places }
    }
}

impl<L: Clone + Eq + Hash> AtHand<L> {
    /// The family, for the registry.
    pub(crate) const fn family(&self) -> &Family<L, Counter> {
        &self.family
    }

    /// Counts one.
    pub(crate) fn count(&self, labels: &L) {
        // Labels are names of the configuration and words of ours: nobody can choose them to collide.
        let hash = FixedState::default().hash_one(labels);
        let index = usize::try_from(hash).unwrap_or_default() & (PLACES - 1);
        let place = self.places.get(index);
        let found = || (labels.clone(), self.family.get_or_create(labels).clone());
        match place.map(|place| place.get_or_init(found)) {
            Some((known, counter)) if known == labels => counter.inc(),
            _ => self.family.get_or_create(labels).inc(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_once_whether_it_is_at_hand_or_not() {
        let all = AtHand::<Vec<(String, String)>>::default();
        let labels = |number: usize| vec![("number".to_owned(), number.to_string())];
        let many = PLACES * 4;
        for number in (0..many).chain(0..many).chain(many / 2..many) {
            all.clone().count(&labels(number));
        }
        for number in 0..many {
            let counted = all.family().get_or_create(&labels(number)).get();
            assert_eq!(counted, if number < many / 2 { 2 } else { 3 }, "{number}");
        }
    }
}
