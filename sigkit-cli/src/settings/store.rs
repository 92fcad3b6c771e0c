//! The store of a target, chosen at run time.

use std::borrow::Cow;
use std::time::Duration;

use sigkit_core::digest::Digest;
use sigkit_core::oci::{Descriptor, Platform, Tag, TagOrDigest};
use sigkit_core::store::registry::RegistryStore;
use sigkit_core::store::{
    ArchiveStore, Asked, Completed, DockerArchiveStore, FetchedManifest, LayoutStore, Precondition, Referrers, Store,
    StoreError, StoreWrite, SubjectIndexed, TagListed, WriteConsistency,
};

/// One of the stores that a command line can name.
#[derive(Debug)]
pub(crate) enum AnyStore {
    /// A repository of a registry.
    Registry(RegistryStore),
    /// An OCI layout.
    Layout(LayoutStore),
    /// An OCI layout in a tar archive.
    Archive(ArchiveStore),
    /// What `docker save` writes.
    DockerArchive(DockerArchiveStore),
}

/// The same call on whichever store it is.
macro_rules! each {
    ($self:expr, $store:ident => $call:expr) => {
        match $self {
            AnyStore::Registry($store) => $call,
            AnyStore::Layout($store) => $call,
            AnyStore::Archive($store) => $call,
            AnyStore::DockerArchive($store) => $call,
        }
    };
}

impl AnyStore {
    /// How many manifests the list of a layout or archive has, when it can be read.
    pub(crate) fn listed(&self) -> Option<usize> {
        match self {
            Self::Registry(_) => None,
            Self::Layout(store) => store.listed().ok(),
            Self::Archive(store) => store.listed().ok(),
            Self::DockerArchive(store) => store.listed().ok(),
        }
    }
}

impl Store for AnyStore {
    fn name(&self) -> String {
        each!(self, store => store.name())
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        each!(self, store => store.manifest(target).await)
    }

    async fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, StoreError> {
        each!(self, store => store.blob(descriptor, limit).await)
    }

    async fn check_blob(&self, descriptor: &Descriptor) -> Result<(), StoreError> {
        each!(self, store => store.check_blob(descriptor).await)
    }

    async fn check_lists(
        &self,
        asked: &Asked,
        image: &FetchedManifest,
        platform: Option<&Platform>,
    ) -> Result<(), StoreError> {
        each!(self, store => store.check_lists(asked, image, platform).await)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        each!(self, store => store.referrers(subject).await)
    }

    async fn list_referrers(&self, subject: &Digest, each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send)) {
        each!(self, store => store.list_referrers(subject, each).await);
    }
}

impl StoreWrite for AnyStore {
    fn atomicity(&self) -> WriteConsistency {
        each!(self, store => store.atomicity())
    }

    async fn pause(&self, time: Duration) {
        each!(self, store => store.pause(time).await);
    }

    async fn tag_listed(&self, tag: &Tag) -> TagListed {
        each!(self, store => store.tag_listed(tag).await)
    }

    async fn complete(&self, manifest: &Digest) -> Result<Completed, StoreError> {
        each!(self, store => store.complete(manifest).await)
    }

    async fn push_blob(&self, bytes: Cow<'_, [u8]>, digest: &Digest) -> Result<(), StoreError> {
        each!(self, store => store.push_blob(bytes, digest).await)
    }

    async fn push_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<SubjectIndexed, StoreError> {
        each!(self, store => store.push_manifest(target, media_type, bytes, expected).await)
    }
}
