//! Streams, prompts, passwords, signals, progress, and the printer of what commands hand back.

pub(crate) mod password;
pub(crate) mod printer;
pub(crate) mod progress;
pub(crate) mod prompt;
pub(crate) mod signals;
pub(crate) mod streams;
mod style;
