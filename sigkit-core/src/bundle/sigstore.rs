//! The sigstore bundle: protobuf JSON, media types v0.1 to v0.3. Sigstore bundle specification.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::log_entry::{Document, Version, WireEntry};
use super::{BundleError, LogEntry, SignedEntity, SignedTimestamp, VerificationMaterial, clip, member};
use crate::content::{Content, EncodedPayload, Envelope, MessageSignature, PAYLOAD, WireEnvelope};
use crate::crypto::Signature;
use crate::digest::{Digest, DigestAlgorithm};
use crate::json::{self, CowStr, JsonError};
use crate::limits::{DOCUMENT_VALUES, Limits};
use crate::oci::media_type;

const DOCUMENT: &str = "sigstore bundle";

/// The media types, and the version that each means.
const MEDIA_TYPES: [(&str, Version); 4] = [
    (media_type::BUNDLE_V03, Version::V03),
    ("application/vnd.dev.sigstore.bundle+json;version=0.3", Version::V03),
    ("application/vnd.dev.sigstore.bundle+json;version=0.2", Version::V02),
    ("application/vnd.dev.sigstore.bundle+json;version=0.1", Version::V01),
];

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    media_type: String,
    #[serde(borrow)]
    verification_material: WireMaterial<'a>,
    #[serde(borrow, skip_serializing)]
    dsse_envelope: Option<WireEnvelope<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_signature: Option<WireMessage>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireMaterial<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<WireHint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(borrow)]
    certificate: Option<WireCertificate<'a>>,
    #[serde(skip_serializing)]
    #[serde(borrow)]
    x509_certificate_chain: Option<WireChain<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(borrow)]
    tlog_entries: Option<Vec<WireEntry<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_verification_data: Option<WireTimestamps>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHint {
    #[serde(default)]
    hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireCertificate<'a> {
    #[serde(borrow)]
    raw_bytes: CowStr<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireChain<'a> {
    #[serde(borrow)]
    certificates: Vec<WireCertificate<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireTimestamps {
    rfc3161_timestamps: Option<Vec<WireTimestamp>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireTimestamp {
    signed_timestamp: Option<String>,
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
        Ok(Self::parse(bytes, limits, |_| None)?.0)
    }

    /// The same; the payload of a large one is decoded into the memory of its base64.
    ///
    /// # Errors
    /// [`BundleError`].
    pub(crate) fn from_bundle_in_place(bytes: Vec<u8>, limits: &Limits) -> Result<Self, BundleError> {
        let (mut entity, encoded) = Self::parse(&bytes, limits, |envelope| envelope.place_in(&bytes))?;
        if let (Some(encoded), Content::Envelope(envelope)) = (encoded, &mut entity.content) {
            envelope.payload = encoded.decode(bytes)?;
        }
        Ok(entity)
    }

    /// Reads all but a payload whose location is `place`.
    fn parse(
        bytes: &[u8],
        limits: &Limits,
        place: impl Fn(&WireEnvelope<'_>) -> Option<EncodedPayload>,
    ) -> Result<(Self, Option<EncodedPayload>), BundleError> {
        let wire: Wire<'_> = json::from_large_slice_within(bytes, DOCUMENT_VALUES, PAYLOAD)
            .map_err(|error| BundleError::Json { document: DOCUMENT, error })?;
        let encoded = wire.dsse_envelope.as_ref().and_then(place);
        let version = MEDIA_TYPES.iter().find(|(name, _)| *name == wire.media_type).map(|(_, version)| *version);
        let version = version.ok_or_else(|| BundleError::Version { found: clip(&wire.media_type) })?;
        let content = match (&wire.dsse_envelope, &wire.message_signature) {
            (Some(envelope), None) => Content::Envelope(match &encoded {
                Some(_) => Envelope::around(envelope, &Arc::default())?,
                None => Envelope::from_wire(envelope)?,
            }),
            (None, Some(message)) => Content::Message(message.parse()?),
            (found, _) => {
                let found = if found.is_some() { "both" } else { "neither" };
                let expected = "either this or `messageSignature`";
                return Err(member(DOCUMENT, "dsseEnvelope", expected, found));
            }
        };
        let material = &wire.verification_material;
        // Both hint at one key, and it is not clear which of them is right.
        if let (Some(WireHint { hint }), Some(named)) =
            (&material.public_key, wire.dsse_envelope.as_ref().and_then(WireEnvelope::key_hint))
            && !hint.is_empty()
            && hint != named
        {
            let expected = "the hint of verificationMaterial.publicKey, or nothing";
            return Err(member(DOCUMENT, "dsseEnvelope.signatures.keyid", expected, clip(named)));
        }
        let entity = Self {
            content,
            material: material.signer(version)?,
            log_entries: material.log_entries(version, limits)?,
            timestamps: material.timestamps(limits)?,
        };
        Ok((entity, encoded))
    }

    /// Writes a v0.3 bundle as compact JSON; `None` for what that version cannot hold: simple signing, material unspecified, and
    /// log entries without inclusion proof. Of a certificate chain it holds the leaf.
    ///
    /// # Errors
    /// [`JsonError`], which these types cannot cause.
    pub fn to_bundle(&self) -> Result<Option<Vec<u8>>, JsonError> {
        let message_signature = match &self.content {
            Content::Envelope(_) => None,
            Content::Message(message) => Some(WireMessage::of(message)),
            Content::SimpleSigning { .. } => return Ok(None),
        };
        let Some(verification_material) = WireMaterial::of(self) else { return Ok(None) };
        let media_type = media_type::BUNDLE_V03.to_owned();
        let wire = Wire { media_type, verification_material, dsse_envelope: None, message_signature };
        let mut bundle = serde_json::to_vec(&wire)?;
        if let Content::Envelope(envelope) = &self.content {
            // The last member; a large payload is written once.
            bundle.pop();
            bundle.reserve_exact(envelope.json_len());
            bundle.extend_from_slice(br#","dsseEnvelope":"#);
            envelope.write_json(&mut bundle)?;
            bundle.push(b'}');
        }
        Ok(Some(bundle))
    }
}

impl WireMaterial<'_> {
    fn of(entity: &SignedEntity) -> Option<Self> {
        let (public_key, certificate) = match &entity.material {
            VerificationMaterial::KeyHint(hint) => (Some(WireHint { hint: hint.clone() }), None),
            VerificationMaterial::Certificate(chain) => {
                (None, Some(WireCertificate { raw_bytes: CowStr(STANDARD.encode(chain.first()?).into()) }))
            }
            VerificationMaterial::Unspecified => return None,
        };
        let entries = entity.log_entries.iter().map(WireEntry::of).collect::<Option<Vec<_>>>()?;
        let stamps =
            entity.timestamps.iter().map(|stamp| WireTimestamp { signed_timestamp: Some(STANDARD.encode(&stamp.0)) });
        let stamps: Vec<_> = stamps.collect();
        Some(Self {
            public_key,
            certificate,
            x509_certificate_chain: None,
            tlog_entries: (!entries.is_empty()).then_some(entries),
            timestamp_verification_data: (!stamps.is_empty())
                .then_some(WireTimestamps { rfc3161_timestamps: Some(stamps) }),
        })
    }

    fn signer(&self, version: Version) -> Result<VerificationMaterial, BundleError> {
        let expected = "one of publicKey, certificate, x509CertificateChain";
        match (&self.public_key, &self.certificate, &self.x509_certificate_chain) {
            (Some(key), None, None) => Ok(VerificationMaterial::KeyHint(key.hint.clone())),
            (None, Some(certificate), None) => Ok(VerificationMaterial::Certificate(vec![certificate.der()?])),
            (None, None, Some(_)) if version == Version::V03 => {
                let expected = "`certificate` with the leaf alone, as version 0.3 requires";
                Err(member(DOCUMENT, "x509CertificateChain", expected, "a chain"))
            }
            (None, None, Some(chain)) if !chain.certificates.is_empty() => {
                let certificates = chain.certificates.iter().map(WireCertificate::der);
                Ok(VerificationMaterial::Certificate(certificates.collect::<Result<_, _>>()?))
            }
            (None, None, Some(_)) => Err(member(DOCUMENT, "x509CertificateChain", "at least one certificate", "none")),
            (None, None, None) => Err(member(DOCUMENT, "verificationMaterial", expected, "none of them")),
            _ => Err(member(DOCUMENT, "verificationMaterial", expected, "several of them")),
        }
    }

    fn log_entries(&self, version: Version, limits: &Limits) -> Result<Vec<LogEntry>, BundleError> {
        let entries = self.tlog_entries.as_deref().unwrap_or_default();
        at_most(limits.log_entries, "log entries", entries)?;
        let entries: Vec<_> =
            entries.iter().map(|entry| entry.parse(version, Document(DOCUMENT), limits)).collect::<Result<_, _>>()?;
        let mut places = BTreeSet::new();
        if let Some(again) = entries.iter().find(|entry| !places.insert((entry.log_id, entry.log_index))) {
            let found = format!("entry {} of log {} twice", again.log_index, again.log_id);
            return Err(member(DOCUMENT, "tlogEntries", "each entry once", found));
        }
        Ok(entries)
    }

    fn timestamps(&self, limits: &Limits) -> Result<Vec<SignedTimestamp>, BundleError> {
        let stamps = self.timestamp_verification_data.as_ref().and_then(|data| data.rfc3161_timestamps.as_deref());
        let stamps = stamps.unwrap_or_default();
        at_most(limits.timestamps, "timestamps", stamps)?;
        let der = |stamp: &WireTimestamp| {
            let text = stamp.signed_timestamp.as_deref().unwrap_or_default();
            Document(DOCUMENT).bytes("signedTimestamp", text).map(SignedTimestamp)
        };
        stamps.iter().map(der).collect()
    }
}

fn at_most<T>(limit: usize, what: &'static str, found: &[T]) -> Result<(), BundleError> {
    if found.len() > limit { Err(BundleError::TooMany { document: DOCUMENT, what, limit }) } else { Ok(()) }
}

impl WireCertificate<'_> {
    fn der(&self) -> Result<Vec<u8>, BundleError> {
        Document(DOCUMENT).bytes("rawBytes", &self.raw_bytes.0)
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
pub(crate) const fn protobuf_name(algorithm: DigestAlgorithm) -> &'static str {
    match algorithm {
        DigestAlgorithm::Sha256 => "SHA2_256",
        DigestAlgorithm::Sha384 => "SHA2_384",
        DigestAlgorithm::Sha512 => "SHA2_512",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{EntryKind, InclusionProof, LogId};
    use crate::time::UnixTime;

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
        for (media_type, _) in MEDIA_TYPES {
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
        let entry = r#"{"logId":{"keyId":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},"kindVersion":{"kind":"k","version":"1"},"inclusionProof":{"rootHash":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","checkpoint":{"envelope":"e"}},"canonicalizedBody":"e30="}"#;
        let entries = |item: &str, n: usize| {
            let numbered = |number| item.replacen("{\"logId\"", &format!("{{\"logIndex\":\"{number}\",\"logId\""), 1);
            with(format!(r#""tlogEntries":[{}]"#, (0..n).map(numbered).collect::<Vec<_>>().join(",")))
        };
        assert_eq!(parse(&entries(entry, 32)).unwrap().log_entries.len(), 32);
        // The count is looked at before the entries are.
        assert!(matches!(parse(&entries("{}", 33)), Err(BundleError::TooMany { .. })));
        let stamps = |item: &str, n| {
            let list = vec![item; n].join(",");
            with(format!(r#""timestampVerificationData":{{"rfc3161Timestamps":[{list}]}}"#))
        };
        assert_eq!(parse(&stamps(r#"{"signedTimestamp":"AAAA"}"#, 32)).unwrap().timestamps.len(), 32);
        assert!(matches!(parse(&stamps("{}", 33)), Err(BundleError::TooMany { .. })));
        assert!(matches!(parse(&stamps("{}", 1)), Err(BundleError::Member { member: "signedTimestamp", .. })));
    }

    // threat: B13
    #[test]
    fn a_chain_is_read_where_the_version_allows_it() {
        let hint = r#"{"publicKey":{"hint":"ewo6WJLV9/9WnCrrnY+WrWvZdoNKnZzGrlQIBC3uYI4="}}"#;
        let chain = r#"{"x509CertificateChain":{"certificates":[{"rawBytes":"AAAA"},{"rawBytes":"AAAB"}]}}"#;
        for (media_type, _) in MEDIA_TYPES {
            let text = GOLDEN.replace(media_type::BUNDLE_V03, media_type).replacen(hint, chain, 1);
            match parse(&text) {
                Ok(entity) => {
                    assert!(!media_type.contains("0.3"), "{media_type}");
                    let certificates = vec![vec![0, 0, 0], vec![0, 0, 1]];
                    assert_eq!(entity.material, VerificationMaterial::Certificate(certificates));
                }
                Err(BundleError::Member { member, .. }) => {
                    assert!(media_type.contains("0.3"), "{media_type}");
                    assert_eq!(member, "x509CertificateChain");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn all_that_version_0_3_holds_is_read_as_it_was_written() {
        let mut entity = parse(GOLDEN).unwrap();
        entity.material = VerificationMaterial::Certificate(vec![b"leaf".to_vec()]);
        entity.timestamps = vec![SignedTimestamp(b"stamp".to_vec())];
        let proof =
            InclusionProof { index: 0, root: [1; 32], size: 2, hashes: vec![[2; 32]], checkpoint: "c".to_owned() };
        entity.log_entries = vec![LogEntry {
            log_index: 0,
            log_id: LogId::from_bytes(&[3; 32]).unwrap(),
            kind: EntryKind { kind: "k".to_owned(), version: "v".to_owned() },
            integrated_time: Some(UnixTime(9)),
            inclusion_promise: Some(b"promise".to_vec()),
            inclusion_proof: Some(proof),
            body: b"body".to_vec(),
        }];
        let written = entity.to_bundle().unwrap().unwrap();
        assert_eq!(SignedEntity::from_bundle(&written, &Limits::DEFAULT).unwrap(), entity);
        // Of a chain the leaf is written; an entry without proof cannot be.
        entity.material = VerificationMaterial::Certificate(vec![b"leaf".to_vec(), b"ca".to_vec()]);
        assert_eq!(entity.to_bundle().unwrap().unwrap(), written);
        entity.log_entries[0].inclusion_proof = None;
        assert_eq!(entity.to_bundle().unwrap(), None);
        entity.log_entries.clear();
        entity.material = VerificationMaterial::Unspecified;
        assert_eq!(entity.to_bundle().unwrap(), None);
    }

    // threat: N03
    #[test]
    fn a_truncated_bundle_is_an_error_at_every_byte() {
        for end in 0..GOLDEN.len() {
            assert!(parse(&GOLDEN[..end]).is_err(), "{end}");
        }
    }
}
