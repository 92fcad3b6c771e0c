//! The client's errors in the words of this crate.

use std::error::Error;

use ::oci_client::errors::{DigestError, OciDistributionError, OciEnvelope, OciErrorCode};

use crate::store::StoreError;

/// Characters of a server's words that are shown.
const MAX_ERROR_DETAIL_CHARS: usize = 400;

/// What an answer was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A manifest or blob, of which 404 says that it is not there.
    Object,
    /// A list, of which it says nothing.
    List,
}

/// What `error` means for a request for `asked` at `place`.
pub(super) fn store_error(place: String, asked: Asked, error: OciDistributionError) -> StoreError {
    use OciDistributionError as Theirs;
    match error {
        Theirs::UnauthorizedError { .. } => StoreError::Denied { place, detail: "401 Unauthorized".to_owned() },
        Theirs::AuthenticationFailure(words) => {
            StoreError::Denied { place, detail: format!("the token server denies access: {}", printable(&words)) }
        }
        Theirs::RegistryError { envelope, .. } => by_codes(place, asked, &envelope),
        Theirs::ServerError { code, message, .. } => by_status(place, asked, code, &message),
        Theirs::DigestError(DigestError::VerificationError { expected, actual }) => {
            match (expected.parse(), actual.parse()) {
                (Ok(expected), Ok(found)) => StoreError::DigestMismatch { place, expected, found },
                _ => StoreError::Protocol {
                    place,
                    detail: format!("expected bytes of {}, found {}", printable(&expected), printable(&actual)),
                },
            }
        }
        Theirs::RequestError(error) => StoreError::Unavailable { place, detail: chain(&error.without_url()) },
        Theirs::IoError(error) => StoreError::Unavailable { place, detail: chain(&error) },
        other => StoreError::Protocol { place, detail: printable(&other.to_string()) },
    }
}

/// Returns true if the error says that the registry keeps no list of referrers, rather than that it will not show it.
pub(super) fn no_list(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ServerError { code, .. } => matches!(code, 400 | 404 | 405 | 406 | 501),
        OciDistributionError::RegistryError { envelope, .. } => {
            let unsupported = |code: &OciErrorCode| is_unknown(code) || *code == OciErrorCode::Unsupported;
            all(envelope, unsupported)
        }
        _ => false,
    }
}

fn by_status(place: String, asked: Asked, status: u16, words: &str) -> StoreError {
    let detail = match printable(words.trim()) {
        words if words.is_empty() => format!("status {status}"),
        words => format!("status {status} ({words})"),
    };
    match (status, asked) {
        (404, Asked::Object) => StoreError::NotFound { place },
        (401 | 403, _) => StoreError::Denied { place, detail },
        (408 | 429 | 500..=599, _) => StoreError::Unavailable { place, detail },
        _ => StoreError::Protocol { place, detail },
    }
}

/// The status is lost when there are codes, so these must tell.
fn by_codes(place: String, asked: Asked, envelope: &OciEnvelope) -> StoreError {
    let words: Vec<String> =
        envelope.errors.iter().map(|error| format!("{:?}: {}", error.code, error.message)).collect();
    let detail = printable(&words.join("; "));
    let any = |wanted: &[OciErrorCode]| envelope.errors.iter().any(|error| wanted.contains(&error.code));
    if any(&[OciErrorCode::Unauthorized, OciErrorCode::Denied]) {
        return StoreError::Denied { place, detail };
    }
    if any(&[OciErrorCode::Toomanyrequests, OciErrorCode::Other("UNAVAILABLE".to_owned())]) {
        return StoreError::Unavailable { place, detail };
    }
    if asked == Asked::Object && all(envelope, is_unknown) {
        return StoreError::NotFound { place };
    }
    StoreError::Protocol { place, detail }
}

/// The codes that the distribution specification keeps for 404.
fn is_unknown(code: &OciErrorCode) -> bool {
    use OciErrorCode::{BlobUnknown, ManifestUnknown, NameUnknown, NotFound};
    matches!(code, BlobUnknown | ManifestUnknown | NameUnknown | NotFound)
}

/// Returns true if all codes are such, of which there must be one.
fn all(envelope: &OciEnvelope, such: impl Fn(&OciErrorCode) -> bool) -> bool {
    !envelope.errors.is_empty() && envelope.errors.iter().all(|error| such(&error.code))
}

fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    printable(&words)
}

/// Remote text with everything escaped that could act on a terminal, cut short.
fn printable(text: &str) -> String {
    text.chars().take(MAX_ERROR_DETAIL_CHARS).flat_map(char::escape_debug).collect()
}
