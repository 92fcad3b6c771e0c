//! How signatures and attestations are attached to an image: cosign's legacy tag, and OCI 1.1 referrers with their fallback tag.
//!
//! Reading looks everywhere and takes the union. Writing shares as little as it can: a bundle goes on the referrers list of a
//! registry that keeps one; only where there is none, and for the legacy format, a document that all signers share is read,
//! merged, written and read back until everything seen is in it (`read_modify_write`, `insert`).

pub(crate) mod budget;
pub(crate) mod concurrent;
mod discover;
mod insert;
mod keep;
mod kind;
mod missing_entries;
mod missing_tag;
mod part;
mod queue;
mod read_modify_write;
mod referrers;
mod search;
mod shared_document;
mod tag;
mod written;

pub(crate) use concurrent::gather;
pub(crate) use discover::discover_within;
pub use discover::{
    ParsedAttachments, RawAttachment, RawAttachments, discover, discover_until, fetch_attachments,
    fetch_attachments_until, parse_attachments,
};
pub use kind::AttachmentKind;
pub use referrers::BundleAttachment;
pub use tag::{EnvelopeAttachment, LayerAttachment};

use crate::digest::Digest;
use crate::oci::{Tag, media_type};
use crate::store::StoreError;

/// Suffix of cosign's tag for signatures.
const SIGNATURE_SUFFIX: &str = ".sig";
/// Suffix of cosign's tag for attestations.
const ATTESTATION_SUFFIX: &str = ".att";

/// The tag under which cosign keeps the signatures of an image: `sha256-<hex>.sig`.
///
/// ```
/// use sigkit_core::attach::signature_tag;
/// use sigkit_core::digest::Digest;
///
/// let tag = signature_tag(&Digest::sha256(b""));
/// assert_eq!(tag.as_str(), "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.sig");
/// ```
pub fn signature_tag(image: &Digest) -> Tag {
    Tag::for_digest(image, SIGNATURE_SUFFIX)
}

/// The tag under which cosign keeps the attestations about an image: `sha256-<hex>.att`.
pub fn attestation_tag(image: &Digest) -> Tag {
    Tag::for_digest(image, ATTESTATION_SUFFIX)
}

/// The tag under which referrers are listed where the registry keeps no list: `sha256-<hex>`.
/// OCI distribution specification 1.1, "Referrers Tag Schema".
pub fn fallback_tag(image: &Digest) -> Tag {
    Tag::for_digest(image, "")
}

/// Returns true if the type of an artifact is one that signatures or attestations may have, as far as lists tell.
fn is_attachment_type(kind: &str) -> bool {
    let of_cosign = [media_type::COSIGN_SIGNATURE_CONFIG, media_type::SIMPLE_SIGNING, media_type::DSSE_ENVELOPE];
    let of_nothing = [media_type::OCI_EMPTY, media_type::OCI_CONFIG, media_type::DOCKER_CONFIG];
    kind.starts_with(media_type::BUNDLE_PREFIX)
        || kind.starts_with("application/vnd.dev.cosign.")
        || of_cosign.contains(&kind)
        || of_nothing.contains(&kind)
}

/// Where a signature was put, after it was read back from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteReceipt {
    /// The repository, as the store names it.
    pub store: String,
    /// The place within it.
    pub place: AttachmentLocation,
    /// The manifest that carries the signature.
    pub manifest: Digest,
    /// What the writer was told before it wrote to a place that signers share.
    pub tag_precheck: TagPrecheck,
    /// Entries of the list that the place refused to keep, since it has nothing under their names; they are no longer listed.
    pub left_out: Vec<Digest>,
}

/// What a writer was told when it asked what others had put where it was about to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagPrecheck {
    /// What is there, or that nothing is.
    Answered,
    /// A refusal, in the very way in which this place refuses to show what does not exist; it was taken for absence.
    Refused,
}

/// A place within a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachmentLocation {
    /// The referrers list of the image.
    Referrers,
    /// The fallback index under this tag.
    FallbackTag(Tag),
    /// The legacy manifest under this tag.
    SignatureTag(Tag),
}

impl std::fmt::Display for WriteReceipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            AttachmentLocation::Referrers => write!(f, "{}@{} (referrers)", self.store, self.manifest),
            AttachmentLocation::FallbackTag(tag) => write!(f, "{}@{} (listed by tag {tag})", self.store, self.manifest),
            AttachmentLocation::SignatureTag(tag) => write!(f, "{}:{tag}", self.store),
        }?;
        if self.tag_precheck == TagPrecheck::Refused {
            f.write_str(
                "; the tag was treated as missing, since the registry denies access to it as it does to all tags that do not exist",
            )?;
        }
        for entry in &self.left_out {
            write!(
                f,
                "; {entry} was listed, but no longer exists: the registry rejects a list that names it, so it was removed from the list"
            )?;
        }
        Ok(())
    }
}

/// Why a signature is not where it should be.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tag holds something else, which writing would destroy.
    #[error("{store}:{tag}: expected {expected}, found {found}: remove or rename that tag first")]
    Occupied {
        /// The repository.
        store: String,
        /// The tag.
        tag: Tag,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// The entry is not on the list, however often it was written.
    #[error("{store}: the signature was written but could not be confirmed after {attempts} attempts: sign again")]
    NotConfirmed {
        /// The repository and place.
        store: String,
        /// How often it was written.
        attempts: u32,
    },
    /// Entries of others that were seen are missing and could not be restored.
    #[error(
        "{store}: {lost} entries of other signers disappeared during the write and could not be restored after {attempts} attempts"
    )]
    LostOthers {
        /// The repository and place.
        store: String,
        /// How many entries.
        lost: usize,
        /// How often restoring was tried.
        attempts: u32,
    },
    /// What these types hold cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] crate::json::JsonError),
}

impl AttachError {
    /// The reason code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Occupied { .. } => "tag-occupied",
            Self::NotConfirmed { .. } => "not-confirmed",
            Self::LostOthers { .. } => "entries-lost",
            Self::Json(_) => "internal-error",
        }
    }

    /// Every code of writing, sorted, without those of the store.
    pub const CODES: [&'static str; 4] = ["entries-lost", "internal-error", "not-confirmed", "tag-occupied"];
}
