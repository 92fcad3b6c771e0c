//! The network store: OCI registries, distribution specification 1.1, over HTTP/1.1 and HTTP/2.
//!
//! A [`RegistryClient`] belongs to a whole run and shares connections, tokens and credentials; a [`RegistryStore`] is one repository.
//! What is kept everywhere: bytes are compared with the digest asked for before anybody sees them; credentials never leave the
//! origin they belong to; every answer is bounded in size and time; "not found" is only what a 404 for that very object says.
//!
//! HTTPS is used for all registries except two kinds. Loopback (127.0.0.0/8, `::1`, `localhost`, `*.localhost`) is used with plain
//! HTTP. Registries for which plain HTTP is allowed, and loopback when TLS options are given, are tried over HTTPS first, once in
//! a run; plain HTTP follows only where no TLS connection comes about, never where a certificate is refused.

mod cache;
mod challenge;
mod client_pool;
mod credentials;
mod dns;
mod endpoint;
mod login;
mod observer;
mod options;
mod origin;
mod pagination;
mod proxy;
mod read;
mod referrers;
mod response;
mod retry;
mod sanitize;
mod secrets;
mod ssrf;
mod tags;
mod tls;
mod token;
mod token_endpoint;
mod transport;
mod turns;
mod write;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;
use reqwest::header::HeaderValue;

pub use credentials::{CredentialError, CredentialSource, Credentials, NoCredentials, Secret, StaticCredentials};
pub use login::LoginOutcome;
pub use observer::{RequestEvent, RequestObserver};
pub use options::{RegistryOptions, RetryPolicy, Timeouts, TlsOptions};

use self::cache::ContentCache;
use self::endpoint::Host;
use self::response::Response;
use self::token::{Access, Scope};
use self::transport::{Idempotency, Request, Transport};
use super::{FetchedManifest, StoreError};
use crate::digest::{Digest, DigestAlgorithm};
use crate::oci::{Repository, Tag};

/// Registries as one run knows them: connections, credentials, tokens. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct RegistryClient {
    shared: Arc<Shared>,
}

struct Shared {
    transport: Transport,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    manifests: ContentCache<FetchedManifest>,
    blobs: ContentCache<Vec<u8>>,
}

impl RegistryClient {
    /// A client. Nothing is loaded or connected before the first request.
    ///
    /// # Errors
    /// [`StoreError::Options`] when a certificate, a key, a server name or the user agent cannot be used.
    pub fn new(options: RegistryOptions) -> Result<Self, StoreError> {
        Ok(Self::over(Transport::new(options).map_err(|detail| StoreError::Options { detail })?))
    }

    fn over(transport: Transport) -> Self {
        let room = transport.options.cache_capacity;
        let (manifests, blobs) = (ContentCache::new(room), ContentCache::new(room));
        Self { shared: Arc::new(Shared { transport, hosts: Mutex::default(), manifests, blobs }) }
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
        Self::over(Transport::default())
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
    shared: Arc<Shared>,
    host: Arc<Host>,
    repository: Repository,
    /// The entity tag that the registry gave for what a tag pointed to.
    etags: Arc<Mutex<HashMap<Tag, TagEtag>>>,
}

/// What a tag pointed to, in the registry's own words.
#[derive(Clone)]
struct TagEtag {
    digest: Digest,
    etag: HeaderValue,
}

impl RegistryStore {
    /// The repository.
    pub const fn repository(&self) -> &Repository {
        &self.repository
    }

    fn transport(&self) -> &Transport {
        &self.shared.transport
    }

    /// The URL of `rest` below the repository: `manifests/latest`.
    async fn url(&self, rest: &str) -> Result<Url, StoreError> {
        let home = self.host.endpoint(self.transport()).await?;
        let path = format!("/v2/{}/{rest}", self.repository.path());
        home.base.join(&path).map_err(|error| StoreError::Protocol { place: path, detail: error.to_string() })
    }

    /// Sends a request as often as it takes.
    async fn send(&self, call: &Request, access: Access, repeat: Idempotency) -> Result<Response, StoreError> {
        let scope = Scope::new(&self.repository, access);
        let attempt = || self.host.send_authorized(self.transport(), call, &scope);
        let home = self.host.endpoint(self.transport()).await?;
        self.transport().repeat(home, call, repeat, attempt).await
    }

    /// The outcome with nothing secret in its words.
    fn redacted<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        outcome.map_err(|error| self.transport().secrets.redact_error(error))
    }

    fn remember_etag(&self, tag: &Tag, digest: Digest, etag: Option<&HeaderValue>) {
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

    fn version(&self, tag: &Tag) -> Option<TagEtag> {
        self.etags.lock().unwrap_or_else(PoisonError::into_inner).get(tag).cloned()
    }
}

impl fmt::Debug for RegistryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryStore").field("repository", &self.repository).finish_non_exhaustive()
    }
}

/// OCI names bytes by SHA-256 and SHA-512; a URL with another name is not made.
fn check_name(digest: &Digest, place: &str) -> Result<(), StoreError> {
    match digest.algorithm() {
        DigestAlgorithm::Sha256 | DigestAlgorithm::Sha512 => Ok(()),
        other => Err(StoreError::Protocol {
            place: place.to_owned(),
            detail: format!("expected a name by sha256 or sha512, found {other}"),
        }),
    }
}
