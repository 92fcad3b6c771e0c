//! The runtime of commands that talk to registries. Others never start one.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::CliError;

/// Runs `work` on this thread.
///
/// # Errors
/// [`CliError::system`] when there is no runtime.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::system("start the runtime", error))?;
    let done = runtime.block_on(work);
    // Look-ups of names and credentials that are no longer needed must not hold up the end.
    runtime.shutdown_background();
    Ok(done)
}

/// When all work on registries must be done: one moment for the whole command, however many images wait for their turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// `None` is beyond what the clock can tell.
    at: Option<Instant>,
}

/// How long judging what was found may go on after the deadline, or after its own beginning if that is later.
const JUDGING_GRACE: Duration = Duration::from_millis(500);

impl Deadline {
    /// So long from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self { at: Instant::now().checked_add(limit) }
    }

    /// Is ready at the deadline.
    pub(crate) async fn passed(self) {
        match self.at {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// The end of verifying what was found before the deadline, for a verification that starts now.
    pub(crate) fn of_judging(self) -> Self {
        let from = self.at.map(|at| at.max(Instant::now()));
        Self { at: from.and_then(|from| from.checked_add(JUDGING_GRACE)) }
    }

    /// How long until then.
    pub(crate) fn left(self) -> Duration {
        self.at.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()))
    }

    /// Gives `work` until the deadline; `None` when that was not enough.
    pub(crate) async fn bound<T>(self, work: impl Future<Output = T>) -> Option<T> {
        match self.at {
            Some(at) => tokio::time::timeout_at(at, work).await.ok(),
            None => Some(work.await),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: R38
    #[test]
    fn judging_goes_on_for_a_moment_after_the_deadline() {
        let deadline = Deadline::after(Duration::ZERO);
        block_on(deadline.passed()).unwrap();
        assert!(deadline.left().is_zero());
        let judging = deadline.of_judging();
        assert!(!judging.left().is_zero());
        std::thread::sleep(JUDGING_GRACE);
        assert!(judging.left().is_zero() && !deadline.of_judging().left().is_zero());
        assert_eq!(Deadline::after(Duration::MAX).of_judging().left(), Duration::MAX);
    }

    #[test]
    fn work_that_never_ends_is_given_up() {
        let soon = Deadline::after(Duration::from_millis(1));
        assert_eq!(block_on(soon.bound(std::future::pending::<()>())).unwrap(), None);
        for limit in [Duration::from_secs(60), Duration::MAX] {
            assert_eq!(block_on(Deadline::after(limit).bound(async { 7 })).unwrap(), Some(7));
        }
    }
}
