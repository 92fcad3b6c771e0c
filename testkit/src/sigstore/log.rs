//! Transparency logs: Rekor v1 and v2, their entries, proofs and checkpoints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::key::{Hash, Key};
use super::merkle;

/// A log.
#[derive(Clone, Debug)]
pub struct Log {
    /// Its name: of the host for people, and on its checkpoints.
    pub origin: String,
    /// What follows the name on the first line of its checkpoints, as with Rekor v1: ` - <tree>`.
    pub tree: String,
    /// Its key.
    pub key: Key,
    /// Leaves before ours.
    pub before: usize,
    /// Leaves behind ours.
    pub behind: usize,
    /// What its entries count before the tree that holds them began, as with the shards of Rekor v1.
    pub shard: i64,
}

impl Log {
    /// A log of the first generation, whose promises carry a time.
    pub fn rekor1(name: &str) -> Self {
        Self {
            origin: format!("{name}.stack.test"),
            tree: " - 2605736670972794746".to_owned(),
            key: Key::p256(name),
            before: 5,
            behind: 4,
            shard: 1000,
        }
    }

    /// A log of Rekor v2, which states no time.
    pub fn rekor2(name: &str) -> Self {
        Self { tree: String::new(), key: Key::ed25519(name), shard: 0, ..Self::rekor1(name) }
    }

    /// The log's identifier: hash of its key, of Ed25519 keys together with the name, as signed notes have it.
    pub fn id(&self) -> Vec<u8> {
        match self.key.raw_ed25519() {
            Some(raw) => Hash::Sha256.of(&[self.origin.as_bytes(), b"\n\x01", &raw].concat()),
            None => Hash::Sha256.of(&self.key.spki()),
        }
    }

    /// Logs a body: promise and proof with it. `time` is that of a promise.
    pub fn log(&self, kind: (&str, &str), body: &[u8], time: Option<i64>) -> Entry {
        let filler = |i: usize| merkle::leaf_hash(format!("{} {i}", self.origin).as_bytes());
        let mut leaves: Vec<Vec<u8>> = (0..self.before).map(filler).collect();
        leaves.push(merkle::leaf_hash(body));
        leaves.extend((self.before + 1..self.before + 1 + self.behind).map(filler));
        let index = i64::try_from(self.before).unwrap();
        let size = i64::try_from(leaves.len()).unwrap();
        let root = merkle::root(&leaves);
        let checkpoint = self.checkpoint(size, &root);
        let hashes = merkle::proof(&leaves, self.before);
        let mut entry = Entry {
            log_index: self.shard + index,
            log_id: self.id(),
            kind: (kind.0.to_owned(), kind.1.to_owned()),
            time,
            promise: None,
            proof: Some(Proof { index, size, root, hashes, checkpoint }),
            body: body.to_vec(),
        };
        if time.is_some() {
            entry.promise = Some(self.promise(&entry));
        }
        entry
    }

    /// The promise over what an entry says.
    pub fn promise(&self, entry: &Entry) -> Vec<u8> {
        self.key.sign_with(Hash::Sha256, canonical(&entry.payload()).as_bytes())
    }

    /// A signed checkpoint.
    pub fn checkpoint(&self, size: i64, root: &[u8]) -> String {
        self.note(&format!("{}{}\n{size}\n{}\n", self.origin, self.tree, STANDARD.encode(root)))
    }

    /// Any text as a note signed by the log.
    pub fn note(&self, text: &str) -> String {
        format!("{text}\n{}", self.signature_line(text))
    }

    /// The line by which the log signs a note.
    pub fn signature_line(&self, text: &str) -> String {
        let signature = self.key.sign_with(Hash::Sha256, text.as_bytes());
        signature_line(&self.origin, &self.id()[..4], &signature)
    }
}

/// A line of a signed note.
pub fn signature_line(name: &str, hint: &[u8], signature: &[u8]) -> String {
    format!("\u{2014} {name} {}\n", STANDARD.encode([hint, signature].concat()))
}

/// The line of a checkpoint cosigner (Ed25519, timestamped cosignature).
pub fn cosignature_line(name: &str, key: &Key, text: &str, unix: i64) -> String {
    let raw = key.raw_ed25519().expect("cosigners sign with Ed25519");
    let id = Hash::Sha256.of(&[name.as_bytes(), b"\n\x04", &raw].concat());
    let signature = key.sign(format!("cosignature/v1\ntime {unix}\n{text}").as_bytes());
    signature_line(name, &id[..4], &[&unix.to_be_bytes()[..], &signature].concat())
}

/// An entry with its evidence; every member may be wrong on purpose.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Position over all shards of the log.
    pub log_index: i64,
    /// The log.
    pub log_id: Vec<u8>,
    /// Kind and version.
    pub kind: (String, String),
    /// Seconds since 1970.
    pub time: Option<i64>,
    /// Signed entry timestamp.
    pub promise: Option<Vec<u8>>,
    /// Inclusion proof.
    pub proof: Option<Proof>,
    /// What was logged.
    pub body: Vec<u8>,
}

/// An inclusion proof.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Position in the tree.
    pub index: i64,
    /// Size of the tree.
    pub size: i64,
    /// Root of the tree.
    pub root: Vec<u8>,
    /// The path.
    pub hashes: Vec<Vec<u8>>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

impl Entry {
    /// What a promise is made of.
    fn payload(&self) -> Value {
        let id: String = self.log_id.iter().map(|byte| format!("{byte:02x}")).collect();
        json!({
            "body": STANDARD.encode(&self.body), "integratedTime": self.time.unwrap_or_default(),
            "logIndex": self.log_index, "logID": id,
        })
    }

    /// The entry as cosign's legacy formats carry it.
    pub fn legacy(&self) -> Value {
        let promise = STANDARD.encode(self.promise.as_deref().unwrap_or_default());
        json!({ "SignedEntryTimestamp": promise, "Payload": self.payload() })
    }

    /// The entry as bundles carry it.
    pub fn json(&self) -> Value {
        let mut entry = Map::new();
        entry.insert("logIndex".to_owned(), json!(self.log_index.to_string()));
        entry.insert("logId".to_owned(), json!({ "keyId": STANDARD.encode(&self.log_id) }));
        entry.insert("kindVersion".to_owned(), json!({ "kind": self.kind.0, "version": self.kind.1 }));
        if let Some(time) = self.time {
            entry.insert("integratedTime".to_owned(), json!(time.to_string()));
        }
        if let Some(promise) = &self.promise {
            entry.insert("inclusionPromise".to_owned(), json!({ "signedEntryTimestamp": STANDARD.encode(promise) }));
        }
        if let Some(proof) = &self.proof {
            let hashes: Vec<String> = proof.hashes.iter().map(|hash| STANDARD.encode(hash)).collect();
            let proof = json!({
                "logIndex": proof.index.to_string(), "treeSize": proof.size.to_string(),
                "rootHash": STANDARD.encode(&proof.root), "hashes": hashes,
                "checkpoint": { "envelope": proof.checkpoint },
            });
            entry.insert("inclusionProof".to_owned(), proof);
        }
        entry.insert("canonicalizedBody".to_owned(), json!(STANDARD.encode(&self.body)));
        Value::Object(entry)
    }
}

/// RFC 8785 for the documents here, which hold plain texts and integers: members sorted, no spaces.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            let members = sorted.iter().map(|(name, value)| format!("{}:{}", json!(name), canonical(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
