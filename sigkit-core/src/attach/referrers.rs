//! Writing in the bundle format: a manifest that refers to the image. OCI distribution specification 1.1, "Pushing Manifests with
//! Subject", and the sigstore bundle's OCI mapping.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::shared::{self, Kind};
use super::{AttachError, FirstLook, Place, Receipt, fallback_tag};
use crate::digest::Digest;
use crate::json::JsonError;
use crate::oci::{Descriptor, TagOrDigest, media_type};
use crate::store::{Expected, Referrers, StoreWrite, SubjectIndexed};
use crate::time::UnixTime;

/// Looks at a referrers list that should show an entry.
const LOOKS: u32 = 5;
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
    pub async fn attach<S: StoreWrite>(self, store: &S) -> Result<Receipt, AttachError> {
        let annotations = self.annotations();
        let layer = Descriptor::of(media_type::BUNDLE_V03, &self.bundle);
        let manifest = manifest(self.image, &layer, &annotations)?;
        let digest = Digest::sha256(&manifest);
        store.push_blob(EMPTY_CONFIG.into(), &Digest::sha256(EMPTY_CONFIG)).await?;
        store.push_blob(self.bundle, &layer.digest).await?;
        let target = TagOrDigest::Digest(digest);
        let indexed = store.push_manifest(&target, media_type::OCI_MANIFEST, &manifest, Expected::Any).await?;
        let (place, first_look) = list(store, self.image, indexed, &manifest, &annotations).await?;
        Ok(Receipt { store: store.name(), place, manifest: digest, first_look })
    }

    fn annotations(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            (media_type::ANNOTATION_BUNDLE_CONTENT, "dsse-envelope".to_owned()),
            (media_type::ANNOTATION_PREDICATE_TYPE, self.predicate_type.to_owned()),
            (media_type::ANNOTATION_CREATED, self.created.to_string()),
        ])
    }
}

/// Sees to it that the manifest is listed as referring to the image: by the place itself, else under the fallback tag.
async fn list<S: StoreWrite>(
    store: &S,
    image: &Descriptor,
    indexed: SubjectIndexed,
    manifest: &[u8],
    annotations: &BTreeMap<&'static str, String>,
) -> Result<(Place, FirstLook), AttachError> {
    let digest = Digest::sha256(manifest);
    for attempt in 1_u32.. {
        match store.referrers(&image.digest).await? {
            Referrers::Listed(listed) if listed.iter().any(|descriptor| descriptor.digest == digest) => {
                return Ok((Place::Referrers, FirstLook::Answered));
            }
            // The place took it on its list; some show that a moment later.
            Referrers::Listed(_) if indexed == SubjectIndexed::Yes && attempt < LOOKS => {
                store.pause(LIST_DELAY.saturating_mul(attempt)).await;
            }
            Referrers::Listed(_) if indexed == SubjectIndexed::Yes => {
                let store = format!("{} (referrers)", store.name());
                return Err(AttachError::NotConfirmed { store, attempts: attempt });
            }
            Referrers::Listed(_) | Referrers::Unsupported => break,
        }
    }
    let mut entry = Descriptor::of(media_type::OCI_MANIFEST, manifest);
    entry.artifact_type = Some(media_type::BUNDLE_V03.to_owned());
    entry.annotations = annotations.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let entry = serde_json::to_value(&entry).map_err(JsonError::from)?;
    let image = &image.digest;
    let inserted = shared::insert(store, image, &Kind::ReferrersIndex, entry, &[]).await?;
    Ok((Place::FallbackTag(fallback_tag(image)), inserted.first_look))
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
