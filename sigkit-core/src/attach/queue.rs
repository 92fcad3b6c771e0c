//! Manifests that lists name, on their way to being read.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::is_attachment_type;
use crate::digest::Digest;
use crate::oci::{Descriptor, media_type};

/// A manifest on a list of referrers.
pub(super) struct Listed {
    pub(super) digest: Digest,
    pub(super) source: Source,
    /// What the list says that it is, where that is neither a signature nor an attestation. It is trusted only for what no longer exists.
    pub(super) other: Option<String>,
}

/// The list that named it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Referrers,
    FallbackTag,
}

/// Manifests that were listed and wait to be read.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) waiting: VecDeque<Listed>,
    pub(super) known: HashSet<Digest>,
    /// Lists that may bring more.
    pub(super) open: usize,
}

/// Adds an entry of a list, unless another list has it.
pub(super) fn add(queue: &Mutex<Queue>, entry: &Descriptor, source: Source) {
    let mut claimed = [entry.artifact_type.as_deref(), Some(entry.media_type.as_str())].into_iter().flatten();
    let other = claimed.find(|kind| !kind.is_empty() && !media_type::MANIFESTS.contains(kind));
    let other = other.filter(|kind| !is_attachment_type(kind)).map(|kind| kind.chars().take(200).collect());
    let mut queue = lock(queue);
    if queue.known.insert(entry.digest) {
        queue.waiting.push_back(Listed { digest: entry.digest, source, other });
    }
}

/// Says that a list brings no more.
pub(super) fn close(queue: &Mutex<Queue>) {
    let mut queue = lock(queue);
    queue.open = queue.open.saturating_sub(1);
}

/// Locks it; a panic elsewhere leaves nothing half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
