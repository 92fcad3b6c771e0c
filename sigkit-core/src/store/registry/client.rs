use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;
use reqwest::header::HeaderValue;

use super::auth::{Access, Scope};
use super::cache::ContentCache;
use super::context::Context;
use super::endpoint::Host;
use super::error_body::{RegistryResponse, redact};
use super::options::RegistryOptions;
use crate::digest::{Digest, DigestAlgorithm};
use crate::http::{Idempotency, Request};
use crate::oci::{Repository, Tag};
use crate::store::{FetchedManifest, StoreError};

/// Registries as one run knows them: connections, credentials, tokens. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct RegistryClient {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) context: Context,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    pub(super) manifests: ContentCache<FetchedManifest>,
    pub(super) blobs: ContentCache<Vec<u8>>,
}

impl RegistryClient {
    /// A client. Nothing is loaded or connected before the first request.
    ///
    /// # Errors
    /// [`StoreError::Options`] when a certificate, a key, a server name or the user agent cannot be used.
    pub fn new(options: RegistryOptions) -> Result<Self, StoreError> {
        let capacity = options.cache_capacity;
        Ok(Self::over(Context::new(options)?, capacity))
    }

    /// Caches so many bytes of manifests and of blobs.
    fn over(context: Context, capacity: usize) -> Self {
        let (manifests, blobs) = (ContentCache::new(capacity), ContentCache::new(capacity));
        Self { shared: Arc::new(Shared { context, hosts: Mutex::default(), manifests, blobs }) }
    }

    /// One repository.
    pub fn repository(&self, repository: &Repository) -> RegistryStore {
        let mut hosts = self.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = repository.registry();
        let host = hosts.entry(registry.to_owned()).or_insert_with(|| Arc::new(Host::new(registry)));
        RegistryStore {
            shared: Arc::clone(&self.shared),
            host: Arc::clone(host),
            repository: repository.clone(),
            etags: Arc::default(),
        }
    }
}

/// Anonymous access with the system's roots: [`RegistryOptions::default`].
impl Default for RegistryClient {
    fn default() -> Self {
        Self::over(Context::default(), 0)
    }
}

impl fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryClient").finish_non_exhaustive()
    }
}

/// One repository of a registry.
#[derive(Clone)]
pub struct RegistryStore {
    pub(super) shared: Arc<Shared>,
    pub(super) host: Arc<Host>,
    pub(super) repository: Repository,
    /// The entity tag that the registry gave for what a tag pointed to.
    etags: Arc<Mutex<HashMap<Tag, TagEtag>>>,
}

/// What a tag pointed to, in the registry's own words.
#[derive(Clone)]
pub(super) struct TagEtag {
    pub(super) digest: Digest,
    pub(super) etag: HeaderValue,
}

impl RegistryStore {
    /// The repository.
    pub const fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(super) fn context(&self) -> &Context {
        &self.shared.context
    }

    /// The URL of `rest` below the repository: `manifests/latest`.
    pub(super) async fn url(&self, rest: &str) -> Result<Url, StoreError> {
        let endpoint = self.host.endpoint(self.context()).await?;
        let path = format!("/v2/{}/{rest}", self.repository.path());
        endpoint.base.join(&path).map_err(|error| StoreError::Protocol { place: path, detail: error.to_string() })
    }

    /// Sends a request with what authorizes it, as often as the retry policy allows.
    pub(super) async fn send(
        &self,
        request: &Request,
        access: Access,
        idempotency: Idempotency,
    ) -> Result<RegistryResponse, StoreError> {
        let scope = Scope::new(&self.repository, access);
        self.host.send(self.context(), request, &scope, idempotency).await
    }

    /// The outcome with nothing secret in its words.
    pub(super) fn redacted<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        outcome.map_err(|error| redact(self.context().http.secrets(), error))
    }

    pub(super) fn remember_etag(&self, tag: &Tag, digest: Digest, etag: Option<&HeaderValue>) {
        let mut etags = self.etags.lock().unwrap_or_else(PoisonError::into_inner);
        match etag {
            // RFC 9110 §8.8.3.2: If-Match compares strongly, and a weak tag never matches.
            Some(etag) if !etag.as_bytes().starts_with(b"W/") => {
                etags.insert(tag.clone(), TagEtag { digest, etag: etag.clone() });
            }
            _ => {
                etags.remove(tag);
            }
        }
    }

    pub(super) fn etag(&self, tag: &Tag) -> Option<TagEtag> {
        self.etags.lock().unwrap_or_else(PoisonError::into_inner).get(tag).cloned()
    }
}

impl fmt::Debug for RegistryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryStore").field("repository", &self.repository).finish_non_exhaustive()
    }
}

/// OCI names bytes by SHA-256 and SHA-512; a URL with another name is not made.
pub(super) fn check_name(digest: &Digest, place: &str) -> Result<(), StoreError> {
    match digest.algorithm() {
        DigestAlgorithm::Sha256 | DigestAlgorithm::Sha512 => Ok(()),
        other => Err(StoreError::Protocol {
            place: place.to_owned(),
            detail: format!("expected a name by sha256 or sha512, found {other}"),
        }),
    }
}
