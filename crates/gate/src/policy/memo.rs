//! Decisions that were made before, remembered with whom they are about.
//!
//! A decision is remembered only when the policies behind it read nothing of the request but its method, and is looked for
//! only under paths that no policy is about in particular. Its key then holds all that it rests on: the caller, with whom
//! it is kept; the policies and the route, by their [`Stamp`]; and the method. A new configuration has new stamps, and a
//! token that is verified anew is another caller.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use http::Method;
use smallvec::SmallVec;

use super::decide::Decision;

/// The most decisions that are remembered about one caller.
const MOST: usize = 8;

/// What tells a route under the policies of one gate from every other, for as long as anything remembers it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stamp(Arc<()>);

/// The decisions about one caller that are remembered. Most callers use one route with one method: of many thousands, each
/// has that decision at hand without another piece of memory.
#[derive(Debug, Default)]
pub(crate) struct Memo(Mutex<SmallVec<[Remembered; 1]>>);

#[derive(Debug)]
struct Remembered {
    /// What is remembered keeps the place of a stamp that is gone, so that no new one can take it.
    stamp: Weak<()>,
    method: Method,
    decision: Arc<Decision>,
}

impl Remembered {
    fn is_about(&self, stamp: &Stamp, method: &Method) -> bool {
        std::ptr::eq(self.stamp.as_ptr(), Arc::as_ptr(&stamp.0)) && self.method == *method
    }
}

impl Memo {
    /// The decision that was made before, if it is remembered.
    pub(crate) fn find(&self, stamp: &Stamp, method: &Method) -> Option<Arc<Decision>> {
        let all = self.lock();
        let found = all.iter().find(|one| one.is_about(stamp, method));
        found.map(|one| Arc::clone(&one.decision))
    }

    /// Remembers a decision. The oldest one gives way when there are too many.
    pub(crate) fn keep(&self, stamp: &Stamp, method: &Method, decision: &Arc<Decision>) {
        let mut all = self.lock();
        all.retain(|one| one.stamp.strong_count() > 0 && !one.is_about(stamp, method));
        if all.len() >= MOST {
            all.remove(0);
        }
        // No more than it needs.
        all.reserve_exact(1);
        all.push(Remembered {
            stamp: Arc::downgrade(&stamp.0),
            method: method.clone(),
            decision: Arc::clone(decision),
        });
    }

    fn lock(&self) -> MutexGuard<'_, SmallVec<[Remembered; 1]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::decide::Outcome;
    use super::*;

    fn decision(outcome: Outcome) -> Arc<Decision> {
        Arc::new(Decision { outcome, policies: Vec::new(), errors: Vec::new() })
    }

    #[test]
    fn a_decision_is_remembered_for_its_route_and_its_method_alone() {
        let (memo, here, there) = (Memo::default(), Stamp::default(), Stamp::default());
        let allow = decision(Outcome::Allow);
        memo.keep(&here, &Method::GET, &allow);
        assert_eq!(memo.find(&here, &Method::GET), Some(allow));
        assert_eq!(memo.find(&here, &Method::POST), None);
        assert_eq!(memo.find(&there, &Method::GET), None);
    }

    #[test]
    fn what_a_stamp_was_that_is_gone_is_forgotten_and_is_no_other_meanwhile() {
        let memo = Memo::default();
        let gone = Stamp::default();
        memo.keep(&gone, &Method::GET, &decision(Outcome::Allow));
        drop(gone);
        let stamps: Vec<_> = (0..1000).map(|_| Stamp::default()).collect();
        assert!(stamps.iter().all(|stamp| memo.find(stamp, &Method::GET).is_none()));
        memo.keep(&Stamp::default(), &Method::GET, &decision(Outcome::NoPermit));
        assert_eq!(memo.lock().len(), 1);
    }

    #[test]
    fn the_oldest_gives_way() {
        let memo = Memo::default();
        let stamps: Vec<_> = (0..=MOST).map(|_| Stamp::default()).collect();
        for stamp in &stamps {
            memo.keep(stamp, &Method::GET, &decision(Outcome::Allow));
        }
        let known = stamps.iter().map(|stamp| memo.find(stamp, &Method::GET).is_some());
        assert_eq!(known.collect::<Vec<_>>(), [vec![false], vec![true; MOST]].concat());
    }
}
