//! Entries of a shared document that name what is no longer there. Some registries refuse every document with such an entry, and
//! then signing would fail for everyone.

use serde_json::Value;

use super::shared_document::{Kind, names};
use crate::digest::Digest;
use crate::oci::{Descriptor, TagOrDigest};
use crate::store::TagWriter;

/// Looks, with waits between them, that must all find nothing. In a race, a place says that for a moment of what it has.
const MAX_READS: u32 = 3;

/// What is known of entries that may be gone, over several refusals of a document.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// Those that were missing at each look so far.
    suspects: Option<Vec<Digest>>,
    looks: u32,
    found: Vec<Digest>,
}

impl Gone {
    /// Returns true if the entry with this digest is to be looked for again; at the first look, every one is.
    pub(super) fn suspects(&self, entry: &Digest) -> bool {
        self.suspects.as_ref().is_none_or(|suspects| suspects.contains(entry))
    }

    /// Counts a look at which of the suspects these were missing.
    pub(super) fn record(&mut self, mut missing: Vec<Digest>) {
        self.looks = if missing.is_empty() { 0 } else { self.looks.saturating_add(1) };
        if self.looks == MAX_READS {
            self.looks = 0;
            self.found.append(&mut missing);
        }
        self.suspects = (self.looks > 0).then_some(missing);
    }

    /// Returns true if the entry was found to be gone.
    pub(super) fn has(&self, entry: &Value) -> bool {
        self.found.iter().any(|digest| names(entry, digest))
    }

    /// All that were found to be gone.
    pub(super) fn take_found(&mut self) -> Vec<Digest> {
        std::mem::take(&mut self.found)
    }
}

/// Looks once for what these entries name, and returns those that are not there. Only the place's own word that there is nothing counts.
pub(super) async fn look<S: TagWriter>(store: &S, kind: &Kind, entries: &[Descriptor]) -> Vec<Digest> {
    let mut missing = Vec::new();
    for entry in entries {
        let read = match kind {
            Kind::ReferrersIndex => store.manifest(&TagOrDigest::Digest(entry.digest)).await.map(|_| ()),
            Kind::SignatureManifest { .. } => store.blob(entry, entry.size).await.map(|_| ()),
        };
        if read.is_err_and(|error| error.is_absent()) {
            missing.push(entry.digest);
        }
    }
    missing
}
