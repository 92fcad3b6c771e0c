//! Everything impure that a command may touch, passed in.

mod environment;
mod password;
mod prompt;

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use environment::Environment;
pub(crate) use password::{PasswordError, PasswordUse};
pub(crate) use prompt::Answer;

use crate::files::Files;
use crate::signals::Interrupts;
use crate::streams::{Stderr, Stdin};

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
    interrupts: Interrupts,
}

impl Context {
    /// The context of this process.
    pub(crate) fn new(environment: Environment, interrupts: Interrupts) -> Self {
        Self {
            environment,
            stdin: Stdin::default(),
            stderr: Stderr::default(),
            files: Files::new(interrupts.clone()),
            interrupts,
        }
    }

    /// The time: seconds since 1970-01-01T00:00:00Z; 0 for a clock set before that.
    pub(crate) fn unix_seconds(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}

/// Keeps keys out of core files, and other processes of the same user out of this one. What the system refuses is no harm.
pub(crate) fn forbid_core_dumps() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).unwrap_or_default();
}
