//! Requests and answers: lazily made clients, redirects by hand, bounds, timeouts, repetitions.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Url};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::client_pool::ClientPool;
use super::dns::AllowedHosts;
use super::observer::RequestEvent;
use super::options::RegistryOptions;
use super::origin::Origins;
use super::proxy;
use super::response::{Body, ErrorKind, HttpError, Quotes, Response, Source};
use super::retry::{self, RetryState};
use super::sanitize::printable;
use super::secrets::Secrets;
use super::ssrf;
use super::tls::TlsProfile;
use crate::store::StoreError;

/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 5;
/// What an answer of a document may hold while others are read, in bytes. Nearly none are larger.
const MAX_UNCOUNTED_BYTES: usize = 256 << 10;
/// What all larger ones together may hold while they are read, in KiB: two manifests at the limit, however many are asked for.
const LARGE: u32 = 8 << 10;
/// How long a server has to answer that said nothing before.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// The slowest upload that is waited for, in bytes a second.
const MIN_UPLOAD_RATE: u64 = 32 << 10;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    /// The longest body of a successful answer, in bytes.
    pub(super) limit: u64,
    pub(super) redirects: Redirects,
    pub(super) room: BodyBudget,
}

/// Who bounds the memory for many answers at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyBudget {
    /// The transport: large answers wait for each other.
    Shared,
    /// The caller, who knows how much that will be.
    Own,
}

/// Whether redirects of a GET or HEAD are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redirects {
    Follow,
    Refuse,
}

/// When a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idempotency {
    /// Always: it reads, or writes what no other client writes differently.
    Safe,
    /// Never. A tag written twice, with a pause between, could undo what another client wrote meanwhile; the caller
    /// reads again first.
    Never,
}

/// The registry on whose behalf a request is made.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) base: Url,
    /// [`Peer::Registry`] or [`Peer::Unverified`].
    pub(super) peer: TlsProfile,
}

impl Request {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            limit: 0,
            redirects: Redirects::Follow,
            room: BodyBudget::Shared,
        }
    }

    pub(super) fn place(&self) -> String {
        ssrf::place(&self.method, &self.url)
    }
}

/// Everything that sends requests.
pub(super) struct Transport {
    pub(super) options: RegistryOptions,
    pub(super) named: Arc<AllowedHosts>,
    /// Passwords and tokens in use.
    pub(super) secrets: Secrets,
    clients: ClientPool,
    large: Semaphore,
    origins: Origins,
}

impl Default for Transport {
    fn default() -> Self {
        let named: Arc<AllowedHosts> = Arc::default();
        let clients = ClientPool::default_client(Arc::clone(&named));
        Self::over(RegistryOptions::default(), named, clients)
    }
}

impl Transport {
    /// Remembers the passwords that are sent to proxies.
    fn over(options: RegistryOptions, named: Arc<AllowedHosts>, clients: ClientPool) -> Self {
        let secrets = Secrets::default();
        proxy::credentials().for_each(|(username, password)| secrets.add_basic(&username, &password));
        Self { options, named, secrets, clients, large: large(), origins: Origins::default() }
    }

    pub(super) fn new(options: RegistryOptions) -> Result<Self, String> {
        let named: Arc<AllowedHosts> = Arc::default();
        let clients = ClientPool::new(&options, Arc::clone(&named))?;
        Ok(Self::over(options, named, clients))
    }

    /// Makes tries of what begins with `call` until one gives an answer that will not pass, or until the tries or the time are used up.
    /// A server that is known not to answer is not tried.
    pub(super) async fn repeat<Attempt>(
        &self,
        home: &Endpoint,
        call: &Request,
        repeat: Idempotency,
        attempt: impl Fn() -> Attempt + Send + Sync,
    ) -> Result<Response, StoreError>
    where
        Attempt: Future<Output = Result<Response, HttpError>> + Send,
    {
        let total = self.options.timeouts.total;
        let deadline = Instant::now().checked_add(total);
        let mut tries = RetryState::new(self.options.retries);
        let place = &call.place();
        let origin = self.origins.of(&call.url);
        let before = origin.served();
        let known = origin.expect_anybody(self.knock(home, &call.url)).await;
        known.map_err(|detail| {
            let detail =
                format!("{detail}; an earlier request failed in the same way, and the server still does not answer");
            StoreError::Unavailable { place: place.to_owned(), detail }
        })?;
        let mut served = before;
        loop {
            let outcome = match deadline {
                Some(deadline) => timeout_at(deadline, attempt()).await,
                None => Ok(attempt().await),
            };
            let Ok(outcome) = outcome else {
                let error = self.out_of_time(place);
                origin.said_nothing(before, &said(&error));
                return Err(error);
            };
            let made = tries.attempt();
            let (passes, asked) = match &outcome {
                Ok(reply) => (retry::may_pass(reply.status, repeat), retry::retry_after(&reply.headers)),
                Err(trouble) => (trouble.is_retryable(repeat), None),
            };
            // As long as others are served it is only a matter of time, which the limiter of the server handles.
            let too_many = outcome.as_ref().is_ok_and(|reply| reply.status == StatusCode::TOO_MANY_REQUESTS);
            if passes
                && too_many
                && retry::is_reasonable(asked)
                && std::mem::replace(&mut served, origin.served()) != served
            {
                continue;
            }
            if passes
                && let Some(pause) = tries.another(asked)
                && deadline.is_none_or(|deadline| deadline.saturating_duration_since(Instant::now()) > pause)
            {
                tokio::time::sleep(pause).await;
                continue;
            }
            return match outcome {
                Ok(reply) => Ok(Response { tries: made, ..reply }),
                Err(trouble) => {
                    let error = after_tries(trouble.error, made);
                    origin.said_nothing(before, &said(&error));
                    Err(error)
                }
            };
        }
    }

    /// Returns true if a server that said nothing before answers anything at all.
    async fn knock(&self, home: &Endpoint, url: &Url) -> bool {
        let Ok(url) = url.join("/v2/") else { return false };
        let call = Request { redirects: Redirects::Refuse, ..Request::new(Method::HEAD, url) };
        let place = call.place();
        let answer = self.observed(&call, &call.url, self.send(home, &call, &call.url, None, &place));
        timeout(PROBE_TIMEOUT, answer).await.is_ok_and(|answer| answer.is_ok())
    }

    /// Bounds an operation of several requests by the total time.
    pub(super) async fn within_total<T>(
        &self,
        place: &str,
        operation: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        timeout(self.options.timeouts.total, operation).await.unwrap_or_else(|_| Err(self.out_of_time(place)))
    }

    /// One try: the request, its redirects, and the body of the answer.
    ///
    /// `authorization` goes to the origin of the call and is dropped for good on a redirect to any other.
    pub(super) async fn attempt(
        &self,
        home: &Endpoint,
        call: &Request,
        mut authorization: Option<&HeaderValue>,
    ) -> Result<Response, HttpError> {
        let place = call.place();
        let mut url = call.url.clone();
        let mut hops = 0_usize;
        let origin = self.origins.of(&call.url);
        origin.turn().await;
        let begun = Instant::now();
        loop {
            let response = self.observed(call, &url, self.send(home, call, &url, authorization, &place)).await?;
            if hops == 0 {
                match response.status() {
                    StatusCode::TOO_MANY_REQUESTS => {
                        let asked = retry::retry_after(response.headers());
                        origin.has_too_many(begun, asked.filter(|_| retry::is_reasonable(asked)));
                    }
                    _ => origin.serves(),
                }
            }
            let Some(location) = redirect(&response) else {
                let status = response.status();
                let headers = response.headers().clone();
                let mut body = self.read(response, call, &place).await?;
                // Before anything is cut off, so that no piece of a secret remains.
                if !status.is_success()
                    && let Body::Whole(bytes) = &mut body
                {
                    self.secrets.redact_bytes(bytes);
                }
                let source = Source::of(&call.url, &url);
                let who = "anonymous access".to_owned();
                return Ok(Response {
                    status,
                    headers,
                    url,
                    source,
                    body,
                    place,
                    who,
                    tries: 1,
                    quotes: Quotes::Words,
                });
            };
            if call.redirects == Redirects::Refuse || !matches!(call.method, Method::GET | Method::HEAD) {
                return Err(HttpError::protocol(
                    &place,
                    format!("expected an answer, found a redirect to {}", shown(&location)),
                ));
            }
            hops = hops.saturating_add(1);
            if hops > MAX_REDIRECTS {
                return Err(HttpError::protocol(
                    &place,
                    format!("expected at most {MAX_REDIRECTS} redirects, found more"),
                ));
            }
            let next = url.join(&location).map_err(|_| {
                HttpError::protocol(&place, format!("a redirect to an invalid URL, {}", shown(&location)))
            })?;
            ssrf::check_target(&next, &home.base)
                .map_err(|detail| HttpError::protocol(&place, format!("a redirect that is not followed: {detail}")))?;
            if next.origin() != url.origin() {
                authorization = None;
            }
            url = next;
        }
    }

    /// Tells the observer, if there is one, what came of a request to `url`.
    async fn observed(
        &self,
        call: &Request,
        url: &Url,
        sent: impl Future<Output = Result<reqwest::Response, HttpError>> + Send,
    ) -> Result<reqwest::Response, HttpError> {
        let Some(observer) = &self.options.observer else { return sent.await };
        let asked = Instant::now();
        let outcome = sent.await;
        let place = self.secrets.redact(&ssrf::place(&call.method, url)).into_owned();
        let seen = match &outcome {
            Ok(response) => Ok(response.status().as_u16()),
            Err(HttpError { error: StoreError::Unavailable { detail, .. }, .. }) => Err(self.secrets.redact(detail)),
            Err(trouble) => Err(trouble.error.code().into()),
        };
        let seen = seen.as_ref().map(|status| *status).map_err(AsRef::as_ref);
        observer.request(&RequestEvent { place: &place, outcome: seen, took: asked.elapsed() });
        outcome
    }

    async fn send(
        &self,
        home: &Endpoint,
        call: &Request,
        url: &Url,
        authorization: Option<&HeaderValue>,
        place: &str,
    ) -> Result<reqwest::Response, HttpError> {
        let client = self
            .clients
            .get(&self.options, home, url)
            .map_err(|detail| HttpError::permanent(StoreError::Unavailable { place: place.to_owned(), detail }))?;
        let mut request = client.request(call.method.clone(), url.clone()).headers(call.headers.clone());
        // A transfer is judged by the digest of its bytes as stored, so nothing may change them in transit.
        request = request.header(ACCEPT_ENCODING, "identity");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let mut patience = self.options.timeouts.connect.saturating_add(self.options.timeouts.idle);
        if let Some(body) = &call.body {
            let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
            patience =
                patience.saturating_add(Duration::from_secs(length.checked_div(MIN_UPLOAD_RATE).unwrap_or_default()));
            request = request.body(body.clone());
        }
        let outcome = match timeout(patience, request.send()).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(error)) => transport_trouble(place, error),
            Err(_) => HttpError {
                error: StoreError::Unavailable {
                    place: place.to_owned(),
                    detail: format!("no answer within {} s", patience.as_secs_f32()),
                },
                kind: ErrorKind::Permanent,
            },
        };
        Err(by_way_of(outcome, url))
    }

    async fn read(&self, mut response: reqwest::Response, call: &Request, place: &str) -> Result<Body, HttpError> {
        let success = response.status().is_success();
        if call.method == Method::HEAD || response.status() == StatusCode::NO_CONTENT {
            return Ok(Body::Whole(Vec::new()));
        }
        if success
            && let Some(coding) = response.headers().get(CONTENT_ENCODING)
            && coding.as_bytes() != b"identity"
        {
            let found = printable(&String::from_utf8_lossy(coding.as_bytes()), 40);
            return Err(HttpError::protocol(place, format!("expected no content coding, found {found:?}")));
        }
        let limit = if success { call.limit } else { self.options.limits.error_body_bytes };
        if success && response.content_length().is_some_and(|length| length > limit) {
            return Ok(Body::Excess);
        }
        let mut turn = None;
        let mut bytes: Vec<u8> = Vec::new();
        // Growing by doubling would take twice the memory; the length is within the limit.
        let length = response.content_length().and_then(|length| usize::try_from(length.min(limit)).ok());
        if call.room == BodyBudget::Own {
            bytes.reserve_exact(length.unwrap_or_default());
        }
        loop {
            let chunk = match timeout(self.options.timeouts.idle, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => {
                    // The connection is given back by another task: let it, or the next request opens another one.
                    tokio::task::yield_now().await;
                    return Ok(Body::Whole(bytes));
                }
                // What came of an error's body will do.
                Ok(Err(_)) | Err(_) if !success => return Ok(Body::Whole(bytes)),
                Ok(Err(error)) => return Err(transport_trouble(place, error)),
                Err(_) => {
                    let idle = self.options.timeouts.idle.as_secs_f32();
                    return Err(HttpError::permanent(StoreError::Unavailable {
                        place: place.to_owned(),
                        detail: format!("the answer stopped for {idle} s after {} bytes", bytes.len()),
                    }));
                }
            };
            if turn.is_none()
                && call.room == BodyBudget::Shared
                && bytes.len().saturating_add(chunk.len()) > MAX_UNCOUNTED_BYTES
            {
                let most = length.or_else(|| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
                let share = u32::try_from(most.div_ceil(1024)).unwrap_or(u32::MAX).min(LARGE);
                turn = self.large.acquire_many(share).await.ok();
                bytes.reserve_exact(length.unwrap_or_default().saturating_sub(bytes.len()));
            }
            let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(bytes.len());
            if chunk.len() <= room {
                bytes.extend_from_slice(&chunk);
            } else if success {
                return Ok(Body::Excess);
            } else {
                bytes.extend(chunk.iter().take(room));
                return Ok(Body::Whole(bytes));
            }
        }
    }

    fn out_of_time(&self, place: &str) -> StoreError {
        let total = self.options.timeouts.total.as_secs_f32();
        StoreError::Unavailable { place: place.to_owned(), detail: format!("not done within {total} s") }
    }
}

/// Why nothing was answered.
fn said(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable { detail, .. } => detail.clone(),
        other => other.to_string(),
    }
}

/// Room for large answers.
fn large() -> Semaphore {
    Semaphore::new(usize::try_from(LARGE).unwrap_or(usize::MAX))
}

/// Where the answer sends us, if it does.
fn redirect(response: &reqwest::Response) -> Option<String> {
    let follows = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| follows)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

fn shown(location: &str) -> String {
    printable(location.split('?').next().unwrap_or_default(), 200)
}

fn after_tries(error: StoreError, tries: u32) -> StoreError {
    match error {
        StoreError::Unavailable { place, detail } if tries > 1 => {
            StoreError::Unavailable { place, detail: format!("{detail}, after {tries} tries") }
        }
        other => other,
    }
}

fn transport_trouble(place: &str, error: reqwest::Error) -> HttpError {
    let unanswered = error.url().and_then(|url| unanswered(&error, url));
    let error = error.without_url();
    let refused = certificate_trouble(&error);
    let kind = match (&refused, error.is_connect()) {
        (Some(_), _) => ErrorKind::Permanent,
        (None, true) => ErrorKind::Connect,
        (None, false) => ErrorKind::Transient,
    };
    let detail = match refused {
        Some(why) => format!("the server's certificate is not trusted ({why})"),
        None => match unanswered {
            Some(who) => format!("{who} ({})", chain(&error)),
            None => chain(&error),
        },
    };
    HttpError { error: StoreError::Unavailable { place: place.to_owned(), detail }, kind }
}

/// The same error, with the name of the proxy that the request used.
fn by_way_of(trouble: HttpError, url: &Url) -> HttpError {
    let proxy = if ssrf::is_loopback(url) { None } else { proxy::of(url) };
    match (proxy, trouble) {
        (Some(proxy), HttpError { error: StoreError::Unavailable { place, detail }, kind }) => {
            let detail = format!("{detail}; through the proxy {}", printable(&proxy, 200));
            HttpError { error: StoreError::Unavailable { place, detail }, kind }
        }
        (_, trouble) => trouble,
    }
}

/// Who does not answer, where no connection was made. Of a proxy it is not known which of the two is absent.
fn unanswered(error: &reqwest::Error, url: &Url) -> Option<String> {
    if !error.is_connect() || (!ssrf::is_loopback(url) && proxy::of(url).is_some()) {
        return None;
    }
    let mut cause: &(dyn std::error::Error + 'static) = error;
    loop {
        if cause.to_string() == "dns error" {
            return Some(format!("there is no address for the host {}", url.host_str().unwrap_or_default()));
        }
        if cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.raw_os_error().is_some()) {
            return Some(format!("nothing answers at {}", ssrf::authority(url)));
        }
        cause = cause.source()?;
    }
}

/// What TLS has against the server's certificate.
fn certificate_trouble(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut error = error;
    loop {
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
            return Some(crate::cause::in_words(why));
        }
        // An `io::Error` hides the error it wraps from `source`.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        error = match wrapped {
            Some(wrapped) => wrapped,
            None => error.source()?,
        };
    }
}

/// What the layers of the client say of a failure, where a cause follows that says it.
const LAYERS: [&str; 4] =
    ["error sending request", "client error (Connect)", "client error (SendRequest)", "tcp connect error"];

/// An error and its causes, each once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        let more = error.to_string();
        if text.contains(&more) || (next.is_some() && LAYERS.contains(&more.as_str())) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&more);
    }
    printable(&text, 400)
}
