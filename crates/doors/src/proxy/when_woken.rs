//! A future beside a busier one of the same task: it is polled when something that it waits for has woken it, and not
//! whenever the other has something to do.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Such a future.
#[derive(Debug)]
pub(crate) struct WhenWoken<F> {
    future: F,
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
    /// Whom the bell was told to wake: known without its lock.
    task: Option<Waker>,
}

/// Wakes the task, and says that it did so for this future.
#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Bell {
    fn task(&self) -> MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        let task = self.task().clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl<F> WhenWoken<F> {
    pub(crate) fn new(future: F) -> Self {
        // So that it is polled once to begin with.
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::new(None) });
        Self { future, waker: Waker::from(Arc::clone(&bell)), bell, task: None }
    }
}

impl<F: Future + Unpin> Future for WhenWoken<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let waker = context.waker();
        if !this.task.as_ref().is_some_and(|known| known.will_wake(waker)) {
            this.task = Some(waker.clone());
            *this.bell.task() = this.task.clone();
        }
        // Looked at after it is known whom to wake: whoever rings from here on wakes that one.
        if !this.bell.rung.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        Pin::new(&mut this.future).poll(&mut Context::from_waker(&this.waker))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Counts how often it is polled, and keeps the waker.
    fn watched<'a>(
        polls: &'a AtomicUsize,
        waker: &'a Mutex<Option<Waker>>,
    ) -> impl Future<Output = ()> + Unpin + 'a {
        std::future::poll_fn(|context| {
            *waker.lock().unwrap() = Some(context.waker().clone());
            if polls.fetch_add(1, Ordering::SeqCst) == 2 { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    #[test]
    fn it_is_polled_to_begin_with_and_then_only_when_it_was_woken() {
        let (polls, inner) = (AtomicUsize::new(0), Mutex::new(None));
        let task = Arc::new(Counting::default());
        let waker = Waker::from(Arc::clone(&task));
        let mut context = Context::from_waker(&waker);
        let mut future = WhenWoken::new(watched(&polls, &inner));
        for expected in 1..3 {
            for _ in 0..5 {
                assert_eq!(Pin::new(&mut future).poll(&mut context), Poll::Pending);
                assert_eq!(polls.load(Ordering::SeqCst), expected);
            }
            inner.lock().unwrap().take().unwrap().wake();
            assert_eq!(task.0.load(Ordering::SeqCst), expected);
        }
        assert_eq!(Pin::new(&mut future).poll(&mut context), Poll::Ready(()));
    }

    #[test]
    fn who_polled_last_is_woken() {
        let (polls, inner) = (AtomicUsize::new(0), Mutex::new(None));
        let tasks = [Arc::new(Counting::default()), Arc::new(Counting::default())];
        let mut future = WhenWoken::new(watched(&polls, &inner));
        for task in &tasks {
            let waker = Waker::from(Arc::clone(task));
            let mut context = Context::from_waker(&waker);
            assert_eq!(Pin::new(&mut future).poll(&mut context), Poll::Pending);
        }
        inner.lock().unwrap().take().unwrap().wake();
        assert_eq!(tasks.map(|task| task.0.load(Ordering::SeqCst)), [0, 1]);
    }
}
