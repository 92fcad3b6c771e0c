//! Where a key is, and the algorithms of keys that can be made.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};

const FORMS: &str = "a file, env://VARIABLE, or - for standard input";

/// Algorithms of key pairs that can be created, by name.
pub(crate) const ALGORITHMS: &[&str] =
    &["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096", "rsa-8192"];

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// In a file.
    File(PathBuf),
    /// In an environment variable of this name.
    Variable(String),
    /// On standard input.
    Stdin,
}

/// Reads the value of `--key`.
pub(crate) fn key_source() -> impl TypedValueParser<Value = KeySource> {
    OsStringValueParser::new().try_map(KeySource::try_from)
}

impl TryFrom<OsString> for KeySource {
    type Error = String;

    fn try_from(given: OsString) -> Result<Self, String> {
        let text = match given.to_str() {
            None => return Ok(Self::File(given.into())),
            Some("") => return Err(format!("expected {FORMS}, found nothing")),
            Some("-") => return Ok(Self::Stdin),
            Some(text) => text,
        };
        if let Some(name) = text.strip_prefix("env://") {
            return if name.is_empty() || name.contains('=') {
                Err(format!("expected env://VARIABLE, found {text:?}"))
            } else {
                Ok(Self::Variable(name.to_owned()))
            };
        }
        let scheme =
            text.split_once("://").map(|(scheme, _)| scheme).or(text.starts_with("pkcs11:").then_some("pkcs11"));
        match scheme
            .filter(|scheme| !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
        {
            Some(scheme) => Err(format!("{scheme} keys are not supported; expected {FORMS}")),
            None => Ok(Self::File(given.into())),
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => write!(f, "env://{name}"),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}
