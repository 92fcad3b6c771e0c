//! How a server has behaved so far: whether there is anybody, and how much it can take. What one request learns, all others
//! to that server know.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tokio::time::{Instant, sleep_until};

use super::bounded_map::BoundedMap;
use super::ssrf;

/// Time between two requests to a server that has had too many; doubled when that was too many as well.
const FIRST_GAP: Duration = Duration::from_millis(50);
/// The longest time between two requests.
const LONGEST_GAP: Duration = Duration::from_secs(2);
/// A gap below this is ignored.
const SHORTEST_GAP: Duration = Duration::from_millis(5);
/// The part of a gap by which each answer shortens it.
const EASING: u32 = 128;
/// How long one refusal counts for others after it: a server that counts by the second refuses until the second is over.
const EPISODE: Duration = Duration::from_secs(1);
/// How long requests that overlap share the finding that a server does not answer, at most.
const MAX_SILENCE: Duration = Duration::from_secs(5);
/// Servers that are remembered.
const MAX_ORIGINS: usize = 1024;
/// How long a server is remembered: longer than any pause that it may ask for.
const ORIGIN_LIFETIME: Duration = Duration::from_secs(3600);

/// Servers by scheme, host and port.
pub(super) struct Origins(BoundedMap<String, Arc<Origin>>);

impl Default for Origins {
    fn default() -> Self {
        Self(BoundedMap::new(MAX_ORIGINS, ORIGIN_LIFETIME))
    }
}

impl Origins {
    pub(super) fn of(&self, url: &Url) -> Arc<Origin> {
        let name = format!("{}://{}", url.scheme(), ssrf::authority(url));
        self.0.get_or_insert_with(&name, Arc::default)
    }

    /// The number of servers that are remembered.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// One server.
#[derive(Default)]
pub(super) struct Origin {
    pace: Mutex<Pace>,
    presence: Mutex<Presence>,
    knocking: tokio::sync::Mutex<()>,
    /// Operations that are in progress.
    active: AtomicUsize,
}

/// An operation in progress at a server. What operations find out about its absence they share as long as there is one.
pub(super) struct Operation<'a>(&'a Origin);

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        if self.0.active.fetch_sub(1, Ordering::AcqRel) == 1 {
            *lock(&self.0.presence) = Presence::Assumed;
        }
    }
}

/// How fast the server may be asked.
#[derive(Default)]
struct Pace {
    /// Time between two requests; none when it never had too many.
    gap: Duration,
    /// When the next request may begin.
    next: Option<Instant>,
    /// Until when refusals say nothing new: what was asked before the gap last grew, and for a while after.
    known: Option<Instant>,
    /// Answers other than "too many requests".
    served: u64,
}

/// Whether there is anybody.
#[derive(Clone, Default, PartialEq, Eq)]
enum Presence {
    #[default]
    Assumed,
    /// Something was asked and nothing at all was answered.
    Doubted(String),
    /// The server does not answer, and is not contacted again before then.
    Gone(String, Instant),
}

impl Origin {
    /// Begins an operation, which ends when it is dropped.
    pub(super) fn begin(&self) -> Operation<'_> {
        self.active.fetch_add(1, Ordering::AcqRel);
        Operation(self)
    }

    /// Waits until another request may begin.
    pub(super) async fn turn(&self) {
        let at = {
            let mut pace = lock(&self.pace);
            let now = Instant::now();
            let at = pace.next.filter(|next| *next > now);
            pace.next = at.unwrap_or(now).checked_add(pace.gap).filter(|_| !pace.gap.is_zero());
            at
        };
        if let Some(at) = at {
            sleep_until(at).await;
        }
    }

    /// How many requests were served so far.
    pub(super) fn served(&self) -> u64 {
        lock(&self.pace).served
    }

    /// The server answered, whatever it was.
    pub(super) fn serves(&self) {
        *lock(&self.presence) = Presence::Assumed;
        let mut pace = lock(&self.pace);
        pace.served = pace.served.saturating_add(1);
        let gap = pace.gap.saturating_sub(pace.gap.checked_div(EASING).unwrap_or_default());
        pace.gap = if gap < SHORTEST_GAP { Duration::ZERO } else { gap };
    }

    /// The server had too many requests, that at `begun` among them, and perhaps asks all to come back later.
    pub(super) fn has_too_many(&self, begun: Instant, asked: Option<Duration>) {
        *lock(&self.presence) = Presence::Assumed;
        let mut pace = lock(&self.pace);
        let now = Instant::now();
        if pace.known.is_none_or(|known| begun >= known) {
            pace.gap = pace.gap.saturating_mul(2).clamp(FIRST_GAP, LONGEST_GAP);
            pace.known = now.checked_add(EPISODE.max(asked.unwrap_or_default()));
        }
        let free = now.checked_add(asked.unwrap_or(pace.gap));
        pace.next = pace.next.max(free);
    }

    /// Whether anybody is there as far as is known; `knock` finds out where that is in doubt.
    ///
    /// # Errors
    /// The error of the last request.
    pub(super) async fn expect_anybody(&self, knock: impl Future<Output = bool> + Send) -> Result<(), String> {
        if *lock(&self.presence) == Presence::Assumed {
            return Ok(());
        }
        // A request that arrives while another one tries gets the result of that.
        let _knocking = self.knocking.lock().await;
        let why = match &*lock(&self.presence) {
            Presence::Assumed => return Ok(()),
            Presence::Gone(why, until) if Instant::now() < *until => return Err(why.clone()),
            Presence::Gone(why, _) | Presence::Doubted(why) => why.clone(),
        };
        if knock.await {
            *lock(&self.presence) = Presence::Assumed;
            return Ok(());
        }
        if let Some(until) = Instant::now().checked_add(MAX_SILENCE) {
            *lock(&self.presence) = Presence::Gone(why.clone(), until);
        }
        Err(why)
    }

    /// A request that began when so many were served had no answer at all.
    pub(super) fn said_nothing(&self, served: u64, why: &str) {
        if self.served() == served {
            let mut presence = lock(&self.presence);
            if *presence == Presence::Assumed {
                *presence = Presence::Doubted(why.to_owned());
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: R39
    #[tokio::test]
    async fn a_server_with_too_many_requests_is_asked_more_slowly_by_all() {
        let origin = Origin::default();
        let begun = Instant::now();
        for _ in 0..100 {
            origin.turn().await;
        }
        assert!(begun.elapsed() < FIRST_GAP, "requests do not wait without need");
        // What was asked together counts once, and so does what was asked soon after.
        for _ in 0..8 {
            origin.has_too_many(Instant::now(), None);
        }
        assert_eq!(lock(&origin.pace).gap, FIRST_GAP);
        let now = Instant::now();
        for _ in 0..4 {
            origin.turn().await;
        }
        assert!(now.elapsed() >= FIRST_GAP * 7 / 2, "{:?}", now.elapsed());
        // More of it, and the gap is longer, within reason; answers make it shorter, and in the end there is none.
        for _ in 0..10 {
            lock(&origin.pace).known = Some(begun);
            origin.has_too_many(Instant::now(), None);
        }
        assert_eq!(lock(&origin.pace).gap, LONGEST_GAP);
        for _ in 0..1000 {
            origin.serves();
        }
        lock(&origin.pace).next = None;
        let now = Instant::now();
        for _ in 0..100 {
            origin.turn().await;
        }
        assert!(now.elapsed() < FIRST_GAP, "{:?}", now.elapsed());
    }

    // threat: R39
    #[tokio::test]
    async fn what_the_server_asks_for_holds_for_all() {
        let origin = Origin::default();
        let begun = Instant::now();
        let asked = Duration::from_millis(300);
        origin.has_too_many(begun, Some(asked));
        tokio::join!(origin.turn(), origin.turn());
        assert!(begun.elapsed() >= asked + FIRST_GAP, "{:?}", begun.elapsed());
    }

    // threat: R37
    #[tokio::test]
    async fn a_server_that_says_nothing_is_knocked_at_once_for_all() {
        let origin = Origin::default();
        let operation = origin.begin();
        let knocks = AtomicUsize::new(0);
        let knock = |answer| {
            let knocks = &knocks;
            async move {
                knocks.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
                answer
            }
        };
        assert_eq!(origin.expect_anybody(knock(false)).await, Ok(()));
        // Others were answered meanwhile: it is there.
        let before = origin.served();
        origin.serves();
        origin.said_nothing(before, "no answer");
        assert_eq!(origin.expect_anybody(knock(false)).await, Ok(()));
        assert_eq!(knocks.load(Ordering::Relaxed), 0);
        origin.said_nothing(origin.served(), "no answer");
        let gone = || Err("no answer".to_owned());
        let both = tokio::join!(origin.expect_anybody(knock(false)), origin.expect_anybody(knock(false)));
        assert_eq!(both, (gone(), gone()));
        assert_eq!(knocks.load(Ordering::Relaxed), 1);
        // After a rest it is asked again, and may be back.
        *lock(&origin.presence) = Presence::Gone("no answer".to_owned(), Instant::now());
        assert_eq!(origin.expect_anybody(knock(true)).await, Ok(()));
        assert_eq!(origin.expect_anybody(knock(false)).await, Ok(()));
        assert_eq!(knocks.load(Ordering::Relaxed), 2);
        // With the last operation that shares it, the finding is gone.
        origin.said_nothing(origin.served(), "no answer");
        let other = origin.begin();
        drop(operation);
        assert_eq!(origin.expect_anybody(knock(false)).await, gone());
        drop(other);
        assert_eq!(origin.expect_anybody(knock(false)).await, Ok(()));
        assert_eq!(knocks.load(Ordering::Relaxed), 3);
    }
}
