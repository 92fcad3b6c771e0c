//! Several tasks in one thread and in simulated time: every interleaving is drawn from a seed and can be had again.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use super::random::Random;

/// A clock and a source of chance; clones share both.
#[derive(Clone)]
pub(crate) struct Simulation(Arc<Mutex<State>>);

struct State {
    now: u64,
    timers: BTreeMap<(u64, u64), Waker>,
    set: u64,
    random: Random,
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Simulation {
    pub(crate) fn new(seed: u64) -> Self {
        let random = Random::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Self(Arc::new(Mutex::new(State { now: 0, timers: BTreeMap::new(), set: 0, random })))
    }

    /// A number from 0 to `bound`, both included.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.0.lock().unwrap().random.next() % (bound + 1)
    }

    /// Lets others go on for that many ticks; for none, lets those go on whose time has come.
    pub(crate) async fn sleep(&self, ticks: u64) {
        let until = self.0.lock().unwrap().now + ticks;
        let mut asleep = false;
        poll_fn(|context| {
            let mut state = self.0.lock().unwrap();
            if asleep && state.now >= until {
                return Poll::Ready(());
            }
            // A task that waits for several at once polls each of them again whenever one is ready; the timer is set already.
            if std::mem::replace(&mut asleep, true) {
                return Poll::Pending;
            }
            // Of those whose time comes together, chance decides who is first.
            state.set += 1;
            let order = (state.random.next() << 20) | (state.set & 0xF_FFFF);
            state.timers.insert((until, order), context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Runs all tasks to their ends.
    pub(crate) fn run<T>(&self, tasks: Vec<Pin<Box<dyn Future<Output = T> + '_>>>) -> Vec<T> {
        let mut tasks: Vec<_> = tasks.into_iter().map(|task| (task, Arc::new(Flag(AtomicBool::new(true))))).collect();
        let mut results: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
        loop {
            for ((task, flag), result) in tasks.iter_mut().zip(&mut results) {
                if result.is_none() && flag.0.swap(false, Ordering::SeqCst) {
                    let waker = Waker::from(Arc::clone(flag));
                    if let Poll::Ready(value) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
                        *result = Some(value);
                    }
                }
            }
            if results.iter().all(Option::is_some) {
                return results.into_iter().flatten().collect();
            }
            let mut state = self.0.lock().unwrap();
            let ((time, _), waker) = state.timers.pop_first().expect("a task waits for nothing");
            state.now = state.now.max(time);
            drop(state);
            waker.wake();
        }
    }
}
