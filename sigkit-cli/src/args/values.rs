//! Values of flags.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use sigkit_core::digest::DigestAlgorithm;
use zeroize::Zeroizing;

/// A password or token: never shown.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// One `key=value`; the value may contain `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Annotation {
    /// Never empty.
    pub(crate) key: String,
    /// Possibly empty.
    pub(crate) value: String,
}

/// The annotations of one `-a`: one, or several behind commas when each piece has its own `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Annotations(pub(super) Vec<Annotation>);

impl FromStr for Annotations {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pieces: Option<Vec<Annotation>> = text.split(',').map(annotation).collect();
        // A comma that is followed by no key belongs to the value.
        pieces
            .or_else(|| annotation(text).map(|one| vec![one]))
            .map(Self)
            .ok_or_else(|| format!("expected key=value, found {text:?}"))
    }
}

fn annotation(text: &str) -> Option<Annotation> {
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty())?;
    Some(Annotation { key: key.to_owned(), value: value.to_owned() })
}

/// A number of things, at least one.
pub(super) fn count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| format!("expected a number from 1 up, found {text:?}"))
}

/// Shape of what `verify` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReportFormat {
    /// The signed payloads as a JSON array.
    Json,
    /// The signed payloads, one per line.
    Text,
    /// The whole report as JSON, for success and failure.
    Report,
}

/// Digest of the payload under a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SignatureDigest {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl From<SignatureDigest> for DigestAlgorithm {
    fn from(digest: SignatureDigest) -> Self {
        match digest {
            SignatureDigest::Sha256 => Self::Sha256,
            SignatureDigest::Sha384 => Self::Sha384,
            SignatureDigest::Sha512 => Self::Sha512,
        }
    }
}

/// A span of time as Go writes it: `3m`, `1h30m`, `1.5s`, `200ms`.
///
/// # Errors
/// What was expected, in words.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected a time such as 30s, 3m or 1h30m, found {text:?}");
    let mut rest = text;
    let mut seconds = 0_f64;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(expected)?;
        let (count, behind) = rest.split_at(number);
        let unit = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit);
        let unit = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(expected()),
        };
        seconds += count.parse::<f64>().map_err(|_| expected())? * unit;
        rest = behind;
    }
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, milliseconds) in [
            ("3m", 180_000),
            ("3m0s", 180_000),
            ("1h30m", 5_400_000),
            ("1.5s", 1_500),
            ("200ms", 200),
            (".5s", 500),
            ("1m0.25s", 60_250),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "3", "m", "0s", "-3m", "3 m", "3x", "1.2.3s", "1e3s", "999999999999999999999h", "3m\u{0}"] {
            assert!(duration(text).unwrap_err().starts_with("expected a time"), "{text}");
        }
    }

    #[test]
    fn an_annotation_is_cut_at_its_first_equals_sign() {
        for (text, expected) in [
            ("a=b", vec![("a", "b")]),
            ("a=b=c", vec![("a", "b=c")]),
            ("a=", vec![("a", "")]),
            ("a=b,c=d", vec![("a", "b"), ("c", "d")]),
            ("msg=hello,world", vec![("msg", "hello,world")]),
            ("q=x=1,", vec![("q", "x=1,")]),
        ] {
            let found = text.parse::<Annotations>().unwrap().0;
            let found: Vec<(&str, &str)> = found.iter().map(|a| (a.key.as_str(), a.value.as_str())).collect();
            assert_eq!(found, expected, "{text}");
        }
        for text in ["", "a", "=b", ",", "a,b"] {
            assert!(text.parse::<Annotations>().unwrap_err().starts_with("expected key=value"), "{text}");
        }
    }

    // threat: K09
    #[test]
    fn a_secret_does_not_show_itself() {
        let secret: Secret = "canary".parse().unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(secret.expose(), "canary");
    }
}
