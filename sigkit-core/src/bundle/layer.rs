//! cosign's legacy format for images: a layer whose blob is the signed payload and whose annotations carry the signature, or one
//! whose blob is a DSSE envelope. cosign signature specification, "Storage"; cosign attestation specification.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::log_entry::{Document, WireRekorBundle};
use super::{BundleError, LogEntry, SignedEntity, SignedTimestamp, VerificationMaterial, clip, member, only};
use crate::content::{Content, Envelope};
use crate::crypto::Signature;
use crate::json;
use crate::limits::{DOCUMENT_VALUES, Limits};
use crate::oci::{Descriptor, media_type};

const DOCUMENT: &str = "signature layer";

/// The annotations that make up a signature; no others are read.
const READ: [&str; 5] = [
    media_type::ANNOTATION_SIGNATURE,
    media_type::ANNOTATION_CERTIFICATE,
    media_type::ANNOTATION_CHAIN,
    media_type::ANNOTATION_BUNDLE,
    media_type::ANNOTATION_TIMESTAMP,
];

/// Takes the annotations that make up a signature from those of a layer.
///
/// # Errors
/// [`BundleError::Member`] when one has more bytes than allowed.
pub(crate) fn signature_annotations(
    mut annotations: BTreeMap<String, String>,
    limits: &Limits,
) -> Result<BTreeMap<String, String>, BundleError> {
    annotations.retain(|name, _| READ.contains(&name.as_str()));
    within(&annotations, limits).map(|()| annotations)
}

fn within(annotations: &BTreeMap<String, String>, limits: &Limits) -> Result<(), BundleError> {
    match annotations.iter().find(|(_, value)| value.len() > limits.annotation_bytes) {
        Some((name, value)) => {
            let found = format!("{} bytes in {}", value.len(), clip(name));
            Err(member(DOCUMENT, "annotations", "at most 256 KiB each", found))
        }
        None => Ok(()),
    }
}

impl SignedEntity {
    /// The annotations by which a layer of cosign's legacy format carries the verification material: the certificate, and those of the
    /// chain above it in one text, in PEM. A key has none.
    pub fn layer_annotations(&self) -> BTreeMap<String, String> {
        let mut annotations = BTreeMap::new();
        if let VerificationMaterial::Certificate(certificates) = &self.material {
            let mut texts = certificates.iter().map(|der| crate::crypto::certificate_to_pem(der));
            if let Some(leaf) = texts.next() {
                annotations.insert(media_type::ANNOTATION_CERTIFICATE.to_owned(), leaf);
            }
            let chain: String = texts.collect();
            if !chain.is_empty() {
                annotations.insert(media_type::ANNOTATION_CHAIN.to_owned(), chain);
            }
        }
        annotations
    }

    /// Reads what is stored beside an image: a bundle, or what [`SignedEntity::each_from_layer`] reads, by the type of its layer. The
    /// payload of a large one is decoded into the memory of its base64.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn each_from_attachment(layer: &Descriptor, blob: Vec<u8>, limits: &Limits) -> Result<Vec<Self>, BundleError> {
        match layer.media_type.starts_with(media_type::BUNDLE_PREFIX) {
            true => Ok(vec![Self::from_bundle_in_place(blob, limits)?]),
            false => Self::each_from_layer(layer, blob, limits),
        }
    }

    /// Reads a layer of signatures or attestations: `layer` as its manifest describes it, `blob` its bytes.
    ///
    /// # Errors
    /// [`BundleError::Member`] when the annotations of a signature carry none, or more bytes than allowed;
    /// [`BundleError::Envelope`].
    pub fn from_layer(layer: &Descriptor, blob: Vec<u8>, limits: &Limits) -> Result<Self, BundleError> {
        only(Self::each_from_layer(layer, blob, limits)?)
    }

    /// The same, once for each signature of an envelope that has several.
    ///
    /// # Errors
    /// As [`SignedEntity::from_layer`].
    pub fn each_from_layer(layer: &Descriptor, blob: Vec<u8>, limits: &Limits) -> Result<Vec<Self>, BundleError> {
        within(&layer.annotations, limits)?;
        let annotation = |name: &str| layer.annotations.get(name).filter(|value| !value.is_empty());
        let contents = if layer.media_type == media_type::DSSE_ENVELOPE {
            Envelope::parse_each_in_place(blob)?.into_iter().map(Content::Envelope).collect()
        } else {
            let signature = annotation(media_type::ANNOTATION_SIGNATURE).ok_or_else(|| {
                member(DOCUMENT, "dev.cosignproject.cosign/signature", "base64 of a signature", "none")
            })?;
            vec![Content::SimpleSigning { payload: blob, signature: Signature::from_base64_lines(signature)? }]
        };
        let material = match annotation(media_type::ANNOTATION_CERTIFICATE) {
            None => VerificationMaterial::Unspecified,
            Some(leaf) => {
                let chain = annotation(media_type::ANNOTATION_CHAIN).map_or("", String::as_str);
                VerificationMaterial::Certificate(super::certificates(
                    DOCUMENT,
                    "dev.sigstore.cosign/certificate",
                    &[leaf.as_bytes(), chain.as_bytes()].concat(),
                )?)
            }
        };
        let entry = annotation(media_type::ANNOTATION_BUNDLE).map(|text| rekor_bundle(text)).transpose()?;
        let timestamp = annotation(media_type::ANNOTATION_TIMESTAMP).map(|text| timestamp(text)).transpose()?;
        let entity = |content| Self {
            content,
            material: material.clone(),
            log_entries: entry.iter().cloned().collect(),
            timestamps: timestamp.iter().cloned().collect(),
        };
        Ok(contents.into_iter().map(entity).collect())
    }
}

fn rekor_bundle(text: &str) -> Result<LogEntry, BundleError> {
    const DOCUMENT: &str = "dev.sigstore.cosign/bundle";
    read::<WireRekorBundle>(DOCUMENT, text)?.parse(Document(DOCUMENT))
}

fn timestamp(text: &str) -> Result<SignedTimestamp, BundleError> {
    const DOCUMENT: &str = "dev.sigstore.cosign/rfc3161timestamp";
    #[derive(Deserialize)]
    struct Wire {
        #[serde(rename = "SignedRFC3161Timestamp")]
        timestamp: String,
    }
    let wire: Wire = read(DOCUMENT, text)?;
    Document(DOCUMENT).bytes("SignedRFC3161Timestamp", &wire.timestamp).map(SignedTimestamp)
}

fn read<T: DeserializeOwned>(document: &'static str, text: &str) -> Result<T, BundleError> {
    json::from_slice_within(text.as_bytes(), DOCUMENT_VALUES).map_err(|error| BundleError::Json { document, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &str = include_str!("../../../testdata/vectors/legacy/cosign-3.1.1-sign/signature.b64");

    /// Its body is `{"apiVersion":"1","kind":"k"}`.
    const ENTRY: &str = r#"{"SignedEntryTimestamp":"AAAA","Payload":{"body":"eyJhcGlWZXJzaW9uIjoiMSIsImtpbmQiOiJrIn0=","integratedTime":1,"logIndex":5,"logID":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}"#;

    fn layer(annotations: &[(&str, &str)]) -> Result<SignedEntity, BundleError> {
        let mut descriptor = Descriptor::of(media_type::SIMPLE_SIGNING, b"{}");
        descriptor.annotations = annotations.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        SignedEntity::from_layer(&descriptor, b"{}".to_vec(), &Limits::DEFAULT)
    }

    #[test]
    fn annotations_become_the_normal_form() {
        let entity = layer(&[
            (media_type::ANNOTATION_SIGNATURE, SIGNATURE),
            (media_type::ANNOTATION_BUNDLE, ENTRY),
            (media_type::ANNOTATION_TIMESTAMP, r#"{"SignedRFC3161Timestamp":"AAAA"}"#),
        ])
        .unwrap();
        assert_eq!(entity.material, VerificationMaterial::Unspecified);
        let [entry] = &*entity.log_entries else { panic!("{entity:?}") };
        assert_eq!((entry.log_index, &*entry.kind.kind), (5, "k"));
        assert_eq!(entity.timestamps, [SignedTimestamp(vec![0, 0, 0])]);
    }

    // threat: A03 D17
    #[test]
    fn broken_proof_is_not_a_signature() {
        for (name, text) in [
            (media_type::ANNOTATION_BUNDLE, "{}"),
            (media_type::ANNOTATION_BUNDLE, "null"),
            (media_type::ANNOTATION_TIMESTAMP, "{}"),
            (media_type::ANNOTATION_TIMESTAMP, r#"{"SignedRFC3161Timestamp":""}"#),
            (media_type::ANNOTATION_TIMESTAMP, r#"{"SignedRFC3161Timestamp":"!"}"#),
        ] {
            assert!(layer(&[(media_type::ANNOTATION_SIGNATURE, SIGNATURE), (name, text)]).is_err(), "{name} {text}");
        }
    }

    // threat: D17
    #[test]
    fn annotations_are_bounded_and_a_certificate_is_one() {
        let long = "A".repeat(Limits::DEFAULT.annotation_bytes + 1);
        for annotations in [
            &[][..],
            &[(media_type::ANNOTATION_SIGNATURE, "")],
            &[(media_type::ANNOTATION_SIGNATURE, SIGNATURE), ("x", &long)],
            &[(media_type::ANNOTATION_SIGNATURE, SIGNATURE), (media_type::ANNOTATION_CERTIFICATE, "junk")],
        ] {
            assert!(matches!(layer(annotations), Err(BundleError::Member { .. })), "{annotations:.80?}");
        }
        assert!(matches!(layer(&[(media_type::ANNOTATION_SIGNATURE, "A A=")]), Err(BundleError::Signature(_))));
    }
}
