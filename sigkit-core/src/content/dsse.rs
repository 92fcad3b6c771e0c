use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::clip;
use crate::crypto::Signature;
use crate::json::{self, JsonError};

/// A DSSE envelope with its one signature. DSSE 1.0, "Envelope".
///
/// The sigstore bundle format allows exactly one signature, so that there is one answer to "who signed".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Type of the payload, signed together with it.
    pub payload_type: String,
    /// The payload's exact bytes.
    pub payload: Vec<u8>,
    /// The signature over [`Envelope::pae`].
    pub signature: Signature,
}

/// Why a text is not an envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not strict JSON of the right shape.
    #[error("DSSE envelope: {0}")]
    Json(#[from] JsonError),
    /// Not base64 in the canonical standard alphabet.
    #[error("DSSE envelope: `{member}`: expected canonical base64, found {found:?}")]
    Base64 {
        /// The member.
        member: &'static str,
        /// Its value, cut to 200 characters.
        found: String,
    },
    /// Not exactly one signature.
    #[error("DSSE envelope: expected 1 signature, found {found}")]
    SignatureCount {
        /// How many there are.
        found: usize,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireEnvelope {
    payload: String,
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
struct WireSignature {
    sig: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    keyid: String,
}

impl Envelope {
    /// Reads an envelope.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Self::from_wire(&json::from_slice(bytes)?)
    }

    pub(crate) fn from_wire(wire: &WireEnvelope) -> Result<Self, EnvelopeError> {
        let [signature] = wire.signatures.as_slice() else {
            return Err(EnvelopeError::SignatureCount { found: wire.signatures.len() });
        };
        let payload = STANDARD
            .decode(&wire.payload)
            .map_err(|_| EnvelopeError::Base64 { member: "payload", found: clip(&wire.payload) })?;
        let signature = Signature::from_base64(&signature.sig)
            .map_err(|_| EnvelopeError::Base64 { member: "signatures[0].sig", found: clip(&signature.sig) })?;
        Ok(Self { payload_type: wire.payload_type.clone(), payload, signature })
    }

    pub(crate) fn to_wire(&self) -> WireEnvelope {
        WireEnvelope {
            payload: STANDARD.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: vec![WireSignature { sig: self.signature.to_base64(), keyid: String::new() }],
        }
    }

    /// The JSON texts in which Go programs send this envelope: cosign 2 with an empty key hint, cosign 3 and others without.
    #[cfg(feature = "keyless")]
    pub(crate) fn go_texts(&self) -> [String; 2] {
        // None of the texts but the type can hold a character that Go escapes, and base64 is none of them.
        let payload = STANDARD.encode(&self.payload);
        let signature = self.signature.to_base64();
        let payload_type = json::to_go_string(&self.payload_type).unwrap_or_default();
        [
            format!(
                r#"{{"payloadType":{payload_type},"payload":"{payload}","signatures":[{{"keyid":"","sig":"{signature}"}}]}}"#
            ),
            format!(r#"{{"payload":"{payload}","payloadType":{payload_type},"signatures":[{{"sig":"{signature}"}}]}}"#),
        ]
    }

    /// What is signed. DSSE 1.0, "PAE definition": `DSSEv1 SP len(type) SP type SP len(payload) SP payload`, lengths in bytes,
    /// in decimal.
    pub fn pae(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }
}

/// Pre-authentication encoding of a payload and its type.
pub(crate) fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: D04
    #[test]
    fn pae_counts_bytes_and_keeps_payload_and_type_apart() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("é", b""), "DSSEv1 2 é 0 ".as_bytes());
        assert_ne!(pae("a b", b"c"), pae("a", b"b c"));
        assert_ne!(pae("t", b"DSSEv1 1 t 1 x"), pae("t", b"x"));
    }

    // threat: A13
    #[test]
    fn exactly_one_signature() {
        for (count, ok) in [(0, false), (1, true), (2, false), (33, false)] {
            let signatures = vec![r#"{"sig":"AA=="}"#; count].join(",");
            let text = format!(r#"{{"payload":"","payloadType":"t","signatures":[{signatures}]}}"#);
            match Envelope::parse(text.as_bytes()) {
                Ok(_) => assert!(ok),
                Err(error) => assert_eq!((ok, error), (false, EnvelopeError::SignatureCount { found: count })),
            }
        }
    }

    // threat: C20
    #[test]
    fn base64_is_canonical_or_refused() {
        for payload in ["AB==", "AA", "AA=", "AA==\\n", " AA==", "-_==", "A"] {
            let text = format!(r#"{{"payload":"{payload}","payloadType":"t","signatures":[{{"sig":"AA=="}}]}}"#);
            let error = Envelope::parse(text.as_bytes()).expect_err(payload);
            assert!(matches!(error, EnvelopeError::Base64 { member: "payload", .. }), "{payload}: {error}");
        }
    }
}
