use super::artifact::{Artifact, Named};
use super::verified::{self, NotVerified, Verified, VerifiedSignature};
use super::{Verifier, could_not_look};
use crate::bundle::{Evidence, Problem};
use crate::oci::Repository;
use crate::policy::Demand;
use crate::reason::Reason;
use crate::report::{CheckId, Label, Node, Outcome, Report, Verdict, Waiver};
use crate::time::UnixTime;

/// What a set of policies makes of an artifact.
#[derive(Clone, Debug)]
#[must_use]
pub enum Admission {
    /// It shows what is asked for.
    Verified(Verified),
    /// It is let in without proof, because a rule says so.
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

/// What is let in without proof. Only [`admit`] makes one.
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

/// All that was found, by where it was looked for.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Beside the artifact.
    pub own: Evidence,
    /// In the other repositories that a demand names.
    pub elsewhere: Vec<(Repository, Evidence)>,
}

impl Findings {
    /// What was found beside the artifact, and nothing else was looked for.
    pub const fn own(own: Evidence) -> Self {
        Self { own, elsewhere: Vec::new() }
    }

    fn count(&self) -> usize {
        let elsewhere = self.elsewhere.iter().map(|(_, evidence)| evidence.items.len());
        elsewhere.fold(self.own.items.len(), usize::saturating_add)
    }
}

/// Judges what was found by a demand: each policy of it by its own [`Verifier`], the whole by the fold of their reports.
pub fn admit(demand: &Demand, artifact: &Artifact<'_>, findings: &Findings, now: UnixTime) -> Admission {
    let mut signatures = Vec::new();
    let root = judge(demand, &Named::new(artifact), findings, now, &mut signatures);
    let report = Report { time: now, root };
    if report.verdict() == Verdict::Allowed {
        return Admission::Allowed(Allowed { report });
    }
    match verified::conclude(report, signatures, findings.count()) {
        Ok(verified) => Admission::Verified(verified),
        Err(refusal) => Admission::Refused(refusal),
    }
}

/// The report of one demand; signatures are kept only of what holds as a whole.
fn judge(
    demand: &Demand,
    artifact: &Named<'_>,
    findings: &Findings,
    now: UnixTime,
    signatures: &mut Vec<VerifiedSignature>,
) -> Node {
    let leaf = |outcome| Node::Leaf { check: CheckId::Policy, outcome };
    match demand {
        Demand::Policy(demand) => {
            let found = match &demand.source {
                None => Some(&findings.own),
                Some(source) => findings.elsewhere.iter().find(|(known, _)| known == source).map(|(_, found)| found),
            };
            let Some(evidence) = found else { return not_looked_for(demand.source.as_ref()) };
            let (node, held) = Verifier::new(&demand.policy).judge_policy(artifact, evidence, now);
            if node.verdict() == Verdict::Verified {
                signatures.extend(held);
            }
            node
        }
        Demand::Group { name, rule, parts } => {
            let mut held = Vec::new();
            let parts = parts.iter().map(|part| judge(part, artifact, findings, now, &mut held)).collect();
            let node = Node::Group { label: Label::Demands { name: name.clone() }, rule: *rule, parts };
            if node.verdict() == Verdict::Verified {
                signatures.extend(held);
            }
            node
        }
        Demand::Nothing => leaf(Outcome::Skip(Waiver::NothingDemanded)),
        Demand::Refuse { why } => leaf(Outcome::Fail(Reason::RefusedByPolicy { why: why.clone() })),
        Demand::NoRule { image } => leaf(Outcome::Fail(Reason::NoPolicyMatches { image: image.clone() })),
    }
}

/// Whoever collected the findings left out a place that the demand names.
fn not_looked_for(source: Option<&Repository>) -> Node {
    let looked_for = source.map_or_else(String::new, |source| format!("signatures in {source}"));
    could_not_look(&Problem { looked_for, code: "store-unavailable", detail: "nobody looked".to_owned() })
}
