use super::Verifier;
use super::artifact::ArtifactDigests;
use super::verified::{self, NotVerified, Verified, VerifiedSignature};
use crate::bundle::Evidence;
use crate::oci::Repository;
use crate::policy::{Policy, Purpose, Requirement};
use crate::reason::Reason;
use crate::report::{CheckId, Label, Node, Outcome, Report, Verdict, Waiver};
use crate::time::UnixTime;

/// What a requirement makes of an artifact: its [`Verdict`], with the proof or the report that belongs to it.
///
/// Exhaustive, since a caller that overlooks a verdict would admit or refuse by accident.
#[derive(Clone, Debug)]
#[must_use]
pub enum Decision {
    /// [`Verdict::Verified`]: it shows what is required.
    Verified(Verified),
    /// [`Verdict::Allowed`]: a rule allows it without verification.
    Allowed(Allowed),
    /// [`Verdict::Rejected`]: it does not show what is required.
    Rejected(NotVerified),
    /// [`Verdict::Undecided`]: it could not be told.
    Undecided(NotVerified),
}

impl Decision {
    /// The one place where the verdict of a requirement becomes a result.
    pub(super) fn new(report: Report, signatures: Vec<VerifiedSignature>, found: usize) -> Self {
        let verdict = report.verdict();
        if verdict == Verdict::Allowed {
            return Self::Allowed(Allowed { report });
        }
        match verified::conclude(report, signatures, found) {
            Ok(verified) => Self::Verified(verified),
            Err(not_verified) if verdict == Verdict::Undecided => Self::Undecided(not_verified),
            Err(not_verified) => Self::Rejected(not_verified),
        }
    }

    /// The verdict of the report, which is the name of the variant.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Verified(_) => Verdict::Verified,
            Self::Allowed(_) => Verdict::Allowed,
            Self::Rejected(_) => Verdict::Rejected,
            Self::Undecided(_) => Verdict::Undecided,
        }
    }

    /// Every check that ran.
    pub fn report(&self) -> &Report {
        match self {
            Self::Verified(verified) => verified.report(),
            Self::Allowed(allowed) => allowed.report(),
            Self::Rejected(not_verified) | Self::Undecided(not_verified) => not_verified.report(),
        }
    }
}

/// An artifact that is allowed without verification. Only [`Verifier::evaluate`] makes one.
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

    pub(super) fn count(&self) -> usize {
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

/// What all requirements are judged by.
pub(super) struct RequirementContext<'a> {
    pub(super) verifier: Verifier<'a>,
    pub(super) artifact: &'a ArtifactDigests<'a>,
    pub(super) collected: &'a EvidenceSet,
    pub(super) now: UnixTime,
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
            let (node, held) = around.verifier.judge_policy(&requirement.policy, around.artifact, source, around.now);
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
