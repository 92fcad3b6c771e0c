//! The file system as options may use it.

use std::collections::HashSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::terminal::signals::Signals;

/// The file system as options may use it. It remembers what was read and written, so that no output can overwrite an input or
/// another output.
#[derive(Debug)]
pub(crate) struct Files {
    pub(super) signals: Signals,
    pub(super) read: Identities,
    pub(super) written: Identities,
    /// What is written last of all, with its option.
    pub(super) reserved: Mutex<Option<Reserved>>,
}

/// An output that is written last of all.
#[derive(Debug)]
pub(super) struct Reserved {
    pub(super) option: &'static str,
    /// As given.
    pub(super) path: PathBuf,
    /// In one spelling.
    pub(super) place: PathBuf,
}

#[derive(Debug, Default)]
pub(super) struct Identities(Mutex<HashSet<Identity>>);

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
    pub(super) fn add(&self, metadata: &Metadata) {
        self.lock().insert(Identity(metadata.dev(), metadata.ino()));
    }

    pub(super) fn contains(&self, metadata: &Metadata) -> bool {
        self.lock().contains(&Identity(metadata.dev(), metadata.ino()))
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Identity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
