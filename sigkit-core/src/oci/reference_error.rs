use crate::digest::DigestError;

/// Longest repository path, and longest host; OCI distribution clients bound both together to 255.
pub(super) const MAX_NAME: usize = 255;

/// Why a text is not an image reference. Texts are cut to 80 characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// Not a host with an optional port.
    #[error("expected a registry host with an optional port, found {found:?}")]
    Registry {
        /// The text.
        found: String,
    },
    /// An address in an unusual form: readers would disagree on the host.
    #[error("expected an address as four decimal numbers or in brackets, like 127.0.0.1 or [::1], found {found:?}")]
    Address {
        /// The text.
        found: String,
    },
    /// Not a repository path.
    #[error("expected a repository path of lowercase letters, digits and single separators, found {found:?}")]
    Path {
        /// The text.
        found: String,
    },
    /// Not a tag.
    #[error("expected a tag of at most 128 letters, digits, `_`, `.`, `-`, found {found:?}")]
    Tag {
        /// The text.
        found: String,
    },
    /// Not a digest.
    #[error("not a digest: {0}")]
    Digest(#[from] DigestError),
    /// Not a name, but nearly one.
    #[error("{error}: write {meant}")]
    Meant {
        /// What is wrong with the text.
        error: Box<ReferenceError>,
        /// The name that was probably meant.
        meant: String,
    },
}

/// The text as errors show it: cut to 80 characters.
pub(super) fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}
