//! One registry: where it is, the session with it, and what it has said about itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{Method, Url};
use tokio::sync::Mutex;

use super::auth::{AuthCaches, Credentials, Scope, Session};
use super::context::Context;
use super::error_body::{AttemptError, RegistryResponse};
use crate::http::{Endpoint, HttpErrorKind, Idempotency, Redirects, Request, SendError, TlsProfile, ssrf};
use crate::oci::Repository;
use crate::store::StoreError;

/// Docker Hub's name in references, and the host that serves it.
const DOCKER_HUB: (&str, &str) = ("index.docker.io", "registry-1.docker.io");

/// A registry.
pub(super) struct Host {
    /// `host` or `host:port` as in references.
    registry: String,
    /// The holder of the lock finds it out; the others wait and find it.
    endpoint: Mutex<Option<Arc<Endpoint>>>,
    pub(super) session: Session,
    conditions: AtomicBool,
}

impl Host {
    pub(super) fn new(registry: &str, caches: Arc<AuthCaches>) -> Self {
        Self::with_session(registry, Session::new(registry, caches))
    }

    /// A registry about to be logged in to.
    pub(super) fn with_account(registry: &str, credentials: Credentials) -> Self {
        Self::with_session(registry, Session::with_account(registry, credentials))
    }

    fn with_session(registry: &str, session: Session) -> Self {
        Self { registry: registry.to_owned(), endpoint: Mutex::default(), session, conditions: AtomicBool::new(true) }
    }

    /// Returns true if the registry may know conditions of writes; each does until it refuses one for being conditional.
    pub(super) fn takes_conditions(&self) -> bool {
        self.conditions.load(Ordering::Relaxed)
    }

    /// From now on nothing is written to the registry with a condition.
    pub(super) fn refuse_conditions(&self) {
        self.conditions.store(false, Ordering::Relaxed);
    }

    /// Sends a request with what authorizes it, as often as the retry policy allows.
    pub(super) async fn send(
        &self,
        context: &Context,
        request: &Request,
        scope: &Scope,
        idempotency: Idempotency,
    ) -> Result<RegistryResponse, StoreError> {
        let endpoint = self.endpoint(context).await?;
        let attempt = || self.session.attempt(context, &endpoint, request, scope);
        let outcome = context.http.retry(&endpoint, request, idempotency, attempt).await;
        if matches!(&outcome, Err(SendError::Http(error)) if error.kind == HttpErrorKind::Connect) {
            self.forget(&endpoint).await;
        }
        Ok(outcome?)
    }

    /// Sends a request with what authorizes it, once. A refusal is answered once.
    pub(super) async fn attempt(
        &self,
        context: &Context,
        request: &Request,
        scope: &Scope,
    ) -> Result<RegistryResponse, AttemptError> {
        let endpoint = self.endpoint(context).await?;
        self.session.attempt(context, &endpoint, request, scope).await
    }

    /// Where the registry is, decided once, as long as connections to it come about.
    pub(super) async fn endpoint(&self, context: &Context) -> Result<Arc<Endpoint>, StoreError> {
        let mut known = self.endpoint.lock().await;
        if let Some(endpoint) = &*known {
            return Ok(Arc::clone(endpoint));
        }
        let endpoint = Arc::new(self.locate(context).await?);
        *known = Some(Arc::clone(&endpoint));
        Ok(endpoint)
    }

    /// Decides again where the registry is: plain HTTP may have been taken because the registry was down.
    async fn forget(&self, endpoint: &Arc<Endpoint>) {
        let mut known = self.endpoint.lock().await;
        if known.as_ref().is_some_and(|known| Arc::ptr_eq(known, endpoint)) {
            *known = None;
        }
    }

    /// HTTPS, unless plain HTTP is allowed. Where it is, HTTPS is tried first; loopback is, only when TLS options speak for it.
    async fn locate(&self, context: &Context) -> Result<Endpoint, StoreError> {
        context.registries.check(&self.registry)?;
        let is_this =
            |entry: &String| Repository::new(entry, "any").is_ok_and(|named| named.registry() == self.registry);
        let listed = |list: &[String]| list.iter().any(is_this);
        let options = &context.http.options().tls;
        let tls = if listed(&options.insecure_hosts) { TlsProfile::Unverified } else { TlsProfile::Configured };
        let https = Endpoint { base: self.base("https")?, tls };
        let http = Endpoint { base: self.base("http")?, tls };
        let loopback = ssrf::is_loopback(&https.base);
        if !loopback && !listed(&context.plain_http_hosts) {
            return Ok(https);
        }
        if loopback && tls != TlsProfile::Unverified && options.is_default() {
            return Ok(http);
        }
        let probe = Request { redirects: Redirects::Refuse, ..Request::new(Method::HEAD, https.base.clone()) };
        match context.http.attempt(&https, &probe, None).await {
            Err(error) if error.kind == HttpErrorKind::Connect => Ok(http),
            _ => Ok(https),
        }
    }

    fn base(&self, scheme: &str) -> Result<Url, StoreError> {
        let host = if self.registry == DOCKER_HUB.0 { DOCKER_HUB.1 } else { &self.registry };
        Url::parse(&format!("{scheme}://{host}/")).map_err(|error| StoreError::Protocol {
            place: self.registry.clone(),
            detail: format!("invalid registry host ({error})"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_is_served_by_another_host() {
        let base = |registry: &str| Host::new(registry, Arc::default()).base("https").unwrap().to_string();
        assert_eq!(base("index.docker.io"), "https://registry-1.docker.io/");
        assert_eq!(base("ghcr.io"), "https://ghcr.io/");
        assert_eq!(base("[::1]:5000"), "https://[::1]:5000/");
        assert_eq!(base("r.example:443"), "https://r.example/");
    }
}
