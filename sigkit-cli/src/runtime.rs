//! The runtime of commands that talk to registries. Others never start one.

use std::future::Future;
use std::time::Duration;

use crate::error::CliError;

/// Runs `work` on this thread, for `limit` at most.
///
/// # Errors
/// Those of `work`; [`CliError::TimedOut`].
pub(crate) fn block_on<T>(limit: Duration, work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::System { action: "start the runtime", error })?;
    runtime
        .block_on(async { tokio::time::timeout(limit, work).await })
        .unwrap_or_else(|_| Err(CliError::TimedOut { limit }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::ExitCode;

    #[test]
    fn work_that_never_ends_is_undecided() {
        let limit = Duration::from_millis(1);
        let error = block_on(limit, std::future::pending::<Result<(), CliError>>()).unwrap_err();
        assert!(matches!(error, CliError::TimedOut { .. }));
        assert_eq!(error.exit(), ExitCode::Undecided);
        assert_eq!(block_on(Duration::from_secs(60), async { Ok(7) }).unwrap(), 7);
    }
}
