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
    let expected = || match wanted {
        SignedReference::Repository(repository) => repository.to_string(),
        SignedReference::Exact(reference) => reference.to_string(),
    };
    let mismatch = |found| Reason::ReferenceMismatch { expected: expected(), found };
    let Claim::SimpleSigning { document, .. } = claim else { return Err(mismatch(None)) };
    let signed = document.reference.parse::<ImageReference>();
    let is_wanted = signed.is_ok_and(|signed| match wanted {
        // cosign 2 wrote a tag or digest behind the repository when asked to sign for an identity; the repository decides.
        SignedReference::Repository(repository) => signed.repository == *repository,
        SignedReference::Exact(reference) => signed == *reference,
    });
    if !is_wanted {
        return Err(mismatch(Some(document.reference.clone())));
    }
    Ok((Fact::Reference { reference: document.reference.clone() }, ()))
}
