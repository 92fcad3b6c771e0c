//! Writing one repository, and what writers of a tag that others write as well need beyond that.

use std::future::Future;
use std::time::Duration;

use super::{BlobSource, Store, StoreError};
use crate::digest::Digest;
use crate::oci::{Repository, Tag, TagOrDigest};

/// Write access to one repository.
pub trait StoreWrite: Store {
    /// Stores a blob, compared with its digest as it comes, unless it is there. A transfer that fails may be started again from its
    /// source.
    ///
    /// # Errors
    /// [`StoreError`] of this place, or of the source.
    fn push_blob(&self, blob: BlobSource<'_>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores a manifest under a tag, whatever that names, or under its own digest.
    ///
    /// # Errors
    /// [`StoreError::Immutable`] when the place refuses to move the tag; [`StoreError::DigestMismatch`] for a name that is not that of the
    /// bytes.
    fn push_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
    ) -> impl Future<Output = Result<SubjectIndexed, StoreError>> + Send;

    /// Takes over a blob from another repository of the same place, without its bytes passing here.
    /// OCI distribution specification 1.1, "Mounting a blob from another repository".
    ///
    /// # Errors
    /// [`StoreError`]. A place that does not do that is [`Mounted::No`], and the blob is to be copied.
    fn mount(&self, _blob: &Digest, _from: &Repository) -> impl Future<Output = Result<Mounted, StoreError>> + Send {
        std::future::ready(Ok(Mounted::No))
    }

    /// Removes a tag, or the manifest with a digest and all that names it. Blobs stay.
    /// OCI distribution specification 1.1, "Deleting tags", "Deleting Manifests".
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none; [`StoreError::Refused`] from a place that does not delete.
    fn delete(&self, _target: &TagOrDigest) -> impl Future<Output = Result<(), StoreError>> + Send {
        std::future::ready(Err(StoreError::Refused {
            place: self.name(),
            detail: "nothing is deleted here".to_owned(),
        }))
    }
}

/// Write access for several writers of one tag, who must not lose what the others wrote: that is how signatures are attached to an image.
///
/// A store whose writes are not conditional says so by [`WriteConsistency::Eventual`], and ignores conditions.
pub trait TagWriter: StoreWrite {
    /// How far this place keeps a [`Precondition`].
    fn consistency(&self) -> WriteConsistency {
        WriteConsistency::Exact
    }

    /// Stores a manifest under a tag that names what is expected.
    ///
    /// # Errors
    /// As [`StoreWrite::push_manifest`]; [`StoreError::Conflict`] when `expected` is not met and the place can tell.
    fn push_tag(
        &self,
        tag: &Tag,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> impl Future<Output = Result<SubjectIndexed, StoreError>> + Send;

    /// Lets time pass between two looks at a shared object; a place that is [`WriteConsistency::Exact`] needs none.
    fn pause(&self, _: Duration) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Asks the list of tags about one, to confirm the answer that the tag does not exist.
    fn tag_listed(&self, _: &Tag) -> impl Future<Output = TagListed> + Send {
        std::future::ready(TagListed::NotStated)
    }

    /// Finishes what a write that was cut off has left half done: a manifest that is there, and that the place should list and does not.
    ///
    /// # Errors
    /// [`StoreError`].
    fn complete(&self, _manifest: &Digest) -> impl Future<Output = Result<Completed, StoreError>> + Send {
        std::future::ready(Ok(Completed::Nothing))
    }
}

/// Whether a blob was taken over from another repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Mounted {
    /// It is here now.
    Yes,
    /// It is not, and is to be copied.
    No,
}

/// What was to be finished of an earlier write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// Nothing: it had come to its end.
    Nothing,
    /// The list that should lead to the manifest.
    Listed,
}

/// What a write expects to find under the tag it writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Anything.
    Any,
    /// Nothing.
    Absent,
    /// What was read before.
    Unchanged(Digest),
}

impl Precondition {
    /// Returns true if what a name refers to is what the writer expects.
    pub(super) fn is_met_by(self, current: Option<Digest>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => current.is_none(),
            Self::Unchanged(digest) => current == Some(digest),
        }
    }
}

/// Whether the place put a manifest on its subject's referrers list by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectIndexed {
    /// It said so (`OCI-Subject`), or keeps the list by construction.
    Yes,
    /// It did not say so; the list must be asked.
    NotStated,
}

/// How far a place keeps a [`Precondition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteConsistency {
    /// A write whose expectation is not met never happens.
    Exact,
    /// The store may overwrite what another writer wrote in between, so writers must read again.
    Eventual {
        /// The shortest wait before looking again: in that time a write that another writer has begun will have arrived.
        visibility_delay: Duration,
    },
}

/// Whether the place has a tag on its list of tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagListed {
    /// It has.
    Yes,
    /// It has not, or keeps no such list, or did not tell; that proves nothing.
    NotStated,
}
