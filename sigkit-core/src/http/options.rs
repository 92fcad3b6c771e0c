use std::sync::Arc;
use std::time::Duration;

use super::address_policy::AddressPolicy;
use super::observer::RequestObserver;
use super::secret::Secret;
use crate::limits::Limits;

/// The `User-Agent` header unless another one is set.
pub(super) const USER_AGENT: &str = concat!("sigkit/", env!("CARGO_PKG_VERSION"));

/// How to connect to servers.
#[derive(Clone)]
pub(crate) struct HttpOptions {
    pub(crate) tls: TlsOptions,
    pub(crate) addresses: AddressPolicy,
    pub(crate) timeouts: Timeouts,
    pub(crate) retries: RetryPolicy,
    pub(crate) user_agent: String,
    /// Gets every request; none by default.
    pub(crate) observer: Option<Arc<dyn RequestObserver>>,
    /// The most that is kept of an error's body, in bytes.
    pub(crate) error_body_bytes: u64,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            tls: TlsOptions::default(),
            addresses: AddressPolicy::default(),
            timeouts: Timeouts::default(),
            retries: RetryPolicy::default(),
            user_agent: USER_AGENT.to_owned(),
            observer: None,
            error_body_bytes: Limits::DEFAULT.error_body_bytes,
        }
    }
}

/// What TLS trusts and presents, beyond the system's roots.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    pub(super) extra_roots: Vec<ExtraRoots>,
    pub(super) identity: Option<ClientIdentity>,
    pub(super) server_name: Option<String>,
    pub(crate) insecure_hosts: Vec<String>,
}

/// Certificates to trust beside those of the system.
#[derive(Clone, Debug)]
pub(super) struct ExtraRoots {
    /// For error messages.
    pub(super) name: String,
    pub(super) pem: Vec<u8>,
}

/// A certificate to present to registries.
#[derive(Clone, Debug)]
pub(super) struct ClientIdentity {
    pub(super) chain: Vec<u8>,
    pub(super) key: Secret,
}

impl TlsOptions {
    /// Trust the certificates in `pem` as roots as well.
    pub fn with_root(self, pem: impl Into<Vec<u8>>) -> Self {
        self.with_named_root("an extra root certificate", pem)
    }

    /// The same, with a name for error messages: the path of the file.
    pub fn with_named_root(mut self, name: impl Into<String>, pem: impl Into<Vec<u8>>) -> Self {
        self.extra_roots.push(ExtraRoots { name: name.into(), pem: pem.into() });
        self
    }

    /// Returns true if all options have their defaults, except the hosts from which any certificate is accepted.
    pub(crate) fn is_default(&self) -> bool {
        self.extra_roots.is_empty() && self.identity.is_none() && self.server_name.is_none()
    }

    /// Present the certificate chain in the PEM `chain`, with its private key in the PEM `key`, to registries that ask for it;
    /// to no other host.
    pub fn with_identity(self, chain: impl Into<Vec<u8>>, key: Secret) -> Self {
        Self { identity: Some(ClientIdentity { chain: chain.into(), key }), ..self }
    }

    /// Expect certificates of registries to be issued for `name`, whatever they are called in references.
    pub fn with_server_name(self, name: impl Into<String>) -> Self {
        Self { server_name: Some(name.into()), ..self }
    }

    /// Accept any certificate from `registry`, given as in references (`host` or `host:port`), and from no other host.
    pub fn dangerous_accept_any_certificate(mut self, registry: impl Into<String>) -> Self {
        self.insecure_hosts.push(registry.into());
        self
    }
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included; 10 seconds.
    pub connect: Duration,
    /// For an answer to begin, and for its next bytes; 30 seconds.
    pub idle: Duration,
    /// For one operation with all its redirects and repetitions; 3 minutes.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), idle: Duration::from_secs(30), total: Duration::from_secs(180) }
    }
}

/// How often to retry after a transient error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Repetitions after the first try; 3.
    pub max: u32,
    /// Pause before the first repetition; it doubles each time, and up to half of it is chance. 250 milliseconds.
    pub pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max: 3, pause: Duration::from_millis(250) }
    }
}
