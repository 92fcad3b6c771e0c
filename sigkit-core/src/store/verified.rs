//! Bytes compared with their names, for the stores that hold them here.

use super::{FetchedManifest, Precondition, StoreError};
use crate::digest::Digest;
use crate::oci::{Descriptor, Manifest};

/// Refuses bytes that are not those of `expected`.
pub(super) fn compare(place: &str, expected: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
    compare_digest(place, expected, Digest::of(expected.algorithm(), bytes))
}

/// Refuses bytes whose digest is another one than `expected`.
pub(super) fn compare_digest(place: &str, expected: &Digest, found: Digest) -> Result<(), StoreError> {
    if found == *expected {
        return Ok(());
    }
    Err(StoreError::DigestMismatch { place: place.to_owned(), expected: *expected, found })
}

/// Refuses a blob that is announced larger than `limit` bytes.
pub(super) fn within(place: &str, size: u64, limit: u64) -> Result<(), StoreError> {
    if size <= limit {
        return Ok(());
    }
    Err(StoreError::TooLarge { place: place.to_owned(), limit: format!("{limit} bytes, with {size}") })
}

/// Refuses bytes that are more or fewer than announced.
pub(super) fn compare_size(place: &str, expected: u64, found: u64) -> Result<(), StoreError> {
    if expected == found {
        return Ok(());
    }
    Err(StoreError::SizeMismatch { place: place.to_owned(), expected, found })
}

/// The subject of a manifest, with the descriptor that a referrers list shows for the manifest.
///
/// OCI distribution specification 1.1, "Listing Referrers": the artifact type is the manifest's, else its configuration's media
/// type; the annotations are the manifest's.
pub(super) fn referrer(fetched: &FetchedManifest) -> Option<(Digest, Descriptor)> {
    let (subject, artifact_type, annotations) = match fetched.manifest() {
        Manifest::Image(image) => {
            let artifact_type = image.artifact_type.as_ref().unwrap_or(&image.config.media_type);
            (image.subject.as_ref()?, Some(artifact_type.clone()), &image.annotations)
        }
        Manifest::Index(index) => (index.subject.as_ref()?, None, &index.annotations),
    };
    let listed = Descriptor { artifact_type, annotations: annotations.clone(), ..fetched.descriptor().clone() };
    Some((subject.digest, listed))
}

/// Returns true if what a name refers to is what the writer expects.
pub(super) fn meets(expected: Precondition, current: Option<Digest>) -> bool {
    match expected {
        Precondition::Any => true,
        Precondition::Absent => current.is_none(),
        Precondition::Unchanged(digest) => current == Some(digest),
    }
}
