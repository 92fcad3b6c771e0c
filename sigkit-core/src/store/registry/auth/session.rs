//! The session with one registry: how it wants requests authorized, with which accounts and tokens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use tokio::sync::OnceCell;

use super::challenge;
use super::credentials::{CredentialError, Credentials};
use super::token::{self, Bearer, Scope, TokenCell};
use crate::http::sanitize::printable;
use crate::http::{Endpoint, HttpError, Redirects, Request, ssrf};
use crate::oci::Repository;
use crate::store::StoreError;
use crate::store::registry::context::Context;
use crate::store::registry::error_body::{AttemptError, RegistryResponse};

/// What authorizes requests to one registry.
#[derive(Default)]
pub(in crate::store::registry) struct Session {
    accounts: Mutex<HashMap<Option<Repository>, Arc<Account>>>,
    auth_scheme: Mutex<Option<AuthScheme>>,
    tokens: Mutex<HashMap<Scope, Arc<TokenCell>>>,
    /// Done when the registry was asked outright how it wants credentials.
    asked: OnceCell<()>,
}

/// The account for one repository, looked up once; that of no repository is the one that logs in.
#[derive(Default)]
struct Account(OnceCell<Arc<ResolvedCredential>>);

/// What looking for credentials gave; a failure is remembered too, so that the user is not prompted twice.
pub(super) struct ResolvedCredential {
    pub(super) credentials: Result<Option<Credentials>, CredentialError>,
    origin: Option<String>,
}

/// How the registry asks for credentials.
#[derive(Clone)]
enum AuthScheme {
    Basic,
    Bearer(Bearer),
}

/// What is sent as `Authorization`.
#[derive(Clone, Debug)]
pub(super) struct Authorization {
    pub(super) value: HeaderValue,
    /// In words, for error messages.
    pub(super) who: String,
}

impl Session {
    /// The session of a registry about to be logged in to.
    pub(in crate::store::registry) fn with_account(credentials: Credentials) -> Self {
        let found = ResolvedCredential { credentials: Ok(Some(credentials)), origin: None };
        let account = Arc::new(Account(OnceCell::new_with(Some(Arc::new(found)))));
        Self { accounts: Mutex::new(HashMap::from([(None, account)])), ..Self::default() }
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
                Ok(send(context, endpoint, request, Some(&second)).await?)
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
            let asked = self.asked.get_or_init(|| async {
                let Ok(url) = endpoint.base.join("/v2/") else { return };
                let call = Request { redirects: Redirects::Refuse, ..Request::new(Method::GET, url) };
                if let Ok(response) = send(context, endpoint, &call, None).await
                    && response.status == StatusCode::UNAUTHORIZED
                {
                    self.update_challenge(&response, endpoint, context);
                }
            });
            asked.await;
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
                let slot = self.slot(scope);
                token::obtain(context, endpoint, bearer, scope, &slot, &found).await.map(Some)
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
        let account = self.account(scope.repository());
        let found = account.0.get_or_init(|| async {
            let Some(repository) = scope.repository().cloned() else { return Arc::new(ResolvedCredential::nothing()) };
            let source = Arc::clone(&context.credentials);
            let registry = repository.registry().to_owned();
            let looked_up = tokio::task::spawn_blocking(move || ResolvedCredential {
                credentials: source.credentials(&repository),
                origin: source.origin(&repository),
            });
            Arc::new(looked_up.await.unwrap_or_else(|error| ResolvedCredential {
                credentials: Err(CredentialError { registry, detail: error.to_string() }),
                origin: None,
            }))
        });
        Arc::clone(found.await)
    }

    fn account(&self, repository: Option<&Repository>) -> Arc<Account> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(accounts.entry(repository.cloned()).or_default())
    }

    /// The place of the token for `scope`; a token that may push may also pull.
    fn slot(&self, scope: &Scope) -> Arc<TokenCell> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let wider = tokens.get(&scope.with_push()).map(Arc::clone);
        wider.unwrap_or_else(|| Arc::clone(tokens.entry(scope.clone()).or_default()))
    }

    async fn forget(&self, scope: &Scope, value: &HeaderValue) {
        self.slot(scope).forget(value).await;
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

impl ResolvedCredential {
    const fn nothing() -> Self {
        Self { credentials: Ok(None), origin: None }
    }

    /// The credentials in words.
    pub(super) fn describe(&self) -> String {
        let what = match &self.credentials {
            Ok(Some(Credentials::Basic { username, .. })) => {
                format!("user {:?}", printable(username, 80))
            }
            Ok(Some(Credentials::Identity(_))) => "an identity token".to_owned(),
            Ok(Some(Credentials::Bearer(_))) => "a registry token".to_owned(),
            Ok(None) => return "anonymous access; no credentials are known for this registry".to_owned(),
            Err(error) => error.to_string(),
        };
        match &self.origin {
            Some(origin) => format!("{what} from {origin}"),
            None => what,
        }
    }
}

/// The value of a `Basic` authorization.
pub(super) fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

/// A header value that debug output does not show.
pub(super) fn sensitive(text: &str, endpoint: &Endpoint) -> Result<HeaderValue, StoreError> {
    let mut value = HeaderValue::try_from(text).map_err(|_| StoreError::Denied {
        place: ssrf::authority(&endpoint.base),
        detail: "expected credentials of printable characters, found others".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}
