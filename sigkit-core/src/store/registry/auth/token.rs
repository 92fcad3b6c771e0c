//! Token servers: the distribution project's token authentication, and its OAuth 2.0 form for refresh tokens.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::authorization::{Authorization, ResolvedCredential, basic, sensitive};
use super::challenge::Challenge;
use super::credentials::Credentials;
use super::token_endpoint::{self, TokenEndpointTrust};
use crate::http::sanitize::printable;
use crate::http::{Body, Endpoint, Idempotency, Redirects, Request, Secret, Secrets, ssrf};
use crate::json;
use crate::limits::DOCUMENT_VALUES;
use crate::oci::Repository;
use crate::store::StoreError;
use crate::store::registry::context::Context;
use crate::store::registry::error_body::{Quotes, RegistryResponse};

/// What is assumed when a token server does not say how long a token lasts; the specification's value.
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// The longest that a token is kept.
pub(super) const MAX_TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
/// A token this close to its end is renewed.
const EXPIRY_MARGIN: Duration = Duration::from_secs(5);
/// The longest token that fits a request, in bytes.
const MAX_TOKEN: usize = 32 << 10;

/// What a token opens: a repository, or nothing but the registry's door.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::store::registry) struct Scope {
    repository: Option<Repository>,
    access: Access,
}

/// What may be done with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store::registry) enum Access {
    Pull,
    Push,
    Delete,
}

impl Scope {
    pub(in crate::store::registry) fn new(repository: &Repository, access: Access) -> Self {
        Self { repository: Some(repository.clone()), access }
    }

    /// The scope of a log-in, which opens no repository.
    pub(in crate::store::registry) const fn of_registry() -> Self {
        Self { repository: None, access: Access::Pull }
    }

    pub(super) const fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref()
    }

    pub(super) fn with_push(&self) -> Self {
        Self { repository: self.repository.clone(), access: Access::Push }
    }

    /// `repository:PATH:pull`
    fn text(&self) -> Option<String> {
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
            Access::Delete => "delete,pull,push",
        };
        self.repository.as_ref().map(|repository| format!("repository:{}:{actions}", repository.path()))
    }
}

/// A `Bearer` challenge, judged.
#[derive(Clone, Debug)]
pub(super) struct Bearer {
    realm: Result<(Url, TokenEndpointTrust), String>,
    service: Option<String>,
    /// Scopes asked for that name no repository, such as the `aws` of public ECR. What is asked for in our repository is our own
    /// affair, and no other repository is any of the registry's.
    further_scopes: Vec<String>,
}

impl Bearer {
    /// Why the token server may not see credentials, if it may not.
    pub(super) fn withheld(&self) -> Option<&str> {
        match &self.realm {
            Ok((_, TokenEndpointTrust::Credentials)) => None,
            Ok((_, TokenEndpointTrust::AnonymousOnly(why))) | Err(why) => Some(why),
        }
    }

    /// Reads a challenge; `None` if it does not name one token server.
    pub(super) fn from_challenge(challenge: &Challenge, endpoint: &Endpoint, context: &Context) -> Option<Self> {
        let further = |scope: &&str| !scope.starts_with("repository:") && scope.len() <= 200;
        Some(Self {
            realm: token_endpoint::judge(challenge.parameter("realm")?, &endpoint.base, &context.token_servers),
            service: challenge.parameter("service").map(str::to_owned),
            further_scopes: challenge
                .parameter("scope")
                .map_or_else(Vec::new, |scope| scope.split(' ').filter(further).take(4).map(str::to_owned).collect()),
        })
    }
}

/// Where the token for one scope is kept. The holder of the lock fetches it; the others wait and find it.
#[derive(Debug, Default)]
pub(super) struct TokenCell(Mutex<Option<Token>>);

#[derive(Debug)]
struct Token {
    authorization: Authorization,
    /// The token itself, to be kept out of messages as long as it is used.
    secret: Secret,
    ends: Option<Instant>,
}

impl TokenCell {
    /// Drops the token if it is still this one.
    pub(super) async fn forget(&self, value: &HeaderValue) {
        let mut slot = self.0.lock().await;
        if slot.as_ref().is_some_and(|token| token.authorization.value == *value) {
            *slot = None;
        }
    }
}

/// The token for `scope`, from the slot or from the token server.
pub(super) async fn obtain(
    context: &Context,
    endpoint: &Endpoint,
    bearer: &Bearer,
    scope: &Scope,
    cell: &TokenCell,
    found: &ResolvedCredential,
) -> Result<Authorization, StoreError> {
    let mut slot = cell.0.lock().await;
    if let Some(token) = slot.as_ref()
        && token.ends.is_some_and(|ends| ends > Instant::now())
    {
        context.http.secrets().add(token.secret.expose());
        return Ok(token.authorization.clone());
    }
    let token = fetch(context, endpoint, bearer, scope, found).await?;
    let authorization = token.authorization.clone();
    *slot = Some(token);
    Ok(authorization)
}

async fn fetch(
    context: &Context,
    endpoint: &Endpoint,
    bearer: &Bearer,
    scope: &Scope,
    found: &ResolvedCredential,
) -> Result<Token, StoreError> {
    let (realm, trust) = bearer.realm.as_ref().map_err(|detail| StoreError::Protocol {
        place: ssrf::authority(&endpoint.base),
        detail: format!("the registry names a token server that is not trusted: {detail}"),
    })?;
    let credentials = found.credentials.as_ref().ok().and_then(Option::as_ref);
    let (credentials, who) = match (credentials, trust) {
        (Some(credentials), TokenEndpointTrust::Credentials) => (Some(credentials), found.describe()),
        (Some(_), TokenEndpointTrust::AnonymousOnly(why)) => (None, format!("anonymous access ({why})")),
        (None, _) => (None, found.describe()),
    };
    match credentials {
        Some(Credentials::Basic { username, password }) => {
            context.http.secrets().add_basic(username, password.expose())
        }
        Some(Credentials::Identity(secret) | Credentials::Bearer(secret)) => {
            context.http.secrets().add(secret.expose())
        }
        None => {}
    }
    let call = Request { limit: context.limits.token_bytes, ..request(realm, bearer, scope, credentials, endpoint)? };
    let place = call.place();
    let asked = Instant::now();
    let response = context.http.send(endpoint, &call, Idempotency::Safe).await?;
    let reply = RegistryResponse { response, credentials_used: who, quotes: Quotes::ErrorDocuments };
    if reply.status.as_u16() != 200 {
        return Err(match reply.status.as_u16() {
            400 | 401 | 403 | 404 => StoreError::Denied {
                place,
                detail: format!(
                    "no token for {}: {}; tried {}",
                    scope.text().as_deref().unwrap_or("logging in"),
                    reply.words(),
                    reply.credentials_used
                ),
            },
            _ => reply.any_error("a token"),
        });
    }
    parse(&reply, asked, endpoint, context.http.secrets())
}

fn request(
    realm: &Url,
    bearer: &Bearer,
    scope: &Scope,
    credentials: Option<&Credentials>,
    endpoint: &Endpoint,
) -> Result<Request, StoreError> {
    let scopes = scope.text().into_iter().chain(bearer.further_scopes.iter().cloned());
    if let Some(Credentials::Identity(identity)) = credentials {
        let mut form = Url::parse("form:").unwrap_or_else(|_| realm.clone());
        form.query_pairs_mut()
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", bearer.service.as_deref().unwrap_or_default())
            .append_pair("client_id", "sigkit")
            .append_pair("scope", &scopes.collect::<Vec<_>>().join(" "))
            .append_pair("refresh_token", identity.expose());
        let mut call = Request { redirects: Redirects::Refuse, ..Request::new(Method::POST, realm.clone()) };
        call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        call.body = Some(Bytes::from(form.query().unwrap_or_default().to_owned()));
        return Ok(call);
    }
    let mut url = realm.clone();
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = &bearer.service {
            query.append_pair("service", service);
        }
        for scope in scopes {
            query.append_pair("scope", &scope);
        }
    }
    let mut call = Request { redirects: Redirects::Refuse, ..Request::new(Method::GET, url) };
    if let Some(Credentials::Basic { username, password }) = credentials {
        call.headers.insert(AUTHORIZATION, sensitive(&basic(username, password.expose()), endpoint)?);
    }
    Ok(call)
}

#[derive(Deserialize)]
struct TokenDocument {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<serde_json::Value>,
}

fn parse(
    reply: &RegistryResponse,
    asked: Instant,
    endpoint: &Endpoint,
    secrets: &Secrets,
) -> Result<Token, StoreError> {
    let protocol = |detail: String| StoreError::Protocol { place: reply.place.clone(), detail };
    let Body::Whole(body) = &reply.body else {
        return Err(StoreError::TooLarge { place: reply.place.clone(), limit: "a token server's answer".to_owned() });
    };
    let document: TokenDocument = json::from_slice_within(body, DOCUMENT_VALUES)
        // The error's words might repeat a token.
        .map_err(|_| protocol(format!("expected a token document, found {} bytes of something else", body.len())))?;
    let token = document.token.filter(|token| !token.is_empty()).or(document.access_token).unwrap_or_default();
    if token.is_empty() || token.len() > MAX_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(protocol(format!(
            "expected a token of 1 to {MAX_TOKEN} visible ASCII characters, found {:?} of {} bytes",
            printable(&token.chars().filter(|c| !c.is_ascii_graphic()).take(8).collect::<String>(), 40),
            token.len()
        )));
    }
    secrets.add(&token);
    let value = sensitive(&format!("Bearer {token}"), endpoint)?;
    let life = match document.expires_in.as_ref().map(serde_json::Value::as_i64) {
        None => DEFAULT_LIFE,
        // Beyond the range, or no number: whatever it means, it is not a promise to rely on.
        Some(None) => DEFAULT_LIFE,
        Some(Some(seconds)) => Duration::from_secs(u64::try_from(seconds).unwrap_or_default()).min(MAX_TOKEN_LIFETIME),
    };
    Ok(Token {
        authorization: Authorization { value, who: reply.credentials_used.clone() },
        secret: Secret::new(token),
        ends: asked.checked_add(life.saturating_sub(EXPIRY_MARGIN)),
    })
}
