//! The full report as JSON: one document on one line, the same shape for success and failure.

use serde_json::{Value, json};
use sigkit_core::report::{Label, Node, Outcome, Rule};
use sigkit_core::trust::SignerIdentity;
use sigkit_core::verify::{LogRecord, VerifiedSignature};

use crate::args::FromVariable;
use crate::escape;
use crate::outcome::verification::{Refusal, VerificationOutcome};

/// Name and version of the shape. Members may be added within a version; none changes its meaning or goes away.
const SCHEMA: &str = "sigkit.report.v1";

/// The report of one artifact.
pub(super) fn line(judgement: &VerificationOutcome, beliefs: &[FromVariable]) -> Vec<u8> {
    let trouble = judgement.result.as_ref().err().map(Refusal::trouble);
    let signatures = judgement.result.as_ref().map_or(&[][..], |verified| verified.signatures());
    let report = json!({
        "schema": SCHEMA,
        "given": judgement.subject.given,
        "target": judgement.subject.name,
        "digest": judgement.subject.digest.map(|digest| digest.to_string()),
        "verdict": judgement.verdict().name(),
        "exitCode": judgement.exit().code(),
        "absent": judgement.absent,
        "weakenedBy": judgement.subject.weakened,
        "fromEnvironment": beliefs.iter().map(|belief| json!({"variable": belief.variable, "sets": belief.sets})).collect::<Vec<_>>(),
        "code": trouble.as_ref().map(|trouble| trouble.code),
        "message": trouble.as_ref().map(|trouble| &trouble.message),
        "time": judgement.report().map(|report| report.time.to_string()),
        "signatures": signatures.iter().map(signature).collect::<Vec<_>>(),
        "checks": judgement.report().map(|report| node(&report.root)),
    });
    let mut line = escape::json(&report.to_string());
    line.push('\n');
    line.into_bytes()
}

fn signature(signature: &VerifiedSignature) -> Value {
    let document = signature.simple_signing();
    let subject = signature.subject();
    json!({
        "origin": signature.origin().to_string(),
        "signer": {
            "key": signature.authority(),
            "fingerprint": signature.key().to_string(),
            "certificate": signature.certificate().map(|certificate| certificate_of(certificate.identity())),
        },
        "times": signature.times().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "log": signature.log_records().iter().map(log_record).collect::<Vec<_>>(),
        "scheme": signature.scheme().to_string(),
        "reference": document.map(|document| &document.reference),
        "annotations": match (document, subject) {
            (Some(document), _) => json!(document.optional),
            (None, Some(subject)) => json!(subject.annotations),
            (None, None) => json!({}),
        },
    })
}

fn certificate_of(identity: &SignerIdentity) -> Value {
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

fn node(node: &Node) -> Value {
    match node {
        Node::Leaf { check, outcome } => json!({
            "check": check.name(),
            "outcome": match outcome {
                Outcome::Pass(_) => "pass",
                Outcome::Fail(_) => "fail",
                Outcome::Skip(_) => "skip",
                Outcome::Unknown(_) => "unknown",
            },
            "code": outcome.code(),
            "message": outcome.to_string(),
            "expected": match outcome {
                Outcome::Fail(reason) => reason.expected(),
                _ => None,
            },
            "actual": match outcome {
                Outcome::Fail(reason) => reason.actual(),
                _ => None,
            },
        }),
        Node::Group { label, rule, parts } => {
            let mut group = json!({
                "verdict": node.verdict().name(),
                "rule": match rule {
                    Rule::All => json!("all"),
                    Rule::AtLeast(threshold) => json!({"atLeast": threshold}),
                    Rule::Advisory => json!("advisory"),
                },
                "parts": parts.iter().map(self::node).collect::<Vec<_>>(),
            });
            let members = match label {
                Label::Policy { threshold, authorities } => {
                    json!({"group": "policy", "threshold": threshold, "authorities": authorities})
                }
                Label::Requirements { name } => json!({"group": "demands", "name": name}),
                Label::Key { name, fingerprint } => {
                    json!({"group": "key", "name": name, "fingerprint": fingerprint.to_string()})
                }
                Label::Identity { name } => json!({"group": "identity", "name": name}),
                Label::Signature { number, origin } => {
                    json!({"group": "signature", "number": number, "origin": origin.to_string()})
                }
                _ => json!({"group": "other"}),
            };
            if let (Value::Object(group), Value::Object(members)) = (&mut group, members) {
                group.extend(members);
            }
            group
        }
    }
}
