//! cosign's legacy blob bundle: `{"base64Signature", "cert", "rekorBundle"}`, and the bare detached signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::asn1::AnyRef;
use der::{Decode as _, Tag, Tagged as _};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::log_entry::{Document, WireRekorBundle};
use super::{BundleError, SignedEntity, VerificationMaterial, clip, member, only};
use crate::content::{Content, Envelope, MessageSignature};
use crate::crypto::{PublicKey, Signature};
use crate::json::{self, JsonError};
use crate::limits::{DOCUMENT_VALUES, Limits};

const DOCUMENT: &str = "legacy blob bundle";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    base64_signature: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    cert: String,
    #[serde(skip_serializing)]
    rekor_bundle: Option<WireRekorBundle>,
}

impl SignedEntity {
    /// Reads a legacy blob bundle. Only the user names keys (GHSA-fx35-mq7g-6g98): the public key that cosign 3.0 to 3.1.2 put
    /// into `cert` is kept as a hint, which decides nothing, and anything else but X.509 certificates is refused.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn from_blob_bundle(bytes: &[u8]) -> Result<Self, BundleError> {
        only(Self::each_from_blob_bundle(bytes)?)
    }

    fn each_from_blob_bundle(bytes: &[u8]) -> Result<Vec<Self>, BundleError> {
        let wire: Wire = json::from_slice_within(bytes, DOCUMENT_VALUES)
            .map_err(|error| BundleError::Json { document: DOCUMENT, error })?;
        let material = if wire.cert.is_empty() {
            VerificationMaterial::Unspecified
        } else {
            let bytes = STANDARD
                .decode(&wire.cert)
                .map_err(|_| member(DOCUMENT, "cert", "base64 of a certificate", clip(&wire.cert)))?;
            match PublicKey::from_pem(&bytes) {
                Ok(key) => VerificationMaterial::KeyHint(key.fingerprint().hint()),
                // cosign writes DER beside image signatures, and PEM beside those of files.
                Err(_) if is_other_der(&bytes) => VerificationMaterial::Certificate(vec![bytes]),
                Err(_) => VerificationMaterial::Certificate(super::certificates(DOCUMENT, "cert", &bytes)?),
            }
        };
        let contents = contents(&wire.base64_signature)?;
        let entry = wire.rekor_bundle.as_ref().map(|bundle| bundle.parse(Document("rekorBundle"))).transpose()?;
        let entity =
            |content| Self { log_entries: entry.iter().cloned().collect(), ..Self::new(content, material.clone()) };
        Ok(contents.into_iter().map(entity).collect())
    }

    /// Writes a legacy blob bundle: the signature, or of an attestation the DSSE envelope, and the signer's certificate if there is one.
    /// `None` for a signature that it cannot hold: one over a simple signing document.
    ///
    /// # Errors
    /// [`JsonError`], which these types cannot cause.
    pub fn to_blob_bundle(&self) -> Result<Option<Vec<u8>>, JsonError> {
        let base64_signature = match &self.content {
            Content::Message(message) => message.signature.to_base64(),
            Content::Envelope(envelope) => STANDARD.encode(envelope.to_json()?),
            Content::SimpleSigning { .. } => return Ok(None),
        };
        let cert = match &self.material {
            VerificationMaterial::Certificate(certificates) => certificates
                .first()
                .map(|leaf| STANDARD.encode(crate::crypto::certificate_to_pem(leaf)))
                .unwrap_or_default(),
            VerificationMaterial::KeyHint(_) | VerificationMaterial::Unspecified => String::new(),
        };
        Ok(Some(serde_json::to_vec(&Wire { base64_signature, cert, rekor_bundle: None })?))
    }

    /// Reads a detached signature: canonical base64, a newline at its end allowed.
    ///
    /// ```
    /// # const MESSAGE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/message.txt"));
    /// # const SIGNATURE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/cosign-3.1-ecdsa-p256.sig"));
    /// # const KEY: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/cosign-3.1-ecdsa-p256.pub"));
    /// use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
    /// use sigkit_core::time::UnixTime;
    /// use sigkit_core::verify::Artifact;
    /// use sigkit_core::{KeyAuthority, Policy, PublicKey, Purpose, Trust, Verifier};
    ///
    /// let policy = Policy::key(Purpose::Blob, KeyAuthority::new("cosign.pub", PublicKey::from_pem(KEY)?));
    /// let evidence = Evidence::of(Origin::File("file.sig".to_owned()), SignedEntity::from_detached(SIGNATURE));
    /// let trust = Trust::default();
    /// let verified = Verifier::new(&trust).verify(&policy, &Artifact::Bytes(MESSAGE), &evidence, UnixTime(0))?;
    /// assert_eq!(verified.signatures().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`BundleError::Signature`].
    pub fn from_detached(text: &[u8]) -> Result<Self, BundleError> {
        let message = MessageSignature { digest: None, signature: Signature::from_base64_file(text)? };
        Ok(Self::new(Content::Message(message), VerificationMaterial::Unspecified))
    }

    /// Reads a bare DSSE envelope.
    ///
    /// # Errors
    /// [`BundleError::Envelope`].
    pub fn from_envelope(bytes: &[u8]) -> Result<Self, BundleError> {
        Ok(Self::new(Content::Envelope(Envelope::parse(bytes)?), VerificationMaterial::Unspecified))
    }

    /// Reads an attestation: a bundle of either kind, or a bare DSSE envelope, told apart by the member `payloadType`; once for each
    /// signature.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn each_from_any_attestation(bytes: &[u8], limits: &Limits) -> Result<Vec<Self>, BundleError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Probe {
            payload_type: Option<IgnoredAny>,
        }
        match serde_json::from_slice::<Probe>(bytes) {
            Ok(Probe { payload_type: Some(_) }) => {
                let bare = |envelope| Self::new(Content::Envelope(envelope), VerificationMaterial::Unspecified);
                Ok(Envelope::parse_each(bytes)?.into_iter().map(bare).collect())
            }
            _ => Self::each_from_any_bundle(bytes, limits),
        }
    }

    /// Reads a sigstore bundle or a legacy blob bundle, told apart by the member `mediaType`.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn from_any_bundle(bytes: &[u8], limits: &Limits) -> Result<Self, BundleError> {
        only(Self::each_from_any_bundle(bytes, limits)?)
    }

    /// The same, once for each signature of an envelope in a legacy blob bundle; a sigstore bundle has one.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn each_from_any_bundle(bytes: &[u8], limits: &Limits) -> Result<Vec<Self>, BundleError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Probe {
            base64_signature: Option<IgnoredAny>,
            media_type: Option<IgnoredAny>,
        }
        let probe = serde_json::from_slice::<Probe>(bytes);
        match probe {
            Ok(Probe { base64_signature: Some(_), media_type: None }) => Self::each_from_blob_bundle(bytes),
            _ => Ok(vec![Self::from_bundle(bytes, limits)?]),
        }
    }
}

/// A signature over the blob, or of an attestation the DSSE envelope, which unlike any signature is a JSON document.
fn contents(base64: &str) -> Result<Vec<Content>, BundleError> {
    if base64.starts_with('e') {
        let decoded = STANDARD.decode(base64);
        if let Some(envelope) = decoded.ok().filter(|bytes| serde_json::from_slice::<IgnoredAny>(bytes).is_ok()) {
            return Ok(Envelope::parse_each(&envelope)?.into_iter().map(Content::Envelope).collect());
        }
    }
    let signature = Signature::from_base64(base64)?;
    Ok(vec![Content::Message(MessageSignature { digest: None, signature })])
}

/// Returns true if bytes are one DER sequence and not a key.
fn is_other_der(bytes: &[u8]) -> bool {
    let sequence = AnyRef::from_der(bytes).is_ok_and(|any| any.tag() == Tag::Sequence);
    sequence && PublicKey::from_spki_der(bytes).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECxU3VOM5FDnV3UnLkbb/RBqvq45Y\npMwhTVhvvzypU/TQhOqW9EorsuViqgZP/qNdZuLAmRtWZ8hUK5/O9BDD9g==\n-----END PUBLIC KEY-----\n";
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

    fn with_cert(cert: &str) -> Result<SignedEntity, BundleError> {
        SignedEntity::from_blob_bundle(format!(r#"{{"base64Signature":"AA==","cert":"{cert}"}}"#).as_bytes())
    }

    #[test]
    fn reads_what_it_writes() {
        let signature = Signature::from_base64("AA==").unwrap();
        let content = Content::Message(MessageSignature { digest: None, signature });
        let written = SignedEntity::new(content, VerificationMaterial::Unspecified);
        let entity = SignedEntity::from_blob_bundle(&written.to_blob_bundle().unwrap().unwrap()).unwrap();
        assert_eq!(entity, written);
        assert_eq!(entity, SignedEntity::from_detached(b"AA==\r\n").unwrap());
    }

    #[test]
    fn envelope_instead_of_signature_is_an_attestation() {
        let text = |envelope: &str| format!(r#"{{"base64Signature":"{}"}}"#, STANDARD.encode(envelope));
        let envelope = r#"{"payload":"e30=","payloadType":"t","signatures":[{"sig":"AA=="}]}"#;
        let entity = SignedEntity::from_blob_bundle(text(envelope).as_bytes()).unwrap();
        assert_eq!(entity, SignedEntity::from_envelope(envelope.as_bytes()).unwrap());
        let bare = r#"{"payload":"e30=","payloadType":"t","signatures":[]}"#;
        let error = SignedEntity::from_blob_bundle(text(bare).as_bytes()).unwrap_err();
        assert!(matches!(error, BundleError::Envelope(_)), "{error}");
        // An RSA signature may well begin with a brace.
        let signature = SignedEntity::from_blob_bundle(text("{\u{1}").as_bytes()).unwrap();
        assert!(matches!(signature.content, Content::Message(_)));
    }

    // threat: M2
    // threat: A04
    #[test]
    fn key_instead_of_certificate_is_a_hint_at_most() {
        let key = PublicKey::from_pem(KEY.as_bytes()).unwrap();
        let hint = VerificationMaterial::KeyHint(key.fingerprint().hint());
        assert_eq!(with_cert(&STANDARD.encode(KEY)).unwrap().material, hint);
        let der_key = STANDARD.encode(key.spki_der());
        let both = STANDARD.encode(format!("{CERTIFICATE}{KEY}"));
        for cert in [der_key, both, STANDARD.encode("garbage"), "!".to_owned()] {
            let error = with_cert(&cert).expect_err(&cert);
            assert!(matches!(error, BundleError::Member { member: "cert", .. }), "{cert}: {error}");
        }
        let der = VerificationMaterial::Certificate(vec![b"\x30\x00".to_vec()]);
        assert_eq!(with_cert("MAA=").unwrap().material, der);
        assert!(with_cert("MAAA").is_err(), "a byte behind it");
        assert!(with_cert("BAA=").is_err(), "no sequence");
        assert!(matches!(with_cert("").unwrap().material, VerificationMaterial::Unspecified));
        assert!(matches!(
            with_cert(&STANDARD.encode(CERTIFICATE)).unwrap().material,
            VerificationMaterial::Certificate(_)
        ));
    }
}
