//! Several look-ups at once on one task, without a runtime and without a crate: all that discovery needs is to wait for two
//! different things, and for many equal ones with a bound.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// Fetches under way at once for one image; enough to hide round trips, few enough for any registry's connection limit.
const MAX_CONCURRENT_FETCHES: usize = 8;

/// Waits for both. They move to the heap at once: a future that keeps its parts by value doubles with every level of nesting.
pub(super) fn join<A: Future, B: Future>(first: A, second: B) -> impl Future<Output = (A::Output, B::Output)> {
    let (mut first, mut second) = (Box::pin(first), Box::pin(second));
    let (mut one, mut other) = (None, None);
    poll_fn(move |context| {
        poll_once(&mut one, first.as_mut(), context);
        poll_once(&mut other, second.as_mut(), context);
        match (one.take(), other.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            unfinished => {
                (one, other) = unfinished;
                Poll::Pending
            }
        }
    })
}

/// A future is not polled again once it has its output.
fn poll_once<F: Future>(output: &mut Option<F::Output>, future: Pin<&mut F>, context: &mut Context<'_>) {
    if output.is_none()
        && let Poll::Ready(ready) = future.poll(context)
    {
        *output = Some(ready);
    }
}

/// What there is to do next.
pub(super) enum Next<F> {
    /// This.
    Work(F),
    /// Nothing yet; other work on the same task will bring more.
    Later,
    /// Nothing any more.
    Done,
}

/// Runs up to [`WIDTH`] futures at once, as they come, and returns all outputs in the order in which the futures came. One that never
/// ends takes one place of these, and holds up no other.
pub(super) async fn pool<T, F: Future<Output = T>>(mut next: impl FnMut() -> Next<F>) -> Vec<T> {
    let mut running: Vec<(usize, Pin<Box<F>>)> = Vec::new();
    let mut done: Vec<Option<T>> = Vec::new();
    poll_fn(|context| {
        loop {
            let mut exhausted = false;
            while running.len() < MAX_CONCURRENT_FETCHES && !exhausted {
                match next() {
                    Next::Work(future) => {
                        running.push((done.len(), Box::pin(future)));
                        done.push(None);
                    }
                    Next::Later => break,
                    Next::Done => exhausted = true,
                }
            }
            let before = running.len();
            running.retain_mut(|(number, future)| match future.as_mut().poll(context) {
                Poll::Ready(output) => {
                    if let Some(place) = done.get_mut(*number) {
                        *place = Some(output);
                    }
                    false
                }
                Poll::Pending => true,
            });
            // A future that has ended made room for the next one, and may be what another one waits for.
            if running.len() == before {
                return if exhausted && running.is_empty() { Poll::Ready(()) } else { Poll::Pending };
            }
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Runs up to [`WIDTH`] of these futures at once, and returns all outputs in the order of the futures.
///
/// They come in a `Vec`: an iterator with a closure, kept across an await, would hide from the compiler that the whole is `Send`.
pub(crate) async fn gather<T, F: Future<Output = T>>(futures: Vec<F>) -> Vec<T> {
    let mut waiting = futures.into_iter();
    pool(move || waiting.next().map_or(Next::Done, Next::Work)).await
}

/// Whether time is up, for all work on one task.
#[derive(Debug, Default)]
pub(crate) struct Lateness(AtomicBool);

impl Lateness {
    /// Returns true if time is up.
    pub(crate) fn is_late(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Runs `work`, which asks [`Self::is_late`] of itself, and tells it as soon as `until` is ready.
    pub(crate) async fn tell<T>(&self, until: impl Future<Output = ()>, work: impl Future<Output = T>) -> T {
        let (mut until, mut work) = (Box::pin(until), Box::pin(work));
        // All that is under way is on this one task, and looks whether it is late whenever any of it goes on.
        poll_fn(|context| {
            if !self.is_late() && until.as_mut().poll(context).is_ready() {
                self.0.store(true, Ordering::Relaxed);
            }
            work.as_mut().poll(context)
        })
        .await
    }

    /// Is ready once time is up; only within what [`Self::tell`] runs.
    pub(crate) async fn wait(&self) {
        poll_fn(|_| if self.is_late() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Gives `work` until time is up.
    pub(crate) async fn bound<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = Box::pin(work);
        poll_fn(|context| match self.is_late() {
            true => Poll::Ready(None),
            false => work.as_mut().poll(context).map(Some),
        })
        .await
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::{Cell, RefCell};
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    /// Polls to the end, as a runtime would after each wake-up, and counts the polls.
    pub(in crate::attach) fn run<F: Future>(future: F) -> (F::Output, usize) {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        for polls in 1..10_000 {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return (output, polls);
            }
        }
        panic!("never ends");
    }

    /// Ready at the poll after `polls` others.
    pub(in crate::attach) async fn after(polls: usize) -> usize {
        let mut left = polls;
        poll_fn(|_| {
            let ready = left == 0;
            left = left.saturating_sub(1);
            if ready { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        polls
    }

    #[test]
    fn both_are_waited_for_whichever_ends_first() {
        assert_eq!(run(join(after(3), after(0))).0, (3, 0));
        assert_eq!(run(join(after(0), after(3))).0, (0, 3));
    }

    #[test]
    fn outputs_keep_their_order_and_no_more_run_than_allowed() {
        let running = Cell::new(0_usize);
        let most = Cell::new(0_usize);
        let work = |polls: usize| {
            let (running, most) = (&running, &most);
            async move {
                running.set(running.get() + 1);
                most.set(most.get().max(running.get()));
                let output = after(polls).await;
                running.set(running.get() - 1);
                output
            }
        };
        let lengths: Vec<usize> = (0..50).map(|n| (n * 7) % 11).collect();
        assert_eq!(run(gather(lengths.iter().map(|n| work(*n)).collect())).0, lengths);
        assert_eq!(most.get(), MAX_CONCURRENT_FETCHES);
        assert_eq!(run(gather(Vec::<std::future::Ready<()>>::new())).0, Vec::new());
    }

    #[test]
    fn what_is_ready_at_once_takes_one_poll() {
        assert_eq!(run(gather((0..1000).map(std::future::ready).collect())), ((0..1000).collect(), 1));
    }

    // threat: R33
    #[test]
    fn pool_with_one_that_never_ends_runs_all_others() {
        let ran = RefCell::new(Vec::new());
        let work = |number: usize| {
            let ran = &ran;
            async move {
                if number == 0 {
                    std::future::pending::<()>().await;
                }
                after(number % 3).await;
                ran.borrow_mut().push(number);
            }
        };
        let mut all = pin!(gather((0..100).map(work).collect()));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..1000 {
            assert!(all.as_mut().poll(&mut context).is_pending());
        }
        let mut ran = ran.borrow().clone();
        ran.sort_unstable();
        assert_eq!(ran, (1..100).collect::<Vec<_>>());
    }

    #[test]
    fn pool_takes_work_that_comes_later() {
        let (left, asked) = (Cell::new(20_usize), Cell::new(0_usize));
        let next = || {
            asked.set(asked.get() + 1);
            match left.get() {
                0 => Next::Done,
                _ if asked.get() % 3 == 0 => Next::Later,
                more => {
                    left.set(more - 1);
                    Next::Work(after(more % 2))
                }
            }
        };
        assert_eq!(run(pool(next)).0.len(), 20);
    }
}
