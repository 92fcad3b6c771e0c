use crate::digest::Digest;
use crate::oci::ManifestError;

/// An error of a store. `place` names the request or file: a method and URL without secrets, or a path.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The place says that it does not hold this.
    #[error("not found: {place}")]
    NotFound {
        /// Where was asked.
        place: String,
    },
    /// The place asks for credentials, or refuses those given.
    #[error("{place}: access denied ({detail})")]
    Denied {
        /// Where was asked.
        place: String,
        /// What the place said and which credentials were tried.
        detail: String,
    },
    /// The place could not be reached or could not answer.
    #[error("{place}: {detail}")]
    Unavailable {
        /// Where was asked.
        place: String,
        /// Status or transport error, and how often it was tried.
        detail: String,
    },
    /// The caller's deadline passed.
    #[error("{place}: no answer within the timeout")]
    TimedOut {
        /// Where was asked.
        place: String,
    },
    /// The answer breaks the protocol.
    #[error("{place}: {detail}")]
    Protocol {
        /// Where was asked.
        place: String,
        /// What was expected and what was found.
        detail: String,
    },
    /// More bytes or entries than the limit allows.
    #[error("{place}: larger than the limit of {limit}")]
    TooLarge {
        /// Where was asked.
        place: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// Bytes that are not those named.
    #[error("{place}: expected {expected}, found {found}")]
    DigestMismatch {
        /// Where was asked.
        place: String,
        /// The digest asked for.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// A body shorter or longer than its descriptor says.
    #[error("{place}: expected {expected} bytes, found {found}")]
    SizeMismatch {
        /// Where was asked.
        place: String,
        /// Size in bytes by the descriptor.
        expected: u64,
        /// Size in bytes as read; one more than expected means any excess.
        found: u64,
    },
    /// A manifest that is not one, or not one only.
    #[error("{place}: {error}")]
    Manifest {
        /// Where it was read.
        place: String,
        /// What is wrong with it.
        error: ManifestError,
    },
    /// Another writer wrote in between.
    #[error("{place}: changed since it was read")]
    Conflict {
        /// Where was written.
        place: String,
    },
    /// The place does not let this tag move.
    #[error("{place}: the tag is immutable ({detail})")]
    Immutable {
        /// Where was written.
        place: String,
        /// What the place said.
        detail: String,
    },
    /// The place does not take what was to be written.
    #[error("{place}: not accepted ({detail})")]
    Refused {
        /// Where was written.
        place: String,
        /// What the place said.
        detail: String,
    },
    /// The place says that it lacks something that what was to be written names: for the moment, or for good.
    #[error("{place}: the registry says that something it names is missing ({detail})")]
    Lacks {
        /// Where was written.
        place: String,
        /// What the place said.
        detail: String,
    },
    /// The place cannot be written.
    #[error("{place}: read-only ({detail})")]
    ReadOnly {
        /// Where was written.
        place: String,
        /// Why.
        detail: String,
    },
    /// The store was asked to work in a way it cannot.
    #[error("{detail}")]
    Options {
        /// Which option, and what is wrong with it.
        detail: String,
    },
    /// The file system failed.
    #[error("{place}: {detail}")]
    Io {
        /// The path.
        place: String,
        /// The operating system's words.
        detail: String,
    },
}

impl StoreError {
    /// The same error, with its texts as `change` makes them.
    #[cfg(feature = "registry")]
    pub(crate) fn map_text(mut self, change: impl Fn(String) -> String) -> Self {
        let apply = |text: &mut String| *text = change(std::mem::take(text));
        match &mut self {
            Self::NotFound { place }
            | Self::Conflict { place }
            | Self::TimedOut { place }
            | Self::DigestMismatch { place, .. }
            | Self::SizeMismatch { place, .. }
            | Self::Manifest { place, .. } => apply(place),
            Self::Options { detail } => apply(detail),
            Self::Denied { place, detail }
            | Self::Unavailable { place, detail }
            | Self::Protocol { place, detail }
            | Self::TooLarge { place, limit: detail }
            | Self::Immutable { place, detail }
            | Self::Refused { place, detail }
            | Self::Lacks { place, detail }
            | Self::ReadOnly { place, detail }
            | Self::Io { place, detail } => {
                apply(place);
                apply(detail);
            }
        }
        self
    }

    /// What is wrong with a manifest that was read at `place`.
    pub(crate) fn of_manifest(place: impl Into<String>, error: ManifestError) -> Self {
        match error {
            ManifestError::TooMany { limit } => {
                Self::TooLarge { place: place.into(), limit: format!("{limit} values in one manifest") }
            }
            error => Self::Manifest { place: place.into(), error },
        }
    }

    /// Returns true if the place itself said that there is nothing: the only "none".
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// The reason code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::Denied { .. } => "access-denied",
            Self::Unavailable { .. } => "store-unavailable",
            Self::TimedOut { .. } => "timed-out",
            Self::Protocol { .. } => "store-protocol",
            Self::TooLarge { .. } => "too-large",
            Self::DigestMismatch { .. } => "digest-mismatch",
            Self::SizeMismatch { .. } => "size-mismatch",
            Self::Manifest { .. } => "manifest-ambiguous",
            Self::Conflict { .. } => "store-conflict",
            Self::Immutable { .. } => "tag-immutable",
            Self::Refused { .. } => "store-refused",
            Self::Lacks { .. } => "store-lacks",
            Self::ReadOnly { .. } => "store-read-only",
            Self::Options { .. } => "store-options",
            Self::Io { .. } => "file-error",
        }
    }
}
