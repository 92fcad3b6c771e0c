//! What a registry's answer means when it is not what was asked for: error documents of the distribution specification, and errors of
//! HTTP, become a [`StoreError`].

use std::borrow::Cow;
use std::ops::Deref;
use std::time::Duration;

use serde::Deserialize;

use crate::http::sanitize::printable;
use crate::http::{HttpError, HttpErrorKind, Response, Secrets, SendError, Source, retry_after};
use crate::store::StoreError;

/// Characters of a server's words that are shown.
const MAX_ERROR_DETAIL_CHARS: usize = 4 << 10;

/// An answer of a registry or of its token server.
#[derive(Debug)]
pub(super) struct RegistryResponse {
    pub(super) response: Response,
    /// Which credentials were sent, in words, with a hint when some were held back.
    pub(super) credentials_used: String,
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

/// An error of one attempt.
pub(super) type AttemptError = SendError<StoreError>;

impl From<HttpError> for StoreError {
    fn from(HttpError { place, detail, kind }: HttpError) -> Self {
        match kind {
            HttpErrorKind::Transient | HttpErrorKind::Connect | HttpErrorKind::Permanent => {
                Self::Unavailable { place, detail }
            }
            HttpErrorKind::Protocol => Self::Protocol { place, detail },
        }
    }
}

impl From<AttemptError> for StoreError {
    fn from(error: AttemptError) -> Self {
        match error {
            SendError::Http(error) => error.into(),
            SendError::Service(error) => error,
        }
    }
}

impl From<StoreError> for AttemptError {
    fn from(error: StoreError) -> Self {
        Self::Service(error)
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

impl RegistryResponse {
    /// The answer to a request that was sent without credentials.
    pub(super) fn anonymous(response: Response) -> Self {
        Self { response, credentials_used: "anonymous access".to_owned(), quotes: Quotes::Words }
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
            401 | 403 => {
                StoreError::Denied { place, detail: format!("{}; tried {}", self.words(), self.credentials_used) }
            }
            404 if self.says_denied() => {
                StoreError::Denied { place, detail: format!("{}; tried {}", self.words(), self.credentials_used) }
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
        if self.attempts > 1 {
            words.push_str(&format!(", after {} tries", self.attempts));
        }
        match retry_after(&self.headers) {
            Some(pause) if pause > Duration::ZERO => {
                words.push_str(&format!("; the server asks to retry after {} s", pause.as_secs()));
            }
            _ => {}
        }
        words
    }

    /// Status and what the server said about it.
    pub(super) fn words(&self) -> String {
        let status = self.status_text();
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

impl Deref for RegistryResponse {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.response
    }
}

impl AsMut<Response> for RegistryResponse {
    fn as_mut(&mut self) -> &mut Response {
        &mut self.response
    }
}

/// The same error in words without secrets.
pub(super) fn redact(secrets: &Secrets, error: StoreError) -> StoreError {
    if let StoreError::Manifest { place, error } = &error {
        let detail = error.to_string();
        if let Cow::Owned(detail) = secrets.redact(&detail) {
            return StoreError::Protocol { place: secrets.redact(place).into_owned(), detail };
        }
    }
    error.map_text(|text| match secrets.redact(&text) {
        Cow::Owned(safe) => safe,
        Cow::Borrowed(_) => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: R40
    #[test]
    fn an_error_has_no_secret_in_place_or_detail() {
        let secrets = Secrets::default();
        secrets.add("LIVE-TOKEN");
        let error = StoreError::Denied { place: "GET http://r/LIVE-TOKEN".to_owned(), detail: "LIVE-TOKEN".to_owned() };
        assert_eq!(redact(&secrets, error).to_string(), "GET http://r/(secret): access denied ((secret))");
        let error = crate::oci::ManifestError::SchemaVersion { found: "LIVE-TOKEN".to_owned() };
        let error = StoreError::Manifest { place: "p".to_owned(), error };
        assert!(!redact(&secrets, error).to_string().contains("LIVE"));
    }
}
