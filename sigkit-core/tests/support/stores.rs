//! Stores that count, fail, or hold several writers up: a layer over [`MemoryStore`] for the code under test.

use std::sync::Mutex;
use std::time::Duration;

use sigkit_core::digest::Digest;
use sigkit_core::oci::{Descriptor, Tag, TagOrDigest};
use sigkit_core::store::{
    BlobSource, BlobStream, FetchedManifest, MemoryStore, Precondition, Referrers, Store, StoreError, StoreWrite,
    SubjectIndexed, TagListed, TagWriter, WriteConsistency,
};

use super::simulation::Simulation;

/// One call of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Manifest(TagOrDigest),
    Blob(Digest),
    Referrers(Digest),
    PushBlob(Digest),
    PushManifest(TagOrDigest),
}

/// Keeps a record of all calls, fails those it is told to, and may do mischief after each write.
#[allow(clippy::type_complexity, reason = "two closures, each used once")]
pub(crate) struct Watched {
    pub(crate) inner: MemoryStore,
    calls: Mutex<Vec<Call>>,
    pauses: Mutex<Vec<Duration>>,
    fault: Box<dyn Fn(usize, &Call) -> Option<StoreError> + Send + Sync>,
    after: Box<dyn Fn(&MemoryStore, &Call) + Send + Sync>,
    extra: Vec<Descriptor>,
    lists: Lists,
    atomicity: WriteConsistency,
    conditions: Conditions,
}

/// What a store makes of conditional writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Conditions {
    Taken,
    Refused,
}

/// What a store answers to who asks for referrers.
#[derive(Clone, Copy)]
enum Lists {
    AsKept,
    Nothing,
}

impl Watched {
    pub(crate) fn new(inner: MemoryStore) -> Self {
        Self {
            inner,
            calls: Mutex::default(),
            pauses: Mutex::default(),
            fault: Box::new(|_, _| None),
            after: Box::new(|_, _| {}),
            extra: Vec::new(),
            lists: Lists::AsKept,
            atomicity: WriteConsistency::Exact,
            conditions: Conditions::Taken,
        }
    }

    /// Refuses every write that expects anything, as a conflict.
    pub(crate) fn refusing_conditions(self) -> Self {
        Self { conditions: Conditions::Refused, ..self }
    }

    /// Fails the calls for which `fault` gives an error; it is told the number of the call, from 0.
    pub(crate) fn failing(self, fault: impl Fn(usize, &Call) -> Option<StoreError> + Send + Sync + 'static) -> Self {
        Self { fault: Box::new(fault), ..self }
    }

    /// Lets `after` change the content behind each successful call.
    pub(crate) fn meddling(self, after: impl Fn(&MemoryStore, &Call) + Send + Sync + 'static) -> Self {
        Self { after: Box::new(after), ..self }
    }

    /// Lists these referrers as well.
    pub(crate) fn listing(self, extra: Vec<Descriptor>) -> Self {
        Self { extra, ..self }
    }

    /// Keeps a list that is always empty, whatever it says when it is written to.
    pub(crate) fn listing_nothing(self) -> Self {
        Self { lists: Lists::Nothing, ..self }
    }

    /// Overwrites whatever the writer expects to find.
    pub(crate) fn best_effort(self) -> Self {
        Self { atomicity: WriteConsistency::Eventual { visibility_delay: std::time::Duration::from_millis(4) }, ..self }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// How long each wait would have been; no test waits here.
    pub(crate) fn pauses(&self) -> Vec<Duration> {
        self.pauses.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, call: &Call) -> usize {
        self.calls().iter().filter(|made| *made == call).count()
    }

    fn note(&self, call: &Call) -> Result<(), StoreError> {
        let mut calls = self.calls.lock().unwrap();
        let number = calls.len();
        calls.push(call.clone());
        (self.fault)(number, call).map_or(Ok(()), Err)
    }

    fn done<T>(&self, call: &Call, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.is_ok() {
            (self.after)(&self.inner, call);
        }
        result
    }
}

impl Store for Watched {
    fn name(&self) -> String {
        self.inner.name()
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        let call = Call::Manifest(target.clone());
        self.note(&call)?;
        self.done(&call, self.inner.manifest(target).await)
    }

    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        let call = Call::Blob(descriptor.digest);
        self.note(&call)?;
        self.done(&call, self.inner.read_blob(descriptor).await)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        let call = Call::Referrers(*subject);
        self.note(&call)?;
        let listed = match self.inner.referrers(subject).await? {
            _ if matches!(self.lists, Lists::Nothing) => Referrers::Listed(Vec::new()),
            Referrers::Listed(listed) => Referrers::Listed([listed, self.extra.clone()].concat()),
            Referrers::Unsupported => Referrers::Unsupported,
        };
        self.done(&call, Ok(listed))
    }
}

impl StoreWrite for Watched {
    async fn push_blob(&self, blob: BlobSource<'_>) -> Result<(), StoreError> {
        let call = Call::PushBlob(blob.digest());
        self.note(&call)?;
        self.done(&call, self.inner.push_blob(blob).await)
    }

    async fn push_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<SubjectIndexed, StoreError> {
        let call = Call::PushManifest(target.clone());
        self.note(&call)?;
        self.done(&call, self.inner.push_manifest(target, media_type, bytes).await)
    }
}

impl TagWriter for Watched {
    fn consistency(&self) -> WriteConsistency {
        self.atomicity
    }

    async fn push_tag(
        &self,
        tag: &Tag,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<SubjectIndexed, StoreError> {
        let call = Call::PushManifest(TagOrDigest::Tag(tag.clone()));
        self.note(&call)?;
        if self.conditions == Conditions::Refused && expected != Precondition::Any {
            return Err(StoreError::Conflict { place: self.name() });
        }
        let expected = match self.atomicity {
            WriteConsistency::Exact => expected,
            WriteConsistency::Eventual { .. } => Precondition::Any,
        };
        self.done(&call, self.inner.push_tag(tag, media_type, bytes, expected).await)
    }

    async fn pause(&self, duration: Duration) {
        self.pauses.lock().unwrap().push(duration);
    }

    async fn tag_listed(&self, tag: &Tag) -> TagListed {
        let listed = self.inner.tagged().iter().any(|(known, _)| known == tag);
        if listed { TagListed::Yes } else { TagListed::NotStated }
    }
}

/// A store as one of several clients of a slow registry sees it: each call takes time before and after it has its effect, and
/// others are served meanwhile.
pub(crate) struct Remote {
    pub(crate) inner: MemoryStore,
    pub(crate) simulation: Simulation,
    pub(crate) atomicity: WriteConsistency,
    /// Longest time that a call takes each way, in ticks.
    pub(crate) latency: u64,
}

/// How much simulated time a tick is.
const TICK: Duration = Duration::from_micros(500);

impl Remote {
    async fn travel(&self) {
        self.simulation.sleep(self.simulation.below(self.latency)).await;
    }
}

impl Store for Remote {
    fn name(&self) -> String {
        self.inner.name()
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        self.travel().await;
        let result = self.inner.manifest(target).await;
        self.travel().await;
        result
    }

    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        self.travel().await;
        self.inner.read_blob(descriptor).await
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        self.travel().await;
        self.inner.referrers(subject).await
    }
}

impl StoreWrite for Remote {
    async fn push_blob(&self, blob: BlobSource<'_>) -> Result<(), StoreError> {
        self.travel().await;
        self.inner.push_blob(blob).await
    }

    async fn push_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<SubjectIndexed, StoreError> {
        self.travel().await;
        let result = self.inner.push_manifest(target, media_type, bytes).await;
        self.travel().await;
        result
    }
}

impl TagWriter for Remote {
    fn consistency(&self) -> WriteConsistency {
        self.atomicity
    }

    async fn push_tag(
        &self,
        tag: &Tag,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<SubjectIndexed, StoreError> {
        let expected = match self.atomicity {
            WriteConsistency::Exact => expected,
            WriteConsistency::Eventual { .. } => Precondition::Any,
        };
        self.travel().await;
        let result = self.inner.push_tag(tag, media_type, bytes, expected).await;
        self.travel().await;
        result
    }

    async fn pause(&self, duration: Duration) {
        let ticks = duration.as_nanos().div_ceil(TICK.as_nanos());
        self.simulation.sleep(u64::try_from(ticks).unwrap()).await;
    }
}
