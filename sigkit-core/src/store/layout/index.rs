//! `index.json`: which images a layout names. OCI image specification 1.1, "Image Layout".
//!
//! A rewrite changes the entries it is about and nothing else: members and entries of other tools keep their bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::value::RawValue;

use super::files::protocol;
use crate::digest::Digest;
use crate::json;
use crate::oci::media_type::{ANNOTATION_REF_NAME, OCI_INDEX};
use crate::oci::{Descriptor, Manifest, Tag, TagOrDigest};
use crate::store::StoreError;

/// Entry annotation of layouts that `cosign save` writes, instead of names.
const KIND: &str = "kind";
/// What the values of [`KIND`] begin with.
const KIND_PREFIX: &str = "dev.cosignproject.cosign/";

/// A parsed `index.json`.
#[derive(Debug)]
pub(in crate::store) struct LayoutIndex {
    /// The members beside `manifests`.
    members: BTreeMap<String, Box<RawValue>>,
    entries: Vec<Entry>,
}

/// One element of `manifests`.
#[derive(Debug)]
struct Entry {
    descriptor: Descriptor,
    raw: Box<RawValue>,
}

impl Entry {
    /// Returns true if the entry says nothing but which manifest it is, so that nothing is lost with it.
    fn is_bare(&self) -> bool {
        json::from_slice::<BTreeMap<String, Box<RawValue>>>(self.raw.get().as_bytes()).is_ok_and(|members| {
            members.keys().all(|name| matches!(name.as_str(), "mediaType" | "size" | "digest" | "artifactType"))
        })
    }
}

impl LayoutIndex {
    /// Reads the document; `place` names the file.
    pub(in crate::store) fn parse(place: &str, bytes: &[u8]) -> Result<Self, StoreError> {
        let manifest =
            Manifest::parse(bytes, Some(OCI_INDEX)).map_err(|error| StoreError::of_manifest(place, error))?;
        let Manifest::Index(index) = manifest else {
            return Err(protocol(place, "expected an image index, found an image manifest"));
        };
        let malformed = |error: json::JsonError| protocol(place, error.to_string());
        let spelled = |names: &BTreeMap<String, Box<RawValue>>, known: &[&str]| {
            json::refuse_others(names.keys().map(String::as_str), known).map_err(malformed)
        };
        let mut members: BTreeMap<String, Box<RawValue>> = json::from_slice(bytes).map_err(malformed)?;
        let raw: Vec<Box<RawValue>> = match members.remove("manifests") {
            Some(raw) => json::from_slice::<Option<_>>(raw.get().as_bytes()).map_err(malformed)?.unwrap_or_default(),
            None => Vec::new(),
        };
        spelled(&members, &["manifests", "schemaVersion", "mediaType"])?;
        for entry in &raw {
            let entry: BTreeMap<String, Box<RawValue>> = json::from_slice(entry.get().as_bytes()).map_err(malformed)?;
            spelled(&entry, &["digest", "size", "mediaType", "annotations", "platform"])?;
        }
        let entries = index.manifests.into_iter().zip(raw).map(|(descriptor, raw)| Entry { descriptor, raw }).collect();
        Ok(Self { members, entries })
    }

    /// The entries, in the order of the file.
    pub(in crate::store) fn descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries.iter().map(|entry| &entry.descriptor)
    }

    /// The entry that `tag` names, if there is one and only one.
    ///
    /// The whole name of an entry decides; else the tag at the end of a full reference; else, where `cosign save` wrote the
    /// layout, its kind.
    pub(in crate::store) fn resolve(&self, place: &str, tag: &Tag) -> Result<Option<&Descriptor>, StoreError> {
        let named: Vec<&Descriptor> = self.named(tag).into_iter().map(|entry| &entry.descriptor).collect();
        let Some(first) = named.first() else { return Ok(None) };
        if named.iter().any(|descriptor| descriptor.digest != first.digest) {
            let found: Vec<String> = named.iter().map(|descriptor| label(descriptor)).collect();
            return Err(protocol(place, format!("expected one entry for {tag}, found {}", found.join(", "))));
        }
        Ok(Some(first))
    }

    fn named(&self, tag: &Tag) -> Vec<&Entry> {
        let by_name = |fits: fn(&str, &str) -> bool| -> Vec<&Entry> {
            let named = |entry: &&Entry| ref_name(&entry.descriptor).is_some_and(|name| fits(name, tag.as_str()));
            self.entries.iter().filter(named).collect()
        };
        let exact = by_name(|name, tag| name == tag);
        if !exact.is_empty() {
            return exact;
        }
        let full = by_name(|name, tag| tag_of(name) == Some(tag));
        if full.is_empty() { self.of_kind(tag) } else { full }
    }

    /// The kind by which `cosign load` finds what lies under this tag: that of the only image's signatures or attestations, in a layout
    /// of `cosign save`.
    fn kind_for(&self, tag: &Tag) -> Option<&'static str> {
        let images: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| matches!(kind(&entry.descriptor), Some("image" | "imageIndex")))
            .collect();
        let [image] = images.as_slice() else { return None };
        let mut kinds = [(".sig", "sigs"), (".att", "atts")].into_iter();
        kinds.find(|(suffix, _)| *tag == Tag::for_digest(&image.descriptor.digest, suffix)).map(|(_, kind)| kind)
    }

    /// The entries with that annotation.
    fn of_kind(&self, tag: &Tag) -> Vec<&Entry> {
        let wanted = self.kind_for(tag);
        self.entries.iter().filter(|entry| wanted.is_some() && kind(&entry.descriptor) == wanted).collect()
    }

    /// Whether `cosign save` wrote the layout.
    pub(in crate::store) fn is_cosigns(&self) -> bool {
        self.descriptors().any(|entry| kind(entry).is_some())
    }

    /// What the index lists under this digest.
    pub(in crate::store) fn entry(&self, digest: &Digest) -> Option<&Descriptor> {
        self.descriptors().find(|descriptor| descriptor.digest == *digest)
    }

    /// The document after `descriptor` was stored under `target`; `None` when nothing changes.
    ///
    /// A tag moves within its entry, whose annotations are the tag's; a digest gets an entry unless it has one. Entries that
    /// only repeat a manifest listed in `children` leave: the stored index now leads to them.
    pub(in crate::store) fn with(
        &self,
        target: &TagOrDigest,
        descriptor: &Descriptor,
        children: &[Descriptor],
    ) -> Result<Option<Vec<u8>>, json::JsonError> {
        let replaced: Vec<&Entry> = match target {
            TagOrDigest::Tag(tag) => self.named(tag),
            TagOrDigest::Digest(_) => Vec::new(),
        };
        let kind_of_target = match target {
            TagOrDigest::Tag(tag) => self.kind_for(tag),
            TagOrDigest::Digest(_) => None,
        };
        let is_replaced = |entry: &Entry| replaced.iter().any(|other| std::ptr::eq(*other, entry));
        let is_superseded = |entry: &Entry| {
            let bare = entry.is_bare();
            let same = entry.descriptor.digest == descriptor.digest && matches!(target, TagOrDigest::Tag(_));
            let child = entry.descriptor.artifact_type.is_none()
                && children.iter().any(|child| child.digest == entry.descriptor.digest);
            (same || child) && bare
        };
        let mut manifests = Vec::with_capacity(self.entries.len().saturating_add(1));
        for entry in &self.entries {
            if is_replaced(entry) {
                let annotations = with_kind(entry.descriptor.annotations.clone(), kind_of_target);
                manifests.push(to_raw(&renamed(descriptor, &annotations))?);
            } else if !is_superseded(entry) {
                manifests.push(entry.raw.clone());
            }
        }
        match target {
            TagOrDigest::Tag(tag) if replaced.is_empty() => {
                let name = BTreeMap::from([(ANNOTATION_REF_NAME.to_owned(), tag.to_string())]);
                manifests.push(to_raw(&renamed(descriptor, &with_kind(name, kind_of_target)))?);
            }
            TagOrDigest::Digest(digest) if self.entry(digest).is_none() => {
                manifests.push(to_raw(&renamed(descriptor, &BTreeMap::new()))?);
            }
            _ => {}
        }
        let before = self.entries.iter().map(|entry| entry.raw.get());
        if before.eq(manifests.iter().map(|raw| raw.get())) {
            return Ok(None);
        }
        self.document(&manifests).map(Some)
    }
}

impl LayoutIndex {
    /// Every tag that names something, in order: whole names, and tags at the end of full references.
    pub(in crate::store) fn tags(&self) -> Vec<Tag> {
        let named = self.descriptors().filter_map(ref_name);
        let tags = named.filter_map(|name| name.parse::<Tag>().ok().or_else(|| tag_of(name)?.parse().ok()));
        tags.collect::<BTreeSet<Tag>>().into_iter().collect()
    }

    /// The document without what `target` names; `None` when it names nothing.
    ///
    /// A manifest that loses its only name is still listed by its digest.
    pub(in crate::store) fn without(&self, target: &TagOrDigest) -> Result<Option<Vec<u8>>, json::JsonError> {
        let named = match target {
            TagOrDigest::Tag(tag) => self.named(tag),
            TagOrDigest::Digest(digest) => {
                self.entries.iter().filter(|entry| entry.descriptor.digest == *digest).collect()
            }
        };
        if named.is_empty() {
            return Ok(None);
        }
        let mut manifests = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let digest = entry.descriptor.digest;
            let others = self.entries.iter().filter(|other| other.descriptor.digest == digest).count();
            match target {
                _ if !named.iter().any(|named| std::ptr::eq(*named, entry)) => manifests.push(entry.raw.clone()),
                TagOrDigest::Tag(_) if others == 1 => {
                    let mut annotations = entry.descriptor.annotations.clone();
                    annotations.retain(|name, _| name != ANNOTATION_REF_NAME && name != KIND);
                    manifests.push(to_raw(&renamed(&entry.descriptor, &annotations))?);
                }
                TagOrDigest::Tag(_) | TagOrDigest::Digest(_) => {}
            }
        }
        self.document(&manifests).map(Some)
    }

    /// The document with these entries.
    fn document(&self, manifests: &[Box<RawValue>]) -> Result<Vec<u8>, json::JsonError> {
        let mut document: BTreeMap<&str, &RawValue> =
            self.members.iter().map(|(name, value)| (name.as_str(), value.as_ref())).collect();
        let manifests = to_raw(&manifests)?;
        document.insert("manifests", &manifests);
        Ok(serde_json::to_vec_pretty(&document)?)
    }
}

/// The `index.json` of a layout that holds nothing.
pub(in crate::store) fn empty() -> Vec<u8> {
    format!("{{\"schemaVersion\":2,\"mediaType\":\"{OCI_INDEX}\",\"manifests\":[]}}").into_bytes()
}

/// Returns true if an entry declares itself, by name or kind, to be an attachment of an image.
pub(super) fn is_attachment(descriptor: &Descriptor) -> bool {
    matches!(kind(descriptor), Some("sigs" | "atts"))
        || ref_name(descriptor).is_some_and(|name| is_attachment_tag(tag_of(name).unwrap_or(name)))
}

/// `sha256-<hex>`, alone (the referrers fallback) or with a suffix (`.sig`, `.att`, `.sbom`).
fn is_attachment_tag(tag: &str) -> bool {
    let stem = tag.split_once('.').map_or(tag, |(stem, _)| stem);
    stem.split_once('-').is_some_and(|(algorithm, hex)| format!("{algorithm}:{hex}").parse::<Digest>().is_ok())
}

/// An entry for people: its name and digest.
pub(in crate::store) fn label(descriptor: &Descriptor) -> String {
    match ref_name(descriptor) {
        Some(name) => format!("{name} ({})", descriptor.digest),
        None => descriptor.digest.to_string(),
    }
}

fn ref_name(descriptor: &Descriptor) -> Option<&str> {
    descriptor.annotations.get(ANNOTATION_REF_NAME).map(String::as_str)
}

fn kind(descriptor: &Descriptor) -> Option<&str> {
    descriptor.annotations.get(KIND)?.strip_prefix(KIND_PREFIX)
}

/// The tag at the end of a full reference, `registry.example.com/app:v1`.
fn tag_of(name: &str) -> Option<&str> {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
}

/// Annotations of an entry that `cosign load` has to find, beside those by which others do.
fn with_kind(mut annotations: BTreeMap<String, String>, kind: Option<&str>) -> BTreeMap<String, String> {
    if let Some(kind) = kind {
        annotations.insert(KIND.to_owned(), format!("{KIND_PREFIX}{kind}"));
    }
    annotations
}

fn renamed(descriptor: &Descriptor, annotations: &BTreeMap<String, String>) -> Descriptor {
    Descriptor { annotations: annotations.clone(), ..descriptor.clone() }
}

fn to_raw(value: &impl Serialize) -> Result<Box<RawValue>, json::JsonError> {
    Ok(serde_json::value::to_raw_value(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest::sha256(&[byte])
    }

    fn index(entries: &[(u8, &str, &str)]) -> LayoutIndex {
        let manifests: Vec<_> = entries
            .iter()
            .map(|(byte, name, value)| {
                serde_json::json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 2,
                    "digest": digest(*byte), "annotations": {*name: value}})
            })
            .collect();
        let document = serde_json::json!({"schemaVersion": 2, "manifests": manifests});
        LayoutIndex::parse("index.json", &serde_json::to_vec(&document).unwrap()).unwrap()
    }

    fn found(index: &LayoutIndex, tag: &str) -> Option<Digest> {
        index.resolve("index.json", &tag.parse().unwrap()).unwrap().map(|descriptor| descriptor.digest)
    }

    #[test]
    fn a_tag_is_a_whole_name_or_the_end_of_a_full_reference() {
        let index = index(&[
            (1, ANNOTATION_REF_NAME, "v1"),
            (2, ANNOTATION_REF_NAME, "registry.example:5000/app:v2"),
            (3, ANNOTATION_REF_NAME, "registry.example:5000/app"),
            (4, ANNOTATION_REF_NAME, "localhost/app:v1"),
            (5, "io.containerd.image.name", "docker.io/library/app:v3"),
        ]);
        assert_eq!(found(&index, "v1"), Some(digest(1)));
        assert_eq!(found(&index, "v2"), Some(digest(2)));
        assert_eq!(found(&index, "v3"), None);
        assert_eq!(found(&index, "5000"), None);
    }

    // threat: X07
    #[test]
    fn a_tag_with_two_meanings_is_refused_and_both_are_named() {
        let index = index(&[(1, ANNOTATION_REF_NAME, "a/x:v1"), (2, ANNOTATION_REF_NAME, "b/x:v1")]);
        let error = index.resolve("D/index.json", &"v1".parse().unwrap()).expect_err("ambiguous");
        let StoreError::Protocol { place, detail } = error else { panic!("{error}") };
        assert_eq!(place, "D/index.json");
        assert!(detail.contains("a/x:v1") && detail.contains("b/x:v1"), "{detail}");
    }

    #[test]
    fn cosign_save_layout_has_signatures_of_its_image_only() {
        let kinds = [(1, KIND, "dev.cosignproject.cosign/image"), (2, KIND, "dev.cosignproject.cosign/sigs")];
        let saved = index(&kinds);
        let tag = |byte, suffix| Tag::for_digest(&digest(byte), suffix).to_string();
        assert_eq!(found(&saved, &tag(1, ".sig")), Some(digest(2)));
        assert_eq!(found(&saved, &tag(1, ".att")), None);
        assert_eq!(found(&saved, &tag(3, ".sig")), None);
        let two = index(&[kinds[0], (3, KIND, "dev.cosignproject.cosign/image"), kinds[1]]);
        assert_eq!(found(&two, &tag(1, ".sig")), None);
    }

    // threat: R43
    #[test]
    fn cosign_save_layout_signed_has_kind_for_cosign_load() {
        let saved = index(&[(1, KIND, "dev.cosignproject.cosign/imageIndex")]);
        let plain = index(&[(1, ANNOTATION_REF_NAME, "v1")]);
        let new = Descriptor::new("application/vnd.oci.image.manifest.v1+json", 9, digest(3));
        for (layout, image, suffix, expected) in [
            (&saved, 1, ".sig", Some("sigs")),
            (&saved, 1, ".att", Some("atts")),
            (&saved, 1, ".sbom", None),
            (&saved, 2, ".sig", None),
            (&plain, 1, ".sig", None),
        ] {
            let tag = Tag::for_digest(&digest(image), suffix);
            let mut bytes = layout.with(&TagOrDigest::Tag(tag.clone()), &new, &[]).unwrap().unwrap();
            // One that was written without the kind gets it with the next write.
            let newer = Descriptor { digest: digest(4), ..new.clone() };
            for (number, written) in [(3, &newer), (4, &new)] {
                let after = LayoutIndex::parse("i", &bytes).unwrap();
                assert_eq!((after.entries.len(), found(&after, tag.as_str())), (2, Some(digest(number))));
                assert_eq!(kind(&after.entries[1].descriptor), expected, "{suffix}");
                bytes = after.with(&TagOrDigest::Tag(tag.clone()), written, &[]).unwrap().unwrap();
                let text = String::from_utf8(bytes.clone()).unwrap();
                bytes = text.replace("\"kind\": \"dev.cosignproject.cosign/sigs\",", "").into_bytes();
            }
        }
    }

    #[test]
    fn a_rewrite_keeps_what_it_does_not_know() {
        let entry = format!(
            r#"{{"size":1,"digest":"{}","urls":["http://x"],"data":"AA==","extra":{{"deep":[1,2.50]}}}}"#,
            digest(1)
        );
        let text =
            format!(r#"{{"schemaVersion":2,"vendor":{{"n":1.10}},"manifests":[{entry}],"annotations":{{"a":"b"}}}}"#);
        let before = LayoutIndex::parse("i", text.as_bytes()).unwrap();
        let new = Descriptor::new("application/vnd.oci.image.manifest.v1+json", 9, digest(2));
        let bytes = before.with(&TagOrDigest::Tag("v1".parse().unwrap()), &new, &[]).unwrap().unwrap();
        let after = String::from_utf8(bytes.clone()).unwrap();
        for kept in [entry.as_str(), r#"{"n":1.10}"#, r#"{"a":"b"}"#] {
            assert!(after.contains(kept), "{kept} in {after}");
        }
        let after = LayoutIndex::parse("i", &bytes).unwrap();
        assert_eq!((found(&after, "v1"), after.entries.len()), (Some(digest(2)), 2));
    }

    #[test]
    fn moved_tag_keeps_the_annotations_of_its_entry() {
        let before = index(&[(1, KIND, "dev.cosignproject.cosign/image"), (2, KIND, "dev.cosignproject.cosign/sigs")]);
        let tag = Tag::for_digest(&digest(1), ".sig");
        let new = Descriptor::new("application/vnd.oci.image.manifest.v1+json", 9, digest(3));
        let bytes = before.with(&TagOrDigest::Tag(tag.clone()), &new, &[]).unwrap().unwrap();
        let after = LayoutIndex::parse("i", &bytes).unwrap();
        assert_eq!(found(&after, tag.as_str()), Some(digest(3)));
        assert_eq!((after.entries.len(), kind(&after.entries[1].descriptor)), (2, Some("sigs")));
        assert!(after.with(&TagOrDigest::Tag(tag), &new, &[]).unwrap().is_none(), "nothing left to change");
    }

    #[test]
    fn an_index_adopts_the_bare_entries_of_its_children() {
        let before = LayoutIndex::parse("i", &empty()).unwrap();
        let (child, referrer) = (Descriptor::new("m", 1, digest(1)), Descriptor::new("m", 1, digest(2)));
        let referrer = Descriptor { artifact_type: Some("x".to_owned()), ..referrer };
        let mut bytes = before.with(&TagOrDigest::Digest(child.digest), &child, &[]).unwrap().unwrap();
        for _ in 0..2 {
            let now = LayoutIndex::parse("i", &bytes).unwrap();
            bytes = now.with(&TagOrDigest::Digest(referrer.digest), &referrer, &[]).unwrap().unwrap_or(bytes);
        }
        let now = LayoutIndex::parse("i", &bytes).unwrap();
        assert_eq!(now.descriptors().count(), 2);
        let text = String::from_utf8(bytes).unwrap();
        let marked = text.replacen("\"size\":1", "\"urls\":[],\"size\":1", 1);
        let marked = LayoutIndex::parse("i", marked.as_bytes()).unwrap();
        let parent = Descriptor::new(OCI_INDEX, 1, digest(3));
        let target = TagOrDigest::Tag("v1".parse().unwrap());
        let bytes = now.with(&target, &parent, &[child.clone(), referrer.clone()]).unwrap().unwrap();
        let left: Vec<Digest> = LayoutIndex::parse("i", &bytes).unwrap().descriptors().map(|d| d.digest).collect();
        assert_eq!(left, [referrer.digest, parent.digest]);
        let bytes = marked.with(&target, &parent, std::slice::from_ref(&child)).unwrap().unwrap();
        assert!(String::from_utf8(bytes).unwrap().contains("urls"), "an entry that says more stays");
    }

    #[test]
    fn attachments_are_told_by_name_or_kind() {
        let hex = digest(1).hex();
        for name in [format!("sha256-{hex}"), format!("sha256-{hex}.sig"), format!("r.example/a:sha256-{hex}.att")] {
            let index = index(&[(1, ANNOTATION_REF_NAME, name.as_str())]);
            assert!(is_attachment(&index.entries[0].descriptor), "{name}");
        }
        for (key, name) in [
            (ANNOTATION_REF_NAME, "v1"),
            (ANNOTATION_REF_NAME, "sha256-abc.sig"),
            (KIND, "dev.cosignproject.cosign/image"),
        ] {
            assert!(!is_attachment(&index(&[(1, key, name)]).entries[0].descriptor), "{name}");
        }
    }
}
