//! Everything impure that a command may touch, passed in.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sigkit_core::time::UnixTime;
use zeroize::Zeroizing;

use crate::args::FromVariable;
use crate::environment::Environment;
use crate::error::CliError;
use crate::files::Files;
use crate::terminal::signals::Signals;
use crate::terminal::streams::{Stderr, Stdin};

/// Fewer columns than this are taken for this many.
const MIN_COLUMNS: usize = 40;

/// Whether people see every request to registries and services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requests {
    /// As `--verbose` asks.
    Shown,
    /// They do not.
    Hidden,
}

/// Environment, streams, files, prompts and the clock.
#[derive(Debug)]
pub(crate) struct Context {
    /// Environment variables.
    pub(crate) environment: Environment,
    /// Standard input.
    pub(crate) stdin: Stdin,
    /// What people read.
    pub(crate) stderr: Stderr,
    /// Files named by options.
    pub(crate) files: Files,
    /// Whether people see every request.
    pub(crate) requests: Requests,
    /// What is trusted because environment variables say so.
    beliefs: Mutex<Vec<FromVariable>>,
    /// What `--timeout` gives.
    pub(crate) timeout: Duration,
    /// How this process answers to signals.
    pub(crate) signals: Signals,
}

impl Context {
    /// The context of this process.
    pub(crate) fn new(environment: Environment, signals: Signals) -> Self {
        Self {
            environment,
            stdin: Stdin::default(),
            stderr: Stderr::default(),
            files: Files::new(signals.clone()),
            requests: Requests::Hidden,
            beliefs: Mutex::default(),
            timeout: Duration::MAX,
            signals,
        }
    }

    /// Tells people something at once: before a question is asked, or a registry.
    pub(crate) fn note(&self, text: &str) {
        self.stderr.line(text);
    }

    /// The stream that people read, for what outlives the context.
    pub(crate) fn people(&self) -> Stderr {
        self.stderr.clone()
    }

    /// Gives work on registries this much time.
    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Shows requests from now on, if `requests` says so.
    pub(crate) fn with_requests(self, requests: Requests) -> Self {
        Self { requests, ..self }
    }

    /// Takes what flags got from the environment.
    pub(crate) fn with_beliefs(self, beliefs: Vec<FromVariable>) -> Self {
        Self { beliefs: Mutex::new(beliefs), ..self }
    }

    /// Records for the report that something is trusted because a variable says so. The caller prints the note.
    pub(crate) fn believe(&self, variable: &str, sets: &str) {
        let belief = FromVariable { variable: variable.to_owned(), sets: sets.to_owned() };
        self.beliefs.lock().unwrap_or_else(PoisonError::into_inner).push(belief);
    }

    /// What is trusted because environment variables say so.
    pub(crate) fn beliefs(&self) -> Vec<FromVariable> {
        self.beliefs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time; 1970 for a clock set before that.
    pub(crate) fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        UnixTime(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// The width of a stream that says `columns`: what `COLUMNS` says, if that is a number; `None` unless it is a terminal.
    pub(crate) fn columns(&self, columns: Option<usize>) -> Option<usize> {
        let columns = columns?;
        let said: Option<usize> = self.environment.get("COLUMNS").and_then(|said| said.to_str()?.parse().ok());
        Some(said.filter(|said| *said > 0).unwrap_or(columns).max(MIN_COLUMNS))
    }

    /// Reads the file that `option` names, or standard input for `-`.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) fn read_or_stdin(
        &self,
        option: &'static str,
        path: &Path,
        expected: &'static str,
        limit: u64,
    ) -> Result<Zeroizing<Vec<u8>>, CliError> {
        if path != Path::new("-") {
            return Ok(self.files.read(option, path, expected, limit)?.bytes);
        }
        let failed = |error| CliError::system("read standard input", error);
        let bytes = self.stdin.read_to_end(limit).map_err(failed)?;
        bytes.ok_or_else(|| CliError::usage(format!("{option}: more than {limit} bytes on standard input")))
    }
}

/// Keeps keys out of core files, and other processes of the same user out of this one. It is not an error if the system refuses.
pub(crate) fn forbid_core_dumps() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).unwrap_or_default();
}
