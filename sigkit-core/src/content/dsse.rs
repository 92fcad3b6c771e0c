use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::clip;
use crate::crypto::Signature;
use crate::digest::{Digest, DigestAlgorithm, Hasher};
use crate::json::{self, CowStr, JsonError};
use crate::limits::{DOCUMENT_VALUES, ENVELOPE_SIGNATURES};

/// The member that holds what is signed.
pub(crate) const PAYLOAD: &str = "payload";

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
    payload: CowStr<'a>,
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

    fn decoded(&self) -> Result<Arc<Vec<u8>>, EnvelopeError> {
        let payload = STANDARD.decode(self.payload.0.as_bytes());
        payload.map(Arc::new).map_err(|_| EnvelopeError::Base64 { member: PAYLOAD, found: clip(&self.payload.0) })
    }

    /// Where the payload is in the document, if that is so large that the payload should be decoded there.
    pub(crate) fn place_in(&self, document: &[u8]) -> Option<EncodedPayload> {
        match &self.payload.0 {
            Cow::Borrowed(text) if json::is_large(document.len()) => {
                let error = EnvelopeError::Base64 { member: PAYLOAD, found: clip(text) };
                Some(EncodedPayload { place: json::position(document, text.as_bytes()), error })
            }
            _ => None,
        }
    }
}

/// Where the base64 of a payload is in a document.
pub(crate) struct EncodedPayload {
    place: Range<usize>,
    /// The error if it is invalid.
    error: EnvelopeError,
}

impl EncodedPayload {
    /// Decodes it within the memory of the document, of which nothing else is left.
    pub(crate) fn decode(self, document: Vec<u8>) -> Result<Arc<Vec<u8>>, EnvelopeError> {
        match decode_in_place(document, self.place) {
            Some(payload) => Ok(Arc::new(payload)),
            None => Err(self.error),
        }
    }
}

/// Characters of base64 that are decoded at once, and the bytes that they encode.
const BASE64_CHUNK: (usize, usize) = (4096, 3072);

fn decode_in_place(mut bytes: Vec<u8>, text: Range<usize>) -> Option<Vec<u8>> {
    let mut decoded = [0_u8; BASE64_CHUNK.1];
    let (mut from, mut to) = (text.start, 0_usize);
    while from < text.end {
        let next = from.saturating_add(BASE64_CHUNK.0).min(text.end);
        let length = STANDARD.decode_slice(bytes.get(from..next)?, &mut decoded).ok()?;
        // Padding is at the end only.
        if next < text.end && length < decoded.len() {
            return None;
        }
        let end = to.saturating_add(length);
        bytes.get_mut(to..end)?.copy_from_slice(decoded.get(..length)?);
        (from, to) = (next, end);
    }
    bytes.truncate(to);
    bytes.shrink_to_fit();
    Some(bytes)
}

impl Envelope {
    /// Reads an envelope with exactly one signature.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Self::from_wire(&json::from_large_slice_within(bytes, DOCUMENT_VALUES, PAYLOAD)?)
    }

    /// Reads an envelope with one signature or several: once for each, in their order, equal ones once. The payload is shared.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn parse_each(bytes: &[u8]) -> Result<Vec<Self>, EnvelopeError> {
        Self::each_from_wire(&json::from_large_slice_within(bytes, DOCUMENT_VALUES, PAYLOAD)?)
    }

    /// The same; the payload of a large one is decoded into the memory of its base64.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub(crate) fn parse_each_in_place(bytes: Vec<u8>) -> Result<Vec<Self>, EnvelopeError> {
        let wire: WireEnvelope<'_> = json::from_large_slice_within(&bytes, DOCUMENT_VALUES, PAYLOAD)?;
        let Some(encoded) = wire.place_in(&bytes) else { return Self::each_from_wire(&wire) };
        let mut envelopes = Self::each_around(&wire, &Arc::default())?;
        let payload = encoded.decode(bytes)?;
        envelopes.iter_mut().for_each(|envelope| envelope.payload = Arc::clone(&payload));
        Ok(envelopes)
    }

    pub(crate) fn from_wire(wire: &WireEnvelope<'_>) -> Result<Self, EnvelopeError> {
        let payload = wire.decoded()?;
        Self::around(wire, &payload)
    }

    /// The one envelope around this payload, which is not that of the document yet.
    pub(crate) fn around(wire: &WireEnvelope<'_>, payload: &Arc<Vec<u8>>) -> Result<Self, EnvelopeError> {
        let found = wire.signatures.len();
        if found != 1 {
            return Err(EnvelopeError::SignatureCount { found });
        }
        Self::each_around(wire, payload)?.into_iter().next().ok_or(EnvelopeError::SignatureCount { found })
    }

    fn each_from_wire(wire: &WireEnvelope<'_>) -> Result<Vec<Self>, EnvelopeError> {
        Self::each_around(wire, &wire.decoded()?)
    }

    fn each_around(wire: &WireEnvelope<'_>, payload: &Arc<Vec<u8>>) -> Result<Vec<Self>, EnvelopeError> {
        let found = wire.signatures.len();
        if !(1..=ENVELOPE_SIGNATURES).contains(&found) {
            return Err(EnvelopeError::SignatureCount { found });
        }
        let mut envelopes: Vec<Self> = Vec::new();
        for WireSignature { sig, .. } in &wire.signatures {
            let signature = Signature::from_base64(sig)
                .map_err(|_| EnvelopeError::Base64 { member: "signatures.sig", found: clip(sig) })?;
            if envelopes.iter().all(|known| known.signature != signature) {
                let (payload_type, payload) = (wire.payload_type.clone(), Arc::clone(payload));
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
        self.json_pieces(&mut |piece| {
            bytes.extend_from_slice(piece);
            Ok::<_, JsonError>(())
        })
    }

    /// Hands the same over in pieces, so that no copy of a large payload is made.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn json_pieces<E>(&self, take: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        // What a text holds can always be written.
        let payload_type = serde_json::to_string(&self.payload_type).unwrap_or_default();
        let signature = self.signature.to_base64();
        take(br#"{"payload":""#)?;
        self.base64_pieces(take)?;
        take(format!(r#"","payloadType":{payload_type},"signatures":[{{"sig":"{signature}"}}]}}"#).as_bytes())
    }

    /// The payload in base64.
    fn base64_pieces<E>(&self, take: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut base64 = [0; BASE64_CHUNK.0];
        self.payload.chunks(BASE64_CHUNK.1).try_for_each(|chunk| {
            let written = STANDARD.encode_slice(chunk, &mut base64).unwrap_or_default();
            take(base64.get(..written).unwrap_or_default())
        })
    }

    /// About how many bytes the envelope takes in JSON; asked for at once, for growing would take up to twice as many.
    pub fn json_len(&self) -> usize {
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

    /// The digests of the JSON texts in which Go programs send this envelope: cosign 2 with an empty key hint, cosign 3 and others
    /// without.
    #[cfg(feature = "keyless")]
    pub(crate) fn go_digests(&self) -> [Digest; 2] {
        // None of the texts but the type can hold a character that Go escapes, and base64 has no such character.
        let signature = self.signature.to_base64();
        let payload_type = json::to_go_string(&self.payload_type).unwrap_or_default();
        let around = [
            (
                format!(r#"{{"payloadType":{payload_type},"payload":""#),
                format!(r#"","signatures":[{{"keyid":"","sig":"{signature}"}}]}}"#),
            ),
            (
                r#"{"payload":""#.to_owned(),
                format!(r#"","payloadType":{payload_type},"signatures":[{{"sig":"{signature}"}}]}}"#),
            ),
        ];
        around.map(|(before, behind)| {
            let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
            hasher.update(before.as_bytes());
            let mut add = |piece: &[u8]| {
                hasher.update(piece);
                Ok::<_, std::convert::Infallible>(())
            };
            self.base64_pieces(&mut add).unwrap_or_default();
            hasher.update(behind.as_bytes());
            hasher.finish()
        })
    }

    /// Whether `text` is the payload in base64 that was encoded once more.
    #[cfg(feature = "keyless")]
    pub(crate) fn is_encoded_twice(&self, text: &str) -> bool {
        let length = |bytes: usize| bytes.div_ceil(3).saturating_mul(4);
        // Of a large payload no copy is made for a text that cannot be it.
        text.len() == length(length(self.payload.len()))
            && text == STANDARD.encode(STANDARD.encode(self.payload.as_slice()))
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

pub(super) fn pae_prefix(payload_type: &str, payload: &[u8]) -> String {
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
