use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, Url};

use super::auth::Access;
use super::client::{RegistryStore, check_name};
use super::write_outcome::{check_stored, refuses_conditions, write_error};
use super::{tags, upload};
use crate::digest::Digest;
use crate::http::{Idempotency, Request, ssrf};
use crate::oci::{Repository, Tag, TagOrDigest};
use crate::store::{
    BlobSource, Mounted, Precondition, Store, StoreError, StoreWrite, SubjectIndexed, TagListed, TagWriter,
    WriteConsistency,
};

/// The registry put the manifest on this subject's list. OCI distribution specification, "Pushing Manifests with Subject".
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// What people must know whose account may create, and no more. Artifactory calls the right "Delete/Overwrite".
const OVERWRITE: &str = "the tag exists, and the account needs permission to overwrite it";

/// Time for others' writes to arrive at a registry on this machine: only its own processes write there, as fast as this one.
const VISIBILITY_DELAY_LOCAL: Duration = Duration::from_millis(4);
/// Time for others' writes to arrive at any other registry, from wherever they are.
const VISIBILITY_DELAY_REMOTE: Duration = Duration::from_millis(400);

impl StoreWrite for RegistryStore {
    async fn push_blob(&self, blob: BlobSource<'_>) -> Result<(), StoreError> {
        check_name(&blob.digest(), &self.name())?;
        self.redacted(upload::store(self, blob).await)
    }

    async fn push_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<SubjectIndexed, StoreError> {
        self.redacted(self.store_manifest(target, media_type, bytes, Precondition::Any).await)
    }

    /// A registry where the account may not read the other repository answers that the blob is to be copied.
    async fn mount(&self, blob: &Digest, from: &Repository) -> Result<Mounted, StoreError> {
        check_name(blob, &self.name())?;
        self.redacted(upload::mount(self, blob, from).await)
    }

    async fn delete(&self, target: &TagOrDigest) -> Result<(), StoreError> {
        self.redacted(self.remove(target).await)
    }
}

impl TagWriter for RegistryStore {
    /// No registry is known to keep every condition, and few say which they keep.
    fn consistency(&self) -> WriteConsistency {
        let near = Url::parse(&format!("http://{}", self.repository.registry()));
        let settle = if near.is_ok_and(|url| ssrf::is_loopback(&url)) {
            VISIBILITY_DELAY_LOCAL
        } else {
            VISIBILITY_DELAY_REMOTE
        };
        WriteConsistency::Eventual { visibility_delay: settle }
    }

    async fn push_tag(
        &self,
        tag: &Tag,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<SubjectIndexed, StoreError> {
        let target = TagOrDigest::Tag(tag.clone());
        self.redacted(self.store_manifest(&target, media_type, bytes, expected).await)
    }

    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn tag_listed(&self, tag: &Tag) -> TagListed {
        tags::listed(self, tag).await.unwrap_or(TagListed::NotStated)
    }
}

impl RegistryStore {
    async fn store_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<SubjectIndexed, StoreError> {
        let algorithm = match target {
            TagOrDigest::Digest(digest) => digest.algorithm(),
            TagOrDigest::Tag(_) => crate::digest::DigestAlgorithm::Sha256,
        };
        let digest = Digest::of(algorithm, bytes);
        let mut call = Request::new(Method::PUT, self.url(&format!("manifests/{target}")).await?);
        if let TagOrDigest::Digest(expected) = target {
            check_name(expected, &self.name())?;
            if digest != *expected {
                return Err(StoreError::DigestMismatch { place: call.place(), expected: *expected, found: digest });
            }
        }
        let content_type = HeaderValue::try_from(media_type).map_err(|_| StoreError::Protocol {
            place: call.place(),
            detail: "expected a media type of printable characters".to_owned(),
        })?;
        call.headers.insert(CONTENT_TYPE, content_type);
        call.body = Some(Bytes::copy_from_slice(bytes));
        let repeat = match target {
            TagOrDigest::Digest(_) => Idempotency::Safe,
            TagOrDigest::Tag(tag) => {
                self.condition(&mut call, tag, expected);
                Idempotency::Never
            }
        };
        let reply = self.send(&call, Access::Push, repeat).await?;
        if reply.status.as_u16() != 201 {
            let error = write_error(&reply);
            let conditional = call.headers.contains_key(IF_MATCH) || call.headers.contains_key(IF_NONE_MATCH);
            if conditional && refuses_conditions(&reply, &error) {
                // The writer looks again and writes again, from now on without conditions.
                self.host().refuse_conditions();
                return Err(StoreError::Conflict { place: reply.response.place });
            }
            return Err(match (error, expected) {
                (StoreError::Denied { place, detail }, Precondition::Unchanged(_)) => {
                    StoreError::Denied { place, detail: format!("{detail}; {OVERWRITE}") }
                }
                (error, _) => error,
            });
        }
        check_stored(&reply, bytes)?;
        if let TagOrDigest::Tag(tag) = target {
            self.remember_etag(tag, digest, reply.headers.get(ETAG));
        }
        Ok(if reply.headers.contains_key(OCI_SUBJECT) { SubjectIndexed::Yes } else { SubjectIndexed::NotStated })
    }

    /// Puts `expected` into the request, as far as the registry gave us words for it.
    fn condition(&self, call: &mut Request, tag: &Tag, expected: Precondition) {
        if !self.host().takes_conditions() {
            return;
        }
        match (expected, self.etag(tag)) {
            (Precondition::Absent, _) => {
                call.headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
            }
            (Precondition::Unchanged(read), Some(version)) if version.digest == read => {
                call.headers.insert(IF_MATCH, version.etag);
            }
            (Precondition::Unchanged(_) | Precondition::Any, _) => {}
        }
    }

    async fn remove(&self, target: &TagOrDigest) -> Result<(), StoreError> {
        if let TagOrDigest::Digest(digest) = target {
            check_name(digest, &self.name())?;
        }
        let request = Request::new(Method::DELETE, self.url(&format!("manifests/{target}")).await?);
        let reply = self.send(&request, Access::Delete, Idempotency::Safe).await?;
        let place = reply.place.clone();
        match reply.status.as_u16() {
            200 | 202 | 204 => Ok(()),
            404 => Err(StoreError::NotFound { place }),
            400 | 405 | 501 => Err(StoreError::Refused { place, detail: reply.words() }),
            _ => Err(reply.any_error("a deletion (202)")),
        }
    }
}
