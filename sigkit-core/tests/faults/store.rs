//! Two ways to a registry: as its only writer, and behind its back.

use std::borrow::Cow;
use std::time::Duration;

use sigkit_core::digest::Digest;
use sigkit_core::oci::{Descriptor, Manifest, Tag, TagOrDigest};
use sigkit_core::store::registry::RegistryStore;
use sigkit_core::store::{
    FetchedManifest, Precondition, Referrers, Store, StoreError, StoreWrite, SubjectIndexed, TagListed,
    WriteConsistency,
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

    async fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, StoreError> {
        self.0.blob(descriptor, limit).await
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        self.0.referrers(subject).await
    }
}

impl StoreWrite for ExclusiveWriter {
    fn atomicity(&self) -> WriteConsistency {
        WriteConsistency::Eventual { visibility_delay: PAUSE }
    }

    async fn pause(&self, time: Duration) {
        self.0.pause(time.min(PAUSE)).await;
    }

    async fn tag_listed(&self, tag: &Tag) -> TagListed {
        self.0.tag_listed(tag).await
    }

    async fn push_blob(&self, bytes: Cow<'_, [u8]>, digest: &Digest) -> Result<(), StoreError> {
        self.0.push_blob(bytes, digest).await
    }

    async fn push_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<SubjectIndexed, StoreError> {
        self.0.push_manifest(target, media_type, bytes, expected).await
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
        let manifest = Manifest::parse(&stored.bytes, Some(&stored.media_type)).unwrap();
        let descriptor = Descriptor::of(&stored.media_type, &stored.bytes);
        Ok(FetchedManifest { descriptor, bytes: stored.bytes, manifest })
    }

    async fn blob(&self, descriptor: &Descriptor, _: u64) -> Result<Vec<u8>, StoreError> {
        absent(self.content.blob(self.repository, &descriptor.digest.to_string()), descriptor.digest)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        if self.api == Api::Off {
            return Ok(Referrers::Unsupported);
        }
        let listed = self.content.referrers(self.repository, &subject.to_string());
        Ok(Referrers::Listed(listed.iter().map(|entry| serde_json::from_str(entry).unwrap()).collect()))
    }
}
