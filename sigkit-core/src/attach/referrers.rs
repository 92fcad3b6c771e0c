//! Writing in the bundle format: a manifest that refers to the image. OCI distribution specification 1.1, "Pushing Manifests with
//! Subject", and the sigstore bundle's OCI mapping.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::concurrent::join;
use super::insert::insert;
use super::read_modify_write::Inserted;
use super::shared_document::Kind;
use super::written::Own;
use super::{AttachError, AttachmentLocation, TagPrecheck, WriteReceipt, fallback_tag};
use crate::digest::Digest;
use crate::json::JsonError;
use crate::oci::{Descriptor, media_type};
use crate::store::{Referrers, SubjectIndexed, TagWriter};
use crate::time::UnixTime;

/// Looks at a referrers list that should show an entry.
const MAX_LIST_READS: u32 = 5;
/// Wait before the second look; it grows with each.
const LIST_DELAY: Duration = Duration::from_millis(100);

/// The configuration of an artifact that needs none.
const EMPTY_CONFIG: &[u8] = b"{}";

/// A sigstore bundle about to be attached to an image.
#[derive(Clone, Debug)]
pub struct BundleAttachment<'a> {
    /// The image: media type, size and digest of its manifest.
    pub image: &'a Descriptor,
    /// The bundle's exact bytes; large ones are best given away.
    pub bundle: Cow<'a, [u8]>,
    /// Predicate type of the statement in the bundle.
    pub predicate_type: &'a str,
    /// Time written as the manifest's creation time.
    pub created: UnixTime,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireManifest<'a> {
    schema_version: u8,
    media_type: &'static str,
    artifact_type: &'static str,
    config: &'a Descriptor,
    layers: [&'a Descriptor; 1],
    subject: &'a Descriptor,
    annotations: &'a BTreeMap<&'static str, String>,
}

impl BundleAttachment<'_> {
    /// Writes, reads back, and says where.
    ///
    /// # Errors
    /// [`AttachError`]; without an error the bundle is listed, and so is all that was seen before.
    pub async fn attach<S: TagWriter>(self, store: &S) -> Result<WriteReceipt, AttachError> {
        let annotations = self.annotations();
        let layer = Descriptor::of(media_type::BUNDLE_V03, &self.bundle);
        let manifest = manifest(self.image, &layer, &annotations)?;
        let digest = Digest::sha256(&manifest);
        let mut own = Own::default();
        own.push(store, &Descriptor::of(media_type::OCI_EMPTY, EMPTY_CONFIG), EMPTY_CONFIG.into()).await?;
        own.push(store, &layer, self.bundle).await?;
        let mut entry = Descriptor::of(media_type::OCI_MANIFEST, &manifest);
        entry.artifact_type = Some(media_type::BUNDLE_V03.to_owned());
        entry.annotations = annotations.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let indexed = own.push_manifest(store, manifest).await?;
        let image = &self.image.digest;
        let (listed, confirmed) = join(is_listed(store, image, indexed, &digest), own.confirm(store)).await;
        // What is not there is not put on a list.
        confirmed?;
        let (place, inserted) = match listed? {
            ByThePlace::Yes => (AttachmentLocation::Referrers, Inserted::new(digest, TagPrecheck::Answered)),
            ByThePlace::No => {
                let entry = serde_json::to_value(&entry).map_err(JsonError::from)?;
                let inserted = insert(store, image, &Kind::ReferrersIndex, entry, &[], &own).await?;
                (AttachmentLocation::FallbackTag(fallback_tag(image)), inserted)
            }
        };
        let Inserted { tag_precheck: first_look, left_out, .. } = inserted;
        Ok(WriteReceipt { store: store.name(), place, manifest: digest, tag_precheck: first_look, left_out })
    }

    fn annotations(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            (media_type::ANNOTATION_BUNDLE_CONTENT, "dsse-envelope".to_owned()),
            (media_type::ANNOTATION_PREDICATE_TYPE, self.predicate_type.to_owned()),
            (media_type::ANNOTATION_CREATED, self.created.to_string()),
        ])
    }
}

/// Whether the place itself lists what refers to an image.
enum ByThePlace {
    Yes,
    /// The fallback tag is where to look.
    No,
}

/// Asks the place whether it lists the manifest as referring to the image.
async fn is_listed<S: TagWriter>(
    store: &S,
    image: &Digest,
    indexed: SubjectIndexed,
    digest: &Digest,
) -> Result<ByThePlace, AttachError> {
    for attempt in 1_u32.. {
        match store.referrers(image).await? {
            Referrers::Listed(listed) if listed.iter().any(|descriptor| descriptor.digest == *digest) => {
                return Ok(ByThePlace::Yes);
            }
            // The place took it on its list; some show that a moment later.
            Referrers::Listed(_) if indexed == SubjectIndexed::Yes && attempt < MAX_LIST_READS => {
                store.pause(LIST_DELAY.saturating_mul(attempt)).await;
            }
            Referrers::Listed(_) if indexed == SubjectIndexed::Yes => {
                let store = format!("{} (referrers)", store.name());
                return Err(AttachError::NotConfirmed { store, attempts: attempt });
            }
            Referrers::Listed(_) | Referrers::Unsupported => break,
        }
    }
    Ok(ByThePlace::No)
}

fn manifest(
    image: &Descriptor,
    layer: &Descriptor,
    annotations: &BTreeMap<&'static str, String>,
) -> Result<Vec<u8>, JsonError> {
    let manifest = WireManifest {
        schema_version: 2,
        media_type: media_type::OCI_MANIFEST,
        artifact_type: media_type::BUNDLE_V03,
        config: &Descriptor::of(media_type::OCI_EMPTY, EMPTY_CONFIG),
        layers: [layer],
        subject: &Descriptor::new(&image.media_type, image.size, image.digest),
        annotations,
    };
    Ok(serde_json::to_vec(&manifest)?)
}
