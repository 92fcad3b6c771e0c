//! Bytes compared with their names, for the stores that hold them here.

use super::StoreError;
use crate::digest::Digest;

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
