//! Vectors of `testdata/vectors/verify`: what a directory holds, and what the verifier makes of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
use sigkit_core::crypto::PublicKey;
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Descriptor, media_type};
use sigkit_core::policy::{KeyAuthority, Policy, Purpose};
use sigkit_core::report::{Node, Outcome, Report};
use sigkit_core::time::UnixTime;
use sigkit_core::trust::Trust;
use sigkit_core::verify::{Artifact, ArtifactHasher, NotVerified, Verified, Verifier};

/// The time of every verification here; nothing depends on it.
pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);

/// One case: file names and their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/vectors/verify")
}

/// Every case on disk.
pub(crate) fn load_all() -> Vec<Vector> {
    let mut vectors: Vec<Vector> =
        fs::read_dir(directory()).unwrap().map(|entry| load(&entry.unwrap().path())).collect();
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    vectors
}

pub(crate) fn load_one(name: &str) -> Vector {
    load(&directory().join(name))
}

fn load(path: &Path) -> Vector {
    let files = fs::read_dir(path).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())
    });
    Vector { name: path.file_name().unwrap().to_str().unwrap().to_owned(), files: files.collect() }
}

impl Vector {
    pub(crate) fn file(&self, name: &str) -> &[u8] {
        self.files.get(name).unwrap_or_else(|| panic!("{}: no file {name}", self.name))
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(self.file(name)).unwrap_or_else(|error| panic!("{}/{name}: {error}", self.name))
    }

    pub(crate) fn key(&self) -> PublicKey {
        PublicKey::from_pem(self.file("key.pub")).unwrap()
    }

    pub(crate) fn policy(&self) -> Policy {
        self.policy_with(self.key())
    }

    /// The policy, of another key.
    pub(crate) fn policy_with(&self, key: PublicKey) -> Policy {
        let wanted = self.json("policy.json");
        let purpose = match wanted["purpose"].as_str() {
            Some("image") => Purpose::Image,
            Some("blob") => Purpose::Blob,
            Some("attestation") => Purpose::Attestation(wanted["type"].as_str().unwrap().parse().unwrap()),
            other => panic!("{}: purpose {other:?}", self.name),
        };
        let mut policy = Policy::key(purpose, KeyAuthority::new("key.pub", key));
        for (name, value) in wanted["annotations"].as_object().into_iter().flatten() {
            policy = policy.with_annotation(name, value.as_str().unwrap());
        }
        if let Some(reference) = wanted["reference"].as_str() {
            policy = policy.with_reference(reference.parse().unwrap());
        }
        match wanted["claims"].as_str() {
            None => policy,
            Some("waived") => policy.dangerous_without_claims(),
            Some(other) => panic!("{}: claims {other:?}", self.name),
        }
    }

    /// What the files besides artifact and key amount to; their names tell the format.
    pub(crate) fn evidence(&self) -> Evidence {
        let limits = &Limits::DEFAULT;
        let (file, entities) = if let Some(bundle) = self.files.get("bundle.json") {
            ("bundle.json", SignedEntity::each_from_any_bundle(bundle, limits))
        } else if let Some(bundle) = self.files.get("blob-bundle.json") {
            ("blob-bundle.json", SignedEntity::each_from_any_bundle(bundle, limits))
        } else if let Some(envelope) = self.files.get("envelope.json") {
            let layer = Descriptor::of(media_type::DSSE_ENVELOPE, envelope);
            ("envelope.json", SignedEntity::each_from_layer(&layer, envelope.clone(), limits))
        } else if let Some(payload) = self.files.get("payload.json") {
            ("payload.json", SignedEntity::each_from_layer(&self.layer(), payload.clone(), limits))
        } else if let Some(signature) = self.files.get("signature.b64") {
            ("signature.b64", SignedEntity::from_detached(signature).map(|entity| vec![entity]))
        } else {
            return Evidence::default();
        };
        Evidence::each(Origin::File(file.to_owned()), entities)
    }

    /// The layer that carries `payload.json`.
    pub(crate) fn layer(&self) -> Descriptor {
        let mut layer = Descriptor::of(media_type::SIMPLE_SIGNING, self.file("payload.json"));
        if let Some(signature) = self.files.get("signature.b64") {
            let signature = String::from_utf8(signature.clone()).unwrap();
            layer.annotations.insert(media_type::ANNOTATION_SIGNATURE.to_owned(), signature);
        }
        if self.files.contains_key("annotations.json") {
            for (name, value) in self.json("annotations.json").as_object().unwrap() {
                layer.annotations.insert(name.clone(), value.as_str().unwrap().to_owned());
            }
        }
        layer
    }

    /// The same of an artifact that is read once, a few bytes at a time.
    pub(crate) fn judge_scanned(&self) -> Result<Verified, NotVerified> {
        let (policy, evidence) = (self.policy(), self.evidence());
        let mut scanner = ArtifactHasher::new(&Trust::default(), &policy, &evidence);
        self.file("artifact").chunks(7).for_each(|chunk| scanner.update(chunk));
        Verifier::new(&Trust::default()).verify(&policy, &Artifact::Streamed(&scanner.finish()), &evidence, NOW)
    }

    pub(crate) fn judge(&self) -> Result<Verified, NotVerified> {
        Verifier::new(&Trust::default()).verify(
            &self.policy(),
            &Artifact::Bytes(self.file("artifact")),
            &self.evidence(),
            NOW,
        )
    }
}

pub(crate) fn report(result: &Result<Verified, NotVerified>) -> &Report {
    match result {
        Ok(verified) => verified.report(),
        Err(refusal) => refusal.report(),
    }
}

/// Check and code of every leaf that is not a pass, in reading order: failures, then waivers, then doubts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) failures: Vec<(&'static str, &'static str)>,
    pub(crate) waivers: Vec<(&'static str, &'static str)>,
    pub(crate) doubts: Vec<(&'static str, &'static str)>,
    pub(crate) passes: Vec<&'static str>,
}

pub(crate) fn seen(result: &Result<Verified, NotVerified>) -> Seen {
    let mut seen = Seen::default();
    collect(&report(result).root, &mut seen);
    seen
}

fn collect(node: &Node, seen: &mut Seen) {
    match node {
        Node::Group { parts, .. } => parts.iter().for_each(|part| collect(part, seen)),
        Node::Leaf { check, outcome } => match (outcome, outcome.code()) {
            (Outcome::Pass(_), _) => seen.passes.push(check.name()),
            (Outcome::Fail(_), code) => seen.failures.push((check.name(), code.unwrap())),
            (Outcome::Skip(_), code) => seen.waivers.push((check.name(), code.unwrap())),
            (Outcome::Unknown(_), code) => seen.doubts.push((check.name(), code.unwrap())),
        },
    }
}

/// The codes of the failures alone.
pub(crate) fn failures(result: &Result<Verified, NotVerified>) -> Vec<(&'static str, &'static str)> {
    seen(result).failures
}
