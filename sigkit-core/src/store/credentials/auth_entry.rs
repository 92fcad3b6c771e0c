use std::fmt;

use crate::http::Secret;
use crate::store::registry::Credentials;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use zeroize::Zeroizing;

/// RFC 4648 as people write it by hand: padding may be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A value of `auths`. Empty texts count as absent: docker leaves them where a helper keeps the rest.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    auth: Option<Text>,
    username: Option<Text>,
    password: Option<Text>,
    identitytoken: Option<Text>,
    registrytoken: Option<Text>,
}

/// Why an entry cannot be used. No variant carries what was found: it may be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryError {
    /// RFC 4648.
    #[error("auth is not base64")]
    Base64,
    /// No separator.
    #[error("auth is not the base64 of \"user:password\": there is no colon in it")]
    NoColon,
    /// Not text.
    #[error("auth is not the base64 of \"user:password\": it is not UTF-8")]
    NotText,
    /// One of two.
    #[error("there is a username without a password, or a password without a username")]
    Half,
}

impl Entry {
    /// What the entry says; `None` when it says nothing. A token for the registry goes before one for its token server, and both
    /// before a password.
    ///
    /// # Errors
    /// [`EntryError`].
    pub(super) fn into_credentials(self) -> Result<Option<Credentials>, EntryError> {
        if let Some(token) = given(self.registrytoken) {
            return Ok(Some(Credentials::Bearer(token)));
        }
        if let Some(token) = given(self.identitytoken) {
            return Ok(Some(Credentials::Identity(token)));
        }
        if let Some(auth) = given(self.auth) {
            return decode(&auth).map(Some);
        }
        match (given(self.username), given(self.password)) {
            (None, None) => Ok(None),
            (Some(username), Some(password)) => {
                Ok(Some(Credentials::Basic { username: username.expose().to_owned(), password }))
            }
            _ => Err(EntryError::Half),
        }
    }
}

fn given(text: Option<Text>) -> Option<Secret> {
    text.map(|text| text.0).filter(|text| !text.expose().is_empty())
}

fn decode(auth: &Secret) -> Result<Credentials, EntryError> {
    let bytes = Zeroizing::new(BASE64.decode(auth.expose().trim_ascii()).map_err(|_| EntryError::Base64)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| EntryError::NotText)?;
    let (username, password) = text.split_once(':').ok_or(EntryError::NoColon)?;
    // Old versions of docker padded passwords with NUL.
    let password = Secret::new(password.trim_end_matches('\0'));
    Ok(Credentials::Basic { username: username.to_owned(), password })
}

/// A text of JSON that leaves memory when dropped.
#[derive(Clone, Debug)]
pub(super) struct Text(pub(super) Secret);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Secret::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Option<Credentials>, EntryError> {
        serde_json::from_str::<Entry>(json).unwrap().into_credentials()
    }

    fn basic(username: &str, password: &str) -> Credentials {
        Credentials::Basic { username: username.to_owned(), password: Secret::new(password) }
    }

    // threat: G10
    #[test]
    fn every_way_to_write_an_entry_is_read() {
        let secret = |text: &str| Secret::new(text);
        for (json, expected) in [
            ("{}", None),
            (r#"{"auth":"","email":"a@b.example"}"#, None),
            (r#"{"auth":null}"#, None),
            (r#"{"auth":"dXNlcjpwYXNz"}"#, Some(basic("user", "pass"))),
            (r#"{"auth":"dTpwOnc="}"#, Some(basic("u", "p:w"))),
            (r#"{"auth":"dTpwOnc"}"#, Some(basic("u", "p:w"))),
            (r#"{"auth":"dTpwOnc=\n"}"#, Some(basic("u", "p:w"))),
            (r#"{"auth":"dTpwAAAA"}"#, Some(basic("u", "p"))),
            (r#"{"auth":"dTo="}"#, Some(basic("u", ""))),
            (r#"{"username":"u","password":"p"}"#, Some(basic("u", "p"))),
            (r#"{"auth":"dTpw","username":"x","password":"y"}"#, Some(basic("u", "p"))),
            (r#"{"auth":"dTo=","identitytoken":"t"}"#, Some(Credentials::Identity(secret("t")))),
            (r#"{"registrytoken":"t","auth":"dTpw"}"#, Some(Credentials::Bearer(secret("t")))),
        ] {
            assert_eq!(read(json), Ok(expected), "{json}");
        }
    }

    // threat: G10
    #[test]
    fn a_bad_entry_is_refused_in_words() {
        for (json, expected) in [
            (r#"{"auth":"not base64!"}"#, EntryError::Base64),
            (r#"{"auth":"dXNlcg=="}"#, EntryError::NoColon),
            (r#"{"auth":"/zr/"}"#, EntryError::NotText),
            (r#"{"username":"u"}"#, EntryError::Half),
            (r#"{"password":"p"}"#, EntryError::Half),
        ] {
            assert_eq!(read(json), Err(expected), "{json}");
        }
    }

    // threat: K09
    #[test]
    fn entries_do_not_show_their_secrets() {
        let entry: Entry = serde_json::from_str(r#"{"auth":"S3CRET","password":"S3CRET"}"#).unwrap();
        assert!(!format!("{entry:?}").contains("S3CRET"));
    }
}
