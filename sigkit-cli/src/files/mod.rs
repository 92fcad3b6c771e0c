//! Files named by options: bounded reads, writes that appear whole or not at all.

mod error;
mod read;
mod write;

use std::collections::HashSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use error::FileError;
pub(crate) use write::{Access, ExistingFile, NewFile, OutputFile};

use crate::terminal::signals::Signals;

/// The file system as options may use it. It remembers what was read and written, so that no output can overwrite an input or
/// another output.
#[derive(Debug)]
pub(crate) struct Files {
    signals: Signals,
    read: Identities,
    written: Identities,
    /// What is written last of all, with its option.
    reserved: Mutex<Option<Reserved>>,
}

/// An output that is written last of all.
#[derive(Debug)]
struct Reserved {
    option: &'static str,
    /// As given.
    path: PathBuf,
    /// In one spelling.
    place: PathBuf,
}

#[derive(Debug, Default)]
struct Identities(Mutex<HashSet<Identity>>);

/// Device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Identity(u64, u64);

impl Files {
    /// Files whose writing no signal cuts short.
    pub(crate) fn new(signals: Signals) -> Self {
        Self { signals, read: Identities::default(), written: Identities::default(), reserved: Mutex::default() }
    }
}

impl Identities {
    fn add(&self, metadata: &Metadata) {
        self.lock().insert(Identity(metadata.dev(), metadata.ino()));
    }

    fn contains(&self, metadata: &Metadata) -> bool {
        self.lock().contains(&Identity(metadata.dev(), metadata.ino()))
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Identity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
