//! Puts an entry into a document that all signers of an image share: does what [`Writer`] says, and tells it what came of it.

#![allow(clippy::disallowed_methods, reason = "how long a registry took decides how long to wait for other writers")]

use std::time::{Duration, Instant};

use serde_json::Value;

use super::read_modify_write::{Action, Inserted, Observation, Writer};
use super::shared_document::{self, Document, Kind};
use super::written::Own;
use super::{AttachError, TagPrecheck, missing_entries, missing_tag};
use crate::digest::Digest;
use crate::oci::{Tag, TagOrDigest};
use crate::store::{BlobSource, Precondition, StoreError, TagListed, TagWriter, WriteConsistency};

/// Between the answer to a reading and the write that builds on it; a writer held up longer than this reads again.
const MAX_READ_AGE: Duration = Duration::from_millis(40);

/// Puts `entry` into the document that the signers of `image` share, instead of entries with the digests in `replaces`. What the entry
/// names is `parts`, which is pushed again where the place says that it lacks it.
///
/// # Errors
/// [`AttachError::Occupied`], [`AttachError::NotConfirmed`], [`AttachError::LostOthers`], [`AttachError::Store`].
pub(super) async fn insert<S: TagWriter>(
    store: &S,
    image: &Digest,
    kind: &Kind,
    entry: Value,
    replaces: &[Digest],
    parts: &Own,
) -> Result<Inserted, AttachError> {
    let tag = Tag::for_digest(image, kind.suffix());
    let shared = Shared { store, tag, kind };
    let mut writer = Writer::new(entry, replaces, store.consistency());
    let mut observed = Observation::Ready;
    let (mut started, mut read_at) = (Instant::now(), Instant::now());
    loop {
        observed = match writer.next(observed) {
            Action::Read(refusal) => {
                started = Instant::now();
                let read = shared.read(refusal).await;
                read_at = Instant::now();
                read.map_or_else(Observation::ReadFailed, Observation::Read)
            }
            Action::Precheck(refusal) => {
                let judged = missing_tag::confirm_absent(store, image, &shared.tag, kind.suffix(), refusal).await;
                Observation::Prechecked(judged?)
            }
            Action::Write { document, missing, expected, refusal } => {
                match shared.write(document, missing, refusal, expected, read_at).await {
                    Ok(Some(document)) => Observation::Written { document, took: started.elapsed() },
                    Ok(None) => Observation::Stale,
                    Err(error) => Observation::WriteFailed(error),
                }
            }
            Action::Pause(time) => {
                store.pause(time).await;
                Observation::Ready
            }
            Action::Repair { wait, suspects } => {
                store.pause(wait).await;
                match parts.push_again(store).await {
                    Ok(()) | Err(StoreError::Lacks { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
                Observation::Missing(missing_entries::look(store, kind, &suspects).await)
            }
            Action::Done(inserted) => return Ok(inserted),
            Action::Fail(error) => return Err(error),
            Action::GiveUp { lost, attempts } => {
                let store = format!("{}:{}", store.name(), shared.tag);
                return Err(match lost {
                    None => AttachError::NotConfirmed { store, attempts },
                    Some(lost) => AttachError::LostOthers { store, lost, attempts },
                });
            }
        };
    }
}

/// The document in its place.
struct Shared<'a, S> {
    store: &'a S,
    tag: Tag,
    kind: &'a Kind,
}

impl<S: TagWriter> Shared<'_, S> {
    fn target(&self) -> TagOrDigest {
        TagOrDigest::Tag(self.tag.clone())
    }

    async fn read(&self, refusal: TagPrecheck) -> Result<Document, AttachError> {
        let fetched = match self.store.manifest(&self.target()).await {
            Ok(fetched) => fetched,
            Err(error) if says_nothing_there(&error, refusal) => return Ok(self.kind.blank()),
            Err(error) => return Err(error.into()),
        };
        if !self.kind.holds(&fetched, &self.tag) {
            return Err(AttachError::Occupied {
                store: self.store.name(),
                tag: self.tag.clone(),
                expected: self.kind.expected(),
                found: fetched.descriptor().media_type.clone(),
            });
        }
        Document::parse(self.kind, &fetched)
    }

    /// Writes the document with `missing` added; `None` when it changed since it was read.
    async fn write(
        &self,
        document: Document,
        missing: Vec<Value>,
        refusal: TagPrecheck,
        expected: Precondition,
        read_at: Instant,
    ) -> Result<Option<Digest>, AttachError> {
        let read_as = document.read_as;
        let plan = shared_document::plan(self.kind, document, missing)?;
        for blob in &plan.blobs {
            self.store.push_blob(BlobSource::bytes(blob.into(), &Digest::sha256(blob))).await?;
        }
        match self.store.consistency() {
            WriteConsistency::Exact => {}
            WriteConsistency::Eventual { .. } => {
                // The list of tags is asked first, so that nothing lies between the last look and the write.
                let listed =
                    if read_as.is_none() { self.store.tag_listed(&self.tag).await } else { TagListed::NotStated };
                // Pushing blobs took round trips in which others may have written; and before a new document is begun, the answer
                // that there is none must come twice: some registries say so for a moment about what they hold.
                let look_again = !plan.blobs.is_empty() || read_as.is_none() || read_at.elapsed() > MAX_READ_AGE;
                if look_again && self.current(refusal).await? != read_as {
                    return Ok(None);
                }
                if listed == TagListed::Yes {
                    return Err(self.contradicted().into());
                }
            }
        }
        self.store.push_tag(&self.tag, &plan.media_type, &plan.manifest, expected).await?;
        Ok(Some(Digest::sha256(&plan.manifest)))
    }

    /// What the tag points to now.
    async fn current(&self, refusal: TagPrecheck) -> Result<Option<Digest>, AttachError> {
        match self.store.manifest(&self.target()).await {
            Ok(fetched) => Ok(Some(fetched.digest())),
            Err(error) if says_nothing_there(&error, refusal) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Nothing is written over what may be there after all.
    fn contradicted(&self) -> StoreError {
        let place = format!("{}:{}", self.store.name(), self.tag);
        let detail = "expected the manifest of a tag that the registry lists, found \"not found\": \
                      if it was deleted, delete the tag as well";
        StoreError::Unavailable { place, detail: detail.to_owned() }
    }
}

/// Returns true if the error of reading the tag means that it does not exist.
fn says_nothing_there(error: &StoreError, refusal: TagPrecheck) -> bool {
    error.is_absent() || (refusal == TagPrecheck::Refused && matches!(error, StoreError::Denied { .. }))
}
