//! Two ways to a registry: as its only writer, and behind its back.

use std::time::Duration;

use sigkit_core::digest::Digest;
use sigkit_core::oci::{Descriptor, Tag, TagOrDigest};
use sigkit_core::store::registry::RegistryStore;
use sigkit_core::store::{
    BlobSource, BlobStream, FetchedManifest, Precondition, Referrers, Store, StoreError, StoreWrite, SubjectIndexed,
    TagListed, TagWriter, WriteConsistency,
};
use testkit::Content;

use crate::fixture::Api;

/// The longest wait.
const PAUSE: Duration = Duration::from_millis(1);

/// The registry as its only writer sees it, who needs not wait before looking again.
pub(crate) struct ExclusiveWriter(pub(crate) RegistryStore);

impl Store for ExclusiveWriter {
    fn name(&self) -> String {
        self.0.name()
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        self.0.manifest(target).await
    }

    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        self.0.read_blob(descriptor).await
    }

    async fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, StoreError> {
        self.0.blob(descriptor, limit).await
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        self.0.referrers(subject).await
    }
}

impl StoreWrite for ExclusiveWriter {
    async fn push_blob(&self, blob: BlobSource<'_>) -> Result<(), StoreError> {
        self.0.push_blob(blob).await
    }

    async fn push_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<SubjectIndexed, StoreError> {
        self.0.push_manifest(target, media_type, bytes).await
    }
}

impl TagWriter for ExclusiveWriter {
    fn consistency(&self) -> WriteConsistency {
        WriteConsistency::Eventual { visibility_delay: PAUSE }
    }

    async fn push_tag(
        &self,
        tag: &Tag,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<SubjectIndexed, StoreError> {
        self.0.push_tag(tag, media_type, bytes, expected).await
    }

    async fn pause(&self, time: Duration) {
        self.0.pause(time.min(PAUSE)).await;
    }

    async fn tag_listed(&self, tag: &Tag) -> TagListed {
        self.0.tag_listed(tag).await
    }
}

/// What a registry holds, without a request.
pub(crate) struct Shelf<'a> {
    pub(crate) content: &'a Content,
    pub(crate) repository: &'static str,
    pub(crate) api: Api,
}

fn absent<T>(found: Option<T>, what: impl ToString) -> Result<T, StoreError> {
    found.ok_or_else(|| StoreError::NotFound { place: what.to_string() })
}

impl Store for Shelf<'_> {
    fn name(&self) -> String {
        self.repository.to_owned()
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        let stored = absent(self.content.manifest(self.repository, &target.to_string()), target)?;
        FetchedManifest::new(self.repository, target, stored.bytes, Some(&stored.media_type))
    }

    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        let bytes = absent(self.content.blob(self.repository, &descriptor.digest.to_string()), descriptor.digest)?;
        Ok(BlobStream::new(self.repository, descriptor, futures_util::stream::iter([Ok(bytes)])))
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        if self.api == Api::Off {
            return Ok(Referrers::Unsupported);
        }
        let listed = self.content.referrers(self.repository, &subject.to_string());
        Ok(Referrers::Listed(listed.iter().map(|entry| serde_json::from_str(entry).unwrap()).collect()))
    }
}
