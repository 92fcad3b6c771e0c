//! Making one signature, in every format that carries one.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::certificate::{Certificate, Template};
use super::key::{Hash, Key, pem};
use super::log::{Entry, Log, canonical};
use super::tsa::Stamp;
use super::{SIGNED_AT, Sigstore};

/// Kind and version of a log entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `hashedrekord` 0.0.1, Rekor v1
    HashedRekord1,
    /// `dsse` 0.0.1, Rekor v1
    Dsse1,
    /// `intoto` 0.0.1, Rekor v1
    Intoto1,
    /// `intoto` 0.0.2, Rekor v1
    Intoto2,
    /// `hashedrekord` 0.0.2, Rekor v2
    HashedRekord2,
    /// `dsse` 0.0.2, Rekor v2
    Dsse2,
}

impl Kind {
    /// Its name and version.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::HashedRekord1 => ("hashedrekord", "0.0.1"),
            Self::Dsse1 => ("dsse", "0.0.1"),
            Self::Intoto1 => ("intoto", "0.0.1"),
            Self::Intoto2 => ("intoto", "0.0.2"),
            Self::HashedRekord2 => ("hashedrekord", "0.0.2"),
            Self::Dsse2 => ("dsse", "0.0.2"),
        }
    }

    const fn second_generation(self) -> bool {
        matches!(self, Self::HashedRekord2 | Self::Dsse2)
    }
}

type Change<T> = Box<dyn Fn(T) -> T>;

/// A signature that is about to be made.
pub struct Signing<'a> {
    stack: &'a Sigstore,
    content: Content,
    time: i64,
    key: Key,
    leaf: Option<Template>,
    issuer: Certificate,
    kinds: Vec<Kind>,
    stamps: usize,
    hash: Hash,
    log: Option<Log>,
    body: Change<Value>,
    stamp: Change<Stamp>,
}

#[derive(Clone, Debug)]
enum Content {
    Message(Vec<u8>),
    Envelope { payload_type: String, payload: Vec<u8> },
}

impl<'a> Signing<'a> {
    pub(super) fn message(stack: &'a Sigstore, message: &[u8]) -> Self {
        Self::new(stack, Content::Message(message.to_vec()), Kind::HashedRekord1)
    }

    pub(super) fn envelope(stack: &'a Sigstore, payload_type: &str, payload: &[u8]) -> Self {
        let content = Content::Envelope { payload_type: payload_type.to_owned(), payload: payload.to_vec() };
        Self::new(stack, content, Kind::Dsse1)
    }

    fn new(stack: &'a Sigstore, content: Content, kind: Kind) -> Self {
        Self {
            stack,
            content,
            time: SIGNED_AT,
            key: Key::p256("signer"),
            leaf: Some(stack.leaf(SIGNED_AT)),
            issuer: stack.intermediate.clone(),
            kinds: vec![kind],
            stamps: 0,
            hash: Hash::Sha256,
            log: None,
            body: Box::new(|body| body),
            stamp: Box::new(|stamp| stamp),
        }
    }

    /// Made at another time: certificate, log and timestamps follow.
    pub fn at(mut self, unix: i64) -> Self {
        self.time = unix;
        self.leaf = self.leaf.map(|_| self.stack.leaf(unix));
        self
    }

    /// Logged and stamped at another time than the certificate is from.
    pub fn logged_at(mut self, unix: i64) -> Self {
        self.time = unix;
        self
    }

    /// By another key. The message is hashed as the key is used to.
    pub fn key(mut self, key: Key) -> Self {
        self.hash = if key.hash() == Hash::Sha512 { Hash::Sha256 } else { key.hash() };
        self.key = key;
        self
    }

    /// With another certificate.
    pub fn leaf(mut self, change: impl FnOnce(Template) -> Template) -> Self {
        self.leaf = self.leaf.map(change);
        self
    }

    /// With a certificate of another authority.
    pub fn issued_by(mut self, authority: &Certificate) -> Self {
        self.issuer = authority.clone();
        self
    }

    /// Without a certificate: by a key alone.
    pub fn without_certificate(mut self) -> Self {
        self.leaf = None;
        self
    }

    /// In the log as an entry of this kind only.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kinds = vec![kind];
        self
    }

    /// In the logs as entries of these kinds.
    pub fn kinds(mut self, kinds: &[Kind]) -> Self {
        self.kinds = kinds.to_vec();
        self
    }

    /// In no log.
    pub fn unlogged(mut self) -> Self {
        self.kinds.clear();
        self
    }

    /// In this log instead of the stack's.
    pub fn log(mut self, log: &Log) -> Self {
        self.log = Some(log.clone());
        self
    }

    /// With a timestamp.
    pub fn stamped(mut self) -> Self {
        self.stamps += 1;
        self
    }

    /// With timestamps that are changed before they are signed; one, if there is none yet.
    pub fn stamp(mut self, change: impl Fn(Stamp) -> Stamp + 'static) -> Self {
        self.stamps = self.stamps.max(1);
        self.stamp = Box::new(change);
        self
    }

    /// With log bodies that are changed before they are logged.
    pub fn body(mut self, change: impl Fn(Value) -> Value + 'static) -> Self {
        self.body = Box::new(change);
        self
    }

    /// Makes the signature.
    pub fn seal(&self) -> Sealed {
        let message = match &self.content {
            Content::Message(message) => message.clone(),
            Content::Envelope { payload_type, payload } => pae(payload_type, payload),
        };
        let signature = self.key.sign_with(self.hash, &message);
        let certificate = self.leaf.as_ref().map(|leaf| leaf.issue(&self.key, &self.issuer));
        let mut sealed = Sealed {
            content: self.content.clone(),
            key: self.key.clone(),
            hash: self.hash,
            digest: self.hash.of(&message),
            certificate,
            chain: vec![self.issuer.der.clone(), self.stack.root.der.clone()],
            entries: Vec::new(),
            stamps: Vec::new(),
            signature,
        };
        sealed.entries = self.kinds.iter().map(|kind| self.entry(*kind, &sealed)).collect();
        for _ in 0..self.stamps {
            let stamp = (self.stamp)(self.stack.tsa.stamp(&sealed.signature, self.time));
            sealed.stamps.push(stamp.response());
        }
        sealed
    }

    fn entry(&self, kind: Kind, sealed: &Sealed) -> Entry {
        let log = match &self.log {
            Some(log) => log,
            None if kind.second_generation() => &self.stack.rekor2,
            None => &self.stack.rekor1,
        };
        let (name, version) = kind.words();
        let body = json!({ "apiVersion": version, "kind": name, "spec": sealed.spec(kind) });
        let body = canonical(&(self.body)(body));
        log.log((name, version), body.as_bytes(), (!kind.second_generation()).then_some(self.time))
    }
}

/// A signature with all that came of it; every member may be changed before it is written.
#[derive(Clone, Debug)]
pub struct Sealed {
    content: Content,
    key: Key,
    hash: Hash,
    digest: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// The certificate, unless a key alone signed.
    pub certificate: Option<Certificate>,
    /// The authorities above it, the issuer first.
    pub chain: Vec<Vec<u8>>,
    /// Log entries.
    pub entries: Vec<Entry>,
    /// DER TimeStampResp.
    pub stamps: Vec<Vec<u8>>,
}

impl Sealed {
    /// Changes the log entries.
    pub fn entry(mut self, change: impl Fn(&mut Entry)) -> Self {
        self.entries.iter_mut().for_each(change);
        self
    }

    /// A bundle of version 0.3.
    pub fn bundle(&self) -> Value {
        let material = match &self.certificate {
            Some(leaf) => ("certificate", json!({ "rawBytes": STANDARD.encode(&leaf.der) })),
            None => ("publicKey", json!({ "hint": STANDARD.encode(Hash::Sha256.of(&self.key.spki())) })),
        };
        self.versioned("application/vnd.dev.sigstore.bundle.v0.3+json", material)
    }

    /// A bundle of version 0.1 or 0.2, with a chain.
    pub fn older_bundle(&self, version: &str) -> Value {
        let leaf = &self.certificate.as_ref().expect("older bundles are made with certificates").der;
        let chain = json!({ "certificates": [{ "rawBytes": STANDARD.encode(leaf) }] });
        let media_type = format!("application/vnd.dev.sigstore.bundle+json;version={version}");
        self.versioned(&media_type, ("x509CertificateChain", chain))
    }

    fn versioned(&self, media_type: &str, (material, value): (&str, Value)) -> Value {
        let mut materials = Map::new();
        materials.insert(material.to_owned(), value);
        materials.insert("tlogEntries".to_owned(), self.entries.iter().map(Entry::json).collect::<Vec<_>>().into());
        if !self.stamps.is_empty() {
            let stamps: Vec<Value> =
                self.stamps.iter().map(|stamp| json!({ "signedTimestamp": STANDARD.encode(stamp) })).collect();
            materials.insert("timestampVerificationData".to_owned(), json!({ "rfc3161Timestamps": stamps }));
        }
        let (content, value) = match &self.content {
            Content::Message(_) => {
                let algorithm = match self.hash {
                    Hash::Sha256 => "SHA2_256",
                    Hash::Sha384 => "SHA2_384",
                    Hash::Sha512 => "SHA2_512",
                };
                let digest = json!({ "algorithm": algorithm, "digest": STANDARD.encode(&self.digest) });
                ("messageSignature", json!({ "messageDigest": digest, "signature": STANDARD.encode(&self.signature) }))
            }
            Content::Envelope { .. } => ("dsseEnvelope", self.envelope()),
        };
        let mut bundle = Map::new();
        bundle.insert("mediaType".to_owned(), json!(media_type));
        bundle.insert("verificationMaterial".to_owned(), Value::Object(materials));
        bundle.insert(content.to_owned(), value);
        Value::Object(bundle)
    }

    /// The DSSE envelope.
    pub fn envelope(&self) -> Value {
        let Content::Envelope { payload_type, payload } = &self.content else { panic!("no envelope was signed") };
        let signature = json!({ "sig": STANDARD.encode(&self.signature) });
        json!({ "payload": STANDARD.encode(payload), "payloadType": payload_type, "signatures": [signature] })
    }

    /// The annotations of a layer that holds what was signed, as cosign writes them.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        let mut annotations = BTreeMap::new();
        let mut add = |name: &str, value: String| annotations.insert(name.to_owned(), value);
        let signature =
            if matches!(self.content, Content::Message(_)) { STANDARD.encode(&self.signature) } else { String::new() };
        add("dev.cosignproject.cosign/signature", signature);
        if let Some(leaf) = &self.certificate {
            add("dev.sigstore.cosign/certificate", leaf.pem());
            add("dev.sigstore.cosign/chain", self.chain.iter().map(|der| pem("CERTIFICATE", der)).collect());
        }
        if let Some(entry) = self.entries.first() {
            add("dev.sigstore.cosign/bundle", entry.legacy().to_string());
        }
        if let Some(stamp) = self.stamps.first() {
            let stamp = json!({ "SignedRFC3161Timestamp": STANDARD.encode(stamp) });
            add("dev.sigstore.cosign/rfc3161timestamp", stamp.to_string());
        }
        annotations
    }

    /// cosign's legacy blob bundle.
    pub fn blob_bundle(&self) -> Value {
        let signature = match &self.content {
            Content::Message(_) => STANDARD.encode(&self.signature),
            Content::Envelope { .. } => STANDARD.encode(self.envelope().to_string()),
        };
        let mut bundle = Map::new();
        bundle.insert("base64Signature".to_owned(), json!(signature));
        if let Some(leaf) = &self.certificate {
            bundle.insert("cert".to_owned(), json!(STANDARD.encode(leaf.pem())));
        }
        if let Some(entry) = self.entries.first() {
            bundle.insert("rekorBundle".to_owned(), entry.legacy());
        }
        Value::Object(bundle)
    }

    /// What the log of its version says about it.
    fn spec(&self, kind: Kind) -> Value {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let signature = STANDARD.encode(&self.signature);
        let verifier_pem = match &self.certificate {
            Some(leaf) => leaf.pem(),
            None => self.key.public_pem(),
        };
        let verifier_pem = STANDARD.encode(verifier_pem);
        let sha256 = |bytes: &[u8]| json!({ "algorithm": "sha256", "value": hex(&Hash::Sha256.of(bytes)) });
        let of_payload = || match &self.content {
            Content::Envelope { payload, .. } => sha256(payload),
            Content::Message(_) => panic!("{kind:?} is for envelopes"),
        };
        let (name, number) = match self.hash {
            Hash::Sha256 => ("sha256", "SHA2_256"),
            Hash::Sha384 => ("sha384", "SHA2_384"),
            Hash::Sha512 => ("sha512", "SHA2_512"),
        };
        let verifier = || match &self.certificate {
            Some(leaf) => {
                json!({ "keyDetails": self.key.details(), "x509Certificate": { "rawBytes": STANDARD.encode(&leaf.der) } })
            }
            None => {
                json!({ "keyDetails": self.key.details(), "publicKey": { "rawBytes": STANDARD.encode(self.key.spki()) } })
            }
        };
        match kind {
            Kind::HashedRekord1 => json!({
                "data": { "hash": { "algorithm": name, "value": hex(&self.digest) } },
                "signature": { "content": signature, "publicKey": { "content": verifier_pem } },
            }),
            Kind::Dsse1 => json!({
                "envelopeHash": sha256(self.envelope().to_string().as_bytes()), "payloadHash": of_payload(),
                "signatures": [{ "signature": signature, "verifier": verifier_pem }],
            }),
            Kind::Intoto1 => json!({
                "content": { "hash": sha256(self.envelope().to_string().as_bytes()), "payloadHash": of_payload() },
                "publicKey": verifier_pem,
            }),
            Kind::Intoto2 => json!({
                "content": {
                    "envelope": {
                        "payloadType": self.envelope()["payloadType"],
                        "signatures": [{ "publicKey": verifier_pem, "sig": STANDARD.encode(&signature) }],
                    },
                    "hash": sha256(self.envelope().to_string().as_bytes()), "payloadHash": of_payload(),
                },
            }),
            Kind::HashedRekord2 => json!({ "hashedRekordV002": {
                "data": { "algorithm": number, "digest": STANDARD.encode(&self.digest) },
                "signature": { "content": signature, "verifier": verifier() },
            } }),
            Kind::Dsse2 => {
                let Content::Envelope { payload, .. } = &self.content else { panic!("{kind:?} is for envelopes") };
                json!({ "dsseV002": {
                    "payloadHash": { "algorithm": "SHA2_256", "digest": STANDARD.encode(Hash::Sha256.of(payload)) },
                    "signatures": [{ "content": signature, "verifier": verifier() }],
                } })
            }
        }
    }
}

/// Pre-authentication encoding of DSSE.
fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}
