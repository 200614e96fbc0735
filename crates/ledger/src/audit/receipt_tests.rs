use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::super::queue::{Group, Queue};
use super::*;

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Woken {
    fn times(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Someone who waits for a decision to be written.
struct Waits {
    receipt: Receipt,
    woken: Arc<Woken>,
}

impl Waits {
    fn on(queue: &Queue) -> Self {
        let receipt = queue.decision(b"{}").ok().unwrap();
        let mut waits = Self { receipt, woken: Arc::default() };
        assert_eq!(waits.ask(), Poll::Pending);
        waits
    }

    fn ask(&mut self) -> Poll<bool> {
        let waker = Waker::from(Arc::clone(&self.woken));
        Pin::new(&mut self.receipt).poll(&mut Context::from_waker(&waker))
    }
}

fn written(queue: &Queue) {
    let mut group = queue.take(Group::default()).unwrap();
    queue.written(&mut group);
}

fn times(all: &[Waits]) -> Vec<usize> {
    all.iter().map(|one| one.woken.times()).collect()
}

#[test]
fn one_of_each_thread_is_told_and_passes_it_on() {
    let queue = Queue::new(16, 1 << 20);
    let mut here: Vec<_> = (0..3).map(|_| Waits::on(&queue)).collect();
    let there: Vec<_> =
        thread::scope(|scope| scope.spawn(|| [(); 2].map(|()| Waits::on(&queue))).join().unwrap())
            .into();
    written(&queue);
    assert_eq!((times(&here), times(&there)), (vec![1, 0, 0], vec![1, 0]));
    assert_eq!(here[0].ask(), Poll::Ready(true));
    assert_eq!((times(&here), times(&there)), (vec![1, 1, 1], vec![1, 0]));
    assert_eq!(here[1].ask(), Poll::Ready(true));
    assert_eq!(times(&here), [1, 1, 1], "once is enough");
    drop(there);
}

#[test]
fn one_that_was_told_and_leaves_passes_it_on() {
    let queue = Queue::new(16, 1 << 20);
    let mut all: Vec<_> = (0..3).map(|_| Waits::on(&queue)).collect();
    written(&queue);
    drop(all.remove(0));
    assert_eq!(times(&all), [1, 1]);
}

#[test]
fn one_that_has_left_is_not_relied_on() {
    let queue = Queue::new(16, 1 << 20);
    let mut all: Vec<_> = (0..3).map(|_| Waits::on(&queue)).collect();
    drop(all.remove(0));
    written(&queue);
    assert_eq!(times(&all), [1, 0]);
    assert_eq!(all[0].ask(), Poll::Ready(true));
    assert_eq!(times(&all), [1, 1]);
}

#[test]
fn everyone_is_told_that_what_they_wait_for_is_lost() {
    let queue = Queue::new(16, 1 << 20);
    let mut all: Vec<_> = (0..2).map(|_| Waits::on(&queue)).collect();
    queue.abandon();
    assert_eq!(all[0].ask(), Poll::Ready(false));
    assert_eq!(times(&all), [1, 1]);
    assert_eq!(all[1].ask(), Poll::Ready(false));
}
