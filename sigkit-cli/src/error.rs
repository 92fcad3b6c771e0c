//! Why a command failed: a usage error or a failure, and the error behind it. Modules keep their own error types.

use std::error::Error;
use std::{fmt, io};

/// The kinds of failure that a caller can tell apart, by the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// The command line: flags that exclude each other, values that cannot be read, names that name nothing.
    Usage,
    /// Anything else.
    Failed,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct CliError {
    kind: ErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

/// What every error becomes unless it is a usage error.
impl<E: Error + Send + Sync + 'static> From<E> for CliError {
    fn from(error: E) -> Self {
        Self::failed(error)
    }
}

impl CliError {
    /// The command line is wrong.
    pub(crate) fn usage(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: ErrorKind::Usage, source: source.into() }
    }

    /// Anything else went wrong.
    pub(crate) fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: ErrorKind::Failed, source: source.into() }
    }

    /// The operating system refused to `action`.
    pub(crate) fn system(action: &'static str, source: io::Error) -> Self {
        Self::failed(SystemError { action, source })
    }

    /// Whose fault it is.
    pub(crate) const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

/// The operating system gave no runtime, no answer to a question, …
#[derive(Debug, thiserror::Error)]
#[error("cannot {action}: {source}")]
struct SystemError {
    action: &'static str,
    source: io::Error,
}
