//! Several look-ups at once on one task, without a runtime and without a crate: all that discovery needs is to wait for two
//! different things, and for many equal ones with a bound.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Fetches under way at once for one image; enough to hide round trips, few enough for any registry's connection limit.
const WIDTH: usize = 8;

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

/// Runs [`WIDTH`] futures at once and returns all outputs in the order of the futures.
///
/// They come in a `Vec`: an iterator with a closure, kept across an await, would hide from the compiler that the whole is `Send`.
pub(crate) async fn gather<T, F: Future<Output = T>>(futures: Vec<F>) -> Vec<T> {
    let mut waiting = futures.into_iter();
    let mut running: VecDeque<(Pin<Box<F>>, Option<T>)> = VecDeque::new();
    let mut done = Vec::new();
    poll_fn(|context| {
        loop {
            while running.len() < WIDTH
                && let Some(future) = waiting.next()
            {
                running.push_back((Box::pin(future), None));
            }
            for (future, output) in &mut running {
                poll_once(output, future.as_mut(), context);
            }
            let before = done.len();
            while let Some((future, output)) = running.pop_front() {
                match output {
                    Some(output) => done.push(output),
                    None => {
                        running.push_front((future, None));
                        break;
                    }
                }
            }
            if running.is_empty() && done.len() == before {
                return Poll::Ready(());
            }
            if done.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
    done
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    /// Polls to the end, as a runtime would after each wake-up, and counts the polls.
    fn run<F: Future>(future: F) -> (F::Output, usize) {
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
    async fn after(polls: usize) -> usize {
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
        assert_eq!(most.get(), WIDTH);
        assert_eq!(run(gather(Vec::<std::future::Ready<()>>::new())).0, Vec::new());
    }

    #[test]
    fn what_is_ready_at_once_takes_one_poll() {
        assert_eq!(run(gather((0..1000).map(std::future::ready).collect())), ((0..1000).collect(), 1));
    }
}
