//! The credentials of one repository, and the header that is made of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;

use super::credentials::{CredentialError, Credentials};
use crate::http::sanitize::printable;
use crate::http::{Endpoint, ssrf};
use crate::store::StoreError;

/// What looking for credentials gave.
pub(super) struct ResolvedCredential {
    pub(super) credentials: Result<Option<Credentials>, CredentialError>,
    pub(super) origin: Option<String>,
}

/// What is sent as `Authorization`.
#[derive(Clone, Debug)]
pub(super) struct Authorization {
    pub(super) value: HeaderValue,
    /// In words, for error messages.
    pub(super) who: String,
}

impl ResolvedCredential {
    pub(super) const fn nothing() -> Self {
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
