use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::clip;
use crate::crypto::Signature;
use crate::digest::{Digest, DigestAlgorithm, Hasher};
use crate::json::{self, JsonError, Words};
use crate::limits::{DOCUMENT_VALUES, ENVELOPE_SIGNATURES};

/// A DSSE envelope with one of its signatures. DSSE 1.0, "Envelope".
///
/// The sigstore bundle format allows exactly one signature, so that there is one answer to "who signed". Elsewhere each signature is
/// judged by itself, over the same payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Type of the payload, signed together with it.
    pub payload_type: String,
    /// The payload's exact bytes; shared, since they may be many.
    pub payload: Arc<Vec<u8>>,
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
    /// No signature, too many, or in a sigstore bundle another number than one.
    #[error(
        "DSSE envelope: expected 1 signature, outside a sigstore bundle up to {ENVELOPE_SIGNATURES}, found {found}"
    )]
    SignatureCount {
        /// How many there are.
        found: usize,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireEnvelope<'a> {
    // Decoded from the document's own bytes: the base64 of a large one never exists beside the document.
    #[serde(borrow)]
    payload: Words<'a>,
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize)]
struct WireSignature {
    sig: String,
    keyid: Option<String>,
}

impl WireEnvelope<'_> {
    /// The unsigned hint at the key of the first signature, where there is one.
    pub(crate) fn key_hint(&self) -> Option<&str> {
        self.signatures.first()?.keyid.as_deref().filter(|hint| !hint.is_empty())
    }
}

impl Envelope {
    /// Reads an envelope with exactly one signature.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Self::from_wire(&json::from_slice_within(bytes, DOCUMENT_VALUES)?)
    }

    /// Reads an envelope with one signature or several: once for each, in their order, equal ones once. The payload is shared.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn parse_each(bytes: &[u8]) -> Result<Vec<Self>, EnvelopeError> {
        Self::each_from_wire(&json::from_slice_within(bytes, DOCUMENT_VALUES)?)
    }

    pub(crate) fn from_wire(wire: &WireEnvelope<'_>) -> Result<Self, EnvelopeError> {
        let found = wire.signatures.len();
        if found != 1 {
            return Err(EnvelopeError::SignatureCount { found });
        }
        Self::each_from_wire(wire)?.into_iter().next().ok_or(EnvelopeError::SignatureCount { found })
    }

    fn each_from_wire(wire: &WireEnvelope<'_>) -> Result<Vec<Self>, EnvelopeError> {
        let found = wire.signatures.len();
        if !(1..=ENVELOPE_SIGNATURES).contains(&found) {
            return Err(EnvelopeError::SignatureCount { found });
        }
        let payload = STANDARD
            .decode(wire.payload.0.as_bytes())
            .map_err(|_| EnvelopeError::Base64 { member: "payload", found: clip(&wire.payload.0) })?;
        let payload = Arc::new(payload);
        let mut envelopes: Vec<Self> = Vec::new();
        for WireSignature { sig, .. } in &wire.signatures {
            let signature = Signature::from_base64(sig)
                .map_err(|_| EnvelopeError::Base64 { member: "signatures.sig", found: clip(sig) })?;
            if envelopes.iter().all(|known| known.signature != signature) {
                let (payload_type, payload) = (wire.payload_type.clone(), Arc::clone(&payload));
                envelopes.push(Self { payload_type, payload, signature });
            }
        }
        Ok(envelopes)
    }

    /// Writes the envelope as cosign's legacy format stores it: compact JSON.
    ///
    /// # Errors
    /// [`JsonError`], which these types cannot cause.
    pub fn to_json(&self) -> Result<Vec<u8>, JsonError> {
        let mut bytes = Vec::with_capacity(self.json_len());
        self.write_json(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes the same behind `bytes`. Base64 needs no escapes, which are looked for byte by byte where a large payload would
    /// show it, and goes where it belongs at once.
    pub(crate) fn write_json(&self, bytes: &mut Vec<u8>) -> Result<(), JsonError> {
        bytes.extend_from_slice(br#"{"payload":""#);
        let mut base64 = [0; 4096];
        for chunk in self.payload.chunks(3072) {
            let written = STANDARD.encode_slice(chunk, &mut base64).unwrap_or_default();
            bytes.extend_from_slice(base64.get(..written).unwrap_or_default());
        }
        let payload_type = serde_json::to_string(&self.payload_type)?;
        let signature = self.signature.to_base64();
        bytes.extend_from_slice(
            format!(r#"","payloadType":{payload_type},"signatures":[{{"sig":"{signature}"}}]}}"#).as_bytes(),
        );
        Ok(())
    }

    /// About how many bytes the envelope takes in JSON; asked for at once, for growing would take up to twice as many.
    pub(crate) fn json_len(&self) -> usize {
        self.payload.len().div_ceil(3).saturating_mul(4).saturating_add(4096)
    }

    /// The digest of what is signed, of which no copy is made.
    pub(crate) fn signed_digest(&self, algorithm: DigestAlgorithm) -> Digest {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(self.pae_prefix().as_bytes());
        hasher.update(&self.payload);
        hasher.finish()
    }

    /// The bytes before the payload in what is signed.
    pub(crate) fn pae_prefix(&self) -> String {
        pae_prefix(&self.payload_type, &self.payload)
    }

    /// The JSON texts in which Go programs send this envelope: cosign 2 with an empty key hint, cosign 3 and others without.
    #[cfg(feature = "keyless")]
    pub(crate) fn go_texts(&self) -> [String; 2] {
        // None of the texts but the type can hold a character that Go escapes, and base64 is none of them.
        let payload = STANDARD.encode(self.payload.as_slice());
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
    [pae_prefix(payload_type, payload).as_bytes(), payload].concat()
}

fn pae_prefix(payload_type: &str, payload: &[u8]) -> String {
    format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len())
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

    #[test]
    fn an_envelope_is_read_as_it_was_written() {
        for payload in [&b""[..], b"{}", &[0xff; 3071], &[1; 3072], &[2; 3073], &[0xff; 50_000]] {
            let envelope = Envelope {
                payload_type: "a/b".to_owned(),
                payload: Arc::new(payload.to_vec()),
                signature: Signature::from_base64("AA==").unwrap(),
            };
            let written = envelope.to_json().unwrap();
            assert!(written.len() <= envelope.json_len());
            let base64 = STANDARD.encode(payload);
            let text = format!(r#"{{"payload":"{base64}","payloadType":"a/b","signatures":[{{"sig":"AA=="}}]}}"#);
            assert_eq!(written, text.as_bytes());
            assert_eq!(Envelope::parse(&written).unwrap(), envelope);
            assert_eq!([envelope.pae_prefix().as_bytes(), payload].concat(), envelope.pae());
        }
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

    // threat: A13 R31
    #[test]
    fn outside_a_bundle_an_envelope_may_have_several_signatures() {
        let envelope = |signatures: &[&str]| {
            let signatures: Vec<_> = signatures.iter().map(|sig| format!(r#"{{"keyid":"k","sig":"{sig}"}}"#)).collect();
            format!(r#"{{"payload":"e30=","payloadType":"t","signatures":[{}]}}"#, signatures.join(","))
        };
        let read = |signatures: &[&str]| Envelope::parse_each(envelope(signatures).as_bytes());
        let shown = |signatures: &[&str]| {
            read(signatures).unwrap().iter().map(|envelope| envelope.signature.to_base64()).collect::<Vec<_>>()
        };
        assert_eq!(shown(&["AA=="]), ["AA=="]);
        assert_eq!(shown(&["AA==", "AQ==", "AA=="]), ["AA==", "AQ=="]);
        assert!(read(&["AA==", "AB=="]).is_err(), "a second encoding");
        assert!(read(&["AA=="; ENVELOPE_SIGNATURES]).is_ok());
        for count in [0, ENVELOPE_SIGNATURES + 1] {
            assert_eq!(read(&vec!["AA=="; count]), Err(EnvelopeError::SignatureCount { found: count }));
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
