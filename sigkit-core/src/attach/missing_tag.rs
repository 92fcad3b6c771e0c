//! Registries that refuse to show a tag that does not exist, Artifactory among them: to a writer that is absence, once it is shown
//! to be this registry's manner of saying so. A reader never takes it for that.

use super::TagPrecheck;
use crate::digest::Digest;
use crate::oci::{Tag, TagOrDigest};
use crate::store::{StoreError, TagListed, TagWriter};

/// Judges `refusal`, which `store` gave to a writer who asked for `tag`.
///
/// It is absence when the image itself can be read there, so that reading is not what is refused; when a tag of the same form
/// that cannot exist is refused in the same way; and when the list of tags does not have this one.
///
/// # Errors
/// The refusal itself, when it is one.
pub(super) async fn confirm_absent<S: TagWriter>(
    store: &S,
    image: &Digest,
    tag: &Tag,
    suffix: &str,
    refusal: StoreError,
) -> Result<TagPrecheck, StoreError> {
    if store.manifest(&TagOrDigest::Digest(*image)).await.is_err() {
        return Err(refusal);
    }
    let unused = Tag::for_digest(&Digest::sha256(format!("no image has this digest: {tag}").as_bytes()), suffix);
    match store.manifest(&TagOrDigest::Tag(unused)).await {
        Err(StoreError::Denied { .. }) => {}
        _ => return Err(refusal),
    }
    match store.tag_listed(tag).await {
        TagListed::Yes => Err(refusal),
        TagListed::NotStated => Ok(TagPrecheck::Refused),
    }
}
