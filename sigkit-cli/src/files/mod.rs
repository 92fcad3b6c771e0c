//! Files named by options: bounded reads, writes that appear whole or not at all.

mod error;
mod file_system;
mod read;
mod write;

pub(crate) use error::FileError;
pub(crate) use file_system::Files;
pub(crate) use write::{Access, ExistingFile, NewFile, OutputFile};
