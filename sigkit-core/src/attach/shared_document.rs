//! Documents that all signers of an image share: the fallback index of referrers, and the manifest under cosign's legacy tag.

use serde_json::{Map, Value, json};

use super::AttachError;
use crate::digest::Digest;
use crate::json;
use crate::limits::MANIFEST_VALUES;
use crate::oci::{Descriptor, Manifest, Tag, media_type};
use crate::store::FetchedManifest;

/// Which shared document.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The fallback index of referrers.
    ReferrersIndex,
    /// The manifest under cosign's legacy tag; `created` is RFC 3339.
    SignatureManifest {
        /// What follows the digest of the image in the tag.
        suffix: &'static str,
        /// Time of creation written into the configuration.
        created: String,
    },
}

impl Kind {
    /// What follows the digest of the image in the tag.
    pub(super) const fn suffix(&self) -> &'static str {
        match self {
            Self::ReferrersIndex => "",
            Self::SignatureManifest { suffix, .. } => suffix,
        }
    }

    const fn list(&self) -> &'static str {
        match self {
            Self::ReferrersIndex => "manifests",
            Self::SignatureManifest { .. } => "layers",
        }
    }

    pub(super) const fn expected(&self) -> &'static str {
        match self {
            Self::ReferrersIndex => "an index of referrers",
            Self::SignatureManifest { .. } => "a manifest of signatures",
        }
    }

    /// Returns true if the manifest is such a document, and not something that happens to have the tag: a copy tool may put the image
    /// itself under the tag of its referrers.
    pub(super) fn holds(&self, fetched: &FetchedManifest, tag: &Tag) -> bool {
        match (self, fetched.manifest()) {
            (Self::ReferrersIndex, Manifest::Index(_)) => Tag::for_digest(&fetched.digest(), "") != *tag,
            (Self::SignatureManifest { .. }, Manifest::Image(manifest)) => {
                let signature = |layer: &Descriptor| {
                    layer.media_type == media_type::SIMPLE_SIGNING
                        || layer.media_type == media_type::DSSE_ENVELOPE
                        || layer.annotations.contains_key(media_type::ANNOTATION_SIGNATURE)
                };
                manifest.layers.is_empty() || manifest.layers.iter().any(signature)
            }
            _ => false,
        }
    }

    /// A document without entries.
    pub(super) fn blank(&self) -> Document {
        let media_type = match self {
            Self::ReferrersIndex => media_type::OCI_INDEX,
            Self::SignatureManifest { .. } => media_type::OCI_MANIFEST,
        };
        let members = [("schemaVersion", json!(2)), ("mediaType", json!(media_type))];
        Document {
            media_type: media_type.to_owned(),
            members: members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            entries: Vec::new(),
            read_as: None,
        }
    }
}

/// A shared document as it was read, or as it will be written.
#[derive(Clone, Debug)]
pub(super) struct Document {
    media_type: String,
    members: Map<String, Value>,
    pub(super) entries: Vec<Value>,
    /// The digest under which it was read; none where there was none.
    pub(super) read_as: Option<Digest>,
}

impl Document {
    /// The document in `fetched`, which [`Kind::holds`] was asked about.
    pub(super) fn parse(kind: &Kind, fetched: &FetchedManifest) -> Result<Self, AttachError> {
        let mut members: Map<String, Value> = json::from_slice_within(fetched.bytes(), MANIFEST_VALUES)?;
        let entries = match members.remove(kind.list()) {
            Some(Value::Array(entries)) => entries,
            _ => Vec::new(),
        };
        let media_type = fetched.descriptor().media_type.clone();
        Ok(Self { media_type, members, entries, read_as: Some(fetched.digest()) })
    }
}

/// What to write, computed without I/O.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) blobs: Vec<Vec<u8>>,
    pub(super) media_type: String,
    pub(super) manifest: Vec<u8>,
}

/// The document with `missing` entries added behind those it has; everything else in it stays.
pub(super) fn plan(kind: &Kind, document: Document, missing: Vec<Value>) -> Result<Plan, AttachError> {
    let Document { media_type, mut members, mut entries, .. } = document;
    entries.extend(missing);
    let mut blobs = Vec::new();
    if let Kind::SignatureManifest { created, .. } = kind {
        let config = configuration(&entries, created)?;
        let config_type = members
            .get("config")
            .and_then(|config| config.get("mediaType"))
            .and_then(Value::as_str)
            .unwrap_or(media_type::OCI_CONFIG);
        members.insert(
            "config".to_owned(),
            serde_json::to_value(Descriptor::of(config_type, &config)).map_err(json::JsonError::from)?,
        );
        blobs.push(config);
    }
    members.insert(kind.list().to_owned(), Value::Array(entries));
    let manifest = serde_json::to_vec(&members).map_err(json::JsonError::from)?;
    Ok(Plan { blobs, media_type, manifest })
}

/// The image configuration that cosign writes beside signature layers: one history entry and one diff id per layer.
fn configuration(layers: &[Value], created: &str) -> Result<Vec<u8>, AttachError> {
    const ZERO: &str = "0001-01-01T00:00:00Z";
    let history: Vec<Value> = layers.iter().map(|_| json!({"created": ZERO})).collect();
    let diff_ids: Vec<&Value> = layers.iter().filter_map(|layer| layer.get("digest")).collect();
    let config = json!({
        "architecture": "",
        "created": created,
        "history": history,
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "config": {},
    });
    Ok(serde_json::to_vec(&config).map_err(json::JsonError::from)?)
}

/// What makes two entries the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub(super) digest: String,
    /// Of a layer, the signature beside it.
    pub(super) signature: String,
}

/// The identity of an entry.
pub(super) fn identity(entry: &Value) -> Identity {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let signature = entry.get("annotations").and_then(|annotations| annotations.get(media_type::ANNOTATION_SIGNATURE));
    Identity { digest: text(entry.get("digest")), signature: text(signature) }
}

/// Returns true if the entry is the one with this digest.
pub(super) fn names(entry: &Value, digest: &Digest) -> bool {
    entry.get("digest").and_then(Value::as_str).is_some_and(|found| found == digest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(signature: &str) -> Value {
        json!({"digest": "sha256:aa", "annotations": {media_type::ANNOTATION_SIGNATURE: signature}, "data": "kept"})
    }

    fn document(kind: &Kind, entries: Vec<Value>) -> Document {
        Document { entries, ..kind.blank() }
    }

    #[test]
    fn a_plan_keeps_all_entries_and_members_it_does_not_know() {
        let kind = Kind::SignatureManifest { suffix: ".sig", created: "0001-01-01T00:00:00Z".to_owned() };
        let mut before = document(&kind, vec![layer("one")]);
        before.members.insert("x-other".to_owned(), json!(1));
        let plan = plan(&kind, before, vec![layer("two")]).unwrap();
        let written: Value = serde_json::from_slice(&plan.manifest).unwrap();
        assert_eq!(written["layers"], json!([layer("one"), layer("two")]));
        assert_eq!(written["x-other"], 1);
        let config: Value = serde_json::from_slice(&plan.blobs[0]).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"], json!(["sha256:aa", "sha256:aa"]));
        assert_eq!(written["config"]["digest"], Digest::sha256(&plan.blobs[0]).to_string());
        assert_eq!(written["config"]["size"], plan.blobs[0].len());
    }

    #[test]
    fn two_signatures_of_one_payload_are_two_entries() {
        assert_ne!(identity(&layer("one")), identity(&layer("two")));
        assert_eq!(identity(&layer("one")), identity(&layer("one")));
    }
}
