//! Stores chosen at run time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{
    Asked, BlobSource, BlobStream, Completed, FetchedManifest, Mounted, Precondition, Referrers, Store, StoreError,
    StoreWrite, SubjectIndexed, TagListed, TagWriter, WriteConsistency,
};
use crate::digest::Digest;
use crate::oci::{Descriptor, Platform, Repository, Tag, TagOrDigest};

/// A store of any kind, chosen at run time. Clones are the same store.
///
/// A store that only reads goes into [`ReadOnly`] first.
///
/// ```
/// use sigkit_core::store::{DynStore, MemoryStore, ReadOnly, Store};
///
/// let stores = [DynStore::new(MemoryStore::new()), DynStore::new(ReadOnly::new(MemoryStore::new()))];
/// assert!(stores.iter().all(|store| store.name() == "memory"));
/// ```
#[derive(Clone)]
pub struct DynStore(Arc<dyn AnyStore>);

impl DynStore {
    /// The same store, whatever it is.
    pub fn new<S: TagWriter + Send + 'static>(store: S) -> Self {
        Self(Arc::new(store))
    }
}

impl fmt::Debug for DynStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynStore").field(&self.0.name()).finish()
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Outcome<'a, T> = Boxed<'a, Result<T, StoreError>>;
type EachReferrer<'a> = &'a mut (dyn FnMut(Result<Descriptor, StoreError>) + Send);

/// The three traits with futures on the heap.
trait AnyStore: Send + Sync {
    fn name(&self) -> String;
    fn manifest<'a>(&'a self, target: &'a TagOrDigest) -> Outcome<'a, FetchedManifest>;
    fn read_blob<'s: 'a, 'a>(&'s self, descriptor: &'a Descriptor) -> Outcome<'a, BlobStream<'s>>;
    fn blob<'a>(&'a self, descriptor: &'a Descriptor, limit: u64) -> Outcome<'a, Vec<u8>>;
    fn exists<'a>(&'a self, descriptor: &'a Descriptor) -> Outcome<'a, bool>;
    fn tags(&self) -> Outcome<'_, Vec<Tag>>;
    fn image<'a>(&'a self, asked: &'a Asked) -> Outcome<'a, FetchedManifest>;
    fn check_blob<'a>(&'a self, descriptor: &'a Descriptor) -> Outcome<'a, ()>;
    fn check_lists<'a>(
        &'a self,
        asked: &'a Asked,
        image: &'a FetchedManifest,
        platform: Option<&'a Platform>,
    ) -> Outcome<'a, ()>;
    fn referrers<'a>(&'a self, subject: &'a Digest) -> Outcome<'a, Referrers>;
    fn list_referrers<'a>(&'a self, subject: &'a Digest, each: EachReferrer<'a>) -> Boxed<'a, ()>;
    fn push_blob<'a, 'b: 'a>(&'a self, blob: BlobSource<'b>) -> Outcome<'a, ()>;
    fn push_manifest<'a>(
        &'a self,
        target: &'a TagOrDigest,
        media_type: &'a str,
        bytes: &'a [u8],
    ) -> Outcome<'a, SubjectIndexed>;
    fn mount<'a>(&'a self, blob: &'a Digest, from: &'a Repository) -> Outcome<'a, Mounted>;
    fn delete<'a>(&'a self, target: &'a TagOrDigest) -> Outcome<'a, ()>;
    fn consistency(&self) -> WriteConsistency;
    fn push_tag<'a>(
        &'a self,
        tag: &'a Tag,
        media_type: &'a str,
        bytes: &'a [u8],
        expected: Precondition,
    ) -> Outcome<'a, SubjectIndexed>;
    fn pause(&self, time: Duration) -> Boxed<'_, ()>;
    fn tag_listed<'a>(&'a self, tag: &'a Tag) -> Boxed<'a, TagListed>;
    fn complete<'a>(&'a self, manifest: &'a Digest) -> Outcome<'a, Completed>;
}

impl<S: TagWriter + Send> AnyStore for S {
    fn name(&self) -> String {
        Store::name(self)
    }

    fn manifest<'a>(&'a self, target: &'a TagOrDigest) -> Outcome<'a, FetchedManifest> {
        Box::pin(Store::manifest(self, target))
    }

    fn read_blob<'s: 'a, 'a>(&'s self, descriptor: &'a Descriptor) -> Outcome<'a, BlobStream<'s>> {
        Box::pin(Store::read_blob(self, descriptor))
    }

    fn blob<'a>(&'a self, descriptor: &'a Descriptor, limit: u64) -> Outcome<'a, Vec<u8>> {
        Box::pin(Store::blob(self, descriptor, limit))
    }

    fn exists<'a>(&'a self, descriptor: &'a Descriptor) -> Outcome<'a, bool> {
        Box::pin(Store::exists(self, descriptor))
    }

    fn tags(&self) -> Outcome<'_, Vec<Tag>> {
        Box::pin(Store::tags(self))
    }

    fn image<'a>(&'a self, asked: &'a Asked) -> Outcome<'a, FetchedManifest> {
        Box::pin(Store::image(self, asked))
    }

    fn check_blob<'a>(&'a self, descriptor: &'a Descriptor) -> Outcome<'a, ()> {
        Box::pin(Store::check_blob(self, descriptor))
    }

    fn check_lists<'a>(
        &'a self,
        asked: &'a Asked,
        image: &'a FetchedManifest,
        platform: Option<&'a Platform>,
    ) -> Outcome<'a, ()> {
        Box::pin(Store::check_lists(self, asked, image, platform))
    }

    fn referrers<'a>(&'a self, subject: &'a Digest) -> Outcome<'a, Referrers> {
        Box::pin(Store::referrers(self, subject))
    }

    fn list_referrers<'a>(&'a self, subject: &'a Digest, each: EachReferrer<'a>) -> Boxed<'a, ()> {
        Box::pin(Store::list_referrers(self, subject, each))
    }

    fn push_blob<'a, 'b: 'a>(&'a self, blob: BlobSource<'b>) -> Outcome<'a, ()> {
        Box::pin(StoreWrite::push_blob(self, blob))
    }

    fn push_manifest<'a>(
        &'a self,
        target: &'a TagOrDigest,
        media_type: &'a str,
        bytes: &'a [u8],
    ) -> Outcome<'a, SubjectIndexed> {
        Box::pin(StoreWrite::push_manifest(self, target, media_type, bytes))
    }

    fn mount<'a>(&'a self, blob: &'a Digest, from: &'a Repository) -> Outcome<'a, Mounted> {
        Box::pin(StoreWrite::mount(self, blob, from))
    }

    fn delete<'a>(&'a self, target: &'a TagOrDigest) -> Outcome<'a, ()> {
        Box::pin(StoreWrite::delete(self, target))
    }

    fn consistency(&self) -> WriteConsistency {
        TagWriter::consistency(self)
    }

    fn push_tag<'a>(
        &'a self,
        tag: &'a Tag,
        media_type: &'a str,
        bytes: &'a [u8],
        expected: Precondition,
    ) -> Outcome<'a, SubjectIndexed> {
        Box::pin(TagWriter::push_tag(self, tag, media_type, bytes, expected))
    }

    fn pause(&self, time: Duration) -> Boxed<'_, ()> {
        Box::pin(TagWriter::pause(self, time))
    }

    fn tag_listed<'a>(&'a self, tag: &'a Tag) -> Boxed<'a, TagListed> {
        Box::pin(TagWriter::tag_listed(self, tag))
    }

    fn complete<'a>(&'a self, manifest: &'a Digest) -> Outcome<'a, Completed> {
        Box::pin(TagWriter::complete(self, manifest))
    }
}

impl Store for DynStore {
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

    async fn exists(&self, descriptor: &Descriptor) -> Result<bool, StoreError> {
        self.0.exists(descriptor).await
    }

    async fn tags(&self) -> Result<Vec<Tag>, StoreError> {
        self.0.tags().await
    }

    async fn image(&self, asked: &Asked) -> Result<FetchedManifest, StoreError> {
        self.0.image(asked).await
    }

    async fn check_blob(&self, descriptor: &Descriptor) -> Result<(), StoreError> {
        self.0.check_blob(descriptor).await
    }

    async fn check_lists(
        &self,
        asked: &Asked,
        image: &FetchedManifest,
        platform: Option<&Platform>,
    ) -> Result<(), StoreError> {
        self.0.check_lists(asked, image, platform).await
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        self.0.referrers(subject).await
    }

    async fn list_referrers(
        &self,
        subject: &Digest,
        each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send),
    ) -> () {
        self.0.list_referrers(subject, each).await
    }
}

impl StoreWrite for DynStore {
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

    async fn mount(&self, blob: &Digest, from: &Repository) -> Result<Mounted, StoreError> {
        self.0.mount(blob, from).await
    }

    async fn delete(&self, target: &TagOrDigest) -> Result<(), StoreError> {
        self.0.delete(target).await
    }
}

impl TagWriter for DynStore {
    fn consistency(&self) -> WriteConsistency {
        self.0.consistency()
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

    async fn pause(&self, time: Duration) -> () {
        self.0.pause(time).await
    }

    async fn tag_listed(&self, tag: &Tag) -> TagListed {
        self.0.tag_listed(tag).await
    }

    async fn complete(&self, manifest: &Digest) -> Result<Completed, StoreError> {
        self.0.complete(manifest).await
    }
}

/// A store that is only read, where one is expected that can be written as well: every write is [`StoreError::ReadOnly`].
#[derive(Clone, Debug)]
pub struct ReadOnly<S>(S);

impl<S: Store> ReadOnly<S> {
    /// The same store, which nothing is written to.
    pub const fn new(store: S) -> Self {
        Self(store)
    }

    fn refusal(&self) -> StoreError {
        StoreError::ReadOnly { place: self.0.name(), detail: "it was opened for reading".to_owned() }
    }
}

impl<S: Store> Store for ReadOnly<S> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn manifest(&self, target: &TagOrDigest) -> impl Future<Output = Result<FetchedManifest, StoreError>> + Send {
        self.0.manifest(target)
    }

    fn read_blob(&self, descriptor: &Descriptor) -> impl Future<Output = Result<BlobStream<'_>, StoreError>> + Send {
        self.0.read_blob(descriptor)
    }

    fn blob(&self, descriptor: &Descriptor, limit: u64) -> impl Future<Output = Result<Vec<u8>, StoreError>> + Send {
        self.0.blob(descriptor, limit)
    }

    fn exists(&self, descriptor: &Descriptor) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.0.exists(descriptor)
    }

    fn tags(&self) -> impl Future<Output = Result<Vec<Tag>, StoreError>> + Send {
        self.0.tags()
    }

    fn image(&self, asked: &Asked) -> impl Future<Output = Result<FetchedManifest, StoreError>> + Send {
        self.0.image(asked)
    }

    fn check_blob(&self, descriptor: &Descriptor) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.0.check_blob(descriptor)
    }

    fn check_lists(
        &self,
        asked: &Asked,
        image: &FetchedManifest,
        platform: Option<&Platform>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.0.check_lists(asked, image, platform)
    }

    fn referrers(&self, subject: &Digest) -> impl Future<Output = Result<Referrers, StoreError>> + Send {
        self.0.referrers(subject)
    }

    fn list_referrers(
        &self,
        subject: &Digest,
        each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send),
    ) -> impl Future<Output = ()> + Send {
        self.0.list_referrers(subject, each)
    }
}

impl<S: Store> StoreWrite for ReadOnly<S> {
    async fn push_blob(&self, _: BlobSource<'_>) -> Result<(), StoreError> {
        Err(self.refusal())
    }

    async fn push_manifest(&self, _: &TagOrDigest, _: &str, _: &[u8]) -> Result<SubjectIndexed, StoreError> {
        Err(self.refusal())
    }

    async fn delete(&self, _: &TagOrDigest) -> Result<(), StoreError> {
        Err(self.refusal())
    }
}

impl<S: Store> TagWriter for ReadOnly<S> {
    async fn push_tag(&self, _: &Tag, _: &str, _: &[u8], _: Precondition) -> Result<SubjectIndexed, StoreError> {
        Err(self.refusal())
    }
}
