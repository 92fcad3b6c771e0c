//! The bytes of a signature, before anyone has said what they mean.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::asn1::UintRef;
use der::{Decode, Reader, SliceReader};

use crate::cause::{LikelyCause, TextFormat, encoded_again, likely_cause};
use crate::crypto::SignatureError;

/// A signature: ASN.1 DER for ECDSA, the raw octets for RSA and Ed25519.
///
/// ECDSA signatures are malleable, so these bytes identify nothing: do not use them as keys for caches or de-duplication.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// A signature from its bytes; the scheme judges their form at verification.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// A signature from canonical base64, RFC 4648 §4: the standard alphabet, padded, without white space.
    ///
    /// # Errors
    /// [`SignatureError::Base64`].
    pub fn from_base64(text: &str) -> Result<Self, SignatureError> {
        STANDARD.decode(text).map(Self).map_err(|error| SignatureError::Base64 { detail: error.to_string() })
    }

    /// A signature from base64 as tools write it: canonical, except line breaks.
    ///
    /// # Errors
    /// [`SignatureError::Base64`].
    pub fn from_base64_lines(text: &str) -> Result<Self, SignatureError> {
        if text.contains([' ', '\t']) && text.trim_ascii().is_empty() {
            return Err(SignatureError::Base64 { detail: "it is empty, or only white space".to_owned() });
        }
        let explained = |why: String, cause: Option<LikelyCause>| SignatureError::Base64 {
            detail: cause.map_or_else(|| why.clone(), |cause| format!("{why}: {cause}")),
        };
        let bytes = decode_lines(text).map_err(|error| {
            explained(
                error.to_string().trim_end_matches('.').to_owned(),
                likely_cause(text.as_bytes(), TextFormat::Base64),
            )
        })?;
        match encoded_again(&bytes) {
            Some(cause) => Err(explained("it encodes text".to_owned(), Some(cause))),
            None => Ok(Self(bytes)),
        }
    }

    /// A signature from a file that holds its base64, as [`Signature::from_base64_lines`].
    ///
    /// ```
    /// # const MESSAGE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/message.txt"));
    /// # const SIGNATURE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/cosign-3.1-ecdsa-p256.sig"));
    /// # const KEY: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/cosign-3.1-ecdsa-p256.pub"));
    /// use sigkit_core::PublicKey;
    /// use sigkit_core::crypto::Signature;
    ///
    /// let signature = Signature::from_base64_file(SIGNATURE)?;
    /// assert!(PublicKey::from_pem(KEY)?.verify(MESSAGE, &signature).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SignatureError::Base64`].
    pub fn from_base64_file(bytes: &[u8]) -> Result<Self, SignatureError> {
        let text = std::str::from_utf8(bytes).map_err(|error| SignatureError::Base64 {
            detail: likely_cause(bytes, TextFormat::Base64)
                .map_or_else(|| format!("not text, {error}"), |cause| format!("not text: {cause}")),
        })?;
        Self::from_base64_lines(text)
    }

    /// Padded standard base64, in one line.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.0)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Checks that these bytes are the strict DER of two non-negative integers and nothing else: no fixed-width pairs,
    /// no long lengths, no padding, no trailing bytes. The backend judges the ranges.
    pub(super) fn check_der(&self) -> Result<(), SignatureError> {
        let two_integers = |bytes| {
            let mut reader = SliceReader::new(bytes)?;
            reader.sequence(|body| {
                UintRef::decode(body)?;
                UintRef::decode(body)?;
                Ok::<_, der::Error>(())
            })?;
            reader.finish()
        };
        two_integers(&self.0).map_err(|error| SignatureError::NotDer { found: self.0.len(), detail: error.to_string() })
    }
}

/// The bytes of canonical base64 in which LF and CR may be anywhere, as every decoder of the field skips them; nothing else may.
pub(crate) fn decode_lines(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    STANDARD.decode(text.replace(['\r', '\n'], ""))
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", self.to_base64())
    }
}
