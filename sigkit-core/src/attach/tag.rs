//! Writing in cosign's legacy format: a layer in the manifest under `sha256-<hex>.sig` or `.att`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::concurrent::join;
use super::insert::insert;
use super::shared_document::Kind;
use super::written::Own;
use super::{ATTESTATION_SUFFIX, AttachError, AttachmentLocation, SIGNATURE_SUFFIX, WriteReceipt};
use crate::crypto::Signature;
use crate::digest::Digest;
use crate::json::JsonError;
use crate::oci::{Descriptor, Tag, media_type};
use crate::store::TagWriter;
use crate::time::UnixTime;

/// A simple signing payload with its signature, about to be attached to an image.
#[derive(Clone, Copy, Debug)]
pub struct LayerAttachment<'a> {
    /// The image.
    pub image: &'a Digest,
    /// The exact payload signed.
    pub payload: &'a [u8],
    /// The signature over it.
    pub signature: &'a Signature,
    /// The verification material beside it, as [`SignedEntity::layer_annotations`](crate::bundle::SignedEntity::layer_annotations)
    /// gives it.
    pub annotations: &'a BTreeMap<String, String>,
    /// Time written into the configuration; none writes cosign's reproducible zero time.
    pub created: Option<UnixTime>,
}

impl LayerAttachment<'_> {
    /// Writes, reads back, and says where.
    ///
    /// # Errors
    /// [`AttachError`]; without an error the signature and all that were seen before are in place.
    pub async fn attach<S: TagWriter>(&self, store: &S) -> Result<WriteReceipt, AttachError> {
        let mut layer = Descriptor::of(media_type::SIMPLE_SIGNING, self.payload);
        layer.annotations = self.annotations.clone();
        layer.annotations.insert(media_type::ANNOTATION_SIGNATURE.to_owned(), self.signature.to_base64());
        write(store, self.image, SIGNATURE_SUFFIX, &layer, self.payload.into(), self.created, &[]).await
    }
}

/// The DSSE envelope of an attestation, about to be attached to an image.
#[derive(Clone, Debug)]
pub struct EnvelopeAttachment<'a> {
    /// The image.
    pub image: &'a Digest,
    /// The envelope's exact bytes; large ones are best given away.
    pub envelope: Cow<'a, [u8]>,
    /// The verification material beside it, as [`SignedEntity::layer_annotations`](crate::bundle::SignedEntity::layer_annotations)
    /// gives it.
    pub annotations: &'a BTreeMap<String, String>,
    /// Predicate type of the statement in it.
    pub predicate_type: &'a str,
    /// Time written into the configuration; none writes cosign's reproducible zero time.
    pub created: Option<UnixTime>,
    /// Attestations beside the image whose place it takes.
    pub replaces: &'a [Digest],
}

impl EnvelopeAttachment<'_> {
    /// Writes, reads back, and says where.
    ///
    /// # Errors
    /// [`AttachError`]; without an error the attestation and all that were seen before, except those replaced, are there.
    pub async fn attach<S: TagWriter>(self, store: &S) -> Result<WriteReceipt, AttachError> {
        let mut layer = Descriptor::of(media_type::DSSE_ENVELOPE, &self.envelope);
        layer.annotations = self.annotations.clone();
        // The envelope has the signature; cosign requires the annotation all the same.
        layer.annotations.insert(media_type::ANNOTATION_SIGNATURE.to_owned(), String::new());
        let predicate_type = self.predicate_type.to_owned();
        layer.annotations.insert(media_type::ANNOTATION_LAYER_PREDICATE_TYPE.to_owned(), predicate_type);
        write(store, self.image, ATTESTATION_SUFFIX, &layer, self.envelope, self.created, self.replaces).await
    }
}

async fn write<S: TagWriter>(
    store: &S,
    image: &Digest,
    suffix: &'static str,
    layer: &Descriptor,
    blob: Cow<'_, [u8]>,
    created: Option<UnixTime>,
    replaces: &[Digest],
) -> Result<WriteReceipt, AttachError> {
    let entry: Value = serde_json::to_value(layer).map_err(JsonError::from)?;
    let created = created.map_or("0001-01-01T00:00:00Z".to_owned(), |time| time.to_string());
    let mut own = Own::default();
    own.push(store, layer, blob).await?;
    let kind = Kind::SignatureManifest { suffix, created };
    let (inserted, confirmed) = join(insert(store, image, &kind, entry, replaces, &own), own.confirm(store)).await;
    let inserted = inserted?;
    confirmed?;
    Ok(WriteReceipt {
        store: store.name(),
        place: AttachmentLocation::SignatureTag(Tag::for_digest(image, suffix)),
        manifest: inserted.document,
        tag_precheck: inserted.tag_precheck,
        left_out: inserted.left_out,
    })
}
