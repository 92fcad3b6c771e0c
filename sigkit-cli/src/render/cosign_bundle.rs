//! Log entries and timestamps of a signature, in the formats that cosign prints next to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sigkit_core::bundle::LogEntry;
use sigkit_core::verify::VerifiedSignature;

/// Members of `optional`: the log entry and the timestamp that hold. The rest of what came with the signature is left out.
pub(super) fn members(signature: &VerifiedSignature) -> Map<String, Value> {
    let entry = signature.log_entries().iter().find_map(legacy);
    let stamp = signature.signed_timestamps().first();
    let stamp = stamp.map(|stamp| json!({"SignedRFC3161Timestamp": STANDARD.encode(&stamp.0)}));
    let members = [("Bundle", entry), ("RFC3161Timestamp", stamp)];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The entry as in cosign's legacy formats: with the inclusion promise, which signs all of it. An entry without a promise has no such
/// form, and its time and its index in the log are not signed.
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
