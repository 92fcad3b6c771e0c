use reqwest::Method;

use super::auth::{Credentials, Scope};
use super::client::RegistryClient;
use super::endpoint::Host;
use super::error_body::{RegistryResponse, redact};
use crate::http::{Idempotency, Redirects, Request};
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
        outcome.map_err(|error| redact(self.shared.context.http.secrets(), error))
    }

    async fn ask(&self, registry: &str, credentials: Credentials) -> Result<LoginOutcome, StoreError> {
        let context = &self.shared.context;
        let host = Host::with_account(registry, credentials);
        let endpoint = host.endpoint(context).await?;
        let url = endpoint
            .base
            .join("/v2/")
            .map_err(|error| StoreError::Protocol { place: registry.to_owned(), detail: error.to_string() })?;
        // The target of a redirect cannot say what the registry thinks of the credentials.
        let mut call = Request { redirects: Redirects::Refuse, ..Request::new(Method::GET, url) };
        call.limit = context.limits.error_body_bytes;
        let scope = Scope::of_registry();
        let ask = || host.send(context, &call, &scope, Idempotency::Safe);
        let mut reply = ask().await?;
        let asked = host.session.has_asked();
        if reply.status.is_success() && !asked {
            host.session.assume_basic();
            reply = ask().await?;
        }
        accepted(&reply)?;
        match host.session.withheld() {
            Some(detail) => Err(StoreError::Denied { place: reply.response.place, detail }),
            None if asked => Ok(LoginOutcome::Accepted),
            None => Ok(LoginOutcome::NotRequired),
        }
    }
}

fn accepted(reply: &RegistryResponse) -> Result<(), StoreError> {
    if reply.status.as_u16() == 200 && !reply.is_html() {
        return Ok(());
    }
    Err(reply.any_error("a registry of the OCI distribution specification (200)"))
}
