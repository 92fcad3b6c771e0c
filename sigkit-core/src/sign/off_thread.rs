//! Work that may block, on a thread of its own: what waits for it is a future of any executor.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

/// Runs `work` on a new thread. A future that is dropped leaves the thread to finish by itself.
///
/// # Errors
/// When the system has no more threads; then the work did not run.
pub(super) fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<OffThread<T>> {
    let shared = Arc::new(Mutex::new(Shared { outcome: None, waker: None }));
    let theirs = Arc::clone(&shared);
    thread::Builder::new().name("sigkit-key".to_owned()).spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(work));
        let waker = {
            let mut shared = theirs.lock().unwrap_or_else(PoisonError::into_inner);
            shared.outcome = Some(outcome);
            shared.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    })?;
    Ok(OffThread { shared })
}

/// The result of work on another thread; a panic there goes on here.
pub(super) struct OffThread<T> {
    shared: Arc<Mutex<Shared<T>>>,
}

struct Shared<T> {
    outcome: Option<thread::Result<T>>,
    waker: Option<Waker>,
}

impl<T> Future for OffThread<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        match shared.outcome.take() {
            Some(Ok(value)) => Poll::Ready(value),
            Some(Err(panic)) => resume_unwind(panic),
            None => {
                shared.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
