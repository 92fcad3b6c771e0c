//! The verifier: a pure function of artifact, evidence, policy and time.
//!
//! For each authority of the policy and each thing found, in this order:
//!
//! 1. `material`: does the format leave the judgement to this kind of authority?
//! 2. `content`: is it the kind of thing asked for, and does it parse?
//! 3. `signature`: does the authority's key verify it?
//! 4. `subject`: does the signed document name this artifact?
//! 5. `claims`: are the wanted annotations signed, for the wanted repository?
//! 6. `witnesses`: what came along that was not needed?
//!
//! Every step leaves a leaf in the report. Steps 1, 3 and 4 mint a marker each; without all three there is no
//! [`VerifiedSignature`].

mod artifact;
mod claims;
mod content;
mod demand;
mod material;
mod scan;
mod signature;
mod subject;
mod verified;
mod witnesses;

pub use artifact::Artifact;
pub use demand::{Admission, Allowed, Findings, admit};
pub use scan::{BlobScan, BlobScanner};
pub use verified::{NotVerified, Verified, VerifiedSignature};

use std::num::NonZeroUsize;

use artifact::Named;

use crate::bundle::{Evidence, EvidenceItem, Problem, SignedEntity};
use crate::policy::{Authority, KeyAuthority, Policy, Purpose};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Label, Node, Outcome, Report, Rule};
use crate::time::UnixTime;

/// Judges evidence by a policy.
#[derive(Clone, Copy, Debug)]
pub struct Verifier<'p> {
    policy: &'p Policy,
}

impl<'p> Verifier<'p> {
    /// A verifier for one policy.
    pub const fn new(policy: &'p Policy) -> Self {
        Self { policy }
    }

    /// Judges. The verdict of the report and the variant of the result always agree.
    ///
    /// # Errors
    /// [`NotVerified`], whose report tells refusal from doubt and names every reason.
    pub fn verify(&self, artifact: &Artifact<'_>, evidence: &Evidence, now: UnixTime) -> Result<Verified, NotVerified> {
        let (root, signatures) = self.judge_policy(&Named::new(artifact), evidence);
        verified::conclude(Report { time: now, root }, signatures, evidence.items.len())
    }

    fn judge_policy(&self, artifact: &Named<'_>, evidence: &Evidence) -> (Node, Vec<VerifiedSignature>) {
        let mut signatures = Vec::new();
        let mut parts: Vec<Node> = Vec::new();
        for authority in &self.policy.authorities {
            let Authority::Key(key) = authority;
            let (node, found) = self.judge_authority(key, artifact, evidence);
            parts.push(node);
            signatures.extend(found);
        }
        let label = Label::Policy { threshold: self.policy.threshold, authorities: self.policy.authorities.len() };
        (Node::Group { label, rule: Rule::AtLeast(self.policy.threshold), parts }, signatures)
    }

    /// One signature by this authority is enough for it; further ones are judged and reported all the same.
    fn judge_authority(
        &self,
        authority: &KeyAuthority,
        artifact: &Named<'_>,
        evidence: &Evidence,
    ) -> (Node, Vec<VerifiedSignature>) {
        let mut parts = Vec::new();
        let mut signatures = Vec::new();
        for (number, item) in (1..).zip(&evidence.items) {
            let (node, signature) = self.judge(authority, artifact, number, item);
            parts.push(node);
            signatures.extend(signature);
        }
        parts.extend(evidence.problems.iter().map(could_not_look));
        if parts.is_empty() {
            let looked_for = match self.policy.purpose {
                Purpose::Image => "sigstore bundles (referrers) and cosign signatures (tag)",
                Purpose::Blob => "a bundle or a detached signature",
            };
            let reason = Reason::NoSignatures { looked_for: looked_for.to_owned() };
            parts.push(Node::Leaf { check: CheckId::Evidence, outcome: Outcome::Fail(reason) });
        }
        let label = Label::Key { name: authority.name.clone(), fingerprint: authority.key.fingerprint() };
        (Node::Group { label, rule: Rule::AtLeast(NonZeroUsize::MIN), parts }, signatures)
    }

    fn judge(
        &self,
        authority: &KeyAuthority,
        artifact: &Named<'_>,
        number: usize,
        item: &EvidenceItem,
    ) -> (Node, Option<VerifiedSignature>) {
        let label = Label::Signature { number, origin: item.origin.clone() };
        let mut checks = Checks::default();
        let signature = match &item.entity {
            Err(error) => {
                checks.record(CheckId::Content, Err::<(Fact, ()), _>(Reason::Unreadable(error.clone())));
                None
            }
            Ok(entity) => self.run_steps(&mut checks, authority, artifact, entity, item),
        };
        (Node::Group { label, rule: Rule::All, parts: checks.parts }, signature)
    }

    /// The recipe. Later steps run even when an earlier one failed, so that the report shows all that is wrong.
    fn run_steps(
        &self,
        checks: &mut Checks,
        authority: &KeyAuthority,
        artifact: &Named<'_>,
        entity: &SignedEntity,
        item: &EvidenceItem,
    ) -> Option<VerifiedSignature> {
        let policy = self.policy;
        let trusted = checks.record(CheckId::Material, material::check(entity)); // 1
        let claim = checks.record(CheckId::Content, content::check(policy, entity)); // 2
        let valid = checks.record(CheckId::Signature, signature::check(authority, entity, artifact.artifact())); // 3
        let claim = claim?;
        let bound = checks.record_outcome(CheckId::Subject, subject::check(policy.claims, &claim, artifact)); // 4
        claims::check(checks, policy, &claim, bound.as_ref()); // 5
        witnesses::check(checks, entity); // 6
        if checks.failed() {
            return None;
        }
        Some(VerifiedSignature::new(trusted?, valid?, bound?, authority, claim, item.origin.clone()))
    }
}

fn could_not_look(problem: &Problem) -> Node {
    Node::Leaf { check: CheckId::Evidence, outcome: Outcome::Unknown(problem.clone()) }
}

/// The leaves of one signature, in the order of the steps.
#[derive(Default)]
struct Checks {
    parts: Vec<Node>,
}

impl Checks {
    /// Records what a step found, and hands on what it minted.
    fn record<T>(&mut self, check: CheckId, result: Result<(Fact, T), Reason>) -> Option<T> {
        let (outcome, minted) = match result {
            Ok((fact, minted)) => (Outcome::Pass(fact), Some(minted)),
            Err(reason) => (Outcome::Fail(reason), None),
        };
        self.parts.push(Node::Leaf { check, outcome });
        minted
    }

    /// As [`Checks::record`], for a step that may also be waived.
    fn record_outcome<T>(&mut self, check: CheckId, (outcome, minted): (Outcome, Option<T>)) -> Option<T> {
        self.parts.push(Node::Leaf { check, outcome });
        minted
    }

    fn failed(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Node::Leaf { outcome: Outcome::Fail(_) | Outcome::Unknown(_), .. }))
    }
}
