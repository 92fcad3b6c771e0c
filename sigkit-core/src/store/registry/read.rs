use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, ETAG, HeaderName, HeaderValue};

use super::auth::Access;
use super::blob_stream::{Chunks, State};
use super::client::{RegistryStore, check_name};
use super::error_body::RegistryResponse;
use super::tags;
use crate::digest::{Digest, DigestAlgorithm};
use crate::http::{Body, BodyBudget, Idempotency, Request};
use crate::oci::{Descriptor, Tag, TagOrDigest, media_type};
use crate::store::{BlobStream, FetchedManifest, Referrers, Store, StoreError, verified};

/// The registry's own opinion about the digest of what it sends.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

impl Store for RegistryStore {
    fn name(&self) -> String {
        self.repository.to_string()
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        self.redacted(match target {
            TagOrDigest::Tag(_) => self.fetch_manifest(target).await,
            TagOrDigest::Digest(digest) => {
                let fetch = Box::pin(self.fetch_manifest(target));
                self.shared.manifests.get((self.name(), *digest), fetch, FetchedManifest::weight).await
            }
        })
    }

    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        self.redacted(Box::pin(self.open_blob(descriptor)).await)
    }

    async fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, StoreError> {
        let fetch = Box::pin(self.fetch_blob(descriptor, limit));
        let bytes = self.redacted(self.shared.blobs.get((self.name(), descriptor.digest), fetch, Vec::len).await)?;
        // The one that fetched it may have been told another size.
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size == descriptor.size && size <= limit {
            return Ok(bytes);
        }
        self.redacted(Box::pin(self.fetch_blob(descriptor, limit)).await)
    }

    async fn tags(&self) -> Result<Vec<Tag>, StoreError> {
        let place = format!("the tags of {}", self.repository);
        self.redacted(self.context().http.within_total(&place, tags::list(self)).await)
    }

    async fn exists(&self, descriptor: &Descriptor) -> Result<bool, StoreError> {
        self.redacted(self.has_blob(descriptor).await)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        check_name(subject, &self.name())?;
        let place = self.list_name(subject);
        self.redacted(self.context().http.within_total(&place, self.all_referrers(subject)).await)
    }

    async fn list_referrers(&self, subject: &Digest, each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send)) {
        let mut redacted = |entry| each(self.redacted(entry));
        let listing = async {
            check_name(subject, &self.name())?;
            self.pages(subject, &mut redacted).await
        };
        let listing = self.context().http.within_total(&self.list_name(subject), listing).await;
        if let Err(error) = listing {
            redacted(Err(error));
        }
    }
}

impl RegistryStore {
    fn list_name(&self, subject: &Digest) -> String {
        format!("the referrers of {}@{subject}", self.repository)
    }

    async fn fetch_manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        if let TagOrDigest::Digest(digest) = target {
            check_name(digest, &self.name())?;
        }
        let mut call = Request::new(Method::GET, self.url(&format!("manifests/{target}")).await?);
        call.limit = self.context().limits.manifest_bytes;
        let accept = HeaderValue::from_str(&media_type::MANIFESTS.join(", "));
        call.headers.insert(ACCEPT, accept.unwrap_or(HeaderValue::from_static("*/*")));
        let reply = self.send(&call, Access::Pull, Idempotency::Safe).await?;
        if reply.status.as_u16() != 200 {
            return Err(reply.read_error("a manifest (200)"));
        }
        let place = reply.place.clone();
        let stated = stated_digest(&reply);
        let served_as = reply.content_type();
        // No registry sends these; a portal or a proxy in its place does, and nothing is known about the registry.
        if reply.is_html() {
            return Err(StoreError::Protocol { place, detail: "expected a manifest, found a page of HTML".to_owned() });
        }
        let etag = reply.headers.get(ETAG).cloned();
        let Body::Whole(bytes) = reply.response.body else {
            return Err(StoreError::TooLarge { place, limit: format!("{} bytes for a manifest", call.limit) });
        };
        let algorithm = match target {
            TagOrDigest::Digest(digest) => digest.algorithm(),
            TagOrDigest::Tag(_) => DigestAlgorithm::Sha256,
        };
        let found = Digest::of(algorithm, &bytes);
        if let TagOrDigest::Digest(expected) = target
            && found != *expected
        {
            return Err(StoreError::DigestMismatch { place, expected: *expected, found });
        }
        check_stated(&place, stated, found, &bytes)?;
        let fetched = FetchedManifest::of_digest(&place, found, bytes, served_as.as_deref())?;
        if let TagOrDigest::Tag(tag) = target {
            self.remember_etag(tag, found, etag.as_ref());
        }
        Ok(fetched)
    }

    async fn has_blob(&self, descriptor: &Descriptor) -> Result<bool, StoreError> {
        check_name(&descriptor.digest, &self.name())?;
        let head = Request::new(Method::HEAD, self.url(&format!("blobs/{}", descriptor.digest)).await?);
        let reply = self.send(&head, Access::Pull, Idempotency::Safe).await?;
        match reply.status.as_u16() {
            200 => Ok(reply.header(CONTENT_LENGTH).is_none_or(|stated| stated.parse() == Ok(descriptor.size))),
            404 => Ok(false),
            _ => Err(reply.any_error("whether the blob is there (200 or 404)")),
        }
    }

    /// Begins to read a blob. The descriptor's `urls` are never followed: its bytes are the registry's to serve.
    async fn open_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        check_name(&descriptor.digest, &self.name())?;
        let mut request = Request::new(Method::GET, self.url(&format!("blobs/{}", descriptor.digest)).await?);
        request.limit = descriptor.size;
        request.budget = BodyBudget::Stream;
        let reply = self.send(&request, Access::Pull, Idempotency::Safe).await?;
        if reply.status.as_u16() != 200 {
            return Err(reply.read_error("a blob (200)"));
        }
        let place = reply.place.clone();
        // Of another algorithm, it would have to be computed over again.
        if let Some(stated) = stated_digest(&reply)
            && stated.algorithm() == descriptor.digest.algorithm()
        {
            verified::compare_digest(
                &format!("{place} (the registry's own digest header)"),
                &stated,
                descriptor.digest,
            )?;
        }
        let state = match reply.response.body {
            Body::Stream(body) => State::Ready(body),
            Body::Whole(_) => State::Ended,
            Body::Excess => {
                let found = descriptor.size.saturating_add(1);
                return Err(StoreError::SizeMismatch { place, expected: descriptor.size, found });
            }
        };
        Ok(BlobStream::new(place, descriptor, Chunks { store: self, state }))
    }

    async fn fetch_blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, StoreError> {
        check_name(&descriptor.digest, &self.name())?;
        // The descriptor's `urls` are never followed: its bytes are the registry's to serve.
        let mut call = Request::new(Method::GET, self.url(&format!("blobs/{}", descriptor.digest)).await?);
        if descriptor.size > limit {
            return Err(StoreError::TooLarge { place: call.place(), limit: format!("{limit} bytes for a blob") });
        }
        call.limit = descriptor.size;
        call.budget = BodyBudget::Own;
        let reply = self.send(&call, Access::Pull, Idempotency::Safe).await?;
        if reply.status.as_u16() != 200 {
            return Err(reply.read_error("a blob (200)"));
        }
        let place = reply.place.clone();
        let stated = stated_digest(&reply);
        let wrong_size =
            |found: u64| StoreError::SizeMismatch { place: place.clone(), expected: descriptor.size, found };
        let Body::Whole(bytes) = reply.response.body else { return Err(wrong_size(descriptor.size.saturating_add(1))) };
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size != descriptor.size {
            return Err(wrong_size(size));
        }
        let found = Digest::of(descriptor.digest.algorithm(), &bytes);
        if found != descriptor.digest {
            return Err(StoreError::DigestMismatch { place, expected: descriptor.digest, found });
        }
        check_stated(&place, stated, found, &bytes)?;
        Ok(bytes)
    }
}

/// The digest that the registry states, when it is one.
pub(super) fn stated_digest(reply: &RegistryResponse) -> Option<Digest> {
    reply.header(CONTENT_DIGEST)?.parse().ok()
}

/// Compares what the registry says about its bytes with the bytes, of which one digest has been found. It decides nothing else.
fn check_stated(place: &str, stated: Option<Digest>, found: Digest, bytes: &[u8]) -> Result<(), StoreError> {
    let Some(expected) = stated else { return Ok(()) };
    let found = if found.algorithm() == expected.algorithm() { found } else { Digest::of(expected.algorithm(), bytes) };
    if found == expected {
        return Ok(());
    }
    Err(StoreError::DigestMismatch { place: format!("{place} (the registry's own digest header)"), expected, found })
}
