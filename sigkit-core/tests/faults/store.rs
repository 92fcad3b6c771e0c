//! A registry without other writers: looking again needs no wait.

use std::time::Duration;

use sigkit_core::digest::Digest;
use sigkit_core::oci::{Descriptor, Tag, TagOrDigest};
use sigkit_core::store::registry::RegistryStore;
use sigkit_core::store::{
    Atomicity, Expected, FetchedManifest, Referrers, Store, StoreError, StoreWrite, SubjectIndexed, TagListed,
};

/// The longest wait.
const PAUSE: Duration = Duration::from_millis(1);

pub(crate) struct Lonely(pub(crate) RegistryStore);

impl Store for Lonely {
    fn name(&self) -> String {
        self.0.name()
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        self.0.manifest(target).await
    }

    async fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, StoreError> {
        self.0.blob(descriptor, limit).await
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        self.0.referrers(subject).await
    }
}

impl StoreWrite for Lonely {
    fn atomicity(&self) -> Atomicity {
        Atomicity::BestEffort { settle: PAUSE }
    }

    async fn pause(&self, time: Duration) {
        self.0.pause(time.min(PAUSE)).await;
    }

    async fn tag_listed(&self, tag: &Tag) -> TagListed {
        self.0.tag_listed(tag).await
    }

    async fn push_blob(&self, bytes: &[u8], digest: &Digest) -> Result<(), StoreError> {
        self.0.push_blob(bytes, digest).await
    }

    async fn push_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
        expected: Expected,
    ) -> Result<SubjectIndexed, StoreError> {
        self.0.push_manifest(target, media_type, bytes, expected).await
    }
}
