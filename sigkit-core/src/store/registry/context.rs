use std::sync::Arc;

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
    pub(super) limits: Limits,
}

impl Context {
    /// Checks the options.
    pub(super) fn new(options: RegistryOptions) -> Result<Self, StoreError> {
        let RegistryOptions { http, credentials, plain_http_hosts, token_servers, limits, cache_capacity: _ } = options;
        let http = HttpClient::new(http).map_err(|detail| StoreError::Options { detail })?;
        Ok(Self { http, credentials, plain_http_hosts, token_servers, limits })
    }
}

impl Default for Context {
    fn default() -> Self {
        Self {
            http: HttpClient::default(),
            credentials: Arc::new(NoCredentials),
            plain_http_hosts: Vec::new(),
            token_servers: Vec::new(),
            limits: Limits::DEFAULT,
        }
    }
}
