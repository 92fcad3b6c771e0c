//! A store over an [`oci_client::Client`] that the embedder already holds: its connections, proxies, roots and tokens are used, and no
//! second client is made.
//!
//! What it reads is held to the same rules as everywhere: bytes are compared with the digest asked for, sizes with their
//! descriptors, and only "not found" is nothing. It reads and does not write. To sign, use
//! [`RegistryClient`](super::registry::RegistryClient) (feature `registry`): `oci_client` 0.18 panics when a registry answers a
//! manifest push by digest without `Location`, which is how a signature is pushed, and it has no conditional writes, so that
//! several signers would lose each other's signatures.
//!
//! This crate asks `oci_client` for `rustls-tls-no-provider` alone. Choose its feature `rustls-tls`, or install a provider of `rustls`
//! before you make the client; it panics without one.
//!
//! # What the client does that cannot be changed from here
//!
//! - It has no bound on manifests and on lists of referrers: it takes in a whole answer before this store can refuse it. Blobs are
//!   bounded while they arrive.
//! - It reads the first page of a list of referrers and never the next, without a sign. A signature on a later page is not found,
//!   and the image is refused. Registries page lists of a hundred entries and more.
//! - It hides the status of an answer that has an error document. Such an answer counts as "not found" when all its codes are those
//!   that the distribution specification keeps for 404.
//! - It does not show `Content-Type`, so that a manifest is judged by its own declaration and shape alone.
//! - It does not try again, and waits without end unless the client's configuration has timeouts.
//! - It keeps the first credentials given for a registry, in this store or elsewhere, for all repositories of it, and sends them to
//!   whatever token server the registry names. When that one refuses, it goes on without a token and without a word.
//! - It panics on a token with a line break in it. A registry, or its token server, can do that to you.
//! - [`Client::new`](::oci_client::Client::new) falls back to a client without your roots and proxies when the configuration has
//!   a mistake; `Client::try_from` tells you.
//! - [`Reference::from_str`](::oci_client::Reference) costs some 60 ms and 19 MiB at first use. Convert an
//!   [`ImageReference`](crate::oci::ImageReference) instead.

mod chunks;
mod convert;
mod error;

use std::collections::BTreeSet;
use std::fmt;

pub use self::convert::DescriptorError;

use ::oci_client::errors::OciDistributionError;
use ::oci_client::secrets::RegistryAuth;
use ::oci_client::{Client, Reference};

use self::chunks::Chunks;
use self::convert::registry_name;
use self::error::{Asked, no_list, store_error};
use super::{BlobStream, FetchedManifest, Referrers, Store, StoreError};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::{Descriptor, Manifest, Repository, Tag, TagOrDigest, media_type};

/// One repository, read through a given `oci_client::Client`. Clones share the client.
#[derive(Clone)]
pub struct OciClientStore {
    client: Client,
    auth: RegistryAuth,
    repository: Repository,
    limits: Limits,
}

impl OciClientStore {
    /// A repository as this client sees it. `auth` is used unless the client has other credentials for the registry already.
    pub fn new(client: Client, auth: RegistryAuth, repository: &Repository) -> Self {
        Self { client, auth, repository: repository.clone(), limits: Limits::DEFAULT }
    }

    /// Bounds on what is read, as far as the client lets them be kept.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The repository.
    pub const fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Without parsing, and so without the client's regular expression.
    fn reference(&self, target: &TagOrDigest) -> Reference {
        let (registry, path) = (registry_name(&self.repository), self.repository.path().to_owned());
        match target {
            TagOrDigest::Tag(tag) => Reference::with_tag(registry, path, tag.to_string()),
            TagOrDigest::Digest(digest) => Reference::with_digest(registry, path, digest.to_string()),
        }
    }

    fn place(&self, target: &TagOrDigest) -> String {
        match target {
            TagOrDigest::Tag(tag) => format!("{}:{tag}", self.repository),
            TagOrDigest::Digest(digest) => format!("{}@{digest}", self.repository),
        }
    }

    /// The client's list; `None` where the registry has none. `fallback` is what the fallback tag names.
    async fn listed(
        &self,
        subject: &Digest,
        fallback: Option<&Manifest>,
    ) -> Result<Option<Vec<Descriptor>>, StoreError> {
        let reference = self.reference(&TagOrDigest::Digest(*subject));
        let place = format!("the referrers of {}@{subject}", self.repository);
        self.client.store_auth_if_needed(reference.resolve_registry(), &self.auth).await;
        match self.client.pull_referrers(&reference, None).await {
            Ok(index) if index.manifests.len() > self.limits.referrers => {
                Err(StoreError::TooLarge { place, limit: format!("{} referrers", self.limits.referrers) })
            }
            Ok(index) => {
                let entries = index.manifests.iter().map(Descriptor::try_from);
                let malformed = |detail: DescriptorError| StoreError::Protocol {
                    place: place.clone(),
                    detail: format!("expected descriptors of referrers, found one with {detail}"),
                };
                entries.collect::<Result<_, _>>().map(Some).map_err(malformed)
            }
            Err(error) if no_list(&error) => Ok(None),
            // Having found no list the client looked there and expected one.
            Err(OciDistributionError::SpecViolationError(_)) if matches!(fallback, Some(Manifest::Image(_))) => {
                Ok(None)
            }
            Err(error) => Err(store_error(place, Asked::List, error)),
        }
    }
}

impl fmt::Debug for OciClientStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OciClientStore").field("repository", &self.repository).finish_non_exhaustive()
    }
}

impl Store for OciClientStore {
    fn name(&self) -> String {
        self.repository.to_string()
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        let (reference, place) = (self.reference(target), self.place(target));
        let (bytes, _) = match self.client.pull_manifest_raw(&reference, &self.auth, &media_type::MANIFESTS).await {
            Ok(pulled) => pulled,
            Err(error) => return Err(store_error(place, Asked::Object, error)),
        };
        let bytes = Vec::from(bytes);
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > self.limits.manifest_bytes {
            let limit = format!("{} bytes for a manifest", self.limits.manifest_bytes);
            return Err(StoreError::TooLarge { place, limit });
        }
        FetchedManifest::new(&place, target, bytes, None)
    }

    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        let target = TagOrDigest::Digest(descriptor.digest);
        let (reference, place) = (self.reference(&target), self.place(&target));
        self.client.store_auth_if_needed(reference.resolve_registry(), &self.auth).await;
        // Asked for by digest alone: the URLs that a descriptor may carry are not followed.
        let name = descriptor.digest.to_string();
        match self.client.pull_blob_stream(&reference, name.as_str()).await {
            Ok(stream) => {
                let chunks = Chunks { place: place.clone(), stream, left: descriptor.size };
                Ok(BlobStream::new(place, descriptor, chunks))
            }
            Err(error) => Err(store_error(place, Asked::Object, error)),
        }
    }

    /// Page by page, each asked for by the last tag of the one before: the client does not show links.
    async fn tags(&self) -> Result<Vec<Tag>, StoreError> {
        let reference = self.reference(&TagOrDigest::Tag(Tag::latest()));
        let place = format!("the tags of {}", self.repository);
        let (mut tags, mut last) = (BTreeSet::new(), None::<String>);
        loop {
            let page = self.client.list_tags(&reference, &self.auth, None, last.as_deref()).await;
            let page = page.map_err(|error| store_error(place.clone(), Asked::List, error))?.tags;
            let before = tags.len();
            last = page.last().cloned();
            tags.extend(page.iter().filter_map(|tag| tag.parse::<Tag>().ok()));
            if tags.len() > self.limits.tags {
                return Err(StoreError::TooLarge { place, limit: format!("{} tags", self.limits.tags) });
            }
            // A registry that does not know how to begin elsewhere sends the same again.
            if tags.len() == before {
                return Ok(tags.into_iter().collect());
            }
        }
    }

    /// The client takes a fallback tag that it is not allowed to read, or asked for too often, for an empty list. So that tag is
    /// read again here, where errors stay errors.
    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        let fallback = TagOrDigest::Tag(Tag::for_digest(subject, ""));
        let fallback = match self.manifest(&fallback).await {
            Ok(fetched) => Some(fetched.into_manifest()),
            Err(error) if error.is_absent() => None,
            Err(error) => return Err(error),
        };
        let listed = self.listed(subject, fallback.as_ref()).await?;
        let more = match fallback {
            Some(Manifest::Index(index)) => index.manifests,
            // A copy of the image itself, or an artifact: no list.
            Some(Manifest::Image(_)) | None => Vec::new(),
        };
        let Some(mut listed) = listed else {
            return Ok(if more.is_empty() { Referrers::Unsupported } else { Referrers::Listed(more) });
        };
        for entry in more {
            if listed.iter().all(|known| known.digest != entry.digest) {
                listed.push(entry);
            }
        }
        Ok(Referrers::Listed(listed))
    }
}
