//! What was verified, as JSON: the members that `sigkit verify -o report` prints.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};

use super::{LogRecord, NotVerified, Verified, VerifiedSignature};
use crate::report::Report;
#[cfg(feature = "keyless")]
use crate::trust::SignerIdentity;

/// The members of the [`Report`], and `signatures`.
impl Serialize for Verified {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        members(self.report(), self.signatures(), serializer)
    }
}

/// The members of the [`Report`], and an empty list of `signatures`.
impl Serialize for NotVerified {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        members(self.report(), &[], serializer)
    }
}

fn members<S: Serializer>(report: &Report, signatures: &[VerifiedSignature], to: S) -> Result<S::Ok, S::Error> {
    #[derive(serde::Serialize)]
    struct Members<'r> {
        #[serde(flatten)]
        report: &'r Report,
        signatures: &'r [VerifiedSignature],
    }
    Members { report, signatures }.serialize(to)
}

impl Serialize for VerifiedSignature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[cfg(feature = "keyless")]
        let certificate = self.certificate().map(|certificate| of_certificate(certificate.identity()));
        #[cfg(not(feature = "keyless"))]
        let certificate = Value::Null;
        let document = self.simple_signing();
        let annotations = match (document, self.subject()) {
            (Some(document), _) => json!(document.optional),
            (None, Some(subject)) => json!(subject.annotations),
            (None, None) => json!({}),
        };
        let signer = json!({
            "key": self.authority(),
            "fingerprint": self.key().to_string(),
            "certificate": certificate,
        });
        let times: Vec<_> = self.times().iter().map(ToString::to_string).collect();
        let log: Vec<_> = self.log_records().iter().map(log_record).collect();
        let mut map = serializer.serialize_map(Some(7))?;
        map.serialize_entry("annotations", &annotations)?;
        map.serialize_entry("log", &log)?;
        map.serialize_entry("origin", &self.origin().to_string())?;
        map.serialize_entry("reference", &document.map(|document| &document.reference))?;
        map.serialize_entry("scheme", &self.scheme().to_string())?;
        map.serialize_entry("signer", &signer)?;
        map.serialize_entry("times", &times)?;
        map.end()
    }
}

#[cfg(feature = "keyless")]
fn of_certificate(identity: &SignerIdentity) -> Value {
    let extensions = identity.extensions.iter().map(|(extension, value)| (extension.name().to_owned(), json!(value)));
    json!({
        "subject": identity.subject,
        "kind": identity.kind.to_string(),
        "issuer": identity.issuer,
        "extensions": extensions.collect::<serde_json::Map<_, _>>(),
    })
}

fn log_record(record: &LogRecord) -> Value {
    json!({
        "id": record.log.to_string(),
        "index": record.index,
        "time": record.time.map(|time| time.to_string()),
        "shownBy": record.proof.names(),
    })
}
