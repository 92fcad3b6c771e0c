//! cosign's legacy image signature: a layer whose blob is the payload and whose annotations carry the signature.
//! cosign signature specification, "Storage".

use super::{BundleError, SignedEntity, Unchecked, VerificationMaterial, clip, member};
use crate::content::Content;
use crate::crypto::Signature;
use crate::limits::Limits;
use crate::oci::{Descriptor, media_type};

const DOCUMENT: &str = "signature layer";

impl SignedEntity {
    /// Reads a signature layer: `layer` as its manifest describes it, `payload` its blob.
    ///
    /// # Errors
    /// [`BundleError::Member`] when the annotations carry no signature, or more bytes than allowed.
    pub fn from_layer(layer: &Descriptor, payload: Vec<u8>, limits: &Limits) -> Result<Self, BundleError> {
        if let Some((name, value)) = layer.annotations.iter().find(|(_, value)| value.len() > limits.annotation_bytes) {
            let found = format!("{} bytes in {}", value.len(), clip(name));
            return Err(member(DOCUMENT, "annotations", "at most 256 KiB each", found));
        }
        let annotation = |name: &str| layer.annotations.get(name).filter(|value| !value.is_empty());
        let signature = annotation(media_type::ANNOTATION_SIGNATURE)
            .ok_or_else(|| member(DOCUMENT, "dev.cosignproject.cosign/signature", "base64 of a signature", "none"))?;
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
        Ok(Self {
            content: Content::SimpleSigning { payload, signature: Signature::from_base64(signature)? },
            material,
            unchecked: Unchecked {
                log_entries: usize::from(annotation(media_type::ANNOTATION_BUNDLE).is_some()),
                timestamps: usize::from(annotation(media_type::ANNOTATION_TIMESTAMP).is_some()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &str = include_str!("../../../testdata/vectors/legacy/cosign-3.1.1-sign/signature.b64");

    fn layer(annotations: &[(&str, &str)]) -> Result<SignedEntity, BundleError> {
        let mut descriptor = Descriptor::of(media_type::SIMPLE_SIGNING, b"{}");
        descriptor.annotations = annotations.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        SignedEntity::from_layer(&descriptor, b"{}".to_vec(), &Limits::DEFAULT)
    }

    #[test]
    fn annotations_become_the_normal_form() {
        let entity =
            layer(&[(media_type::ANNOTATION_SIGNATURE, SIGNATURE), (media_type::ANNOTATION_BUNDLE, "{}")]).unwrap();
        assert_eq!(entity.material, VerificationMaterial::Unspecified);
        assert_eq!(entity.unchecked, Unchecked { log_entries: 1, timestamps: 0 });
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
