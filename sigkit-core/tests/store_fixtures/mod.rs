//! Layouts as other tools write them, made by hand.
#![allow(dead_code, clippy::disallowed_methods)] // each test file uses its own part; fixtures are files

pub(crate) mod tars;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sigkit_core::digest::Digest;
use sigkit_core::oci::{Descriptor, TagOrDigest, media_type};

pub(crate) const REF_NAME: &str = media_type::ANNOTATION_REF_NAME;
pub(crate) const KIND: &str = "kind";

/// An image, a legacy signature and a referrer of it, with all their blobs.
pub(crate) struct Fixture {
    pub(crate) blobs: BTreeMap<Digest, Vec<u8>>,
    pub(crate) image: Descriptor,
    pub(crate) signature: Descriptor,
    pub(crate) bundle: Descriptor,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let mut blobs = BTreeMap::new();
        let mut add = |media_type: &str, bytes: Vec<u8>| {
            let descriptor = Descriptor::of(media_type, &bytes);
            blobs.insert(descriptor.digest, bytes);
            descriptor
        };
        let config = add(media_type::OCI_CONFIG, br#"{"architecture":"amd64","os":"linux"}"#.to_vec());
        let layer = add("application/vnd.oci.image.layer.v1.tar", b"a layer that is no JSON".to_vec());
        let image = add(media_type::OCI_MANIFEST, image_manifest(&config, &[&layer], None));
        let payload = add(media_type::SIMPLE_SIGNING, br#"{"critical":{}}"#.to_vec());
        let signature = add(media_type::OCI_MANIFEST, image_manifest(&config, &[&payload], None));
        let empty = add(media_type::OCI_EMPTY, b"{}".to_vec());
        let bundle_blob = add(media_type::BUNDLE_V03, br#"{"bundle":1}"#.to_vec());
        let bundle = add(media_type::OCI_MANIFEST, image_manifest(&empty, &[&bundle_blob], Some(&image)));
        Self { blobs, image, signature, bundle }
    }

    /// `crane pull --format=oci`: one entry, without a name or with the full reference.
    pub(crate) fn crane(&self, dir: &Path, name: Option<&str>) {
        let image = match name {
            Some(name) => entry(&self.image, &[(REF_NAME, name)]),
            None => entry(&self.image, &[]),
        };
        self.write(dir, vec![image]);
    }

    /// `oras copy -r --to-oci-layout`: a tagged entry, and one for the referrer.
    pub(crate) fn oras(&self, dir: &Path) {
        let referrer = Descriptor { artifact_type: Some(media_type::OCI_EMPTY.to_owned()), ..self.bundle.clone() };
        self.write(dir, vec![entry(&self.image, &[(REF_NAME, "v1")]), entry(&referrer, &[])]);
    }

    /// `cosign save`: kinds instead of names, the referrer loose among the blobs.
    pub(crate) fn cosign_save(&self, dir: &Path) {
        let kind = |kind: &str| format!("dev.cosignproject.cosign/{kind}");
        let (image, sigs) = (kind("image"), kind("sigs"));
        self.write(dir, vec![entry(&self.image, &[(KIND, &image)]), entry(&self.signature, &[(KIND, &sigs)])]);
    }

    pub(crate) fn write(&self, dir: &Path, entries: Vec<Value>) {
        fs::create_dir_all(dir.join("blobs/sha256")).unwrap();
        fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        fs::write(dir.join("index.json"), index(entries)).unwrap();
        for (digest, bytes) in &self.blobs {
            fs::write(dir.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        }
    }

    /// The members of the layout as archive entries.
    pub(crate) fn files(&self, entries: Vec<Value>) -> Vec<(String, Vec<u8>)> {
        let mut files = vec![
            ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
            ("index.json".to_owned(), index(entries)),
        ];
        files
            .extend(self.blobs.iter().map(|(digest, bytes)| (format!("blobs/sha256/{}", digest.hex()), bytes.clone())));
        files
    }
}

pub(crate) fn index(entries: Vec<Value>) -> Vec<u8> {
    serde_json::to_vec(&json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries})).unwrap()
}

pub(crate) fn entry(descriptor: &Descriptor, annotations: &[(&str, &str)]) -> Value {
    let annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    serde_json::to_value(Descriptor { annotations, ..descriptor.clone() }).unwrap()
}

pub(crate) fn image_manifest(config: &Descriptor, layers: &[&Descriptor], subject: Option<&Descriptor>) -> Vec<u8> {
    let mut manifest =
        json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": layers});
    if let Some(subject) = subject {
        manifest["subject"] = serde_json::to_value(subject).unwrap();
        manifest["artifactType"] = media_type::BUNDLE_V03.into();
    }
    serde_json::to_vec(&manifest).unwrap()
}

/// A small referrer of `subject`, told apart from others by `note`.
pub(crate) fn referrer(subject: &Descriptor, note: &str) -> Vec<u8> {
    let empty = Descriptor::of(media_type::OCI_EMPTY, b"{}");
    let layer = Descriptor { annotations: BTreeMap::from([("note".to_owned(), note.to_owned())]), ..empty.clone() };
    image_manifest(&empty, &[&layer], Some(subject))
}

pub(crate) fn tag(name: &str) -> TagOrDigest {
    TagOrDigest::Tag(name.parse().unwrap())
}

/// Every file below `dir` with its bytes, for comparing before and after.
pub(crate) fn snapshot(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(folder) = left.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                left.push(path);
            } else {
                files.insert(path.display().to_string(), fs::read(&path).unwrap_or_default());
            }
        }
    }
    files
}
