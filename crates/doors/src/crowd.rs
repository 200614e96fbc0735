//! How many requests are under way, and how many may be: what is beyond is turned away before it costs anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The requests under way, over all data threads.
#[derive(Debug)]
pub struct Crowd {
    most: usize,
    under_way: AtomicUsize,
}

/// A place among them; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Crowd>);

impl Crowd {
    /// None yet, of at most this many.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, under_way: AtomicUsize::new(0) })
    }

    /// A place, if one is free.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        // Made first, so that it is given back either way.
        let place = Place(Arc::clone(self));
        (self.under_way.fetch_add(1, Ordering::Relaxed) < self.most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_places_as_are_told_and_each_comes_back() {
        let crowd = Crowd::new(2);
        let first = crowd.enter();
        let second = crowd.enter();
        assert!(first.is_some() && second.is_some() && crowd.enter().is_none());
        drop(first);
        assert!(crowd.enter().is_some() && crowd.enter().is_some());
        drop(second);
        assert_eq!(crowd.under_way.load(Ordering::Relaxed), 0);
    }
}
