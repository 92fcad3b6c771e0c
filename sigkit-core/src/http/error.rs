use std::error::Error;

use reqwest::Url;

use super::sanitize::printable;
use super::secrets::Secrets;
use super::{proxy, ssrf};

/// Characters of an error and its causes that are shown.
const MAX_CAUSE_CHARS: usize = 400;
/// What the layers of the client say of a failure, where a cause follows that says it.
const LAYERS: [&str; 4] =
    ["error sending request", "client error (Connect)", "client error (SendRequest)", "tcp connect error"];

/// An error before there is an answer, or in reading it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {detail}")]
pub(crate) struct HttpError {
    /// Method and URL, without query.
    pub(crate) place: String,
    /// What went wrong, in words that are safe to show.
    pub(crate) detail: String,
    /// What follows from it.
    pub(crate) kind: HttpErrorKind,
}

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpErrorKind {
    /// A later attempt may succeed.
    Transient,
    /// The same, and nothing was sent yet.
    Connect,
    /// No answer, and none would come of another attempt within the time.
    Permanent,
    /// There is an answer, and it breaks the protocol or leads where no request may go.
    Protocol,
}

impl HttpError {
    pub(crate) fn new(kind: HttpErrorKind, place: &str, detail: impl Into<String>) -> Self {
        Self { place: place.to_owned(), detail: detail.into(), kind }
    }

    pub(crate) fn transient(place: &str, detail: impl Into<String>) -> Self {
        Self::new(HttpErrorKind::Transient, place, detail)
    }

    pub(crate) fn permanent(place: &str, detail: impl Into<String>) -> Self {
        Self::new(HttpErrorKind::Permanent, place, detail)
    }

    pub(crate) fn protocol(place: &str, detail: impl Into<String>) -> Self {
        Self::new(HttpErrorKind::Protocol, place, detail)
    }

    /// The same error after so many attempts.
    pub(super) fn after_attempts(mut self, attempts: u32) -> Self {
        if attempts > 1 && self.kind != HttpErrorKind::Protocol {
            self.detail.push_str(&format!(", after {attempts} tries"));
        }
        self
    }

    /// The error of a request to `url` that the client could not send, or not read the answer of.
    pub(super) fn of_transport(place: &str, error: reqwest::Error) -> Self {
        let silent = error.url().and_then(|url| silent_server(&error, url));
        let error = error.without_url();
        let refused = certificate_error(&error);
        let kind = match (&refused, error.is_connect()) {
            (Some(_), _) => HttpErrorKind::Permanent,
            (None, true) => HttpErrorKind::Connect,
            (None, false) => HttpErrorKind::Transient,
        };
        let detail = match refused {
            Some(why) => format!("the server's certificate is not trusted ({why})"),
            None => match silent {
                Some(who) => format!("{who} ({})", with_causes(&error)),
                None => with_causes(&error),
            },
        };
        Self::new(kind, place, detail)
    }

    /// The same error in words without secrets.
    pub(super) fn redacted(self, secrets: &Secrets) -> Self {
        let redacted = |text: String| secrets.redact(&text).into_owned();
        Self { place: redacted(self.place), detail: redacted(self.detail), kind: self.kind }
    }

    /// The same error, with the name of the proxy that the request to `url` used.
    pub(super) fn through_proxy(mut self, url: &Url) -> Self {
        if let Some(proxy) = proxy::of(url).filter(|_| !ssrf::is_loopback(url)) {
            self.detail.push_str(&format!("; through the proxy {}", printable(&proxy, 200)));
        }
        self
    }
}

/// An error of an attempt that a service makes of requests and of work of its own, such as getting a token.
#[derive(Clone, Debug)]
pub(crate) enum SendError<E> {
    /// Of a request; another attempt is made if it may succeed.
    Http(HttpError),
    /// Of the service, which is final.
    Service(E),
}

impl<E> From<HttpError> for SendError<E> {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

/// The server that does not answer, where no connection was made. Of a proxy it is not known which of the two is absent.
fn silent_server(error: &reqwest::Error, url: &Url) -> Option<String> {
    if !error.is_connect() || (!ssrf::is_loopback(url) && proxy::of(url).is_some()) {
        return None;
    }
    let mut cause: &(dyn Error + 'static) = error;
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
fn certificate_error(error: &(dyn Error + 'static)) -> Option<String> {
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

/// An error and its causes, each once.
pub(super) fn with_causes(error: &dyn Error) -> String {
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
    printable(&text, MAX_CAUSE_CHARS)
}
