//! Step 5: what the policy wants besides signer and subject, read from signed bytes only.

use super::Checks;
use super::content::Claim;
use super::subject::SubjectBound;
use crate::content::Subject;
use crate::oci::ImageReference;
use crate::policy::{Policy, SignedReference};
use crate::reason::Reason;
use crate::report::{CheckId, Fact};

pub(super) fn check(checks: &mut Checks, policy: &Policy, claim: &Claim, bound: Option<&SubjectBound>) {
    if !policy.annotations.is_empty() {
        checks.record(CheckId::Annotations, annotations(&policy.annotations, claim, bound));
    }
    if let Some(wanted) = &policy.reference {
        checks.record(CheckId::Reference, reference(wanted, claim));
    }
}

/// All wanted annotations, in this one signature.
fn annotations(wanted: &[(String, String)], claim: &Claim, bound: Option<&SubjectBound>) -> Result<(Fact, ()), Reason> {
    for (name, expected) in wanted {
        let found = signed_annotation(claim, bound, name);
        if found.as_ref() != Some(expected) {
            return Err(Reason::AnnotationMismatch { name: name.clone(), expected: expected.clone(), found });
        }
    }
    Ok((Fact::Annotations { count: wanted.len() }, ()))
}

/// Of a statement about several artifacts only the part about this one counts.
fn signed_annotation(claim: &Claim, bound: Option<&SubjectBound>, name: &str) -> Option<String> {
    match claim {
        Claim::Message { .. } => None,
        Claim::SimpleSigning { document, .. } => document.optional.get(name).map(|value| match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        }),
        Claim::Statement { statement, .. } => {
            let digest = bound.and_then(SubjectBound::digest);
            let meant = |subject: &&Subject| digest.is_none_or(|d| subject.digest(d.algorithm()) == Some(d));
            statement.subjects.iter().filter(meant).find_map(|subject| subject.annotations.get(name)).cloned()
        }
    }
}

fn reference(wanted: &SignedReference, claim: &Claim) -> Result<(Fact, ()), Reason> {
    let mismatch = |found, advice| Reason::ReferenceMismatch { expected: wanted.to_string(), found, advice };
    let Claim::SimpleSigning { document, .. } = claim else { return Err(mismatch(None, None)) };
    let found = || Some(document.reference.clone());
    let Ok(signed) = document.reference.parse::<ImageReference>() else { return Err(mismatch(found(), None)) };
    if !wanted.is_met_by(&signed) {
        return Err(mismatch(found(), wanted.advice(&signed)));
    }
    Ok((Fact::Reference { reference: document.reference.clone() }, ()))
}
