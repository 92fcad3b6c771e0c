//! What a server answered, and what it means when it is not what was asked for.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::retry;
use super::sanitize::printable;
use super::ssrf;
use super::transport::Idempotency;
use crate::store::StoreError;

/// Characters of a server's words that are shown.
const MAX_ERROR_DETAIL_CHARS: usize = 4 << 10;

/// One answer, body included.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Where it came from in the end.
    pub(super) url: Url,
    /// Whether that is the object asked for, or something else that a redirect led to.
    pub(super) source: Source,
    pub(super) body: Body,
    /// `METHOD URL` as sent, for error messages.
    pub(super) place: String,
    /// Which credentials were sent, in words, with a hint when some were held back.
    pub(super) who: String,
    /// How often was asked.
    pub(super) tries: u32,
    /// What of the body may be shown.
    pub(super) quotes: Quotes,
}

/// What of an answer's body may be shown. Nothing is, of an answer that says that all is well: it may hold a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Error documents, and plain text.
    Words,
    /// Error documents alone: a token server's text may be a token.
    ErrorDocuments,
}

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The object asked for, perhaps at another registry.
    Object,
    /// Whatever lies at the end of a redirect: a storage service, a sign-in page.
    Elsewhere,
}

impl Source {
    /// Compares the last two parts of the paths, such as `manifests/latest`: a registry that moved keeps them.
    pub(super) fn of(asked: &Url, answered: &Url) -> Self {
        let tail =
            |url: &'_ Url| url.path_segments().map(|parts| parts.rev().take(2).map(str::to_owned).collect::<Vec<_>>());
        if tail(asked) == tail(answered) { Self::Object } else { Self::Elsewhere }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Body {
    /// All of it, or of an error's body as much as is kept.
    Whole(Vec<u8>),
    /// More than the limit; nothing is kept.
    Excess,
}

/// An error before an answer.
#[derive(Debug)]
pub(super) struct HttpError {
    pub(super) error: StoreError,
    pub(super) kind: ErrorKind,
}

/// What may be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorKind {
    /// A later try may succeed.
    Transient,
    /// The same, and nothing was sent yet.
    Connect,
    /// It will be the same again.
    Permanent,
}

impl HttpError {
    pub(super) const fn permanent(error: StoreError) -> Self {
        Self { error, kind: ErrorKind::Permanent }
    }

    pub(super) const fn transient(error: StoreError) -> Self {
        Self { error, kind: ErrorKind::Transient }
    }

    /// Returns true if a later try may succeed.
    pub(super) fn is_retryable(&self, repeat: Idempotency) -> bool {
        match self.kind {
            ErrorKind::Connect | ErrorKind::Transient => repeat == Idempotency::Safe,
            ErrorKind::Permanent => false,
        }
    }

    pub(super) fn protocol(place: &str, detail: impl Into<String>) -> Self {
        Self::permanent(StoreError::Protocol { place: place.to_owned(), detail: detail.into() })
    }
}

#[derive(Deserialize)]
struct ErrorDocument {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    detail: serde_json::Value,
}

impl ErrorEntry {
    /// What the server said, with the detail that it gave, if any.
    fn words(&self) -> String {
        let detail = match &self.detail {
            serde_json::Value::String(text) => text.trim().to_owned(),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        };
        let parts =
            [self.code.as_str(), self.message.as_str(), if detail == "{}" || detail == "[]" { "" } else { &detail }];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
    }
}

/// RFC 6749 §5.2.
#[derive(Deserialize)]
struct OAuthError {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Response {
    /// A header's value, if it is text.
    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The media type of the body, in lower case and without parameters (RFC 9110 §8.3.1).
    pub(super) fn content_type(&self) -> Option<String> {
        let kind = self.header(CONTENT_TYPE)?.split(';').next().unwrap_or_default().trim();
        Some(kind.to_ascii_lowercase())
    }

    /// Returns true if this is a page for people: of a portal or a proxy, where a registry was asked.
    pub(super) fn is_html(&self) -> bool {
        self.content_type().is_some_and(|kind| kind == "text/html" || kind == "application/xhtml+xml")
    }

    /// The whole body; nothing when it was too large.
    pub(super) fn body(&self) -> &[u8] {
        match &self.body {
            Body::Whole(bytes) => bytes,
            Body::Excess => &[],
        }
    }

    /// The error that this answer to a read amounts to.
    pub(super) fn read_error(&self, expected: &str) -> StoreError {
        match self.status.as_u16() {
            404 if self.is_absence() => StoreError::NotFound { place: self.place.clone() },
            _ => self.any_error(expected),
        }
    }

    /// The error that this answer amounts to, where 404 says nothing about an object that was asked for.
    pub(super) fn any_error(&self, expected: &str) -> StoreError {
        let place = self.place.clone();
        match self.status.as_u16() {
            401 | 403 => StoreError::Denied { place, detail: format!("{}; tried {}", self.words(), self.who) },
            404 if self.says_denied() => {
                StoreError::Denied { place, detail: format!("{}; tried {}", self.words(), self.who) }
            }
            408 | 429 | 500..=599 => StoreError::Unavailable { place, detail: self.describe_errors() },
            _ => StoreError::Protocol { place, detail: format!("expected {expected}, found {}", self.words()) },
        }
    }

    /// Returns true if this says that the object asked for is not there.
    pub(super) fn is_absence(&self) -> bool {
        self.status.as_u16() == 404 && self.source == Source::Object && !self.says_denied()
    }

    /// Returns true if the error document names one of these codes.
    pub(super) fn has_code(&self, codes: &[&str]) -> bool {
        self.errors().iter().any(|error| codes.contains(&error.code.as_str()))
    }

    fn says_denied(&self) -> bool {
        self.has_code(&["UNAUTHORIZED", "DENIED"])
    }

    fn describe_errors(&self) -> String {
        let mut words = self.words();
        if self.tries > 1 {
            words.push_str(&format!(", after {} tries", self.tries));
        }
        match retry::retry_after(&self.headers) {
            Some(pause) if pause > Duration::ZERO => {
                words.push_str(&format!("; the server asks to retry after {} s", pause.as_secs()));
            }
            _ => {}
        }
        words
    }

    /// Status and what the server said about it.
    pub(super) fn words(&self) -> String {
        let status = match self.status.canonical_reason() {
            Some(reason) => format!("{} {reason}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        };
        let status = match self.source {
            Source::Object => status,
            Source::Elsewhere => format!("{status} from {}", printable(&ssrf::authority(&self.url), 200)),
        };
        let errors = self.errors();
        if !errors.is_empty() {
            let said: Vec<String> = errors.iter().map(ErrorEntry::words).collect();
            return format!("{status} ({})", printable(&said.join("; "), MAX_ERROR_DETAIL_CHARS));
        }
        if self.is_html() {
            return format!("{status} (a page of HTML)");
        }
        if self.status.is_success() || self.quotes == Quotes::ErrorDocuments {
            return status;
        }
        match String::from_utf8_lossy(self.body()).trim() {
            "" => status,
            text => format!("{status} ({})", printable(text, 200)),
        }
    }

    fn errors(&self) -> Vec<ErrorEntry> {
        if self.status.is_success() {
            return Vec::new();
        }
        if let Ok(document) = serde_json::from_slice::<ErrorDocument>(self.body()) {
            return document.errors;
        }
        match serde_json::from_slice::<OAuthError>(self.body()) {
            Ok(OAuthError { error, error_description }) if self.quotes == Quotes::ErrorDocuments => {
                vec![ErrorEntry { code: error, message: error_description, detail: serde_json::Value::Null }]
            }
            _ => Vec::new(),
        }
    }
}
