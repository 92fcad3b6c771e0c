//! Step 5: what the policy wants besides signer and subject, read from signed bytes only.

use super::artifact::Named;
use super::content::Claim;
use super::{Checks, subject};
use crate::oci::Repository;
use crate::policy::{Claims, Policy};
use crate::reason::Reason;
use crate::report::{CheckId, Fact};

pub(super) fn check(checks: &mut Checks, policy: &Policy, claim: &Claim, artifact: &Named<'_>) {
    if !policy.annotations.is_empty() {
        checks.record(CheckId::Annotations, annotations(policy, claim, artifact));
    }
    if let Some(repository) = &policy.reference {
        checks.record(CheckId::Reference, reference(repository, claim));
    }
}

/// All wanted annotations, in this one signature.
fn annotations(policy: &Policy, claim: &Claim, artifact: &Named<'_>) -> Result<(Fact, ()), Reason> {
    for (name, expected) in &policy.annotations {
        let found = signed_annotation(policy.claims, claim, artifact, name);
        if found.as_ref() != Some(expected) {
            return Err(Reason::AnnotationMismatch { name: name.clone(), expected: expected.clone(), found });
        }
    }
    Ok((Fact::Annotations { count: policy.annotations.len() }, ()))
}

/// What is said about this artifact; of a statement about several, nothing that is said about the others.
fn signed_annotation(claims: Claims, claim: &Claim, artifact: &Named<'_>, name: &str) -> Option<String> {
    match claim {
        Claim::Message { .. } => None,
        Claim::SimpleSigning { document, .. } => document.optional.get(name).map(|value| match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        }),
        Claim::Statement { statement, .. } => statement
            .subjects
            .iter()
            .filter(|subject| claims == Claims::Waived || subject::is_named(subject, artifact))
            .find_map(|subject| subject.annotations.get(name))
            .cloned(),
    }
}

fn reference(wanted: &Repository, claim: &Claim) -> Result<(Fact, ()), Reason> {
    let mismatch = |found| Reason::ReferenceMismatch { expected: wanted.to_string(), found };
    let Claim::SimpleSigning { document, .. } = claim else { return Err(mismatch(None)) };
    // cosign 2 wrote a tag or digest behind the repository when asked to sign for an identity; the repository decides.
    let signed = document.reference.parse::<crate::oci::ImageReference>().map(|reference| reference.repository);
    if signed.as_ref() != Ok(wanted) {
        return Err(mismatch(Some(document.reference.clone())));
    }
    Ok((Fact::Reference { reference: document.reference.clone() }, ()))
}
