//! Entries of a shared document that name what is no longer there. Some registries refuse every document with such an entry, and
//! then signing would fail for everyone.

use serde_json::Value;

use super::read_modify_write::Kind;
use crate::digest::Digest;
use crate::oci::{Descriptor, TagOrDigest};
use crate::store::StoreWrite;

/// Looks, with waits between them, that must all find nothing. In a race, a place says that for a moment of what it has.
const MAX_READS: u32 = 3;

/// What is known of entries that may be gone, over several refusals of a document.
#[derive(Default)]
pub(super) struct Gone {
    /// Those that were missing at each look so far.
    suspects: Option<Vec<Digest>>,
    looks: u32,
    found: Vec<Digest>,
}

impl Gone {
    /// Looks once for what `entries` name, having been refused a document that has them.
    pub(super) async fn look<S: StoreWrite>(&mut self, store: &S, kind: &Kind, entries: &[Value]) {
        let mut missing = Vec::new();
        for entry in entries {
            let Ok(entry) = serde_json::from_value::<Descriptor>(entry.clone()) else { continue };
            let suspected = self.suspects.as_ref().is_none_or(|suspects| suspects.contains(&entry.digest));
            if suspected && is_gone(store, kind, &entry).await {
                missing.push(entry.digest);
            }
        }
        self.looks = if missing.is_empty() { 0 } else { self.looks.saturating_add(1) };
        if self.looks == MAX_READS {
            self.looks = 0;
            self.found.append(&mut missing);
        }
        self.suspects = (self.looks > 0).then_some(missing);
    }

    /// Returns true if the entry was found to be gone.
    pub(super) fn has(&self, entry: &Value) -> bool {
        self.found.iter().any(|digest| super::read_modify_write::names(entry, digest))
    }

    /// All that were found to be gone.
    pub(super) fn into_found(self) -> Vec<Digest> {
        self.found
    }
}

/// Only the place's own word that there is nothing counts.
async fn is_gone<S: StoreWrite>(store: &S, kind: &Kind, entry: &Descriptor) -> bool {
    let read = match kind {
        Kind::ReferrersIndex => store.manifest(&TagOrDigest::Digest(entry.digest)).await.map(|_| ()),
        Kind::SignatureManifest { .. } => store.blob(entry, entry.size).await.map(|_| ()),
    };
    read.is_err_and(|error| error.is_absent())
}
