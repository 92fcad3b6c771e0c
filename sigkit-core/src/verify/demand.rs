use std::time::Duration;

use super::artifact::{Artifact, Named};
use super::verified::{self, NotVerified, Verified, VerifiedSignature};
use super::{Patience, Verifier};
use crate::bundle::Evidence;
use crate::oci::Repository;
use crate::policy::{Demand, Policy, Purpose};
use crate::reason::Reason;
use crate::report::{CheckId, Label, Node, Outcome, Report, Verdict, Waiver};
use crate::time::UnixTime;

/// What a set of policies makes of an artifact.
#[derive(Clone, Debug)]
#[must_use]
pub enum Admission {
    /// It shows what is asked for.
    Verified(Verified),
    /// It is allowed without verification, because a rule says so.
    Allowed(Allowed),
    /// It is refused, or it could not be told.
    Refused(NotVerified),
}

impl Admission {
    /// Every check that ran.
    pub fn report(&self) -> &Report {
        match self {
            Self::Verified(verified) => verified.report(),
            Self::Allowed(allowed) => allowed.report(),
            Self::Refused(refusal) => refusal.report(),
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
pub struct Findings {
    found: Vec<(Purpose, Option<Repository>, Evidence)>,
}

impl Findings {
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
    Found(&'e Findings, Option<&'e Repository>),
}

impl<'e> Source<'e> {
    pub(super) fn of(self, policy: &Policy) -> Option<&'e Evidence> {
        match self {
            Self::Given(evidence) => Some(evidence),
            Self::Found(findings, place) => findings.get(policy.purpose(), place),
        }
    }
}

/// Judges what was found by a demand: each policy of it by its own [`Verifier`], the whole by the fold of their reports.
pub fn admit(demand: &Demand, artifact: &Artifact<'_>, findings: &Findings, now: UnixTime) -> Admission {
    admit_with(demand, artifact, findings, now, Patience::Endless)
}

/// The same, which stops when `goes_on` says no; see [`Verifier::with_patience`].
pub fn admit_while(
    demand: &Demand,
    artifact: &Artifact<'_>,
    findings: &Findings,
    now: UnixTime,
    goes_on: &(dyn Fn() -> bool + Sync),
) -> Admission {
    admit_with(demand, artifact, findings, now, Patience::Asked(goes_on))
}

/// The same with a limit of time; see [`Verifier::with_time_left`].
pub fn admit_within(
    demand: &Demand,
    artifact: &Artifact<'_>,
    findings: &Findings,
    now: UnixTime,
    left: &(dyn Fn() -> Duration + Sync),
) -> Admission {
    admit_with(demand, artifact, findings, now, Patience::Told(left))
}

fn admit_with(
    demand: &Demand,
    artifact: &Artifact<'_>,
    findings: &Findings,
    now: UnixTime,
    patience: Patience<'_>,
) -> Admission {
    let mut signatures = Vec::new();
    let around = Around { artifact: &Named::new(artifact), findings, now, patience };
    let root = judge(demand, &around, &mut signatures);
    let report = Report { time: now, root };
    if report.verdict() == Verdict::Allowed {
        return Admission::Allowed(Allowed { report });
    }
    match verified::conclude(report, signatures, findings.count()) {
        Ok(verified) => Admission::Verified(verified),
        Err(refusal) => Admission::Refused(refusal),
    }
}

/// What all demands are judged by.
pub(super) struct Around<'a> {
    pub(super) artifact: &'a Named<'a>,
    pub(super) findings: &'a Findings,
    pub(super) now: UnixTime,
    pub(super) patience: Patience<'a>,
}

/// The report of one demand; signatures are kept only of what holds as a whole.
pub(super) fn judge(demand: &Demand, around: &Around<'_>, signatures: &mut Vec<VerifiedSignature>) -> Node {
    let leaf = |outcome| Node::Leaf { check: CheckId::Policy, outcome };
    match demand {
        Demand::Policy(demand) => {
            let source = Source::Found(around.findings, demand.source.as_ref());
            let verifier = Verifier { policy: &demand.policy, patience: around.patience };
            let (node, held) = verifier.judge_policy(around.artifact, source, around.now);
            if node.verdict() == Verdict::Verified {
                signatures.extend(held);
            }
            node
        }
        Demand::Group { name, rule, parts } => {
            let mut held = Vec::new();
            let parts = parts.iter().map(|part| judge(part, around, &mut held)).collect();
            let node = Node::Group { label: Label::Demands { name: name.clone() }, rule: *rule, parts };
            if node.verdict() == Verdict::Verified {
                signatures.extend(held);
            }
            node
        }
        #[cfg(feature = "rego")]
        Demand::Whole(whole) => super::whole::judge(whole, around, signatures),
        Demand::Nothing => leaf(Outcome::Skip(Waiver::NothingDemanded)),
        Demand::Refuse { why } => leaf(Outcome::Fail(Reason::RefusedByPolicy { why: why.clone() })),
        Demand::NoRule { image, near } => {
            leaf(Outcome::Fail(Reason::NoPolicyMatches { image: image.clone(), near: near.clone() }))
        }
    }
}
