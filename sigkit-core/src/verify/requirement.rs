use std::time::Duration;

use super::artifact::{Artifact, ArtifactDigests};
use super::verified::{self, NotVerified, Verified, VerifiedSignature};
use super::{Deadline, Verifier};
use crate::bundle::Evidence;
use crate::oci::Repository;
use crate::policy::{Policy, Purpose, Requirement};
use crate::reason::Reason;
use crate::report::{CheckId, Label, Node, Outcome, Report, Verdict, Waiver};
use crate::time::UnixTime;

/// What a set of policies makes of an artifact.
#[derive(Clone, Debug)]
#[must_use]
pub enum Decision {
    /// It shows what is asked for.
    Verified(Verified),
    /// It is allowed without verification, because a rule says so.
    Allowed(Allowed),
    /// It is refused, or it could not be told.
    Rejected(NotVerified),
}

impl Decision {
    /// Every check that ran.
    pub fn report(&self) -> &Report {
        match self {
            Self::Verified(verified) => verified.report(),
            Self::Allowed(allowed) => allowed.report(),
            Self::Rejected(refusal) => refusal.report(),
        }
    }
}

/// An artifact that is allowed without verification. Only [`admit`] makes one.
#[derive(Clone, Debug)]
pub struct Allowed {
    report: Report,
}

impl Allowed {
    /// Every check that ran.
    pub const fn report(&self) -> &Report {
        &self.report
    }
}

/// All that was found, by what was looked for and where.
#[derive(Clone, Debug, Default)]
pub struct EvidenceSet {
    found: Vec<(Purpose, Option<Repository>, Evidence)>,
}

impl EvidenceSet {
    /// Adds what was found for a purpose: beside the artifact, or in another repository.
    pub fn add(&mut self, purpose: Purpose, source: Option<Repository>, evidence: Evidence) {
        self.found.push((purpose, source, evidence));
    }

    /// What was found, in the order added.
    pub fn iter(&self) -> impl Iterator<Item = &Evidence> {
        self.found.iter().map(|(_, _, evidence)| evidence)
    }

    fn get(&self, purpose: &Purpose, source: Option<&Repository>) -> Option<&Evidence> {
        let is_meant =
            |(known, place, _): &&(Purpose, Option<Repository>, Evidence)| known == purpose && place.as_ref() == source;
        self.found.iter().find(is_meant).map(|(_, _, evidence)| evidence)
    }

    fn count(&self) -> usize {
        self.found.iter().fold(0, |sum, (_, _, evidence)| sum.saturating_add(evidence.count()))
    }
}

/// Where a policy finds its evidence.
#[derive(Clone, Copy)]
pub(super) enum Source<'e> {
    /// All there is, whatever it was looked for.
    Given(&'e Evidence),
    /// What was looked for by purpose, in this place.
    Found(&'e EvidenceSet, Option<&'e Repository>),
}

impl<'e> Source<'e> {
    pub(super) fn of(self, policy: &Policy) -> Option<&'e Evidence> {
        match self {
            Self::Given(evidence) => Some(evidence),
            Self::Found(collected, place) => collected.get(policy.purpose(), place),
        }
    }
}

/// Judges what was found by a requirement: each policy of it by its own [`Verifier`], the whole by the fold of their reports.
pub fn evaluate(
    requirement: &Requirement,
    artifact: &Artifact<'_>,
    collected: &EvidenceSet,
    now: UnixTime,
) -> Decision {
    evaluate_with(requirement, artifact, collected, now, Deadline::Endless)
}

/// The same, which stops when `goes_on` says no; see [`Verifier::with_patience`].
pub fn evaluate_while(
    requirement: &Requirement,
    artifact: &Artifact<'_>,
    collected: &EvidenceSet,
    now: UnixTime,
    goes_on: &(dyn Fn() -> bool + Sync),
) -> Decision {
    evaluate_with(requirement, artifact, collected, now, Deadline::Asked(goes_on))
}

/// The same with a limit of time; see [`Verifier::with_time_left`].
pub fn evaluate_within(
    requirement: &Requirement,
    artifact: &Artifact<'_>,
    collected: &EvidenceSet,
    now: UnixTime,
    left: &(dyn Fn() -> Duration + Sync),
) -> Decision {
    evaluate_with(requirement, artifact, collected, now, Deadline::Told(left))
}

fn evaluate_with(
    requirement: &Requirement,
    artifact: &Artifact<'_>,
    collected: &EvidenceSet,
    now: UnixTime,
    deadline: Deadline<'_>,
) -> Decision {
    let mut signatures = Vec::new();
    let around = RequirementContext { artifact: &ArtifactDigests::new(artifact), collected, now, deadline };
    let root = judge(requirement, &around, &mut signatures);
    let report = Report { time: now, root };
    if report.verdict() == Verdict::Allowed {
        return Decision::Allowed(Allowed { report });
    }
    match verified::conclude(report, signatures, collected.count()) {
        Ok(verified) => Decision::Verified(verified),
        Err(refusal) => Decision::Rejected(refusal),
    }
}

/// What all requirements are judged by.
pub(super) struct RequirementContext<'a> {
    pub(super) artifact: &'a ArtifactDigests<'a>,
    pub(super) collected: &'a EvidenceSet,
    pub(super) now: UnixTime,
    pub(super) deadline: Deadline<'a>,
}

/// The report of one requirement; signatures are kept only of what holds as a whole.
pub(super) fn judge(
    requirement: &Requirement,
    around: &RequirementContext<'_>,
    signatures: &mut Vec<VerifiedSignature>,
) -> Node {
    let leaf = |outcome| Node::Leaf { check: CheckId::Policy, outcome };
    match requirement {
        Requirement::Policy(requirement) => {
            let source = Source::Found(around.collected, requirement.source.as_ref());
            let verifier = Verifier { policy: &requirement.policy, deadline: around.deadline };
            let (node, held) = verifier.judge_policy(around.artifact, source, around.now);
            if node.verdict() == Verdict::Verified {
                signatures.extend(held);
            }
            node
        }
        Requirement::Group { name, rule, parts } => {
            let mut held = Vec::new();
            let parts = parts.iter().map(|part| judge(part, around, &mut held)).collect();
            let node = Node::Group { label: Label::Requirements { name: name.clone() }, rule: *rule, parts };
            if node.verdict() == Verdict::Verified {
                signatures.extend(held);
            }
            node
        }
        #[cfg(feature = "rego")]
        Requirement::Whole(whole) => super::whole_policy::judge(whole, around, signatures),
        Requirement::Nothing => leaf(Outcome::Skip(Waiver::NotRequired)),
        Requirement::Refuse { why } => leaf(Outcome::Fail(Reason::RefusedByPolicy { why: why.clone() })),
        Requirement::NoRule { image, near } => {
            leaf(Outcome::Fail(Reason::NoPolicyMatches { image: image.clone(), near: near.clone() }))
        }
    }
}
