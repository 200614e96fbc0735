//! What a decision waits with until its group is written, and how those who wait are told.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

/// Where among those who wait for a group someone waits.
#[derive(Clone, Copy)]
struct Place {
    index: usize,
    /// The thread that it was first asked on.
    thread: ThreadId,
}

/// What became of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Lost,
    Written,
}

/// Resolves once a decision's group is settled: `true` if it was written.
pub(super) struct Receipt {
    group: Arc<Receipts>,
    place: Option<Place>,
    /// Whether it is the next writer that is to write it.
    pub(super) awaits_successor: bool,
}

impl Receipt {
    /// Of a decision in the group of these receipts.
    pub(super) fn of(group: &Arc<Receipts>, awaits_successor: bool) -> Self {
        Self { group: Arc::clone(group), place: None, awaits_successor }
    }
}

impl Future for Receipt {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let Self { group, place, .. } = &mut *self;
        let mut waiting = group.lock();
        if let Some(fate) = waiting.fate {
            drop(waiting);
            group.pass_on(place.take());
            return Poll::Ready(fate == Fate::Written);
        }
        let waker = Some(context.waker().clone());
        match place.and_then(|place| waiting.wakers.get_mut(place.index)) {
            Some((_, kept)) => *kept = waker,
            None => {
                let thread = thread::current().id();
                *place = Some(Place { index: waiting.wakers.len(), thread });
                waiting.wakers.push((thread, waker));
            }
        }
        Poll::Pending
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.group.pass_on(self.place.take());
    }
}

/// Those who wait for one group.
#[derive(Default)]
pub(super) struct Receipts(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    fate: Option<Fate>,
    /// Each with the thread that it waited on; nothing where it was woken.
    wakers: Vec<(ThreadId, Option<Waker>)>,
}

impl Receipts {
    /// Tells those who wait: one on each thread, who [passes it on](Self::pass_on). To wake a task of another thread takes
    /// a system call, and one of the same thread takes none.
    pub(super) fn settle(&self, fate: Fate) {
        let mut told: Vec<ThreadId> = Vec::new();
        let mut woken = Vec::new();
        let mut waiting = self.lock();
        waiting.fate.get_or_insert(fate);
        for (thread, waker) in &mut waiting.wakers {
            if !told.contains(thread)
                && let Some(waker) = waker.take()
            {
                told.push(*thread);
                woken.push(waker);
            }
        }
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Tells all others who waited on the same thread as one who knows, or is gone since it was told.
    fn pass_on(&self, place: Option<Place>) {
        let Some(Place { index, thread }) = place else { return };
        let mut waiting = self.lock();
        if waiting.fate.is_none() {
            // Nobody is there any more to pass it on.
            if let Some((_, waker)) = waiting.wakers.get_mut(index) {
                *waker = None;
            }
            return;
        }
        let woken = waiting.wakers.extract_if(.., |(waits_on, _)| *waits_on == thread);
        let woken: Vec<Waker> = woken.filter_map(|(_, waker)| waker).collect();
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Whether a decision of the group waits to be told.
    pub(super) fn is_awaited(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 1
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod tests;
