//! The sigstore bundle: protobuf JSON, media types v0.1 to v0.3. Sigstore bundle specification.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{BundleError, SignedEntity, Unchecked, VerificationMaterial, clip, member};
use crate::content::{Content, Envelope, MessageSignature, WireEnvelope};
use crate::crypto::Signature;
use crate::digest::{Digest, DigestAlgorithm};
use crate::json::{self, JsonError};
use crate::limits::Limits;
use crate::oci::media_type;

const DOCUMENT: &str = "sigstore bundle";

const MEDIA_TYPES: [&str; 4] = [
    media_type::BUNDLE_V03,
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
];

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    media_type: String,
    verification_material: WireMaterial,
    #[serde(skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<WireEnvelope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_signature: Option<WireMessage>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireMaterial {
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<WireHint>,
    #[serde(skip_serializing)]
    certificate: Option<WireCertificate>,
    #[serde(skip_serializing)]
    x509_certificate_chain: Option<WireChain>,
    #[serde(skip_serializing)]
    tlog_entries: Option<Vec<IgnoredAny>>,
    #[serde(skip_serializing)]
    timestamp_verification_data: Option<WireTimestamps>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHint {
    #[serde(default)]
    hint: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireCertificate {
    raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireChain {
    certificates: Vec<WireCertificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireTimestamps {
    #[serde(default)]
    rfc3161_timestamps: Option<Vec<IgnoredAny>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMessage {
    message_digest: Option<WireDigest>,
    signature: String,
}

#[derive(Serialize, Deserialize)]
struct WireDigest {
    algorithm: String,
    digest: String,
}

impl SignedEntity {
    /// Reads a sigstore bundle.
    ///
    /// Members unknown to the specification are refused inside `verificationMaterial` and ignored elsewhere.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn from_bundle(bytes: &[u8], limits: &Limits) -> Result<Self, BundleError> {
        let wire: Wire = json::from_slice(bytes).map_err(|error| BundleError::Json { document: DOCUMENT, error })?;
        if !MEDIA_TYPES.contains(&wire.media_type.as_str()) {
            return Err(BundleError::Version { found: clip(&wire.media_type) });
        }
        let content = match (&wire.dsse_envelope, &wire.message_signature) {
            (Some(envelope), None) => Content::Envelope(Envelope::from_wire(envelope)?),
            (None, Some(message)) => Content::Message(message.parse()?),
            (found, _) => {
                let found = if found.is_some() { "both" } else { "neither" };
                let expected = "either this or `messageSignature`";
                return Err(member(DOCUMENT, "dsseEnvelope", expected, found));
            }
        };
        let (material, unchecked) = wire.verification_material.parse(limits)?;
        Ok(Self { content, material, unchecked })
    }

    /// Writes a v0.3 bundle as compact JSON; `None` for content that a bundle cannot hold (simple signing) and for material
    /// beyond a key hint.
    ///
    /// # Errors
    /// [`JsonError`], which these types cannot cause.
    pub fn to_bundle(&self) -> Result<Option<Vec<u8>>, JsonError> {
        let VerificationMaterial::KeyHint(hint) = &self.material else { return Ok(None) };
        let (dsse_envelope, message_signature) = match &self.content {
            Content::Envelope(envelope) => (Some(envelope.to_wire()), None),
            Content::Message(message) => (None, Some(WireMessage::of(message))),
            Content::SimpleSigning { .. } => return Ok(None),
        };
        let wire = Wire {
            media_type: media_type::BUNDLE_V03.to_owned(),
            verification_material: WireMaterial {
                public_key: Some(WireHint { hint: hint.clone() }),
                ..WireMaterial::default()
            },
            dsse_envelope,
            message_signature,
        };
        Ok(Some(serde_json::to_vec(&wire)?))
    }
}

impl WireMaterial {
    fn parse(&self, limits: &Limits) -> Result<(VerificationMaterial, Unchecked), BundleError> {
        let unchecked = Unchecked {
            log_entries: self.tlog_entries.as_ref().map_or(0, Vec::len),
            timestamps: self
                .timestamp_verification_data
                .as_ref()
                .and_then(|data| data.rfc3161_timestamps.as_ref())
                .map_or(0, Vec::len),
        };
        for (found, limit, what) in [
            (unchecked.log_entries, limits.log_entries, "log entries"),
            (unchecked.timestamps, limits.timestamps, "timestamps"),
        ] {
            if found > limit {
                return Err(BundleError::TooMany { document: DOCUMENT, what, limit });
            }
        }
        let material = match (&self.public_key, &self.certificate, &self.x509_certificate_chain) {
            (Some(key), None, None) => VerificationMaterial::KeyHint(key.hint.clone()),
            (None, Some(certificate), None) => VerificationMaterial::Certificate(vec![certificate.der()?]),
            (None, None, Some(chain)) if !chain.certificates.is_empty() => VerificationMaterial::Certificate(
                chain.certificates.iter().map(WireCertificate::der).collect::<Result<_, _>>()?,
            ),
            (None, None, Some(_)) => {
                return Err(member(DOCUMENT, "x509CertificateChain", "at least one certificate", "none"));
            }
            (None, None, None) => {
                let expected = "one of publicKey, certificate, x509CertificateChain";
                return Err(member(DOCUMENT, "verificationMaterial", expected, "none of them"));
            }
            _ => {
                let expected = "one of publicKey, certificate, x509CertificateChain";
                return Err(member(DOCUMENT, "verificationMaterial", expected, "several of them"));
            }
        };
        Ok((material, unchecked))
    }
}

impl WireCertificate {
    fn der(&self) -> Result<Vec<u8>, BundleError> {
        STANDARD
            .decode(&self.raw_bytes)
            .ok()
            .filter(|der| !der.is_empty())
            .ok_or_else(|| member(DOCUMENT, "rawBytes", "base64 of a DER certificate", clip(&self.raw_bytes)))
    }
}

impl WireMessage {
    fn of(message: &MessageSignature) -> Self {
        Self {
            message_digest: message.digest.map(|digest| WireDigest {
                algorithm: protobuf_name(digest.algorithm()).to_owned(),
                digest: STANDARD.encode(digest.as_bytes()),
            }),
            signature: message.signature.to_base64(),
        }
    }

    fn parse(&self) -> Result<MessageSignature, BundleError> {
        let Some(wire) = &self.message_digest else {
            return Err(member(DOCUMENT, "messageSignature.messageDigest", "the digest of the artifact", "none"));
        };
        let algorithm = DigestAlgorithm::ALL
            .into_iter()
            .find(|algorithm| protobuf_name(*algorithm) == wire.algorithm)
            .ok_or_else(|| {
                let expected = "SHA2_256, SHA2_384 or SHA2_512";
                member(DOCUMENT, "messageDigest.algorithm", expected, clip(&wire.algorithm))
            })?;
        let digest =
            STANDARD.decode(&wire.digest).ok().and_then(|raw| Digest::from_bytes(algorithm, &raw)).ok_or_else(
                || member(DOCUMENT, "messageDigest.digest", "base64 of a digest of that algorithm", clip(&wire.digest)),
            )?;
        Ok(MessageSignature { digest: Some(digest), signature: Signature::from_base64(&self.signature)? })
    }
}

/// The algorithm's name in sigstore's `HashAlgorithm`.
const fn protobuf_name(algorithm: DigestAlgorithm) -> &'static str {
    match algorithm {
        DigestAlgorithm::Sha256 => "SHA2_256",
        DigestAlgorithm::Sha384 => "SHA2_384",
        DigestAlgorithm::Sha512 => "SHA2_512",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by cosign 3.1.1 with the golden test key of `keys/`.
    const GOLDEN: &str = include_str!("../../../testdata/vectors/bundle/cosign-3.1.1-sign/bundle.json");

    fn parse(text: &str) -> Result<SignedEntity, BundleError> {
        SignedEntity::from_bundle(text.as_bytes(), &Limits::DEFAULT)
    }

    #[test]
    fn cosigns_bundle_is_reproduced_to_the_byte() {
        let entity = parse(GOLDEN).unwrap();
        assert_eq!(
            entity.material,
            VerificationMaterial::KeyHint("ewo6WJLV9/9WnCrrnY+WrWvZdoNKnZzGrlQIBC3uYI4=".into())
        );
        assert_eq!(String::from_utf8(entity.to_bundle().unwrap().unwrap()).unwrap(), GOLDEN);
    }

    // threat: D13
    #[test]
    fn every_older_media_type_is_read_and_no_other() {
        for media_type in MEDIA_TYPES {
            assert!(parse(&GOLDEN.replace(media_type::BUNDLE_V03, media_type)).is_ok(), "{media_type}");
        }
        for media_type in
            ["application/vnd.dev.sigstore.bundle.v0.4+json", "application/vnd.dev.sigstore.bundle+json", ""]
        {
            let error = parse(&GOLDEN.replace(media_type::BUNDLE_V03, media_type)).expect_err(media_type);
            assert!(matches!(error, BundleError::Version { .. }), "{media_type}: {error}");
        }
    }

    // threat: D13
    #[test]
    fn a_choice_made_twice_or_not_at_all_is_refused() {
        let message = r#""messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},"signature":"AA=="},"dsseEnvelope""#;
        let hint = r#"{"publicKey":{"hint":"ewo6WJLV9/9WnCrrnY+WrWvZdoNKnZzGrlQIBC3uYI4="}}"#;
        for (from, to, place) in [
            (r#""dsseEnvelope""#, message, "dsseEnvelope"),
            (r#""dsseEnvelope""#, r#""somethingElse""#, "dsseEnvelope"),
            (hint, "{}", "verificationMaterial"),
            (hint, r#"{"publicKey":{},"certificate":{"rawBytes":"AA=="}}"#, "verificationMaterial"),
            (hint, r#"{"x509CertificateChain":{"certificates":[]}}"#, "x509CertificateChain"),
        ] {
            match parse(&GOLDEN.replacen(from, to, 1)).expect_err(to) {
                BundleError::Member { member, .. } => assert_eq!(member, place),
                other => panic!("{to}: {other}"),
            }
        }
        let unknown = GOLDEN.replacen(hint, r#"{"publicKey":{},"public_key":{}}"#, 1);
        assert!(matches!(parse(&unknown), Err(BundleError::Json { .. })));
    }

    #[test]
    fn a_message_signature_needs_its_digest() {
        let text = |message: &str| {
            format!(
                r#"{{"mediaType":"{}","verificationMaterial":{{"publicKey":{{}}}},"messageSignature":{message}}}"#,
                media_type::BUNDLE_V03
            )
        };
        let digest = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let good =
            text(&format!(r#"{{"messageDigest":{{"algorithm":"SHA2_256","digest":"{digest}"}},"signature":"AA=="}}"#));
        let Content::Message(message) = parse(&good).unwrap().content else { panic!("a message signature") };
        assert_eq!(message.digest, Some(Digest::sha256(b"")));
        for (message, place) in [
            (r#"{"signature":"AA=="}"#.to_owned(), "messageSignature.messageDigest"),
            (
                format!(r#"{{"messageDigest":{{"algorithm":"SHA1","digest":"{digest}"}},"signature":"AA=="}}"#),
                "messageDigest.algorithm",
            ),
            (
                format!(r#"{{"messageDigest":{{"algorithm":"SHA2_512","digest":"{digest}"}},"signature":"AA=="}}"#),
                "messageDigest.digest",
            ),
        ] {
            match parse(&text(&message)).expect_err(&message) {
                BundleError::Member { member, .. } => assert_eq!(member, place),
                other => panic!("{message}: {other}"),
            }
        }
    }

    // threat: D07
    #[test]
    fn log_entries_and_timestamps_are_bounded() {
        let with = |members: String| {
            GOLDEN.replacen(r#""verificationMaterial":{"#, &format!(r#""verificationMaterial":{{{members},"#), 1)
        };
        let list = |n: usize| vec!["{}"; n].join(",");
        assert_eq!(parse(&with(format!(r#""tlogEntries":[{}]"#, list(32)))).unwrap().unchecked.log_entries, 32);
        assert!(matches!(parse(&with(format!(r#""tlogEntries":[{}]"#, list(33)))), Err(BundleError::TooMany { .. })));
        let stamps = |n| with(format!(r#""timestampVerificationData":{{"rfc3161Timestamps":[{}]}}"#, list(n)));
        assert_eq!(parse(&stamps(32)).unwrap().unchecked.timestamps, 32);
        assert!(matches!(parse(&stamps(33)), Err(BundleError::TooMany { .. })));
    }

    // threat: N03
    #[test]
    fn a_truncated_bundle_is_an_error_at_every_byte() {
        for end in 0..GOLDEN.len() {
            assert!(parse(&GOLDEN[..end]).is_err(), "{end}");
        }
    }
}
