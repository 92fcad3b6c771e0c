use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Content, Envelope, SIMPLE_SIGNING_TYPE, SimpleSigning, Statement, dsse};
use crate::crypto::Signature;
use crate::digest::{Digest, DigestAlgorithm, Hasher};
use crate::json::JsonError;
use crate::oci::media_type;

/// A document that is about to be signed, apart from who signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsignedDocument {
    /// A simple signing document, for the legacy `.sig` format.
    SimpleSigning {
        /// The exact bytes to sign.
        payload: Vec<u8>,
    },
    /// An in-toto statement: a signature in the bundle format, or an attestation.
    Statement {
        /// The exact bytes of the statement, which may be large and are shared.
        payload: Arc<Vec<u8>>,
        /// The verifiers that must be able to read the signature.
        readers: Readers,
    },
}

/// The verifiers that must be able to read a signature.
///
/// There are no others, so matches may be exhaustive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Those of sigstore bundles, which know the hash of every key.
    Bundles,
    /// Those of cosign's legacy formats, which know SHA-256 alone.
    Legacy,
}

impl UnsignedDocument {
    /// The statement that signs an image in the bundle format.
    ///
    /// # Errors
    /// [`JsonError`], which these types cannot cause.
    pub fn statement(image: &Digest, annotations: &BTreeMap<String, String>) -> Result<Self, JsonError> {
        let payload = Arc::new(Statement::sign(image, annotations)?);
        Ok(Self::Statement { payload, readers: Readers::Bundles })
    }

    /// The document that signs an image in the legacy format; `reference` is `registry/repository`.
    ///
    /// # Errors
    /// [`JsonError`], which these types cannot cause.
    pub fn simple_signing(
        image: &Digest,
        reference: &str,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, JsonError> {
        let document = SimpleSigning {
            reference: reference.to_owned(),
            digest: *image,
            kind: SIMPLE_SIGNING_TYPE.to_owned(),
            optional: annotations.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect(),
        };
        Ok(Self::SimpleSigning { payload: document.to_bytes()? })
    }

    /// The verifiers that must be able to read the signature.
    pub const fn readers(&self) -> Readers {
        match self {
            Self::SimpleSigning { .. } => Readers::Legacy,
            Self::Statement { readers, .. } => *readers,
        }
    }

    /// The message to sign. For a statement it is a copy, with what comes before it.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::SimpleSigning { payload } => Cow::Borrowed(payload),
            Self::Statement { payload, .. } => Cow::Owned(dsse::pae(media_type::IN_TOTO, payload)),
        }
    }

    /// The digest of the message to sign, without a copy of it.
    pub fn digest(&self, algorithm: DigestAlgorithm) -> Digest {
        let mut hasher = Hasher::new(algorithm);
        match self {
            Self::SimpleSigning { payload } => hasher.update(payload),
            Self::Statement { payload, .. } => {
                hasher.update(dsse::pae_prefix(media_type::IN_TOTO, payload).as_bytes());
                hasher.update(payload);
            }
        }
        hasher.finish()
    }

    /// Joins the document with the signature over [`UnsignedDocument::bytes`].
    pub fn sign(self, signature: Signature) -> Content {
        match self {
            Self::SimpleSigning { payload } => Content::SimpleSigning { payload, signature },
            Self::Statement { payload, .. } => {
                Content::Envelope(Envelope { payload_type: media_type::IN_TOTO.to_owned(), payload, signature })
            }
        }
    }
}
