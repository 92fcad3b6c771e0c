//! The runtime of commands that talk to registries. Others never start one.

use std::future::Future;
use std::time::Duration;

use crate::error::CliError;

/// Runs `work` on this thread.
///
/// # Errors
/// [`CliError::System`] when there is no runtime.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::System { action: "start the runtime", error })?;
    Ok(runtime.block_on(work))
}

/// Gives `work` so long and no longer; `None` when that was not enough.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_never_ends_is_given_up() {
        let limit = Duration::from_millis(1);
        assert_eq!(block_on(within(limit, std::future::pending::<()>())).unwrap(), None);
        assert_eq!(block_on(within(Duration::from_secs(60), async { 7 })).unwrap(), Some(7));
    }
}
