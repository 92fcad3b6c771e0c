//! What one pushed manifest changes in a layout, decided before anything is written.

use super::index::LayoutIndex;
use super::reader::Reader;
use crate::limits::Limits;
use crate::oci::{Descriptor, Manifest, TagOrDigest};
use crate::store::{FetchedManifest, Precondition, StoreError, manifest, verified};

/// A manifest to be stored under a name.
pub(in crate::store) struct Update<'a> {
    target: &'a TagOrDigest,
    /// As `index.json` lists it; the artifact type marks what refers to something else.
    pub(in crate::store) descriptor: Descriptor,
    children: Vec<Descriptor>,
}

impl<'a> Update<'a> {
    /// Refuses bytes that are not the manifest they are called; `place` names the store.
    pub(in crate::store) fn new(
        place: &str,
        target: &'a TagOrDigest,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Self, StoreError> {
        let fetched = FetchedManifest::new(place, target, bytes.to_vec(), Some(media_type))?;
        let artifact_type = manifest::referrer(&fetched).and_then(|(_, listed)| listed.artifact_type);
        let descriptor = Descriptor { artifact_type, ..fetched.descriptor().clone() };
        let children = match fetched.into_manifest() {
            Manifest::Image(_) => Vec::new(),
            Manifest::Index(index) => index.manifests,
        };
        Ok(Self { target, descriptor, children })
    }

    /// Returns true if the name refers to what the writer expects; the caller holds the lock.
    pub(in crate::store) fn check(
        &self,
        expected: Precondition,
        reader: &Reader<'_>,
        index: &LayoutIndex,
    ) -> Result<(), StoreError> {
        let place = reader.index_place();
        let current = match self.target {
            TagOrDigest::Tag(tag) => index.resolve(&place, tag)?.map(|entry| entry.digest),
            TagOrDigest::Digest(digest) => reader.has_blob(digest)?.then_some(*digest),
        };
        if expected.is_met_by(current) {
            return Ok(());
        }
        Err(StoreError::Conflict { place: format!("{place}, {}", self.target) })
    }

    /// The new `index.json`, unless it stays as it is.
    pub(in crate::store) fn index(
        &self,
        reader: &Reader<'_>,
        index: &LayoutIndex,
        limits: &Limits,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let place = reader.index_place();
        let document = index
            .with(self.target, &self.descriptor, &self.children)
            .map_err(|error| super::files::protocol(&place, error.to_string()))?;
        if let Some(document) = &document {
            // What is written must be readable again.
            verified::within(&place, u64::try_from(document.len()).unwrap_or(u64::MAX), limits.manifest_bytes)?;
        }
        Ok(document)
    }
}

/// The new `index.json` without what `target` names, unless it stays as it is.
pub(in crate::store) fn without(
    reader: &Reader<'_>,
    index: &LayoutIndex,
    target: &TagOrDigest,
) -> Result<Option<Vec<u8>>, StoreError> {
    let place = reader.index_place();
    let document = index.without(target).map_err(|error| super::files::protocol(&place, error.to_string()))?;
    let is_there = match target {
        TagOrDigest::Tag(_) => false,
        TagOrDigest::Digest(digest) => reader.has_blob(digest)?,
    };
    if document.is_none() && !is_there {
        return Err(StoreError::NotFound { place: format!("{place}, {target}") });
    }
    Ok(document)
}
