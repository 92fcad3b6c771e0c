use std::sync::Arc;

use super::allowed_registries::AllowedRegistries;
use super::auth::{CredentialSource, NoCredentials};
use super::options::RegistryOptions;
use crate::http::HttpClient;
use crate::limits::Limits;
use crate::store::StoreError;

/// What all requests of one client need.
pub(super) struct Context {
    pub(super) http: HttpClient,
    pub(super) credentials: Arc<dyn CredentialSource>,
    /// Registries for which plain HTTP may be used.
    pub(super) plain_http_hosts: Vec<String>,
    /// Token servers that may see the credentials of any registry.
    pub(super) token_servers: Vec<String>,
    pub(super) registries: AllowedRegistries,
    pub(super) limits: Limits,
}

impl Context {
    /// Checks the options.
    pub(super) fn new(options: RegistryOptions) -> Result<Self, StoreError> {
        let RegistryOptions { http, credentials, plain_http_hosts, token_servers, allowed_registries, limits, .. } =
            options;
        let registries = allowed_registries.as_deref().map_or(Ok(AllowedRegistries::All), AllowedRegistries::only)?;
        let http = HttpClient::new(http).map_err(|detail| StoreError::Options { detail })?;
        Ok(Self { http, credentials, plain_http_hosts, token_servers, registries, limits })
    }
}

impl Default for Context {
    fn default() -> Self {
        Self {
            http: HttpClient::default(),
            credentials: Arc::new(NoCredentials),
            plain_http_hosts: Vec::new(),
            token_servers: Vec::new(),
            registries: AllowedRegistries::All,
            limits: Limits::DEFAULT,
        }
    }
}
