//! What is kept of what is found beside an image.

use std::sync::Arc;

use super::kind::Layer;
use crate::bundle::{BundleError, SignedEntity};
use crate::content::{Content, Statement};
use crate::json;
use crate::limits::Limits;
use crate::oci::Descriptor;

/// A way to keep what is found.
pub(super) trait Keep: Sync {
    /// What was read of a blob, until it is known whether it is wanted.
    type Read: Send;
    /// What is kept of it.
    type Kept: Send;

    /// Bytes that will be kept of a small layer for sure, before it is read.
    fn cost(&self, layer: &Layer) -> u64 {
        layer.cost()
    }

    /// Reads a blob.
    fn read(&self, layer: &Descriptor, blob: Arc<Vec<u8>>, limits: &Limits) -> Result<Self::Read, BundleError>;

    /// The predicate type of the statement in it; `None` if it is not a statement, or cannot be read.
    fn predicate_type(&self, read: &Self::Read, layer: &Descriptor, limits: &Limits) -> Option<String>;

    /// Keeps it, and says how many bytes that takes.
    fn finish(&self, layer: &Descriptor, read: Self::Read) -> (Self::Kept, u64);
}

/// The signatures in it; an envelope of the legacy format is one for each of its signatures.
pub(super) struct Entities;

impl Keep for Entities {
    type Read = Vec<SignedEntity>;
    type Kept = Vec<SignedEntity>;

    fn read(&self, layer: &Descriptor, blob: Arc<Vec<u8>>, limits: &Limits) -> Result<Self::Read, BundleError> {
        SignedEntity::each_from_attachment(layer, Arc::unwrap_or_clone(blob), limits)
    }

    /// All signatures of an envelope are about the same statement.
    fn predicate_type(&self, read: &Self::Read, _: &Descriptor, limits: &Limits) -> Option<String> {
        let Content::Envelope(envelope) = &read.first()?.content else { return None };
        Some(Statement::parse(Arc::clone(&envelope.payload), limits).ok()?.predicate_type)
    }

    /// A large payload takes three quarters of its base64, which it overwrote when it was decoded.
    fn finish(&self, layer: &Descriptor, read: Self::Read) -> (Self::Kept, u64) {
        let saved = match read.first().map(|entity| &entity.content) {
            Some(Content::Envelope(envelope)) if json::is_large(envelope.payload.len()) => {
                u64::try_from(envelope.payload.len().div_ceil(3)).unwrap_or_default()
            }
            _ => 0,
        };
        (read, layer.size.saturating_sub(saved))
    }
}

/// The layer and the blob as they are stored.
pub(super) struct AsStored;

/// A layer and its blob.
pub(super) struct Stored {
    pub(super) layer: Descriptor,
    pub(super) blob: Arc<Vec<u8>>,
}

impl Keep for AsStored {
    type Read = Arc<Vec<u8>>;
    type Kept = Stored;

    fn read(&self, _: &Descriptor, blob: Arc<Vec<u8>>, _: &Limits) -> Result<Self::Read, BundleError> {
        Ok(blob)
    }

    fn predicate_type(&self, blob: &Self::Read, layer: &Descriptor, limits: &Limits) -> Option<String> {
        let entities = Entities.read(layer, Arc::clone(blob), limits).ok()?;
        Entities.predicate_type(&entities, layer, limits)
    }

    fn finish(&self, layer: &Descriptor, blob: Self::Read) -> (Self::Kept, u64) {
        (Stored { layer: layer.clone(), blob }, layer.size)
    }
}

/// What a caller makes of it at once, so that none of its bytes are kept.
pub(super) struct Handled<F>(pub(super) F);

impl<T: Send, F: Fn(&Descriptor, Vec<u8>) -> (Option<String>, T) + Sync> Keep for Handled<F> {
    type Read = (Option<String>, T);
    type Kept = T;

    fn cost(&self, _: &Layer) -> u64 {
        0
    }

    fn read(&self, layer: &Descriptor, blob: Arc<Vec<u8>>, _: &Limits) -> Result<Self::Read, BundleError> {
        Ok((self.0)(layer, Arc::unwrap_or_clone(blob)))
    }

    fn predicate_type(&self, (predicate_type, _): &Self::Read, _: &Descriptor, _: &Limits) -> Option<String> {
        predicate_type.clone()
    }

    fn finish(&self, _: &Descriptor, (_, made): Self::Read) -> (Self::Kept, u64) {
        (made, 0)
    }
}
