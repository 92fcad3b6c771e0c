//! The full report as JSON: one document on one line, the same shape for success and failure.

use serde_json::json;
use sigkit_core::text::escape;

use crate::args::FromVariable;
use crate::outcome::verification::{Rejected, VerificationOutcome};

/// Name and version of the shape. Members may be added within a version; none changes its meaning or goes away.
const SCHEMA: &str = "sigkit.report.v1";

/// The report of one artifact.
pub(super) fn line(judgement: &VerificationOutcome, beliefs: &[FromVariable]) -> Vec<u8> {
    let rejected = judgement.result.as_ref().err();
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
        "code": rejected.map(Rejected::code),
        "message": rejected.map(Rejected::message),
        "time": judgement.report().map(|report| report.time.to_string()),
        "signatures": signatures,
        "checks": judgement.report().map(|report| &report.root),
    });
    let mut line = escape::json(&report.to_string());
    line.push('\n');
    line.into_bytes()
}
