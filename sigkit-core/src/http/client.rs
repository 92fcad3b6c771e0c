//! Requests as often as the retry policy allows, within one deadline.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{StatusCode, Url};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{HttpError, SendError};
use super::options::HttpOptions;
use super::request::{Endpoint, Idempotency, Request};
use super::response::Response;
use super::retry::{self, RetryState};
use super::secrets::Secrets;
use super::transport::{Transport, upload_time};

/// How long a server has to answer that said nothing before.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends requests for one client of registries or services.
#[derive(Default)]
pub(crate) struct HttpClient {
    transport: Transport,
}

impl HttpClient {
    /// A client. Nothing is loaded or connected before the first request.
    ///
    /// # Errors
    /// What is wrong with the user agent or with the certificates, key and server name for TLS.
    pub(crate) fn new(options: HttpOptions) -> Result<Self, String> {
        Ok(Self { transport: Transport::new(options)? })
    }

    pub(crate) const fn options(&self) -> &HttpOptions {
        &self.transport.options
    }

    /// The number of servers that are remembered.
    pub(crate) fn origins(&self) -> usize {
        self.transport.origins.len()
    }

    /// The passwords and tokens in use, to be kept out of messages.
    pub(crate) const fn secrets(&self) -> &Secrets {
        &self.transport.secrets
    }

    /// Sends a request as often as the retry policy allows, until there is an answer that another attempt would not change.
    ///
    /// # Errors
    /// [`HttpError`] of the last attempt, or when the total time is over; without secrets.
    pub(crate) async fn send(
        &self,
        endpoint: &Endpoint,
        request: &Request,
        idempotency: Idempotency,
    ) -> Result<Response, HttpError> {
        let attempt = || async { Ok::<_, SendError<Infallible>>(self.attempt(endpoint, request, None).await?) };
        match self.retry(endpoint, request, idempotency, attempt).await {
            Ok(response) => Ok(response),
            Err(SendError::Http(error)) => Err(error.redacted(self.secrets())),
            Err(SendError::Service(never)) => match never {},
        }
    }

    /// Sends a request once. `authorization` goes to the origin of the request and is dropped on a redirect to any other.
    ///
    /// # Errors
    /// [`HttpError`] when there is no answer, or none that may be read.
    pub(crate) async fn attempt(
        &self,
        endpoint: &Endpoint,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, HttpError> {
        self.transport.exchange(endpoint, request, authorization).await
    }

    /// Makes attempts, each of which begins with `request`, until one gives an answer that another would not change, or until the
    /// attempts or the time are used up. A server that does not answer other requests of the moment is asked for a sign of life first.
    ///
    /// # Errors
    /// [`SendError`] of the last attempt, or when the total time is over.
    pub(crate) async fn retry<Attempt, Answer, Error>(
        &self,
        endpoint: &Endpoint,
        request: &Request,
        idempotency: Idempotency,
        attempt: impl Fn() -> Attempt + Send + Sync,
    ) -> Result<Answer, SendError<Error>>
    where
        Attempt: Future<Output = Result<Answer, SendError<Error>>> + Send,
        Answer: AsMut<Response>,
    {
        let options = self.options();
        let total = options.timeouts.total.saturating_add(upload_time(request.follow_up_bytes));
        let deadline = Instant::now().checked_add(total);
        let mut state = RetryState::new(options.retries);
        let place = &request.place();
        let origin = self.transport.origins.of(&request.url);
        let _operation = origin.begin();
        let before = origin.served();
        let known = origin.expect_anybody(self.is_answered(endpoint, &request.url)).await;
        known.map_err(|detail| {
            let detail =
                format!("{detail}; an earlier request failed in the same way, and the server still does not answer");
            HttpError::permanent(place, detail)
        })?;
        let mut served = before;
        loop {
            let outcome = match deadline {
                Some(deadline) => timeout_at(deadline, attempt()).await,
                None => Ok(attempt().await),
            };
            let Ok(mut outcome) = outcome else {
                let error = self.out_of_time(place);
                origin.said_nothing(before, &error.detail);
                return Err(error.into());
            };
            let (retryable, asked, too_many) = match &mut outcome {
                Ok(answer) => {
                    let response = answer.as_mut();
                    response.attempts = state.attempts();
                    let too_many = response.status == StatusCode::TOO_MANY_REQUESTS;
                    let retryable = retry::is_retryable_status(response.status, idempotency);
                    (retryable, retry::retry_after(&response.headers), too_many)
                }
                Err(SendError::Http(error)) => (retry::is_retryable_error(error.kind, idempotency), None, false),
                Err(SendError::Service(_)) => (false, None, false),
            };
            // As long as others are served it is only a matter of time, which the pace of the origin handles.
            if retryable
                && too_many
                && retry::is_reasonable(asked)
                && std::mem::replace(&mut served, origin.served()) != served
            {
                continue;
            }
            let attempts = state.attempts();
            if retryable
                && let Some(pause) = state.next_delay(asked)
                && deadline.is_none_or(|deadline| deadline.saturating_duration_since(Instant::now()) > pause)
            {
                tokio::time::sleep(pause).await;
                continue;
            }
            return match outcome {
                Err(SendError::Http(error)) => {
                    let error = error.after_attempts(attempts);
                    origin.said_nothing(before, &error.detail);
                    Err(error.into())
                }
                outcome => outcome,
            };
        }
    }

    /// Bounds an operation of several requests by the total time.
    ///
    /// # Errors
    /// Those of the operation, or that of the time.
    pub(crate) async fn within_total<T, E: From<HttpError>>(
        &self,
        place: &str,
        operation: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let total = self.options().timeouts.total;
        timeout(total, operation).await.unwrap_or_else(|_| Err(self.out_of_time(place).into()))
    }

    /// Returns true if a server that said nothing before answers anything at all.
    async fn is_answered(&self, endpoint: &Endpoint, url: &Url) -> bool {
        let Ok(root) = url.join("/") else { return false };
        timeout(PROBE_TIMEOUT, self.transport.is_answered(endpoint, root)).await.unwrap_or(false)
    }

    fn out_of_time(&self, place: &str) -> HttpError {
        let total = self.options().timeouts.total.as_secs_f32();
        HttpError::permanent(place, format!("not done within {total} s"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;
    use reqwest::Method;
    use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
    use testkit::http::Response as Answer;
    use testkit::{RecordingServer, refused_address};

    use super::*;
    use crate::http::{Body, HttpErrorKind, RequestEvent, RequestObserver, RetryPolicy, TlsProfile};

    const QUICK: RetryPolicy = RetryPolicy { max: 2, pause: Duration::from_millis(1) };

    fn client(options: HttpOptions) -> HttpClient {
        HttpClient::new(HttpOptions { retries: QUICK, ..options }).unwrap()
    }

    fn endpoint(url: &str) -> Endpoint {
        Endpoint { base: Url::parse(url).unwrap(), tls: TlsProfile::Default }
    }

    /// A request as a certificate authority or a timestamp authority gets it.
    fn post(endpoint: &Endpoint, body: &'static [u8]) -> Request {
        let mut request = Request::new(Method::POST, endpoint.base.join("/api/v1/timestamp?x=1").unwrap());
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/timestamp-query"));
        request.body = Some(Bytes::from_static(body));
        request.limit = 10;
        request
    }

    #[tokio::test]
    async fn service_without_registry_is_asked_and_bounded() {
        let server =
            RecordingServer::answering(Answer::new(201).with_header("Content-Type", "A/B; c").with_body("0123456789"));
        let endpoint = endpoint(&server.url());
        let client = client(HttpOptions::default());
        let answer = client.send(&endpoint, &post(&endpoint, b"query"), Idempotency::Safe).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body(), answer.attempts), (201, &b"0123456789"[..], 1));
        assert_eq!(answer.content_type().as_deref(), Some("a/b"));
        assert_eq!(answer.place, format!("POST {}/api/v1/timestamp", server.url()));
        assert_eq!(server.requests()[0].body, b"query");
        let request = Request { limit: 9, ..post(&endpoint, b"") };
        let answer = client.send(&endpoint, &request, Idempotency::Safe).await.unwrap();
        assert!(matches!(answer.body, Body::Excess));
    }

    #[tokio::test]
    async fn answers_that_may_pass_are_asked_for_again_if_that_is_safe() {
        for (status, idempotency, attempts) in
            [(503, Idempotency::Safe, 3), (503, Idempotency::Never, 1), (400, Idempotency::Safe, 1)]
        {
            let server = RecordingServer::answering(Answer::new(status));
            let endpoint = endpoint(&server.url());
            let answer =
                client(HttpOptions::default()).send(&endpoint, &post(&endpoint, b""), idempotency).await.unwrap();
            assert_eq!((answer.status.as_u16(), answer.attempts), (status, attempts));
            assert_eq!(server.requests().len(), usize::try_from(attempts).unwrap());
        }
    }

    #[tokio::test]
    async fn error_says_what_follows_from_it() {
        let refused = endpoint(&format!("http://{}/", refused_address()));
        let error =
            client(HttpOptions::default()).send(&refused, &post(&refused, b""), Idempotency::Safe).await.unwrap_err();
        assert_eq!(error.kind, HttpErrorKind::Connect);
        assert!(error.detail.starts_with("nothing answers at") && error.detail.ends_with("after 3 tries"), "{error}");
        // A body that was sent is not sent to another place.
        let server = RecordingServer::answering(Answer::new(307).with_header("Location", "http://127.0.0.1:1/?S3CRET"));
        let endpoint = endpoint(&server.url());
        let error =
            client(HttpOptions::default()).send(&endpoint, &post(&endpoint, b""), Idempotency::Safe).await.unwrap_err();
        assert_eq!(error.kind, HttpErrorKind::Protocol);
        assert_eq!(error.detail, "expected an answer, found a redirect to http://127.0.0.1:1/");
    }

    #[derive(Default)]
    struct Seen(Mutex<Vec<String>>);

    impl RequestObserver for Seen {
        fn request(&self, event: &RequestEvent<'_>) {
            self.0.lock().unwrap().push(format!("{} {:?}", event.place, event.outcome));
        }
    }

    // threat: R40
    #[tokio::test]
    async fn secret_is_sent_and_shown_to_no_observer_and_in_no_error() {
        let server = RecordingServer::answering(Answer::new(403).with_body("you sent S3CRET-TOKEN"));
        let endpoint = endpoint(&server.url());
        let seen = Arc::new(Seen::default());
        let client = client(HttpOptions { observer: Some(Arc::<Seen>::clone(&seen)), ..HttpOptions::default() });
        client.secrets().add("S3CRET-TOKEN");
        let mut request = post(&endpoint, b"");
        request.url.set_path("/S3CRET-TOKEN");
        request.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer S3CRET-TOKEN"));
        let answer = client.send(&endpoint, &request, Idempotency::Never).await.unwrap();
        assert_eq!(answer.body(), b"you sent (secret)");
        assert_eq!(server.requests()[0].header("authorization"), Some("Bearer S3CRET-TOKEN"));
        assert_eq!(*seen.0.lock().unwrap(), [format!("POST {}/(secret) Ok(403)", server.url())]);
        let refused = super::tests::endpoint(&format!("http://{}/", refused_address()));
        let request = Request::new(Method::GET, refused.base.join("/S3CRET-TOKEN").unwrap());
        let error = client.send(&refused, &request, Idempotency::Never).await.unwrap_err();
        assert!(error.place.ends_with("/(secret)"), "{error}");
    }
}
