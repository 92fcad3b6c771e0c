//! Writing in cosign's legacy format: a layer in the manifest under `sha256-<hex>.sig`.

use serde_json::Value;

use super::shared::{self, Kind};
use super::{AttachError, Place, Receipt, signature_tag};
use crate::crypto::Signature;
use crate::digest::Digest;
use crate::json::JsonError;
use crate::oci::{Descriptor, media_type};
use crate::store::StoreWrite;
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
    /// Time written into the configuration; none writes cosign's reproducible zero time.
    pub created: Option<UnixTime>,
}

impl LayerAttachment<'_> {
    /// Writes, reads back, and says where.
    ///
    /// # Errors
    /// [`AttachError`]; without an error the signature and all that were seen before are in place.
    pub async fn attach<S: StoreWrite>(&self, store: &S) -> Result<Receipt, AttachError> {
        let mut layer = Descriptor::of(media_type::SIMPLE_SIGNING, self.payload);
        layer.annotations.insert(media_type::ANNOTATION_SIGNATURE.to_owned(), self.signature.to_base64());
        let entry: Value = serde_json::to_value(&layer).map_err(JsonError::from)?;
        let created = self.created.map_or("0001-01-01T00:00:00Z".to_owned(), |time| time.to_string());
        store.push_blob(self.payload, &layer.digest).await?;
        let inserted = shared::insert(store, self.image, &Kind::SignatureManifest { created }, entry).await?;
        Ok(Receipt {
            store: store.name(),
            place: Place::SignatureTag(signature_tag(self.image)),
            manifest: inserted.document,
            first_look: inserted.first_look,
        })
    }
}
