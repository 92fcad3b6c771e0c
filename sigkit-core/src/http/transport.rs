//! One exchange: the request, its redirects by hand, and the body of the answer, all bounded.

use std::future::Future;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Url};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::client_pool::ClientPool;
use super::error::HttpError;
use super::observer::RequestEvent;
use super::options::HttpOptions;
use super::pacing::Origins;
use super::request::{BodyBudget, Endpoint, Redirects, Request};
use super::response::{Body, Response, Source};
use super::sanitize::printable;
use super::secrets::Secrets;
use super::stream::BodyStream;
use super::{proxy, retry, ssrf};

/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 5;
/// What an answer of a document may hold while others are read, in bytes. Nearly none are larger.
const MAX_UNCOUNTED_BYTES: usize = 256 << 10;
/// What all larger ones together may hold while they are read, in KiB: two manifests at the limit, however many are asked for.
const SHARED_BUDGET_KIB: u32 = 8 << 10;
/// The slowest upload that is waited for, in bytes a second.
const MIN_UPLOAD_RATE: u64 = 32 << 10;

/// Everything that sends requests.
pub(super) struct Transport {
    pub(super) options: HttpOptions,
    /// Passwords and tokens in use.
    pub(super) secrets: Secrets,
    pub(super) origins: Origins,
    clients: ClientPool,
    /// Room for large answers.
    budget: Semaphore,
}

impl Default for Transport {
    fn default() -> Self {
        Self::over(HttpOptions::default(), ClientPool::default())
    }
}

impl Transport {
    /// Checks the options.
    pub(super) fn new(options: HttpOptions) -> Result<Self, String> {
        let clients = ClientPool::new(&options)?;
        Ok(Self::over(options, clients))
    }

    /// Remembers the passwords that are sent to proxies.
    fn over(options: HttpOptions, clients: ClientPool) -> Self {
        let secrets = Secrets::default();
        proxy::credentials().for_each(|(username, password)| secrets.add_basic(&username, &password));
        let budget = Semaphore::new(usize::try_from(SHARED_BUDGET_KIB).unwrap_or(usize::MAX));
        Self { options, secrets, origins: Origins::default(), clients, budget }
    }

    /// Sends a request once, follows its redirects, and reads the answer.
    ///
    /// `authorization` goes to the origin of the request and is dropped for good on a redirect to any other.
    pub(super) async fn exchange(
        &self,
        endpoint: &Endpoint,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, HttpError> {
        let place = request.place();
        let (response, url) = self.open(endpoint, request, authorization, &place).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = self.read(response, request, &place).await?;
        // Before anything is cut off, so that no piece of a secret remains.
        if !status.is_success()
            && let Body::Whole(bytes) = &mut body
        {
            self.secrets.redact_bytes(bytes);
        }
        let source = Source::of(&request.url, &url);
        Ok(Response { status, headers, url, source, body, place, attempts: 1 })
    }

    /// Returns true if the server answers a request to `url` at all.
    pub(super) async fn is_answered(&self, endpoint: &Endpoint, url: Url) -> bool {
        let request = Request::new(Method::HEAD, url);
        let place = request.place();
        let answer = self.send(endpoint, &request, &request.url, None, &place);
        self.observed(&request, &request.url, answer).await.is_ok()
    }

    /// The head of the answer and the URL that it came from, after all redirects.
    async fn open(
        &self,
        endpoint: &Endpoint,
        request: &Request,
        mut authorization: Option<&HeaderValue>,
        place: &str,
    ) -> Result<(reqwest::Response, Url), HttpError> {
        let mut url = request.url.clone();
        let mut hops = 0_usize;
        let origin = self.origins.of(&request.url);
        origin.turn().await;
        let begun = Instant::now();
        loop {
            let response =
                self.observed(request, &url, self.send(endpoint, request, &url, authorization, place)).await?;
            if hops == 0 {
                match response.status() {
                    StatusCode::TOO_MANY_REQUESTS => {
                        let asked = retry::retry_after(response.headers());
                        origin.has_too_many(begun, asked.filter(|_| retry::is_reasonable(asked)));
                    }
                    _ => origin.serves(),
                }
            }
            let Some(location) = redirect(&response) else { return Ok((response, url)) };
            if request.redirects == Redirects::Refuse || !matches!(request.method, Method::GET | Method::HEAD) {
                return Err(HttpError::protocol(
                    place,
                    format!("expected an answer, found a redirect to {}", shown(&location)),
                ));
            }
            hops = hops.saturating_add(1);
            if hops > MAX_REDIRECTS {
                return Err(HttpError::protocol(
                    place,
                    format!("expected at most {MAX_REDIRECTS} redirects, found more"),
                ));
            }
            let next = url.join(&location).map_err(|_| {
                HttpError::protocol(place, format!("a redirect to an invalid URL, {}", shown(&location)))
            })?;
            ssrf::check_target(&next, &endpoint.base)
                .map_err(|detail| HttpError::protocol(place, format!("a redirect that is not followed: {detail}")))?;
            if next.origin() != url.origin() {
                authorization = None;
            }
            url = next;
        }
    }

    /// Tells the observer, if there is one, what came of a request to `url`.
    async fn observed(
        &self,
        request: &Request,
        url: &Url,
        sent: impl Future<Output = Result<reqwest::Response, HttpError>> + Send,
    ) -> Result<reqwest::Response, HttpError> {
        let Some(observer) = &self.options.observer else { return sent.await };
        let asked = Instant::now();
        let outcome = sent.await;
        let place = self.secrets.redact(&ssrf::place(&request.method, url)).into_owned();
        let seen = match &outcome {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) => Err(self.secrets.redact(&error.detail)),
        };
        let seen = seen.as_ref().map(|status| *status).map_err(AsRef::as_ref);
        observer.request(&RequestEvent { place: &place, outcome: seen, took: asked.elapsed() });
        outcome
    }

    async fn send(
        &self,
        endpoint: &Endpoint,
        request: &Request,
        url: &Url,
        authorization: Option<&HeaderValue>,
        place: &str,
    ) -> Result<reqwest::Response, HttpError> {
        self.options.addresses.check(url).map_err(|detail| HttpError::protocol(place, detail))?;
        let client =
            self.clients.get(&self.options, endpoint, url).map_err(|detail| HttpError::permanent(place, detail))?;
        let mut sent = client.request(request.method.clone(), url.clone()).headers(request.headers.clone());
        // A transfer is judged by the digest of its bytes as stored, so nothing may change them in transit.
        sent = sent.header(ACCEPT_ENCODING, "identity");
        if let Some(authorization) = authorization {
            sent = sent.header(AUTHORIZATION, authorization.clone());
        }
        let mut patience = self.options.timeouts.connect.saturating_add(self.options.timeouts.idle);
        if let Some(body) = &request.body {
            patience = patience.saturating_add(upload_time(u64::try_from(body.len()).unwrap_or(u64::MAX)));
            sent = sent.body(body.clone());
        }
        if let Some(upload) = &request.upload {
            patience = patience.saturating_add(upload_time(upload.length));
            let body =
                upload.take().ok_or_else(|| HttpError::transient(place, "the upload has to be started again"))?;
            sent = sent.header(CONTENT_LENGTH, upload.length).body(body);
        }
        let error = match timeout(patience, sent.send()).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(error)) => HttpError::of_transport(place, error),
            Err(_) => HttpError::permanent(place, format!("no answer within {} s", patience.as_secs_f32())),
        };
        Err(error.through_proxy(url))
    }

    async fn read(&self, mut response: reqwest::Response, request: &Request, place: &str) -> Result<Body, HttpError> {
        let success = response.status().is_success();
        if request.method == Method::HEAD || response.status() == StatusCode::NO_CONTENT {
            return Ok(Body::Whole(Vec::new()));
        }
        if success
            && let Some(coding) = response.headers().get(CONTENT_ENCODING)
            && coding.as_bytes() != b"identity"
        {
            let found = printable(&String::from_utf8_lossy(coding.as_bytes()), 40);
            return Err(HttpError::protocol(place, format!("expected no content coding, found {found:?}")));
        }
        let limit = if success { request.limit } else { self.options.error_body_bytes };
        if success && response.content_length().is_some_and(|length| length > limit) {
            return Ok(Body::Excess);
        }
        if success && request.budget == BodyBudget::Stream {
            return Ok(Body::Stream(BodyStream::new(response, place, self.options.timeouts.idle)));
        }
        let mut turn = None;
        let mut bytes: Vec<u8> = Vec::new();
        // Growing by doubling would take twice the memory; the length is within the limit.
        let length = response.content_length().and_then(|length| usize::try_from(length.min(limit)).ok());
        if request.budget == BodyBudget::Own {
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
                Ok(Err(error)) => return Err(HttpError::of_transport(place, error)),
                Err(_) => {
                    let idle = self.options.timeouts.idle.as_secs_f32();
                    let detail = format!("the answer stopped for {idle} s after {} bytes", bytes.len());
                    return Err(HttpError::permanent(place, detail));
                }
            };
            if turn.is_none()
                && request.budget == BodyBudget::Shared
                && bytes.len().saturating_add(chunk.len()) > MAX_UNCOUNTED_BYTES
            {
                let most = length.or_else(|| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
                let share = u32::try_from(most.div_ceil(1024)).unwrap_or(u32::MAX).min(SHARED_BUDGET_KIB);
                turn = self.budget.acquire_many(share).await.ok();
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
}

/// How long an upload of so many bytes may take.
pub(super) fn upload_time(bytes: u64) -> Duration {
    Duration::from_secs(bytes.checked_div(MIN_UPLOAD_RATE).unwrap_or_default())
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
