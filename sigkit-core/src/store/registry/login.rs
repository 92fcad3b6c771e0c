use reqwest::Method;

use super::RegistryClient;
use super::credentials::Credentials;
use super::endpoint::Host;
use super::response::Response;
use super::token::Scope;
use super::transport::{Idempotency, Redirects, Request};
use crate::store::StoreError;

/// What a registry said of credentials that it did not refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// It asked for credentials and took these.
    Accepted,
    /// It requires no authentication and ignored these; they could not be checked.
    NotRequired,
}

impl RegistryClient {
    /// Asks `registry`, given as in references, whether it takes `credentials`. They go where those of a [`CredentialSource`]
    /// would go, and are not kept. OCI distribution specification 1.1, "Determining Support": `GET /v2/`.
    ///
    /// [`CredentialSource`]: super::CredentialSource
    ///
    /// # Errors
    /// [`StoreError::Denied`] when it does not take them, or when its token server may not see them; any other error when it
    /// could not be asked.
    pub async fn log_in(&self, registry: &str, credentials: Credentials) -> Result<LoginOutcome, StoreError> {
        let outcome = self.ask(registry, credentials).await;
        outcome.map_err(|error| self.shared.transport.secrets.redact_error(error))
    }

    async fn ask(&self, registry: &str, credentials: Credentials) -> Result<LoginOutcome, StoreError> {
        let transport = &self.shared.transport;
        let host = Host::with_account(registry, credentials);
        let home = host.endpoint(transport).await?;
        let url = home
            .base
            .join("/v2/")
            .map_err(|error| StoreError::Protocol { place: registry.to_owned(), detail: error.to_string() })?;
        // The target of a redirect cannot say what the registry thinks of the credentials.
        let mut call = Request { redirects: Redirects::Refuse, ..Request::new(Method::GET, url) };
        call.limit = transport.options.limits.error_body_bytes;
        let scope = Scope::of_registry();
        let ask =
            || transport.repeat(home, &call, Idempotency::Safe, || host.send_authorized(transport, &call, &scope));
        let mut reply = ask().await?;
        let asked = host.has_asked();
        if reply.status.is_success() && !asked {
            host.assume_basic();
            reply = ask().await?;
        }
        accepted(&reply)?;
        match host.withheld() {
            Some(detail) => Err(StoreError::Denied { place: reply.place, detail }),
            None if asked => Ok(LoginOutcome::Accepted),
            None => Ok(LoginOutcome::NotRequired),
        }
    }
}

fn accepted(reply: &Response) -> Result<(), StoreError> {
    if reply.status.as_u16() == 200 && !reply.is_html() {
        return Ok(());
    }
    Err(reply.any_error("a registry of the OCI distribution specification (200)"))
}
