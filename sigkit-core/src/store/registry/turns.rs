//! Who may ask a registry when several want to, and one connection carries one exchange at a time.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// An exchange that takes less is with a registry nearby.
const NEAR: Duration = Duration::from_millis(2);
/// The longest wait for a turn.
const PATIENCE: Duration = Duration::from_millis(1);

/// Turns at one registry.
///
/// Over plain HTTP, a registry nearby has answered before another connection to it is open. What is asked of it at once is therefore
/// asked one after another, on the open connection, as long as no request has to wait for that. Any other registry is asked everything
/// at once.
#[derive(Debug)]
pub(super) struct Turns {
    turn: Semaphore,
    near: AtomicBool,
}

impl Default for Turns {
    fn default() -> Self {
        Self { turn: Semaphore::new(1), near: AtomicBool::new(false) }
    }
}

impl Turns {
    /// Lets `exchange` have its turn.
    pub(super) async fn take<T>(&self, exchange: impl Future<Output = T>) -> T {
        let turn = match self.near.load(Ordering::Relaxed) {
            true => timeout(PATIENCE, self.turn.acquire()).await.ok(),
            false => None,
        };
        let asked = Instant::now();
        let outcome = exchange.await;
        drop(turn);
        self.near.store(asked.elapsed() < NEAR, Ordering::Relaxed);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// The most that were asked at once, of three that begin together.
    async fn at_once(turns: &Turns, takes: Duration) -> usize {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let exchange = || {
            turns.take(async {
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                match takes.is_zero() {
                    true => tokio::task::yield_now().await,
                    false => tokio::time::sleep(takes).await,
                }
                now.fetch_sub(1, Ordering::Relaxed);
            })
        };
        tokio::join!(exchange(), exchange(), exchange());
        most.into_inner()
    }

    #[tokio::test]
    async fn a_registry_nearby_is_asked_one_after_another_and_no_other_is() {
        let turns = Turns::default();
        assert_eq!(at_once(&turns, NEAR).await, 3);
        assert_eq!(at_once(&turns, Duration::ZERO).await, 3);
        // A machine may be too busy for that once, but not each time.
        let mut least = usize::MAX;
        for _ in 0..20 {
            least = least.min(at_once(&turns, Duration::ZERO).await);
        }
        assert_eq!(least, 1);
    }

    #[tokio::test]
    async fn request_waits_briefly_for_its_turn() {
        let turns = Turns::default();
        turns.take(std::future::ready(())).await;
        assert_eq!(at_once(&turns, NEAR * 50).await, 3);
    }
}
