use std::sync::Arc;

use super::auth::{CredentialSource, NoCredentials};
use crate::http::{AddressPolicy, HttpOptions, RequestObserver, RetryPolicy, Timeouts, TlsOptions};
use crate::limits::Limits;

/// How to connect to registries.
#[derive(Clone)]
pub struct RegistryOptions {
    pub(super) http: HttpOptions,
    pub(super) credentials: Arc<dyn CredentialSource>,
    pub(super) plain_http_hosts: Vec<String>,
    pub(super) token_servers: Vec<String>,
    /// All where there is none.
    pub(super) allowed_registries: Option<Vec<String>>,
    pub(super) limits: Limits,
    pub(super) cache_capacity: usize,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            http: HttpOptions::default(),
            credentials: Arc::new(NoCredentials),
            plain_http_hosts: Vec::new(),
            token_servers: Vec::new(),
            allowed_registries: None,
            limits: Limits::DEFAULT,
            cache_capacity: 0,
        }
    }
}

impl RegistryOptions {
    /// Where credentials are looked up; anonymous access by default.
    pub fn with_credentials(self, credentials: Arc<dyn CredentialSource>) -> Self {
        Self { credentials, ..self }
    }

    /// What TLS trusts and presents.
    pub fn with_tls(self, tls: TlsOptions) -> Self {
        Self { http: HttpOptions { tls, ..self.http }, ..self }
    }

    /// Speak plain HTTP to `registry`, given as in references (`host` or `host:port`), if it does not speak TLS. Loopback needs no
    /// such permission.
    pub fn with_plain_http(mut self, registry: impl Into<String>) -> Self {
        self.plain_http_hosts.push(registry.into());
        self
    }

    /// Let `host` receive the credentials of any registry that names it as its token server over HTTPS, although its name is not
    /// related to the registry's.
    pub fn trust_token_host(mut self, host: impl Into<String>) -> Self {
        self.token_servers.push(host.into());
        self
    }

    /// Contact no other registries than these and those allowed before: `host` or `host:port` as in references, or `*.domain` for all names
    /// below it. Any other is a [`StoreError::Options`] before anything is sent. It does not limit where an allowed registry keeps its
    /// blobs and tokens. By default all registries may be named.
    ///
    /// [`StoreError::Options`]: crate::store::StoreError::Options
    pub fn with_allowed_registries(mut self, registries: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_registries.get_or_insert_default().extend(registries.into_iter().map(Into::into));
        self
    }

    /// Which addresses registries, and the servers that they point to, may have.
    pub fn with_address_policy(self, addresses: AddressPolicy) -> Self {
        Self { http: HttpOptions { addresses, ..self.http }, ..self }
    }

    /// How long to wait.
    pub fn with_timeouts(self, timeouts: Timeouts) -> Self {
        Self { http: HttpOptions { timeouts, ..self.http }, ..self }
    }

    /// How often to ask again.
    pub fn with_retry_policy(self, retries: RetryPolicy) -> Self {
        Self { http: HttpOptions { retries, ..self.http }, ..self }
    }

    /// Bounds on what is read.
    pub fn with_limits(self, limits: Limits) -> Self {
        let http = HttpOptions { error_body_bytes: limits.error_body_bytes, ..self.http };
        Self { limits, http, ..self }
    }

    /// The `User-Agent` header.
    pub fn with_user_agent(self, user_agent: impl Into<String>) -> Self {
        Self { http: HttpOptions { user_agent: user_agent.into(), ..self.http }, ..self }
    }

    /// Cache so many bytes of manifests, and as many of blobs, that were read by digest. For clients that write nothing: what is cached is
    /// not requested again for ten minutes, even if the registry has lost it since. Nothing is cached by default.
    pub fn with_cache_capacity(self, kept_bytes: usize) -> Self {
        Self { cache_capacity: kept_bytes, ..self }
    }

    /// Who is told of every request; none by default.
    pub fn with_observer(self, observer: Arc<dyn RequestObserver>) -> Self {
        Self { http: HttpOptions { observer: Some(observer), ..self.http }, ..self }
    }
}
