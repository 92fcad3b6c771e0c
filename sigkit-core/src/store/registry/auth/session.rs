//! The session with one registry: how it wants requests authorized, with which accounts and tokens.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use tokio::sync::OnceCell;

use super::authorization::{Authorization, ResolvedCredential, basic, sensitive};
use super::challenge;
use super::credentials::{CredentialError, Credentials};
use super::token::{self, Bearer, MAX_TOKEN_LIFETIME, Scope, TokenCell};
use crate::http::{BoundedMap, Endpoint, HttpError, Redirects, Request, ssrf};
use crate::oci::Repository;
use crate::store::StoreError;
use crate::store::registry::context::Context;
use crate::store::registry::error_body::{AttemptError, RegistryResponse};

/// Accounts that are remembered.
const MAX_ACCOUNTS: usize = 1024;
/// How long an account is remembered: passwords change.
const ACCOUNT_LIFETIME: Duration = Duration::from_secs(600);
/// Tokens that are remembered.
const MAX_TOKENS: usize = 1024;

/// What authorizes requests to one registry.
pub(in crate::store::registry) struct Session {
    registry: String,
    caches: Arc<AuthCaches>,
    auth_scheme: Mutex<Option<AuthScheme>>,
    /// Done when the registry was asked outright how it wants credentials, and answered.
    asked: OnceCell<()>,
}

/// What the sessions of one client remember.
pub(in crate::store::registry) struct AuthCaches {
    /// By repository; that of no repository is the one that logs in.
    accounts: BoundedMap<Option<Repository>, Arc<Account>>,
    /// By registry and scope.
    tokens: BoundedMap<(String, Scope), Arc<TokenCell>>,
}

impl Default for AuthCaches {
    fn default() -> Self {
        Self {
            accounts: BoundedMap::new(MAX_ACCOUNTS, ACCOUNT_LIFETIME),
            tokens: BoundedMap::new(MAX_TOKENS, MAX_TOKEN_LIFETIME),
        }
    }
}

impl AuthCaches {
    /// The numbers of accounts and of tokens.
    pub(in crate::store::registry) fn len(&self) -> (usize, usize) {
        (self.accounts.len(), self.tokens.len())
    }
}

/// The account for one repository. Requests that need it at the same time share one look-up, and its failure; a failure is not
/// remembered beyond that.
type Account = OnceCell<Arc<ResolvedCredential>>;

/// How the registry asks for credentials.
#[derive(Clone)]
enum AuthScheme {
    Basic,
    Bearer(Bearer),
}

impl Session {
    pub(in crate::store::registry) fn new(registry: &str, caches: Arc<AuthCaches>) -> Self {
        Self { registry: registry.to_owned(), caches, auth_scheme: Mutex::default(), asked: OnceCell::new() }
    }

    /// The session of a registry about to be logged in to. It shares nothing: the credentials are to be tried.
    pub(in crate::store::registry) fn with_account(registry: &str, credentials: Credentials) -> Self {
        let found = ResolvedCredential { credentials: Ok(Some(credentials)), origin: None };
        let caches = AuthCaches::default();
        caches.accounts.insert(None, Arc::new(OnceCell::new_with(Some(Arc::new(found)))));
        Self::new(registry, Arc::new(caches))
    }

    /// Returns true if the registry has asked for credentials so far.
    pub(in crate::store::registry) fn has_asked(&self) -> bool {
        self.auth_scheme().is_some()
    }

    /// From now on a password is sent as if the registry had asked for it.
    pub(in crate::store::registry) fn assume_basic(&self) {
        *self.auth_scheme.lock().unwrap_or_else(PoisonError::into_inner) = Some(AuthScheme::Basic);
    }

    /// Why the credentials were kept from the registry's token server, if they were.
    pub(in crate::store::registry) fn withheld(&self) -> Option<String> {
        match self.auth_scheme() {
            Some(AuthScheme::Bearer(bearer)) => bearer.withheld().map(str::to_owned),
            Some(AuthScheme::Basic) | None => None,
        }
    }

    /// Sends a request once, authorized as the registry wants it. A refusal is answered once.
    pub(in crate::store::registry) async fn attempt(
        &self,
        context: &Context,
        endpoint: &Endpoint,
        request: &Request,
        scope: &Scope,
    ) -> Result<RegistryResponse, AttemptError> {
        // Only the registry's own origin may have its credentials; an upload may lie elsewhere.
        if request.url.origin() != endpoint.base.origin() {
            return Ok(RegistryResponse::anonymous(context.http.attempt(endpoint, request, None).await?));
        }
        let first = match self.auth_scheme() {
            Some(scheme) => self.authorize(context, endpoint, &scheme, scope).await?,
            None => None,
        };
        let response = send(context, endpoint, request, first.as_ref()).await?;
        if response.status != StatusCode::UNAUTHORIZED || response.url.origin() != endpoint.base.origin() {
            return Ok(response);
        }
        let scheme = match self.update_challenge(&response, endpoint, context) {
            Some(scheme) => scheme,
            None => match self.ask(context, endpoint).await {
                Some(scheme) => scheme,
                None => return Ok(response),
            },
        };
        if let Some(used) = &first {
            self.forget(scope, &used.value).await;
        }
        let second = self.authorize(context, endpoint, &scheme, scope).await?;
        match second {
            Some(second) if first.as_ref().is_none_or(|first| first.value != second.value) => {
                let response = send(context, endpoint, request, Some(&second)).await?;
                if response.status == StatusCode::UNAUTHORIZED {
                    self.forget_account(scope, &self.credentials(context, scope).await);
                }
                Ok(response)
            }
            Some(_) => Ok(response),
            None => {
                let credentials_used = self.credentials(context, scope).await.describe();
                Ok(RegistryResponse { credentials_used, ..response })
            }
        }
    }

    /// Reads the challenges of a refusal and remembers the best: a token server before a password in every request.
    fn update_challenge(
        &self,
        response: &RegistryResponse,
        endpoint: &Endpoint,
        context: &Context,
    ) -> Option<AuthScheme> {
        let challenges: Vec<challenge::Challenge> = response
            .headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .take(8)
            .filter_map(|value| value.to_str().ok())
            .flat_map(challenge::parse)
            .collect();
        let bearer = challenges
            .iter()
            .filter(|challenge| challenge.scheme == "bearer")
            .find_map(|challenge| Bearer::from_challenge(challenge, endpoint, context));
        let wants = match bearer {
            Some(bearer) => AuthScheme::Bearer(bearer),
            None if challenges.iter().any(|challenge| challenge.scheme == "basic") => AuthScheme::Basic,
            None => return None,
        };
        *self.auth_scheme.lock().unwrap_or_else(PoisonError::into_inner) = Some(wants.clone());
        Some(wants)
    }

    /// The challenge of a registry that refused without one: what it said before, else what it answers to a request for nothing in
    /// particular. OCI distribution specification 1.1, "Determining Support".
    async fn ask(&self, context: &Context, endpoint: &Endpoint) -> Option<AuthScheme> {
        if self.auth_scheme().is_none() {
            let asked = self.asked.get_or_try_init(|| async {
                let url = endpoint.base.join("/v2/").map_err(|_| ())?;
                let call = Request { redirects: Redirects::Refuse, ..Request::new(Method::GET, url) };
                let response = send(context, endpoint, &call, None).await.map_err(|_| ())?;
                if response.status == StatusCode::UNAUTHORIZED {
                    self.update_challenge(&response, endpoint, context);
                }
                Ok::<(), ()>(())
            });
            if asked.await.is_err() {
                // It is asked again with the next refusal.
                return None;
            }
        }
        self.auth_scheme()
    }

    fn auth_scheme(&self) -> Option<AuthScheme> {
        self.auth_scheme.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What to send to satisfy `wants`; nothing when there is nothing to send.
    async fn authorize(
        &self,
        context: &Context,
        endpoint: &Endpoint,
        wants: &AuthScheme,
        scope: &Scope,
    ) -> Result<Option<Authorization>, StoreError> {
        let found = self.credentials(context, scope).await;
        let credentials = found.credentials.as_ref().map_err(|error| StoreError::Denied {
            place: ssrf::authority(&endpoint.base),
            detail: error.to_string(),
        })?;
        match (wants, credentials) {
            (_, Some(Credentials::Bearer(secret))) => {
                context.http.secrets().add(secret.expose());
                let value = sensitive(&format!("Bearer {}", secret.expose()), endpoint)?;
                Ok(Some(Authorization { value, who: found.describe() }))
            }
            (AuthScheme::Bearer(bearer), _) => {
                let cell = self.token_cell(scope);
                let token = token::obtain(context, endpoint, bearer, scope, &cell, &found).await;
                if matches!(token, Err(StoreError::Denied { .. })) {
                    self.forget_account(scope, &found);
                }
                token.map(Some)
            }
            (AuthScheme::Basic, Some(Credentials::Basic { username, password })) => {
                context.http.secrets().add_basic(username, password.expose());
                let value = sensitive(&basic(username, password.expose()), endpoint)?;
                Ok(Some(Authorization { value, who: found.describe() }))
            }
            (AuthScheme::Basic, Some(Credentials::Identity(_))) => Err(StoreError::Denied {
                place: ssrf::authority(&endpoint.base),
                detail: format!("the registry requires a user name and a password, and there is {}", found.describe()),
            }),
            (AuthScheme::Basic, None) => Ok(None),
        }
    }

    /// Looked up once, away from the async threads: a helper program may take its time.
    async fn credentials(&self, context: &Context, scope: &Scope) -> Arc<ResolvedCredential> {
        let key = scope.repository().cloned();
        let account = self.caches.accounts.get_or_insert_with(&key, Arc::default);
        let found = account.get_or_init(|| async {
            let Some(repository) = scope.repository().cloned() else { return Arc::new(ResolvedCredential::nothing()) };
            let source = Arc::clone(&context.credentials);
            let looked_up = tokio::task::spawn_blocking(move || ResolvedCredential {
                credentials: source.credentials(&repository),
                origin: source.origin(&repository),
            });
            Arc::new(looked_up.await.unwrap_or_else(|error| ResolvedCredential {
                credentials: Err(CredentialError { registry: self.registry.clone(), detail: error.to_string() }),
                origin: None,
            }))
        });
        let found = Arc::clone(found.await);
        if found.credentials.is_err() {
            self.caches.accounts.remove_if(&key, |other| Arc::ptr_eq(other, &account));
        }
        found
    }

    /// Forgets credentials that were refused, so that those that take their place are found.
    fn forget_account(&self, scope: &Scope, refused: &Arc<ResolvedCredential>) {
        // Credentials of a log-in were given by the caller.
        if scope.repository().is_some() {
            let is_this = |account: &Arc<Account>| account.get().is_some_and(|found| Arc::ptr_eq(found, refused));
            self.caches.accounts.remove_if(&scope.repository().cloned(), is_this);
        }
    }

    /// The cell of the token for `scope`; a token that may push may also pull.
    fn token_cell(&self, scope: &Scope) -> Arc<TokenCell> {
        let key = |scope: &Scope| (self.registry.clone(), scope.clone());
        let wider = self.caches.tokens.get(&key(&scope.with_push()));
        wider.unwrap_or_else(|| self.caches.tokens.get_or_insert_with(&key(scope), Arc::default))
    }

    async fn forget(&self, scope: &Scope, value: &HeaderValue) {
        self.token_cell(scope).forget(value).await;
    }
}

/// Sends a request once, with or without authorization.
async fn send(
    context: &Context,
    endpoint: &Endpoint,
    request: &Request,
    authorization: Option<&Authorization>,
) -> Result<RegistryResponse, HttpError> {
    let value = authorization.map(|authorization| &authorization.value);
    let response = RegistryResponse::anonymous(context.http.attempt(endpoint, request, value).await?);
    Ok(match authorization {
        Some(authorization) => RegistryResponse { credentials_used: authorization.who.clone(), ..response },
        None => response,
    })
}
