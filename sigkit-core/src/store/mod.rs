//! Where bytes live, in OCI terms.
//!
//! A [`Store`] is one repository. It answers in descriptors and in bytes that it has already compared with the descriptor asked
//! for; it says "not there" only when the registry, layout or archive itself says so, and every other problem is a [`StoreError`] that
//! callers must not take for absence.

#[cfg(all(unix, feature = "layout"))]
mod archive;
#[cfg(all(unix, feature = "registry"))]
pub mod credentials;
mod error;
#[cfg(all(unix, feature = "layout"))]
mod layout;
mod memory;
#[cfg(feature = "oci-client")]
pub mod oci_client;
#[cfg(feature = "registry")]
pub mod registry;
mod verified;

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

#[cfg(all(unix, feature = "layout"))]
pub use archive::{ArchiveStore, DockerArchiveStore};
pub use error::StoreError;
#[cfg(all(unix, feature = "layout"))]
pub use layout::LayoutStore;
pub use memory::MemoryStore;

use crate::digest::Digest;
use crate::oci::{Descriptor, ImageReference, Manifest, Platform, Tag, TagOrDigest};

/// What a descriptor or an annotation takes in memory beside its texts, in bytes.
const PART_OVERHEAD_BYTES: usize = 256;

/// A manifest as it was read: what names it, its exact bytes, and what they mean.
#[derive(Clone, Debug)]
pub struct FetchedManifest {
    /// Type, size and digest, computed from the bytes.
    pub descriptor: Descriptor,
    /// The bytes, never re-serialised.
    pub bytes: Vec<u8>,
    /// The one thing they can mean.
    pub manifest: Manifest,
}

impl FetchedManifest {
    /// About how many bytes of memory it takes.
    pub(crate) fn weight(&self) -> usize {
        self.bytes.len().saturating_mul(2).saturating_add(self.manifest.parts().saturating_mul(PART_OVERHEAD_BYTES))
    }
}

/// Read access to one repository.
pub trait Store: Sync {
    /// The name of the repository for people and origins: `registry.example.com/app`, `oci:DIR`.
    fn name(&self) -> String;

    /// Reads a manifest, by a tag once or by a digest that its bytes must have.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] only when the place says that there is none; anything else is doubt.
    fn manifest(&self, target: &TagOrDigest) -> impl Future<Output = Result<FetchedManifest, StoreError>> + Send;

    /// Reads a blob; size and digest are checked before a byte is returned. `limit` bounds the size in bytes.
    ///
    /// # Errors
    /// [`StoreError`], with [`StoreError::TooLarge`] before any transfer when the descriptor already exceeds `limit`.
    fn blob(&self, descriptor: &Descriptor, limit: u64) -> impl Future<Output = Result<Vec<u8>, StoreError>> + Send;

    /// Reads a blob through and compares it with its descriptor, where the store has its bytes locally; of any size, in constant
    /// memory. A registry does not: what is pulled from it later is compared then.
    ///
    /// # Errors
    /// [`StoreError`] of a blob that is not there or not what its descriptor says.
    fn check_blob(&self, _: &Descriptor) -> impl Future<Output = Result<(), StoreError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Whether other readers of the same place take the same image: loaders of archives go by other lists than those that sigkit reads.
    /// `image` is what this store means by what was `asked`, an index above the one for `platform` when one was named.
    ///
    /// # Errors
    /// [`StoreError::Protocol`] that names both images; other errors in reading the lists.
    fn check_lists(
        &self,
        _asked: &Asked,
        _image: &FetchedManifest,
        _platform: Option<&Platform>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        std::future::ready(Ok(()))
    }

    /// What the place itself lists as referring to `subject`, over all pages, unfiltered.
    ///
    /// # Errors
    /// [`StoreError`]. That the place keeps no such list is [`Referrers::Unsupported`], not an error.
    fn referrers(&self, subject: &Digest) -> impl Future<Output = Result<Referrers, StoreError>> + Send;

    /// Lists the same piece by piece: every entry, and every error that leaves the list incomplete, is passed on as soon as it is
    /// known. An error in one part keeps the others, and so does a caller that stops waiting. By default all comes at the end, or
    /// nothing.
    fn list_referrers(
        &self,
        subject: &Digest,
        each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send),
    ) -> impl Future<Output = ()> + Send {
        async move {
            match self.referrers(subject).await {
                Ok(Referrers::Listed(entries)) => entries.into_iter().for_each(|entry| each(Ok(entry))),
                Ok(Referrers::Unsupported) => {}
                Err(error) => each(Err(error)),
            }
        }
    }
}

/// Lets other work on the same thread run; for stores that read files one after the other.
#[cfg(all(unix, feature = "layout"))]
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// How an image was asked for in a place that holds several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Without a name: the only one.
    Only,
    /// By its tag in a layout.
    Tag(Tag),
    /// By its digest.
    Digest(Digest),
    /// By its full name in an archive of Docker.
    Name(ImageReference),
}

/// Answer of the referrers API, OCI distribution specification 1.1, "Listing Referrers".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Referrers {
    /// The list, possibly empty.
    Listed(Vec<Descriptor>),
    /// The place has no such list; the fallback tag is where to look.
    Unsupported,
}

/// What was to be finished of an earlier write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// Nothing: it had come to its end.
    Nothing,
    /// The list that should lead to the manifest.
    Listed,
}

/// What a write expects to find under the name it writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Anything; used for content-addressed names, where it makes no difference.
    Any,
    /// Nothing.
    Absent,
    /// What was read before.
    Unchanged(Digest),
}

/// Whether the place put a manifest on its subject's referrers list by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectIndexed {
    /// It said so (`OCI-Subject`), or keeps the list by construction.
    Yes,
    /// It did not say so; the list must be asked.
    NotStated,
}

/// How far a place keeps [`Expected`].
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

/// Write access to one repository.
pub trait StoreWrite: Store {
    /// How far this place keeps [`Expected`].
    fn atomicity(&self) -> WriteConsistency {
        WriteConsistency::Exact
    }

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

    /// Stores a blob unless it is there. A large one is best given away, since a store may need it for itself.
    ///
    /// # Errors
    /// [`StoreError`].
    fn push_blob(&self, bytes: Cow<'_, [u8]>, digest: &Digest) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores a manifest under a tag or under its own digest.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when `expected` was not met and the place can tell; [`StoreError::Immutable`] when it refuses
    /// to move the tag.
    fn push_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> impl Future<Output = Result<SubjectIndexed, StoreError>> + Send;
}
