//! What attestations must say: pure functions over the statements of one authority that hold.

mod materials;
mod provenance;
mod purl;
#[cfg(feature = "rego")]
mod rego;
mod scan;
mod vex;

use std::cell::OnceCell;

use super::artifact::ArtifactDigests;
use super::requirement::Source;
use super::{Deadline, VerifiedSignature, Verifier};
use crate::bundle::{Evidence, LookupError};
use crate::content::Statement;
use crate::limits::Limits;
#[cfg(feature = "rego")]
use crate::policy::Quantifier;
use crate::policy::{Gate, Policy};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Label, Node, Outcome, Rule, Verdict};
use crate::time::UnixTime;

/// How far clocks may differ before a time counts as in the future, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// A statement that holds, and who made it.
pub(super) struct VerifiedStatement<'s> {
    pub(super) statement: &'s Statement,
    pub(super) authority: &'s str,
}

/// What the gates of one authority look at.
pub(super) struct GateInput<'s> {
    /// The authority's statements.
    pub(super) statements: Vec<VerifiedStatement<'s>>,
    /// What could not be looked at.
    pub(super) problems: &'s [LookupError],
    pub(super) artifact: &'s ArtifactDigests<'s>,
    pub(super) now: UnixTime,
    pub(super) limits: &'s Limits,
    #[cfg_attr(not(feature = "rego"), allow(dead_code, reason = "only policies in Rego can be stopped"))]
    pub(super) deadline: Deadline<'s>,
}

/// What is judged, by whom, and where more can be found about it.
pub(super) struct GateContext<'a> {
    pub(super) verifier: Verifier<'a>,
    pub(super) artifact: &'a ArtifactDigests<'a>,
    pub(super) source: Source<'a>,
    pub(super) evidence: &'a Evidence,
    pub(super) now: UnixTime,
}

/// The gates of a policy. What they listen to is read when the first statement that holds comes before them, and once.
pub(super) struct Gates<'a> {
    policy: &'a Policy,
    around: GateContext<'a>,
    vex: Vec<OnceCell<VexStatements>>,
    /// What became of the scans of each authority that has any.
    scans: Vec<Node>,
}

/// What a scan gate hears besides the scans.
struct VexStatements {
    statements: Result<Vec<vex::VexStatement>, Reason>,
    problems: Vec<LookupError>,
}

impl<'a> Gates<'a> {
    pub(super) fn new(policy: &'a Policy, around: GateContext<'a>) -> Self {
        let heard = policy.gates.iter().map(|_| OnceCell::new()).collect();
        Self { policy, around, vex: heard, scans: Vec::new() }
    }

    /// Accepts an authority with what it attested, or rejects it. What is rejected proves nothing, however well
    /// it is signed. Its scans are judged with those of the others, in [`Gates::whole`].
    pub(super) fn pass(&mut self, node: Node, signatures: Vec<VerifiedSignature>) -> (Node, Vec<VerifiedSignature>) {
        let (false, Node::Group { label, rule, parts }) =
            (self.policy.gates.is_empty() || signatures.is_empty(), &node)
        else {
            return (node, signatures);
        };
        let mut all = vec![group("attested", *rule, parts.clone())];
        let mut scans = Vec::new();
        for (gate, heard) in self.policy.gates.iter().zip(&self.vex) {
            let judged = self.judge(gate, heard, &signatures);
            if matches!(gate, Gate::Scan(_)) { scans.push(judged) } else { all.push(judged) }
        }
        self.scans.extend(scans);
        if all.len() == 1 {
            return (node, signatures);
        }
        let node = Node::Group { label: label.clone(), rule: Rule::All, parts: all };
        let kept = if node.verdict() == Verdict::Verified { signatures } else { Vec::new() };
        (node, kept)
    }

    /// The whole policy: what was attested, and the scans. Those of every authority must pass, whichever is enough for the rest: a
    /// scanner that finds something is not outvoted.
    pub(super) fn whole(self, attested: Node, signatures: Vec<VerifiedSignature>) -> (Node, Vec<VerifiedSignature>) {
        if self.scans.is_empty() {
            return (attested, signatures);
        }
        let mut parts = vec![attested];
        parts.extend(self.scans);
        let node = group("attested, and every scanner's latest scan passes", Rule::All, parts);
        let kept = if node.verdict() == Verdict::Verified { signatures } else { Vec::new() };
        (node, kept)
    }

    fn judge(&self, gate: &Gate, heard: &OnceCell<VexStatements>, signatures: &[VerifiedSignature]) -> Node {
        let heard = heard.get_or_init(|| self.collect_vex(gate));
        // What was not judged for want of time might contradict it.
        if self.around.verifier.deadline.is_over() {
            return super::not_judged("what the attestations say".to_owned());
        }
        let seen = GateInput {
            statements: signatures.iter().filter_map(VerifiedStatement::of).collect(),
            problems: &heard.problems,
            artifact: self.around.artifact,
            now: self.around.now,
            limits: self.around.verifier.trust.limits(),
            deadline: self.around.verifier.deadline,
        };
        check(gate, &seen, heard)
    }

    fn collect_vex(&self, gate: &Gate) -> VexStatements {
        let mut said = Vec::new();
        let mut problems: Vec<LookupError> = self.around.evidence.problems.clone();
        for policy in gate.policies() {
            let source = self.around.source;
            said.extend(self.around.verifier.judge_policy(policy, self.around.artifact, source, self.around.now).1);
            problems.extend(source.of(policy).iter().flat_map(|evidence| evidence.problems.clone()));
        }
        problems.dedup();
        let words = vex::read(said.iter().filter_map(VerifiedStatement::of));
        VexStatements { statements: words, problems }
    }
}

impl<'s> VerifiedStatement<'s> {
    fn of(signature: &'s VerifiedSignature) -> Option<Self> {
        Some(Self { statement: signature.statement()?, authority: signature.authority() })
    }
}

fn check(gate: &Gate, seen: &GateInput<'_>, heard: &VexStatements) -> Node {
    let (node, is_final) = match gate {
        Gate::Scan(gate) => (scan::check(gate, seen, heard.statements.as_ref()), false),
        Gate::Provenance(gate) => (provenance::check(gate, seen), true),
        #[cfg(feature = "rego")]
        Gate::Rego(policy) => (rego::check(policy, seen), policy.among() == Quantifier::Any),
    };
    // Where a statement that was not seen could turn a yes into a no, what could not be looked at leaves a doubt.
    if is_final || seen.problems.is_empty() {
        return node;
    }
    let mut parts = vec![node];
    parts.extend(seen.problems.iter().map(super::could_not_look));
    group("and nothing that could not be read", Rule::All, parts)
}

fn group(name: impl Into<String>, rule: Rule, parts: Vec<Node>) -> Node {
    Node::Group { label: Label::Requirements { name: name.into() }, rule, parts }
}

fn leaf(check: CheckId, result: Result<Fact, Reason>) -> Node {
    let outcome = match result {
        Ok(fact) => Outcome::Pass(fact),
        Err(reason) => Outcome::Fail(reason),
    };
    Node::Leaf { check, outcome }
}
