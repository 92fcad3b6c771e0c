//! One registry as the whole run knows it: where it is, what it wants, what was given.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode, Url};
use tokio::sync::OnceCell;

use super::challenge;
use super::credentials::{CredentialError, Credentials};
use super::response::{ErrorKind, HttpError, Response};
use super::tls::TlsProfile;
use super::token::{Bearer, Scope, TokenCell};
use super::transport::{Endpoint, Redirects, Request, Transport};
use super::turns::Turns;
use super::{ssrf, token};
use crate::oci::Repository;
use crate::store::StoreError;

/// Docker Hub's name in references, and the host that serves it.
const DOCKER_HUB: (&str, &str) = ("index.docker.io", "registry-1.docker.io");

/// A registry.
pub(super) struct Host {
    /// `host` or `host:port` as in references.
    registry: String,
    endpoint: OnceCell<Endpoint>,
    accounts: Mutex<HashMap<Option<Repository>, Arc<Account>>>,
    auth_scheme: Mutex<Option<AuthScheme>>,
    tokens: Mutex<HashMap<Scope, Arc<TokenCell>>>,
    turns: Turns,
    conditions: AtomicBool,
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

impl Host {
    pub(super) fn new(registry: &str) -> Self {
        Self {
            registry: registry.to_owned(),
            endpoint: OnceCell::new(),
            accounts: Mutex::default(),
            auth_scheme: Mutex::default(),
            tokens: Mutex::default(),
            turns: Turns::default(),
            conditions: AtomicBool::new(true),
            asked: OnceCell::new(),
        }
    }

    /// A registry about to be logged in to.
    pub(super) fn with_account(registry: &str, credentials: Credentials) -> Self {
        let found = ResolvedCredential { credentials: Ok(Some(credentials)), origin: None };
        let account = Arc::new(Account(OnceCell::new_with(Some(Arc::new(found)))));
        Self { accounts: Mutex::new(HashMap::from([(None, account)])), ..Self::new(registry) }
    }

    /// Returns true if the registry has asked for credentials so far.
    pub(super) fn has_asked(&self) -> bool {
        self.auth_scheme().is_some()
    }

    /// From now on a password is sent as if the registry had asked for it.
    pub(super) fn assume_basic(&self) {
        *self.auth_scheme.lock().unwrap_or_else(PoisonError::into_inner) = Some(AuthScheme::Basic);
    }

    /// Returns true if the registry may know conditions of writes; each does until it refuses one for being conditional.
    pub(super) fn takes_conditions(&self) -> bool {
        self.conditions.load(Ordering::Relaxed)
    }

    /// From now on nothing is written to the registry with a condition.
    pub(super) fn refuse_conditions(&self) {
        self.conditions.store(false, Ordering::Relaxed);
    }

    /// Why the credentials were kept from the registry's token server, if they were.
    pub(super) fn withheld(&self) -> Option<String> {
        match self.auth_scheme() {
            Some(AuthScheme::Bearer(bearer)) => bearer.withheld().map(str::to_owned),
            Some(AuthScheme::Basic) | None => None,
        }
    }

    /// Where the registry is, decided once.
    pub(super) async fn endpoint(&self, transport: &Transport) -> Result<&Endpoint, StoreError> {
        self.endpoint.get_or_try_init(|| self.locate(transport)).await
    }

    /// HTTPS, unless plain HTTP is allowed. Where it is, HTTPS is tried first; loopback is, only when TLS options speak for it.
    async fn locate(&self, transport: &Transport) -> Result<Endpoint, StoreError> {
        let is_this =
            |entry: &String| Repository::new(entry, "any").is_ok_and(|named| named.registry() == self.registry);
        let listed = |list: &[String]| list.iter().any(is_this);
        let tls = &transport.options.tls;
        let peer = if listed(&tls.insecure_hosts) { TlsProfile::Unverified } else { TlsProfile::Registry };
        let https = Endpoint { base: self.base("https")?, peer };
        let http = Endpoint { base: self.base("http")?, peer };
        transport.named.insert(https.base.host_str().unwrap_or_default());
        let loopback = ssrf::is_loopback(&https.base);
        if !loopback && !listed(&transport.options.plain_http_hosts) {
            return Ok(https);
        }
        if loopback && peer != TlsProfile::Unverified && tls.is_default() {
            return Ok(http);
        }
        let probe = Request { redirects: Redirects::Refuse, ..Request::new(Method::HEAD, self.base("https")?) };
        match transport.attempt(&https, &probe, None).await {
            Err(trouble) if trouble.kind == ErrorKind::Connect => Ok(http),
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

    /// One try of a call, with credentials as the registry wants them. A refusal is answered once.
    pub(super) async fn send_authorized(
        &self,
        transport: &Transport,
        call: &Request,
        scope: &Scope,
    ) -> Result<Response, HttpError> {
        let home = self.endpoint(transport).await.map_err(HttpError::permanent)?;
        // Only the registry's own origin may have its credentials; an upload may lie elsewhere.
        if call.url.origin() != home.base.origin() {
            return transport.attempt(home, call, None).await;
        }
        let wants = self.auth_scheme();
        let first = match &wants {
            Some(wants) => self.authorize(transport, home, wants, scope).await.map_err(HttpError::permanent)?,
            None => None,
        };
        let reply = self.send(transport, home, call, first.as_ref()).await?;
        if reply.status != StatusCode::UNAUTHORIZED || reply.url.origin() != home.base.origin() {
            return Ok(reply);
        }
        let wants = match self.update_challenge(&reply, home, transport) {
            Some(wants) => wants,
            None => match self.ask(transport, home).await {
                Some(wants) => wants,
                None => return Ok(reply),
            },
        };
        if let Some(used) = &first {
            self.forget(scope, &used.value).await;
        }
        let second = self.authorize(transport, home, &wants, scope).await.map_err(HttpError::permanent)?;
        match second {
            Some(second) if first.as_ref().is_none_or(|first| first.value != second.value) => {
                self.send(transport, home, call, Some(&second)).await
            }
            Some(_) => Ok(reply),
            None => Ok(Response { who: self.credentials(transport, scope).await.who(), ..reply }),
        }
    }

    async fn send(
        &self,
        transport: &Transport,
        home: &Endpoint,
        call: &Request,
        authorization: Option<&Authorization>,
    ) -> Result<Response, HttpError> {
        let authorized = authorization.map(|authorization| &authorization.value);
        let exchange = transport.attempt(home, call, authorized);
        // With TLS there is HTTP/2 nearly everywhere, which carries all at once on one connection.
        let reply = match home.base.scheme() {
            "http" => self.turns.take(exchange).await?,
            _ => exchange.await?,
        };
        Ok(match authorization {
            Some(authorization) => Response { who: authorization.who.clone(), ..reply },
            None => reply,
        })
    }

    /// Reads the challenges of a refusal and remembers the best: a token server before a password in every request.
    fn update_challenge(&self, reply: &Response, home: &Endpoint, transport: &Transport) -> Option<AuthScheme> {
        let challenges: Vec<challenge::Challenge> = reply
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
            .find_map(|challenge| Bearer::from_challenge(challenge, home, transport));
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
    async fn ask(&self, transport: &Transport, home: &Endpoint) -> Option<AuthScheme> {
        if self.auth_scheme().is_none() {
            let asked = self.asked.get_or_init(|| async {
                let Ok(url) = home.base.join("/v2/") else { return };
                let call = Request { redirects: Redirects::Refuse, ..Request::new(Method::GET, url) };
                if let Ok(reply) = self.send(transport, home, &call, None).await
                    && reply.status == StatusCode::UNAUTHORIZED
                {
                    self.update_challenge(&reply, home, transport);
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
        transport: &Transport,
        home: &Endpoint,
        wants: &AuthScheme,
        scope: &Scope,
    ) -> Result<Option<Authorization>, StoreError> {
        let found = self.credentials(transport, scope).await;
        let credentials = found
            .credentials
            .as_ref()
            .map_err(|error| StoreError::Denied { place: ssrf::authority(&home.base), detail: error.to_string() })?;
        match (wants, credentials) {
            (_, Some(Credentials::Bearer(secret))) => {
                transport.secrets.add(secret.expose());
                let value = sensitive(&format!("Bearer {}", secret.expose()), home)?;
                Ok(Some(Authorization { value, who: found.who() }))
            }
            (AuthScheme::Bearer(bearer), _) => {
                let slot = self.slot(scope);
                token::obtain(transport, home, bearer, scope, &slot, &found).await.map(Some)
            }
            (AuthScheme::Basic, Some(Credentials::Basic { username, password })) => {
                transport.secrets.add_basic(username, password.expose());
                let value = sensitive(&basic(username, password.expose()), home)?;
                Ok(Some(Authorization { value, who: found.who() }))
            }
            (AuthScheme::Basic, Some(Credentials::Identity(_))) => Err(StoreError::Denied {
                place: ssrf::authority(&home.base),
                detail: format!("the registry requires a user name and a password, and there is {}", found.who()),
            }),
            (AuthScheme::Basic, None) => Ok(None),
        }
    }

    /// Looked up once, away from the async threads: a helper program may take its time.
    async fn credentials(&self, transport: &Transport, scope: &Scope) -> Arc<ResolvedCredential> {
        let account = self.account(scope.repository());
        let found = account.0.get_or_init(|| async {
            let Some(repository) = scope.repository().cloned() else { return Arc::new(ResolvedCredential::nothing()) };
            let source = Arc::clone(&transport.options.credentials);
            let looked_up = tokio::task::spawn_blocking(move || ResolvedCredential {
                credentials: source.credentials(&repository),
                origin: source.origin(&repository),
            });
            Arc::new(looked_up.await.unwrap_or_else(|error| ResolvedCredential {
                credentials: Err(CredentialError { registry: self.registry.clone(), detail: error.to_string() }),
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

impl ResolvedCredential {
    const fn nothing() -> Self {
        Self { credentials: Ok(None), origin: None }
    }

    /// The credentials in words.
    pub(super) fn who(&self) -> String {
        let what = match &self.credentials {
            Ok(Some(Credentials::Basic { username, .. })) => {
                format!("user {:?}", super::sanitize::printable(username, 80))
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
pub(super) fn sensitive(text: &str, home: &Endpoint) -> Result<HeaderValue, StoreError> {
    let mut value = HeaderValue::try_from(text).map_err(|_| StoreError::Denied {
        place: ssrf::authority(&home.base),
        detail: "expected credentials of printable characters, found others".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_is_served_by_another_host() {
        let base = |registry: &str| Host::new(registry).base("https").unwrap().to_string();
        assert_eq!(base("index.docker.io"), "https://registry-1.docker.io/");
        assert_eq!(base("ghcr.io"), "https://ghcr.io/");
        assert_eq!(base("[::1]:5000"), "https://[::1]:5000/");
        assert_eq!(base("r.example:443"), "https://r.example/");
    }
}
