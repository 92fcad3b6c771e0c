//! Transparency log entries and signed timestamps as formats carry them: parsed and bounded, not verified.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::{BundleError, clip, member};
use crate::json::{self, CowStr};
use crate::limits::{DOCUMENT_VALUES, Limits};
use crate::time::UnixTime;

/// Bytes of a SHA-256 digest.
pub(crate) const HASH_LEN: usize = 32;

/// An entry of a transparency log, and its proofs. Nothing in it is trusted before `trust::log` says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The entry's number in the log. Where a log is made of several trees this is not the index in the proof.
    pub log_index: u64,
    /// Which log.
    pub log_id: LogId,
    /// The type that the entry claims to have.
    pub kind: EntryKind,
    /// When the log says it took the entry; `None` where it does not say, as Rekor v2.
    pub integrated_time: Option<UnixTime>,
    /// The log's promise to include the entry, a signature in DER ("signed entry timestamp").
    pub inclusion_promise: Option<Vec<u8>>,
    /// The proof that the entry is included.
    pub inclusion_proof: Option<InclusionProof>,
    /// The entry itself, the exact bytes of the leaf: JSON.
    pub body: Vec<u8>,
}

/// What proves an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogProof {
    /// The log's signed promise to include it.
    Promise,
    /// An inclusion proof and a signed checkpoint.
    Inclusion,
    /// Both.
    Both,
}

impl LogProof {
    /// The stable names of what there is: `promise`, `inclusion`.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Promise => &["promise"],
            Self::Inclusion => &["inclusion"],
            Self::Both => &["promise", "inclusion"],
        }
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Promise => "the log's signed promise to include it (not by an inclusion proof)",
            Self::Inclusion => "an inclusion proof and the log's signed checkpoint",
            Self::Both => "the log's signed promise, and by an inclusion proof and a signed checkpoint",
        })
    }
}

/// The name of a log: 32 bytes. Of Rekor v1 and of certificate logs it is the SHA-256 of the key's SubjectPublicKeyInfo (RFC 6962
/// §3.2), of Rekor v2 that of the checkpoint's key name and key.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId([u8; HASH_LEN]);

impl LogId {
    /// An identifier from its bytes; `None` unless there are 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; HASH_LEN] {
        &self.0
    }
}

/// Padded standard base64, as trusted roots and bundles write it.
impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogId({self})")
    }
}

/// The type of an entry: `hashedrekord` 0.0.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryKind {
    /// The kind: `hashedrekord`, `dsse`, `intoto`.
    pub kind: String,
    /// Its version: `0.0.1`.
    pub version: String,
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.version)
    }
}

/// The way from a leaf to the root of a Merkle tree (RFC 9162 §2.1.3), and the root as the log signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The leaf's index in the tree, counted from 0.
    pub index: u64,
    /// The root that the proof leads to.
    pub root: [u8; HASH_LEN],
    /// Number of leaves.
    pub size: u64,
    /// The siblings on the path, from the leaf upwards.
    pub hashes: Vec<[u8; HASH_LEN]>,
    /// The log's signed statement of size and root, as text.
    pub checkpoint: String,
}

/// An RFC 3161 `TimeStampResp`, DER.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedTimestamp(pub Vec<u8>);

impl fmt::Debug for SignedTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedTimestamp({} bytes)", self.0.len())
    }
}

/// `TransparencyLogEntry` of sigstore's protobuf JSON; members with the value of their type's default are left out there.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WireEntry<'a> {
    log_index: Option<WireInt>,
    log_id: Option<WireLogId>,
    kind_version: Option<EntryKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    integrated_time: Option<WireInt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inclusion_promise: Option<WirePromise>,
    inclusion_proof: Option<WireProof>,
    #[serde(borrow)]
    canonicalized_body: Option<CowStr<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireLogId {
    key_id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WirePromise {
    signed_entry_timestamp: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireProof {
    log_index: Option<WireInt>,
    root_hash: Option<String>,
    tree_size: Option<WireInt>,
    hashes: Option<Vec<String>>,
    checkpoint: Option<WireCheckpoint>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCheckpoint {
    envelope: String,
}

/// An int64 of protobuf JSON that cannot be negative: decimal digits in a string, as it is written, or a number.
#[derive(Clone, Copy)]
struct WireInt(u64);

impl Serialize for WireInt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WireInt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Int;
        impl Visitor<'_> for Int {
            type Value = WireInt;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer of 0 to 2^63 - 1, or its decimal digits in a string")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<WireInt, E> {
                let fits = i64::try_from(value).is_ok();
                fits.then_some(WireInt(value)).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<WireInt, E> {
                match text.parse::<u64>() {
                    Ok(value) if value.to_string() == text => self.visit_u64(value),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Int)
    }
}

/// The version of a sigstore bundle, which decides on the proofs that every entry must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// The promise is required. A proof without checkpoint, as early tools wrote it, proves nothing and is ignored.
    V01,
    /// The inclusion proof is required.
    V02,
    /// As 0.2, and of the certificates only the leaf.
    V03,
}

impl WireEntry<'_> {
    pub(super) fn parse(&self, version: Version, document: Document, limits: &Limits) -> Result<LogEntry, BundleError> {
        let kind = self.kind_version.clone().ok_or_else(|| document.lacks("kindVersion", "kind and version"))?;
        let log_id = self.log_id.as_ref().ok_or_else(|| document.lacks("logId", "the log's key ID"))?;
        let body = self.canonicalized_body.as_ref().ok_or_else(|| document.lacks("canonicalizedBody", "the entry"))?;
        let inclusion_promise = match &self.inclusion_promise {
            None if version == Version::V01 => {
                return Err(document.lacks("inclusionPromise", "the log's promise, which version 0.1 requires"));
            }
            None => None,
            Some(promise) => Some(document.bytes("signedEntryTimestamp", &promise.signed_entry_timestamp)?),
        };
        let inclusion_proof = match &self.inclusion_proof {
            None if version != Version::V01 => {
                return Err(document.lacks("inclusionProof", "the proof, which version 0.2 and later require"));
            }
            Some(proof) if version != Version::V01 || proof.checkpoint.is_some() => {
                Some(proof.parse(document, limits)?)
            }
            None | Some(_) => None,
        };
        Ok(LogEntry {
            log_index: or_zero(self.log_index),
            log_id: LogId(document.hash("logId.keyId", &log_id.key_id)?),
            kind,
            integrated_time: time(or_zero(self.integrated_time)),
            inclusion_promise,
            inclusion_proof,
            body: document.bytes("canonicalizedBody", &body.0)?,
        })
    }

    /// As version 0.3 writes it; `None` without inclusion proof, which that version requires.
    pub(super) fn of(entry: &LogEntry) -> Option<Self> {
        let proof = entry.inclusion_proof.as_ref()?;
        Some(Self {
            log_index: Some(WireInt(entry.log_index)),
            log_id: Some(WireLogId { key_id: STANDARD.encode(entry.log_id.0) }),
            kind_version: Some(entry.kind.clone()),
            integrated_time: entry.integrated_time.and_then(|time| u64::try_from(time.0).ok()).map(WireInt),
            inclusion_promise: entry
                .inclusion_promise
                .as_ref()
                .map(|promise| WirePromise { signed_entry_timestamp: STANDARD.encode(promise) }),
            inclusion_proof: Some(WireProof {
                log_index: Some(WireInt(proof.index)),
                root_hash: Some(STANDARD.encode(proof.root)),
                tree_size: Some(WireInt(proof.size)),
                hashes: Some(proof.hashes.iter().map(|hash| STANDARD.encode(hash)).collect()),
                checkpoint: Some(WireCheckpoint { envelope: proof.checkpoint.clone() }),
            }),
            canonicalized_body: Some(CowStr(STANDARD.encode(&entry.body).into())),
        })
    }
}

impl WireProof {
    fn parse(&self, document: Document, limits: &Limits) -> Result<InclusionProof, BundleError> {
        let root = self.root_hash.as_ref().ok_or_else(|| document.lacks("inclusionProof.rootHash", "a hash"))?;
        let hashes = self.hashes.as_deref().unwrap_or_default();
        let checkpoint = self
            .checkpoint
            .as_ref()
            .ok_or_else(|| document.lacks("inclusionProof.checkpoint", "the log's signed checkpoint"))?;
        if hashes.len() > limits.proof_hashes {
            let what = "hashes in an inclusion proof";
            return Err(BundleError::TooMany { document: document.0, what, limit: limits.proof_hashes });
        }
        if checkpoint.envelope.len() > limits.checkpoint_bytes {
            let what = "bytes in a checkpoint";
            return Err(BundleError::TooMany { document: document.0, what, limit: limits.checkpoint_bytes });
        }
        Ok(InclusionProof {
            index: or_zero(self.log_index),
            root: document.hash("inclusionProof.rootHash", root)?,
            size: or_zero(self.tree_size),
            hashes: hashes.iter().map(|hash| document.hash("inclusionProof.hashes", hash)).collect::<Result<_, _>>()?,
            checkpoint: checkpoint.envelope.clone(),
        })
    }
}

/// cosign's own form of an entry, in a layer's annotation and in its blob bundle: the promise and no proof.
#[derive(Deserialize)]
pub(super) struct WireRekorBundle {
    #[serde(rename = "SignedEntryTimestamp")]
    promise: String,
    #[serde(rename = "Payload")]
    payload: WireRekorPayload,
}

#[derive(Deserialize)]
struct WireRekorPayload {
    body: String,
    #[serde(rename = "integratedTime")]
    integrated_time: WireInt,
    #[serde(rename = "logIndex")]
    log_index: WireInt,
    #[serde(rename = "logID")]
    log_id: String,
}

impl WireRekorBundle {
    pub(super) fn parse(&self, document: Document) -> Result<LogEntry, BundleError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Kind {
            kind: String,
            api_version: String,
        }
        let body = document.bytes("Payload.body", &self.payload.body)?;
        let Kind { kind, api_version: version } = json::from_slice_within(&body, DOCUMENT_VALUES)
            .map_err(|error| BundleError::Json { document: "log entry", error })?;
        let log_id = crate::digest::Digest::from_hex(crate::digest::DigestAlgorithm::Sha256, &self.payload.log_id)
            .map_err(|error| member(document.0, "Payload.logID", "hex of a SHA-256", error.to_string()))?;
        Ok(LogEntry {
            log_index: self.payload.log_index.0,
            log_id: LogId::from_bytes(log_id.as_bytes()).ok_or_else(|| document.lacks("Payload.logID", "a SHA-256"))?,
            kind: EntryKind { kind, version },
            integrated_time: time(self.payload.integrated_time.0),
            inclusion_promise: Some(document.bytes("SignedEntryTimestamp", &self.promise)?),
            inclusion_proof: None,
            body,
        })
    }
}

/// The document that an error names.
#[derive(Clone, Copy)]
pub(super) struct Document(pub(super) &'static str);

impl Document {
    pub(super) fn bytes(self, name: &'static str, text: &str) -> Result<Vec<u8>, BundleError> {
        STANDARD
            .decode(text)
            .ok()
            .filter(|bytes| !bytes.is_empty())
            .ok_or_else(|| member(self.0, name, "standard base64", clip(text)))
    }

    fn hash(self, name: &'static str, text: &str) -> Result<[u8; HASH_LEN], BundleError> {
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| member(self.0, name, "base64 of 32 bytes", clip(text)))
    }

    fn lacks(self, name: &'static str, expected: &'static str) -> BundleError {
        member(self.0, name, expected, "none")
    }
}

fn or_zero(value: Option<WireInt>) -> u64 {
    value.map_or(0, |value| value.0)
}

/// Zero is protobuf's way to say nothing.
fn time(seconds: u64) -> Option<UnixTime> {
    i64::try_from(seconds).ok().filter(|seconds| *seconds != 0).map(UnixTime)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// A whole entry, as protobuf JSON.
    fn entry() -> serde_json::Value {
        serde_json::json!({
            "logIndex": "7",
            "logId": {"keyId": HASH},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
            "integratedTime": "1700000000",
            "inclusionPromise": {"signedEntryTimestamp": "AAAA"},
            "inclusionProof": {
                "logIndex": "3",
                "rootHash": HASH,
                "treeSize": "4",
                "hashes": [HASH, HASH],
                "checkpoint": {"envelope": "log\n4\n"},
            },
            "canonicalizedBody": "e30=",
        })
    }

    fn parse_as(version: Version, value: &serde_json::Value) -> Result<LogEntry, BundleError> {
        let text = value.to_string();
        let wire: WireEntry<'_> =
            json::from_slice(text.as_bytes()).map_err(|error| BundleError::Json { document: "entry", error })?;
        wire.parse(version, Document("entry"), &Limits::DEFAULT)
    }

    fn parse(value: &serde_json::Value) -> Result<LogEntry, BundleError> {
        parse_as(Version::V03, value)
    }

    fn with(place: &str, new: serde_json::Value) -> serde_json::Value {
        let mut value = entry();
        *value.pointer_mut(place).unwrap() = new;
        value
    }

    fn without(parent: &str, name: &str) -> serde_json::Value {
        let mut value = entry();
        value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        value
    }

    fn member_of(result: Result<LogEntry, BundleError>) -> &'static str {
        match result {
            Err(BundleError::Member { member, .. }) => member,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_entry_is_read_whole_and_written_the_same() {
        let parsed = parse(&entry()).unwrap();
        assert_eq!((parsed.log_index, parsed.integrated_time), (7, Some(UnixTime(1_700_000_000))));
        assert_eq!(parsed.kind.to_string(), "hashedrekord 0.0.1");
        assert_eq!(parsed.log_id.to_string(), HASH);
        assert_eq!((parsed.inclusion_promise.as_deref(), &*parsed.body), (Some(&[0, 0, 0][..]), &b"{}"[..]));
        let proof = parsed.inclusion_proof.as_ref().unwrap();
        assert_eq!((proof.index, proof.size, proof.hashes.len(), &*proof.checkpoint), (3, 4, 2, "log\n4\n"));
        assert_eq!(serde_json::to_value(WireEntry::of(&parsed)).unwrap(), entry());
    }

    // threat: B03 D11
    #[test]
    fn integers_are_digits_or_numbers_within_int64() {
        for place in ["/logIndex", "/integratedTime", "/inclusionProof/logIndex", "/inclusionProof/treeSize"] {
            for good in ["0", "1", "\"0\"", "9223372036854775807", "\"9223372036854775807\""] {
                let good = serde_json::from_str(good).unwrap();
                parse(&with(place, good)).unwrap();
            }
            for bad in [
                "-1",
                "\"-1\"",
                "\"-0\"",
                "\"+1\"",
                "\"01\"",
                "\"\"",
                "\" 1\"",
                "\"1e3\"",
                "1e3",
                "1.5",
                "true",
                "[1]",
                "9223372036854775808",
                "\"9223372036854775808\"",
                "\"18446744073709551616\"",
            ] {
                let value = serde_json::from_str(bad).unwrap();
                assert!(matches!(parse(&with(place, value)), Err(BundleError::Json { .. })), "{place} {bad}");
            }
        }
    }

    // threat: B03
    #[test]
    fn what_protobuf_leaves_out_is_zero() {
        let first = without("", "logIndex");
        assert_eq!(parse(&first).unwrap().log_index, 0);
        assert_eq!(parse(&without("", "integratedTime")).unwrap().integrated_time, None);
        assert_eq!(parse(&with("/integratedTime", "0".into())).unwrap().integrated_time, None);
        let proof = |value| parse(&value).unwrap().inclusion_proof.unwrap();
        assert_eq!(proof(without("/inclusionProof", "logIndex")).index, 0);
        assert!(proof(without("/inclusionProof", "hashes")).hashes.is_empty());
        assert_eq!(parse(&with("/inclusionPromise", serde_json::Value::Null)).unwrap().inclusion_promise, None);
    }

    // threat: D13
    #[test]
    fn what_is_missing_unknown_or_of_another_shape_is_refused() {
        for (parent, name, member) in [
            ("", "logId", "logId"),
            ("", "kindVersion", "kindVersion"),
            ("", "canonicalizedBody", "canonicalizedBody"),
            ("", "inclusionProof", "inclusionProof"),
            ("/inclusionProof", "rootHash", "inclusionProof.rootHash"),
            ("/inclusionProof", "checkpoint", "inclusionProof.checkpoint"),
        ] {
            assert_eq!(member_of(parse(&without(parent, name))), member);
        }
        for (place, member) in [
            ("/logId/keyId", "logId.keyId"),
            ("/inclusionPromise/signedEntryTimestamp", "signedEntryTimestamp"),
            ("/inclusionProof/rootHash", "inclusionProof.rootHash"),
            ("/inclusionProof/hashes/0", "inclusionProof.hashes"),
            ("/canonicalizedBody", "canonicalizedBody"),
        ] {
            for bad in ["", "!", "AB==", "AA"] {
                assert_eq!(member_of(parse(&with(place, bad.into()))), member, "{bad}");
            }
            assert!(matches!(parse(&with(place, serde_json::json!([1]))), Err(BundleError::Json { .. })), "{place}");
        }
        for parent in
            ["", "/logId", "/kindVersion", "/inclusionPromise", "/inclusionProof", "/inclusionProof/checkpoint"]
        {
            let mut value = entry();
            value.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert("log_index".to_owned(), 1.into());
            assert!(matches!(parse(&value), Err(BundleError::Json { .. })), "{parent}");
        }
    }

    #[test]
    fn bundle_0_1_needs_promise_and_ignores_bare_proof() {
        let promised = parse_as(Version::V01, &without("/inclusionProof", "checkpoint")).unwrap();
        assert_eq!(promised.inclusion_proof, None);
        assert!(parse_as(Version::V01, &entry()).unwrap().inclusion_proof.is_some());
        assert_eq!(parse_as(Version::V01, &without("", "inclusionProof")).unwrap().inclusion_proof, None);
        assert_eq!(member_of(parse_as(Version::V01, &without("", "inclusionPromise"))), "inclusionPromise");
        assert!(parse(&without("", "inclusionPromise")).is_ok());
    }

    // threat: D07
    #[test]
    fn a_proof_is_bounded() {
        let hashes = |n: usize| with("/inclusionProof/hashes", vec![HASH; n].into());
        let checkpoint = |n: usize| with("/inclusionProof/checkpoint/envelope", "x".repeat(n).into());
        let limits = Limits::DEFAULT;
        for (make, limit) in [
            (&hashes as &dyn Fn(usize) -> serde_json::Value, limits.proof_hashes),
            (&checkpoint, limits.checkpoint_bytes),
        ] {
            parse(&make(limit)).unwrap();
            assert!(
                matches!(parse(&make(limit + 1)), Err(BundleError::TooMany { limit: found, .. }) if found == limit)
            );
        }
    }

    fn rekor_bundle(text: &str) -> Result<LogEntry, BundleError> {
        let wire: WireRekorBundle =
            json::from_slice(text.as_bytes()).map_err(|error| BundleError::Json { document: "bundle", error })?;
        wire.parse(Document("bundle"))
    }

    #[test]
    fn cosigns_own_form_takes_the_kind_from_the_entry() {
        let body = STANDARD.encode(r#"{"apiVersion":"0.0.1","kind":"rekord","spec":{}}"#);
        let text = format!(
            r#"{{"SignedEntryTimestamp":"AAAA","Payload":{{"body":"{body}","integratedTime":1700000000,"logIndex":0,"logID":"{NOTHING}"}}}}"#
        );
        let entry = rekor_bundle(&text).unwrap();
        assert_eq!((entry.log_index, entry.integrated_time), (0, Some(UnixTime(1_700_000_000))));
        assert_eq!((entry.kind.to_string(), entry.log_id.to_string()), ("rekord 0.0.1".to_owned(), HASH.to_owned()));
        assert_eq!((entry.inclusion_promise, entry.inclusion_proof), (Some(vec![0, 0, 0]), None));
        for (from, to) in [
            (NOTHING, "e3b0"),
            (&body, "e30="),
            (&body, "!"),
            ("AAAA", ""),
            ("Payload", "payload"),
            ("1700000000", "-1"),
        ] {
            assert!(rekor_bundle(&text.replacen(from, to, 1)).is_err(), "{from} {to}");
        }
        for end in 0..text.len() {
            assert!(rekor_bundle(&text[..end]).is_err(), "{end}");
        }
    }
}
