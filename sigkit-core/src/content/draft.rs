use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Content, Envelope, SIMPLE_SIGNING_TYPE, SimpleSigning, Statement, dsse};
use crate::crypto::Signature;
use crate::digest::Digest;
use crate::json::JsonError;
use crate::oci::media_type;

/// What is about to be signed, apart from who signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Draft {
    /// A simple signing document, for the legacy `.sig` format.
    SimpleSigning {
        /// The exact bytes to sign.
        payload: Vec<u8>,
    },
    /// An in-toto statement: a signature in the bundle format, or an attestation.
    Statement {
        /// The exact bytes of the statement.
        payload: Vec<u8>,
    },
}

impl Draft {
    /// The statement that signs an image in the bundle format.
    ///
    /// # Errors
    /// [`JsonError`], which these types cannot cause.
    pub fn statement(image: &Digest, annotations: &BTreeMap<String, String>) -> Result<Self, JsonError> {
        Ok(Self::Statement { payload: Statement::sign(image, annotations)? })
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

    /// The message for the signer.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::SimpleSigning { payload } => Cow::Borrowed(payload),
            Self::Statement { payload } => Cow::Owned(dsse::pae(media_type::IN_TOTO, payload)),
        }
    }

    /// Joins the draft with the signature over [`Draft::bytes`].
    pub fn sign(self, signature: Signature) -> Content {
        match self {
            Self::SimpleSigning { payload } => Content::SimpleSigning { payload, signature },
            Self::Statement { payload } => Content::Envelope(Envelope {
                payload_type: media_type::IN_TOTO.to_owned(),
                payload: Arc::new(payload),
                signature,
            }),
        }
    }
}
