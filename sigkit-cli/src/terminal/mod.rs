//! Streams, prompts, passwords and signals.

pub(crate) mod password;
pub(crate) mod prompt;
pub(crate) mod signals;
pub(crate) mod streams;
