//! What a registry's answer to a write means.

use super::error_body::RegistryResponse;
use super::read::stated_digest;
use crate::digest::Digest;
use crate::store::StoreError;

/// Compares the registry's idea of what it stored with what was sent.
pub(super) fn check_stored(reply: &RegistryResponse, bytes: &[u8]) -> Result<(), StoreError> {
    let Some(found) = stated_digest(reply) else { return Ok(()) };
    let expected = Digest::of(found.algorithm(), bytes);
    if found == expected {
        return Ok(());
    }
    Err(StoreError::DigestMismatch { place: reply.place.clone(), expected, found })
}

/// Returns true if the registry no longer knows the upload, or has other bytes of it than were sent: the next upload is another one.
pub(super) fn is_lost_upload(reply: &RegistryResponse) -> bool {
    match reply.status.as_u16() {
        404 | 416 => true,
        400 => reply.has_code(&[
            "BLOB_UPLOAD_UNKNOWN",
            "BLOB_UPLOAD_INVALID",
            "BLOB_UNKNOWN",
            "DIGEST_INVALID",
            "SIZE_INVALID",
        ]),
        _ => false,
    }
}

/// Returns true if a refused write may be refused for its condition, which some registries and proxies do not know. 409 and 412 say that a
/// condition is not met.
pub(super) fn refuses_conditions(reply: &RegistryResponse, error: &StoreError) -> bool {
    matches!(reply.status.as_u16(), 400 | 405 | 417 | 428 | 501)
        && !matches!(error, StoreError::Immutable { .. } | StoreError::Lacks { .. })
}

/// Codes by which a registry says that it lacks something named by what was written. In a race of several writers some say so about what
/// they have: `DIGEST_INVALID` is what others read of a file that is being replaced.
const LACKING: [&str; 4] = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "DIGEST_INVALID"];

/// Codes of the distribution specification by which a registry says that a manifest is nothing it will hold.
const NOT_ACCEPTED: [&str; 4] = ["MANIFEST_INVALID", "MANIFEST_UNVERIFIED", "UNSUPPORTED", "SIZE_INVALID"];

/// What a refused write means.
pub(super) fn write_error(reply: &RegistryResponse) -> StoreError {
    let place = reply.place.clone();
    let detail = reply.words();
    match reply.status.as_u16() {
        400 | 403 | 405 | 409 | 412 if is_immutable(reply, &detail) => StoreError::Immutable { place, detail },
        400 | 404 | 409 | 412 | 422 if reply.has_code(&LACKING) => StoreError::Lacks { place, detail },
        400 | 404 | 405 | 413 | 415 | 422 if reply.has_code(&NOT_ACCEPTED) => StoreError::Refused { place, detail },
        413 | 415 => StoreError::Refused { place, detail },
        409 | 412 => StoreError::Conflict { place },
        404 => StoreError::Protocol {
            place,
            detail: format!(
                "expected a repository that can be written to, found {detail}; it may have to be created first"
            ),
        },
        405 => StoreError::ReadOnly { place, detail },
        _ => reply.any_error("a write to succeed (201)"),
    }
}

/// Registries have no common code for a tag that may not move, but they all say it: ECR `ImageTagAlreadyExistsException`, or
/// `TAG_INVALID` with "already exists"; Harbor 412 and Artifact Registry 400 with "immutable".
///
/// A tag of ours is valid, so that `TAG_INVALID` says nothing about its form.
fn is_immutable(reply: &RegistryResponse, words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    reply.has_code(&["TAG_INVALID"])
        || words.contains("immutable")
        || words.contains("imagetagalreadyexists")
        || (words.contains("tag") && words.contains("already exists"))
}
