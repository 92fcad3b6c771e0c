use std::future::Future;
use std::sync::Arc;

use super::budget::Room;
use super::keep::{AsStored, Entities, Handled, Keep as _};
use super::kind::AttachmentKind;
use super::search::search;
use crate::bundle::{BundleError, Evidence, EvidenceItem, LookupError, Origin};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::Descriptor;
use crate::policy::{Policy, Purpose};
use crate::store::Store;

/// Finds every signature of an image that may serve the policy, in every format and place, in one union: signatures or
/// attestations, as its purpose says.
///
/// Nothing found hides anything else. "Not found" from the store itself means that there is none; every other error
/// becomes a [`LookupError`](crate::bundle::LookupError) of the evidence. What is found in several places is one thing with several places.
pub async fn discover<S: Store>(store: &S, image: &Digest, policy: &Policy, limits: &Limits) -> Evidence {
    discover_until(store, image, policy, limits, std::future::pending()).await
}

/// The same, until `until` is ready. What was read by then is the evidence, and what was not is a
/// [`LookupError`](crate::bundle::LookupError) of it: one place that stays silent hides no other.
pub async fn discover_until<S: Store>(
    store: &S,
    image: &Digest,
    policy: &Policy,
    limits: &Limits,
    until: impl Future<Output = ()> + Send,
) -> Evidence {
    discover_within(store, image, policy, (limits, &Room::new(limits)), until).await
}

/// The same within the room that several look-ups share.
pub(crate) async fn discover_within<S: Store>(
    store: &S,
    image: &Digest,
    policy: &Policy,
    (limits, room): (&Limits, &Room),
    until: impl Future<Output = ()> + Send,
) -> Evidence {
    let wanted = match policy.purpose() {
        Purpose::Attestation(kind) => AttachmentKind::Attestations(Some(kind)),
        Purpose::Image | Purpose::Blob => AttachmentKind::Signatures,
    };
    let part = search(store, image, wanted, limits, &Entities, room, until).await;
    let items = part.items.into_iter().flat_map(|item| EvidenceItem::each(item.origin, item.value));
    Evidence { items: items.collect(), problems: part.problems }
}

/// What was found beside an image, as it is stored, and what could not be looked at.
#[derive(Clone, Debug, Default)]
pub struct RawAttachments {
    /// What was found, in the order found. Nothing found is dropped, the unreadable included.
    pub items: Vec<RawAttachment>,
    /// What could not be looked at.
    pub problems: Vec<LookupError>,
}

/// One thing found, as it is stored.
#[derive(Clone, Debug)]
pub struct RawAttachment {
    /// Where it was found.
    pub origin: Origin,
    /// The layer that describes it, with the annotations that belong to a signature.
    pub layer: Descriptor,
    /// Its bytes, compared with the layer, or why they were not read.
    pub blob: Result<Arc<Vec<u8>>, BundleError>,
}

impl RawAttachment {
    /// Reads it as a signature or attestation; an envelope of the legacy format once for each of its signatures.
    pub fn parse(self, limits: &Limits) -> Vec<EvidenceItem> {
        EvidenceItem::each(self.origin, self.blob.and_then(|blob| Entities.read(&self.layer, blob, limits)))
    }
}

/// Finds everything of a kind beside an image, in every format and place; [`discover`] reads it as well.
pub async fn fetch_attachments<S: Store>(
    store: &S,
    image: &Digest,
    wanted: AttachmentKind<'_>,
    limits: &Limits,
) -> RawAttachments {
    fetch_attachments_until(store, image, wanted, limits, std::future::pending()).await
}

/// The same, until `until` is ready; see [`discover_until`].
pub async fn fetch_attachments_until<S: Store>(
    store: &S,
    image: &Digest,
    wanted: AttachmentKind<'_>,
    limits: &Limits,
    until: impl Future<Output = ()> + Send,
) -> RawAttachments {
    let part = search(store, image, wanted, limits, &AsStored, &Room::new(limits), until).await;
    let items = part.items.into_iter().map(|item| match item.value {
        Ok(stored) => RawAttachment { origin: item.origin, layer: stored.layer, blob: Ok(stored.blob) },
        Err(error) => RawAttachment { origin: item.origin, layer: Descriptor::of("", b""), blob: Err(error) },
    });
    RawAttachments { items: items.collect(), problems: part.problems }
}

/// Finds the same, and hands each over to `handle` as soon as it is read: its layer and its bytes, of which nothing is kept here, so that
/// no number of them is too large. `handle` says what the predicate type of the statement is, if it is one that can be read, and what
/// becomes of it.
pub async fn parse_attachments<S: Store, T: Send>(
    store: &S,
    image: &Digest,
    wanted: AttachmentKind<'_>,
    limits: &Limits,
    until: impl Future<Output = ()> + Send,
    handle: impl Fn(&Descriptor, Vec<u8>) -> (Option<String>, T) + Sync,
) -> ParsedAttachments<T> {
    let room = Room::new(limits);
    let part = search(store, image, wanted, limits, &Handled(handle), &room, until).await;
    ParsedAttachments {
        items: part.items.into_iter().map(|item| (item.origin, item.value)).collect(),
        problems: part.problems,
    }
}

/// What was found, and what became of it.
#[derive(Debug)]
pub struct ParsedAttachments<T> {
    /// Where, and what became of it or why it was not read; in the order found.
    pub items: Vec<(Origin, Result<T, BundleError>)>,
    /// What could not be looked at.
    pub problems: Vec<LookupError>,
}
