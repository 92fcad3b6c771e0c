//! Why something was refused, one stable code per reason.

use crate::bundle::BundleError;
use crate::content::{ContentError, EnvelopeError};
use crate::crypto::SignatureError;
use crate::digest::Digest;

/// A reason for refusal, with what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing that could be a signature exists.
    #[error("no signature was found; looked for {looked_for}")]
    NoSignatures {
        /// The places and formats looked at.
        looked_for: String,
    },
    /// No rule of the policy is about the artifact.
    #[error("no rule of the policy is about {image}, and what no rule is about is refused")]
    NoPolicyMatches {
        /// The image.
        image: String,
    },
    /// The policy refuses the artifact whatever it shows.
    #[error("the policy refuses it{}", .why.as_ref().map_or_else(String::new, |why| format!(": {why}")))]
    RefusedByPolicy {
        /// Why, in the words of the policy.
        why: Option<String>,
    },
    /// What was found cannot be read as a signature.
    #[error(transparent)]
    Unreadable(#[from] BundleError),
    /// The kind of verification material is not the one that the policy judges by.
    #[error("expected {expected}, found {found}")]
    MaterialMismatch {
        /// What the policy judges by.
        expected: &'static str,
        /// What the signature carries.
        found: &'static str,
    },
    /// What was signed is of another kind than asked for.
    #[error("expected {expected}, found {found}")]
    ContentMismatch {
        /// The kinds asked for.
        expected: &'static str,
        /// The kind found.
        found: &'static str,
    },
    /// The signed document does not parse.
    #[error(transparent)]
    Payload(#[from] ContentError),
    /// The envelope's payload is of another type.
    #[error("payload type: expected {expected:?}, found {found:?}")]
    PayloadTypeMismatch {
        /// The type asked for.
        expected: &'static str,
        /// The type found.
        found: String,
    },
    /// The statement says another kind of thing: an attestation is not a signature.
    #[error("predicate type: expected {expected:?}, found {found:?}")]
    PredicateTypeMismatch {
        /// The type asked for.
        expected: &'static str,
        /// The type found.
        found: String,
    },
    /// `critical.type` of a simple signing document is another.
    #[error("critical.type: expected {expected:?}, found {found:?}")]
    ClaimTypeMismatch {
        /// The type asked for.
        expected: &'static str,
        /// The type found.
        found: String,
    },
    /// The signature does not verify.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The signed document names another artifact.
    #[error("expected {expected}, found {found}")]
    SubjectMismatch {
        /// The artifact's digest.
        expected: String,
        /// What is named.
        found: String,
    },
    /// A wanted annotation is not signed, or has another value.
    #[error("annotation {name:?}: expected {expected:?}, found {}", .found.as_ref().map_or("none".to_owned(), |found| format!("{found:?}")))]
    AnnotationMismatch {
        /// The annotation.
        name: String,
        /// The value asked for.
        expected: String,
        /// The signed value.
        found: Option<String>,
    },
    /// The signature was made for another repository.
    #[error("docker-reference: expected {expected:?}, found {}", .found.as_ref().map_or("none signed".to_owned(), |found| format!("{found:?}")))]
    ReferenceMismatch {
        /// The repository asked for.
        expected: String,
        /// The repository signed, when the format signs one.
        found: Option<String>,
    },
}

impl Reason {
    /// Every code, sorted.
    pub const CODES: [&'static str; 18] = [
        "algorithm-unsupported",
        "annotation-mismatch",
        "bundle-malformed",
        "bundle-version-unsupported",
        "claim-type-mismatch",
        "content-mismatch",
        "material-mismatch",
        "message-needed",
        "no-policy-matches",
        "no-signatures",
        "payload-malformed",
        "payload-type-mismatch",
        "predicate-type-mismatch",
        "reference-mismatch",
        "refused-by-policy",
        "signature-count",
        "signature-invalid",
        "subject-mismatch",
    ];

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSignatures { .. } => "no-signatures",
            Self::NoPolicyMatches { .. } => "no-policy-matches",
            Self::RefusedByPolicy { .. } => "refused-by-policy",
            Self::Unreadable(BundleError::Version { .. }) => "bundle-version-unsupported",
            Self::Unreadable(BundleError::Envelope(EnvelopeError::SignatureCount { .. })) => "signature-count",
            Self::Unreadable(_) => "bundle-malformed",
            Self::MaterialMismatch { .. } => "material-mismatch",
            Self::ContentMismatch { .. } => "content-mismatch",
            Self::Payload(_) => "payload-malformed",
            Self::PayloadTypeMismatch { .. } => "payload-type-mismatch",
            Self::PredicateTypeMismatch { .. } => "predicate-type-mismatch",
            Self::ClaimTypeMismatch { .. } => "claim-type-mismatch",
            Self::Signature(SignatureError::Unsupported { .. }) => "algorithm-unsupported",
            Self::Signature(SignatureError::NeedsMessage { .. } | SignatureError::DigestMismatch { .. }) => {
                "message-needed"
            }
            Self::Signature(_) => "signature-invalid",
            Self::SubjectMismatch { .. } => "subject-mismatch",
            Self::AnnotationMismatch { .. } => "annotation-mismatch",
            Self::ReferenceMismatch { .. } => "reference-mismatch",
        }
    }

    /// What was expected, for machines; `None` where the message says it all.
    pub fn expected(&self) -> Option<String> {
        match self {
            Self::MaterialMismatch { expected, .. }
            | Self::ContentMismatch { expected, .. }
            | Self::PayloadTypeMismatch { expected, .. }
            | Self::PredicateTypeMismatch { expected, .. }
            | Self::ClaimTypeMismatch { expected, .. } => Some((*expected).to_owned()),
            Self::SubjectMismatch { expected, .. }
            | Self::AnnotationMismatch { expected, .. }
            | Self::ReferenceMismatch { expected, .. } => Some(expected.clone()),
            Self::NoSignatures { .. }
            | Self::NoPolicyMatches { .. }
            | Self::RefusedByPolicy { .. }
            | Self::Unreadable(_)
            | Self::Payload(_)
            | Self::Signature(_) => None,
        }
    }

    /// What was found, for machines; `None` where nothing was, or the message says it all.
    pub fn actual(&self) -> Option<String> {
        match self {
            Self::MaterialMismatch { found, .. } | Self::ContentMismatch { found, .. } => Some((*found).to_owned()),
            Self::PayloadTypeMismatch { found, .. }
            | Self::PredicateTypeMismatch { found, .. }
            | Self::ClaimTypeMismatch { found, .. }
            | Self::SubjectMismatch { found, .. } => Some(found.clone()),
            Self::AnnotationMismatch { found, .. } | Self::ReferenceMismatch { found, .. } => found.clone(),
            Self::NoSignatures { .. }
            | Self::NoPolicyMatches { .. }
            | Self::RefusedByPolicy { .. }
            | Self::Unreadable(_)
            | Self::Payload(_)
            | Self::Signature(_) => None,
        }
    }

    pub(crate) fn subject(expected: &Digest, found: impl ToString) -> Self {
        Self::SubjectMismatch { expected: expected.to_string(), found: found.to_string() }
    }
}
