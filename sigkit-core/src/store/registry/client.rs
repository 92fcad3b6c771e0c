use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;

use super::auth::{Access, AuthCaches, Scope};
use super::cache::ContentCache;
use super::context::Context;
use super::endpoint::Host;
use super::error_body::{RegistryResponse, redact};
use super::options::RegistryOptions;
use crate::digest::{Digest, DigestAlgorithm};
use crate::http::{BoundedMap, Idempotency, Request};
use crate::oci::{Repository, Tag};
use crate::store::{FetchedManifest, StoreError};

/// Registries that are remembered.
const MAX_HOSTS: usize = 1024;
/// How long it is remembered where a registry is and how it wants to be asked.
const HOST_LIFETIME: Duration = Duration::from_secs(600);
/// Tags of one repository whose versions are remembered, until they are written.
const MAX_ETAGS: usize = 64;
/// How long the version of a tag is remembered.
const ETAG_LIFETIME: Duration = Duration::from_secs(600);

/// Registries as a program knows them: connections, credentials, tokens. Cheap to clone; clones share everything.
///
/// A client may live as long as its program: what it remembers is bounded in number and time, failures are not remembered, and a future
/// that is dropped leaves nothing behind.
#[derive(Clone)]
pub struct RegistryClient {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) context: Context,
    hosts: BoundedMap<String, Arc<Host>>,
    caches: Arc<AuthCaches>,
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
        let hosts = BoundedMap::new(MAX_HOSTS, HOST_LIFETIME);
        Self { shared: Arc::new(Shared { context, hosts, caches: Arc::default(), manifests, blobs }) }
    }

    /// One repository.
    pub fn repository(&self, repository: &Repository) -> RegistryStore {
        let etags = Arc::new(BoundedMap::new(MAX_ETAGS, ETAG_LIFETIME));
        RegistryStore { shared: Arc::clone(&self.shared), repository: repository.clone(), etags }
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
        let Shared { context, hosts, caches, .. } = &*self.shared;
        let (accounts, tokens) = caches.len();
        f.debug_struct("RegistryClient")
            .field("registries", &hosts.len())
            .field("accounts", &accounts)
            .field("tokens", &tokens)
            .field("servers", &context.http.origins())
            .finish_non_exhaustive()
    }
}

/// One repository of a registry.
#[derive(Clone)]
pub struct RegistryStore {
    pub(super) shared: Arc<Shared>,
    pub(super) repository: Repository,
    /// The entity tag that the registry gave for what a tag pointed to.
    etags: Arc<BoundedMap<Tag, TagEtag>>,
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

    /// The registry, as all repositories of the client know it.
    pub(super) fn host(&self) -> Arc<Host> {
        let registry = self.repository.registry();
        let make = || Arc::new(Host::new(registry, Arc::clone(&self.shared.caches)));
        self.shared.hosts.get_or_insert_with(&registry.to_owned(), make)
    }

    /// The URL of `rest` below the repository: `manifests/latest`.
    pub(super) async fn url(&self, rest: &str) -> Result<Url, StoreError> {
        let endpoint = self.host().endpoint(self.context()).await?;
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
        self.host().send(self.context(), request, &scope, idempotency).await
    }

    /// The outcome with nothing secret in its words.
    pub(super) fn redacted<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        outcome.map_err(|error| redact(self.context().http.secrets(), error))
    }

    pub(super) fn remember_etag(&self, tag: &Tag, digest: Digest, etag: Option<&HeaderValue>) {
        match etag {
            // RFC 9110 §8.8.3.2: If-Match compares strongly, and a weak tag never matches.
            Some(etag) if !etag.as_bytes().starts_with(b"W/") => {
                self.etags.insert(tag.clone(), TagEtag { digest, etag: etag.clone() });
            }
            _ => self.etags.remove_if(tag, |_| true),
        }
    }

    pub(super) fn etag(&self, tag: &Tag) -> Option<TagEtag> {
        self.etags.get(tag)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "the size of a run, and the memory that it took")]

    use futures_util::StreamExt as _;
    use testkit::{Auth, Registry, TokenService, image};

    use super::*;
    use crate::http::Secret;
    use crate::store::Store as _;
    use crate::store::registry::{Credentials, StaticCredentials};

    /// Images that are read in the large run; `SIGKIT_SOAK=100000` with `--nocapture` shows its memory.
    const VARIABLE: &str = "SIGKIT_SOAK";

    /// Memory of this process in KiB, by `/proc/self/statm` in pages of 4 KiB; none on other systems.
    fn resident_kib() -> u64 {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4
    }

    // threat: N05
    #[tokio::test]
    async fn client_of_many_registries_remembers_a_bounded_number() {
        let images: usize = std::env::var(VARIABLE).ok().and_then(|images| images.parse().ok()).unwrap_or(1500);
        let registries = MAX_HOSTS + 76;
        let service = TokenService::new("u", "S3CRET").with_anonymous_pull();
        let server = Registry::builder().auth(Auth::Token(service)).start();
        let digest = image::image(server.content(), "app", "v1", "layer").digest;
        let known: crate::oci::TagOrDigest = crate::oci::TagOrDigest::Digest(digest.parse().unwrap());
        let port = server.address().port();
        let credentials = Credentials::Basic { username: "u".to_owned(), password: Secret::new("S3CRET") };
        let source = StaticCredentials::new(format!("r0.localhost:{port}"), credentials);
        let options = RegistryOptions::default().with_credentials(Arc::new(source)).with_cache_capacity(64 << 10);
        let client = RegistryClient::new(options).unwrap();
        let read = |number: usize| {
            // Every third image exists and is read by its digest; the others are asked for by tag.
            let name = if number.is_multiple_of(3) { "app".to_owned() } else { format!("team/app-{number}") };
            let host = format!("r{}.localhost:{port}", number % registries);
            let store = client.repository(&Repository::new(&host, &name).unwrap());
            let known = &known;
            async move {
                match number % 3 {
                    0 => assert!(store.manifest(known).await.is_ok(), "{number}"),
                    _ => {
                        let tag = crate::oci::TagOrDigest::Tag("v1".parse().unwrap());
                        let error = store.manifest(&tag).await.unwrap_err();
                        assert!(error.is_absent(), "{number}: {error}");
                    }
                }
            }
        };
        let mut memory = Vec::new();
        for begin in (0..images).step_by(500) {
            let end = images.min(begin + 500);
            futures_util::stream::iter((begin..end).map(read)).buffer_unordered(8).collect::<()>().await;
            server.clear_log();
            server.revoke_tokens();
            memory.push(resident_kib());
        }
        let Shared { hosts, caches, context, manifests, .. } = &*client.shared;
        let (accounts, tokens) = caches.len();
        assert_eq!(hosts.len(), MAX_HOSTS);
        assert!(accounts <= 1024 && tokens <= 1024 && context.http.origins() <= 1024, "{client:?}");
        assert!(accounts > 1000 && tokens > 1000, "so many were used: {client:?}");
        assert!(manifests.bytes() <= 64 << 10);
        let (warm, last) = (memory[memory.len() / 3], memory[memory.len() - 1]);
        println!(
            "{images} images of {registries} registries: {warm} KiB after a third, {last} KiB in the end; {client:?}"
        );
        // Where it is long enough for that: what a client remembers in the end it remembered after a third.
        if images >= 20_000 {
            assert!(last < warm + (8 << 10), "{memory:?}");
        }
    }
}
