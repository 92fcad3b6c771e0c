//! What witnessed a signature, in the shapes that cosign prints beside it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sigkit_core::bundle::{Evidence, LogEntry, SignedEntity};
use sigkit_core::verify::{Verified, VerifiedSignature};

/// Members of `optional` by the origin of the signature. Log entries and timestamps are those that hold; the rest of the evidence is
/// left out.
pub(super) type Witnesses = BTreeMap<String, Map<String, Value>>;

/// What witnessed the signatures that hold.
pub(super) fn of(verified: &Verified, evidence: &Evidence) -> Witnesses {
    let found = verified.signatures().iter().filter_map(|signature| {
        let item = evidence.items.iter().find(|item| item.origin == *signature.origin())?;
        Some((signature.origin().to_string(), members(signature, item.entity.as_ref().ok()?)))
    });
    found.collect()
}

fn members(signature: &VerifiedSignature, entity: &SignedEntity) -> Map<String, Value> {
    let held = |entry: &&LogEntry| {
        signature.log_records().iter().any(|record| (record.log, record.index) == (entry.log_id, entry.log_index))
    };
    let entry = entity.log_entries.iter().filter(held).find_map(legacy);
    let stamp = signature.timestamps().first().and_then(|position| entity.timestamps.get(*position));
    let stamp = stamp.map(|stamp| json!({"SignedRFC3161Timestamp": STANDARD.encode(&stamp.0)}));
    let members = [("Bundle", entry), ("RFC3161Timestamp", stamp)];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The entry as cosign's legacy formats have it: with the log's promise, if it came with one.
fn legacy(entry: &LogEntry) -> Option<Value> {
    let promise = entry.inclusion_promise.as_ref()?;
    let id: String = entry.log_id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(json!({
        "SignedEntryTimestamp": STANDARD.encode(promise),
        "Payload": {
            "body": STANDARD.encode(&entry.body),
            "integratedTime": entry.integrated_time.map(|time| time.0),
            "logIndex": entry.log_index,
            "logID": id,
        },
    }))
}
