use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::blob::Slices;
use super::{
    BlobSource, BlobStream, FetchedManifest, Precondition, Referrers, Store, StoreError, StoreWrite, SubjectIndexed,
    TagWriter, manifest,
};
use crate::digest::Digest;
use crate::oci::{Descriptor, Tag, TagOrDigest};

/// A repository in memory. Clones share their content.
///
/// It answers as a registry would: manifests and blobs are two name spaces, tags move, and the referrers list is kept by
/// construction. Its futures never wait.
///
/// ```
/// use sigkit_core::store::{MemoryStore, Store};
///
/// let store = MemoryStore::new();
/// assert_eq!(store.name(), "memory");
/// ```
#[derive(Clone, Debug)]
pub struct MemoryStore {
    name: String,
    listing: Listing,
    content: Arc<Mutex<Content>>,
}

#[derive(Clone, Copy, Debug)]
enum Listing {
    Kept,
    Unsupported,
}

#[derive(Debug, Default)]
struct Content {
    blobs: BTreeMap<Digest, Arc<Vec<u8>>>,
    manifests: BTreeMap<Digest, StoredManifest>,
    tags: BTreeMap<Tag, Digest>,
}

#[derive(Debug)]
struct StoredManifest {
    media_type: String,
    bytes: Vec<u8>,
    /// The subject, and how the referrers list shows this manifest.
    refers: Option<(Digest, Descriptor)>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty repository named `memory`.
    pub fn new() -> Self {
        Self { name: "memory".to_owned(), listing: Listing::Kept, content: Arc::default() }
    }

    /// The same content under another name, as reports show it: `registry.example.com/app`.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The same content without a referrers list, as a registry before OCI 1.1 has it.
    #[must_use]
    pub fn without_referrers(self) -> Self {
        Self { listing: Listing::Unsupported, ..self }
    }

    /// Puts other bytes under a name that a blob or manifest already has, as a faulty or hostile place would hold them: what
    /// readers must notice. A name that is not there stays so.
    pub fn corrupt(&self, name: &Digest, bytes: &[u8]) {
        let mut content = self.content();
        if let Some(blob) = content.blobs.get_mut(name) {
            *blob = Arc::new(bytes.to_vec());
        }
        if let Some(manifest) = content.manifests.get_mut(name) {
            manifest.bytes = bytes.to_vec();
        }
    }

    /// The tags and what they name now.
    pub fn tagged(&self) -> Vec<(Tag, Digest)> {
        self.content().tags.iter().map(|(tag, digest)| (tag.clone(), *digest)).collect()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        // Every change below is one insertion, so that a panic elsewhere leaves no half of it.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, target: &TagOrDigest) -> String {
        match target {
            TagOrDigest::Tag(tag) => format!("{}:{tag}", self.name),
            TagOrDigest::Digest(digest) => self.place_of(digest),
        }
    }

    fn place_of(&self, digest: &Digest) -> String {
        format!("{}@{digest}", self.name)
    }

    fn read_manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        let place = self.place(target);
        let content = self.content();
        let digest = content.digest_of(target).ok_or_else(|| StoreError::NotFound { place: place.clone() })?;
        let stored = content.manifests.get(&digest).ok_or_else(|| StoreError::NotFound { place: place.clone() })?;
        let target = TagOrDigest::Digest(digest);
        FetchedManifest::new(&place, &target, stored.bytes.clone(), Some(&stored.media_type))
    }

    fn remove(&self, target: &TagOrDigest) -> Result<(), StoreError> {
        let mut content = self.content();
        let is_there = match target {
            TagOrDigest::Tag(tag) => content.tags.remove(tag).is_some(),
            TagOrDigest::Digest(digest) => {
                content.tags.retain(|_, named| named != digest);
                content.manifests.remove(digest).is_some()
            }
        };
        if is_there { Ok(()) } else { Err(StoreError::NotFound { place: self.place(target) }) }
    }

    fn list(&self, subject: &Digest) -> Referrers {
        match self.listing {
            Listing::Unsupported => Referrers::Unsupported,
            Listing::Kept => {
                let content = self.content();
                let refers = content.manifests.values().filter_map(|stored| stored.refers.as_ref());
                Referrers::Listed(
                    refers.filter(|(about, _)| about == subject).map(|(_, entry)| entry.clone()).collect(),
                )
            }
        }
    }

    fn write_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<SubjectIndexed, StoreError> {
        let place = self.place(target);
        let fetched = FetchedManifest::new(&place, target, bytes.to_vec(), Some(media_type))?;
        let digest = fetched.digest();
        let mut content = self.content();
        if !expected.is_met_by(content.digest_of(target)) {
            return Err(StoreError::Conflict { place });
        }
        let refers = manifest::referrer(&fetched);
        content
            .manifests
            .insert(digest, StoredManifest { media_type: media_type.to_owned(), bytes: fetched.into_bytes(), refers });
        if let TagOrDigest::Tag(tag) = target {
            content.tags.insert(tag.clone(), digest);
        }
        Ok(match self.listing {
            Listing::Kept => SubjectIndexed::Yes,
            Listing::Unsupported => SubjectIndexed::NotStated,
        })
    }
}

impl Content {
    /// What the name refers to now.
    fn digest_of(&self, target: &TagOrDigest) -> Option<Digest> {
        match target {
            TagOrDigest::Tag(tag) => self.tags.get(tag).copied(),
            TagOrDigest::Digest(digest) => self.manifests.contains_key(digest).then_some(*digest),
        }
    }
}

impl Store for MemoryStore {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        self.read_manifest(target)
    }

    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        let place = self.place_of(&descriptor.digest);
        let Some(bytes) = self.content().blobs.get(&descriptor.digest).cloned() else {
            return Err(StoreError::NotFound { place });
        };
        Ok(BlobStream::new(place, descriptor, Slices::shared(bytes)))
    }

    async fn tags(&self) -> Result<Vec<Tag>, StoreError> {
        Ok(self.content().tags.keys().cloned().collect())
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        Ok(self.list(subject))
    }
}

impl StoreWrite for MemoryStore {
    async fn push_blob(&self, blob: BlobSource<'_>) -> Result<(), StoreError> {
        let digest = blob.digest();
        let bytes = blob.into_bytes(u64::MAX).await?;
        self.content().blobs.insert(digest, Arc::new(bytes));
        Ok(())
    }

    async fn push_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<SubjectIndexed, StoreError> {
        self.write_manifest(target, media_type, bytes, Precondition::Any)
    }

    async fn delete(&self, target: &TagOrDigest) -> Result<(), StoreError> {
        self.remove(target)
    }
}

impl TagWriter for MemoryStore {
    async fn push_tag(
        &self,
        tag: &Tag,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<SubjectIndexed, StoreError> {
        self.write_manifest(&TagOrDigest::Tag(tag.clone()), media_type, bytes, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::media_type;

    fn manifest(subject: Option<&Digest>, note: &str) -> Vec<u8> {
        let empty = Descriptor::of(media_type::OCI_EMPTY, b"{}");
        let mut document = serde_json::json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": "application/x-test",
            "config": empty, "layers": [empty], "annotations": {"note": note},
        });
        if let Some(subject) = subject {
            document["subject"] = serde_json::to_value(Descriptor::new(media_type::OCI_MANIFEST, 1, *subject)).unwrap();
        }
        serde_json::to_vec(&document).unwrap()
    }

    fn tag(name: &str) -> TagOrDigest {
        TagOrDigest::Tag(name.parse().unwrap())
    }

    async fn push(
        store: &MemoryStore,
        target: &TagOrDigest,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<(), StoreError> {
        match target {
            TagOrDigest::Tag(tag) => store.push_tag(tag, media_type::OCI_MANIFEST, bytes, expected).await,
            TagOrDigest::Digest(_) => store.push_manifest(target, media_type::OCI_MANIFEST, bytes).await,
        }
        .map(|_| ())
    }

    #[tokio::test]
    async fn pushed_content_is_read_by_tag_and_digest_in_any_clone() {
        let store = MemoryStore::new();
        let bytes = manifest(None, "a");
        push(&store, &tag("v1"), &bytes, Precondition::Absent).await.unwrap();
        let other = store.clone();
        let by_tag = other.manifest(&tag("v1")).await.unwrap();
        assert_eq!((by_tag.bytes(), by_tag.digest()), (bytes.as_slice(), Digest::sha256(&bytes)));
        assert_eq!(other.manifest(&TagOrDigest::Digest(by_tag.digest())).await.unwrap().bytes(), bytes);
        assert!(matches!(other.manifest(&tag("v2")).await, Err(StoreError::NotFound { .. })));
    }

    #[tokio::test]
    async fn expectations_are_honoured_exactly() {
        let store = MemoryStore::new();
        let (a, b) = (manifest(None, "a"), manifest(None, "b"));
        let conflicts = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Conflict { .. }));
        assert!(conflicts(push(&store, &tag("t"), &a, Precondition::Unchanged(Digest::sha256(&a))).await));
        push(&store, &tag("t"), &a, Precondition::Absent).await.unwrap();
        assert!(conflicts(push(&store, &tag("t"), &b, Precondition::Absent).await));
        assert!(conflicts(push(&store, &tag("t"), &b, Precondition::Unchanged(Digest::sha256(&b))).await));
        assert_eq!(store.tagged(), vec![("t".parse().unwrap(), Digest::sha256(&a))]);
        push(&store, &tag("t"), &b, Precondition::Unchanged(Digest::sha256(&a))).await.unwrap();
        push(&store, &tag("t"), &a, Precondition::Any).await.unwrap();
        assert_eq!(store.manifest(&tag("t")).await.unwrap().bytes(), a);
    }

    #[tokio::test]
    async fn referrers_are_listed_by_construction_or_declared_unsupported() {
        let store = MemoryStore::new();
        let subject = Digest::sha256(b"subject");
        let bytes = manifest(Some(&subject), "about");
        let target = TagOrDigest::Digest(Digest::sha256(&bytes));
        let indexed = store.push_manifest(&target, media_type::OCI_MANIFEST, &bytes).await.unwrap();
        assert_eq!(indexed, SubjectIndexed::Yes);
        push(&store, &tag("other"), &manifest(None, "x"), Precondition::Any).await.unwrap();
        let Referrers::Listed(listed) = store.referrers(&subject).await.unwrap() else { panic!("must be listed") };
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].digest, Digest::sha256(&bytes));
        assert_eq!(listed[0].artifact_type.as_deref(), Some("application/x-test"));
        assert_eq!(listed[0].annotations["note"], "about");
        assert_eq!(store.referrers(&Digest::sha256(b"none")).await.unwrap(), Referrers::Listed(vec![]));

        let old = store.without_referrers();
        assert_eq!(old.referrers(&subject).await.unwrap(), Referrers::Unsupported);
        let indexed = old.push_manifest(&target, media_type::OCI_MANIFEST, &bytes).await.unwrap();
        assert_eq!(indexed, SubjectIndexed::NotStated);
    }

    // threat: E01
    // threat: E11
    #[tokio::test]
    async fn bytes_are_compared_with_their_name_size_and_limit() {
        let store = MemoryStore::new();
        let digest = Digest::sha256(b"abc");
        store.push_blob(BlobSource::bytes(b"abc".into(), &digest)).await.unwrap();
        let described = |size| Descriptor::new("x/y", size, digest);
        assert_eq!(store.blob(&described(3), 3).await.unwrap(), b"abc");
        assert!(matches!(store.blob(&described(3), 2).await, Err(StoreError::TooLarge { .. })));
        assert!(matches!(
            store.blob(&described(2), 9).await,
            Err(StoreError::SizeMismatch { expected: 2, found: 3, .. })
        ));
        assert!(matches!(
            store.push_blob(BlobSource::bytes(b"abd".into(), &digest)).await,
            Err(StoreError::DigestMismatch { .. })
        ));
        store.corrupt(&digest, b"abd");
        assert!(matches!(store.blob(&described(3), 3).await, Err(StoreError::DigestMismatch { .. })));

        let bytes = manifest(None, "a");
        push(&store, &tag("t"), &bytes, Precondition::Any).await.unwrap();
        let wrong = push(&store, &TagOrDigest::Digest(digest), &bytes, Precondition::Any).await;
        assert!(matches!(wrong, Err(StoreError::DigestMismatch { .. })));
        store.corrupt(&Digest::sha256(&bytes), &manifest(None, "b"));
        assert!(matches!(store.manifest(&tag("t")).await, Err(StoreError::DigestMismatch { .. })));
    }

    #[tokio::test]
    async fn invalid_manifest_is_not_stored() {
        let store = MemoryStore::new();
        let refused = push(&store, &tag("t"), b"{}", Precondition::Any).await;
        assert!(matches!(refused, Err(StoreError::Manifest { .. })));
        assert!(store.tagged().is_empty());
    }
}
