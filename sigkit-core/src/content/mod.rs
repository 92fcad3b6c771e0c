//! What a signature is over, in every form that the field signs.

mod dsse;
mod predicate;
pub mod scan;
mod shape;
mod simple_signing;
mod statement;
mod unsigned;

pub(crate) use dsse::{EncodedPayload, PAYLOAD, WireEnvelope};
pub use dsse::{Envelope, EnvelopeError};
pub use predicate::{PredicateType, PredicateTypeError};
pub use simple_signing::{SIMPLE_SIGNING_TYPE, SimpleSigning};
pub use statement::{SIGN_PREDICATE, Statement, Subject};
pub use unsigned::{Readers, UnsignedDocument};

use crate::crypto::Signature;
use crate::digest::{Digest, DigestAlgorithm};
use crate::json::JsonError;
use crate::text::clip;

/// The signed thing and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// A signature over the artifact's own bytes.
    Message(MessageSignature),
    /// A signature over a simple signing document, which names an image.
    SimpleSigning {
        /// The document's exact bytes.
        payload: Vec<u8>,
        /// The signature over them.
        signature: Signature,
    },
    /// A DSSE envelope; its payload names the artifact.
    Envelope(Envelope),
}

impl Content {
    /// The signature.
    pub const fn signature(&self) -> &Signature {
        match self {
            Self::Message(message) => &message.signature,
            Self::SimpleSigning { signature, .. } => signature,
            Self::Envelope(envelope) => &envelope.signature,
        }
    }

    /// The digest of the bytes that are signed. Those of a message are the artifact itself.
    pub(crate) fn signed_digest(
        &self,
        algorithm: DigestAlgorithm,
        artifact: impl FnOnce(DigestAlgorithm) -> Option<Digest>,
    ) -> Option<Digest> {
        match self {
            Self::Message(_) => artifact(algorithm),
            Self::SimpleSigning { payload, .. } => Some(Digest::of(algorithm, payload)),
            Self::Envelope(envelope) => Some(envelope.signed_digest(algorithm)),
        }
    }
}

/// A signature over the artifact's own bytes. Sigstore bundle specification, `messageSignature`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSignature {
    /// The artifact's digest as the signer noted it; only compared, never trusted.
    pub digest: Option<Digest>,
    /// The signature.
    pub signature: Signature,
}

/// Why a signed document does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// Not strict JSON of the right shape.
    #[error("{document}: {error}")]
    Json {
        /// Which document.
        document: &'static str,
        /// Where and why.
        error: JsonError,
    },
    /// A member whose value cannot be meant.
    #[error("{document}: `{member}`: expected {expected}, found {found:?}")]
    Member {
        /// Which document.
        document: &'static str,
        /// The member's path.
        member: &'static str,
        /// The expected value.
        expected: &'static str,
        /// The value found, cut to 200 characters.
        found: String,
    },
    /// More entries than the limit allows.
    #[error("{document}: more than {limit} {what}")]
    TooMany {
        /// Which document.
        document: &'static str,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}
