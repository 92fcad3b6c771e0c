//! What attestations must say: pure functions over the statements of one authority that hold.

mod provenance;
#[cfg(feature = "rego")]
mod rego;
mod scan;
mod vex;

use super::artifact::Named;
use super::demand::Source;
use super::{VerifiedSignature, Verifier};
use crate::bundle::{Evidence, Problem};
use crate::content::Statement;
use crate::digest::{Digest, DigestAlgorithm};
use crate::limits::Limits;
#[cfg(feature = "rego")]
use crate::policy::Among;
use crate::policy::{Gate, Policy};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Label, Node, Outcome, Rule, Verdict};
use crate::time::UnixTime;

/// How far clocks may differ before a time counts as one that is yet to come, in seconds.
const SKEW: i64 = 300;

/// A statement that holds, and who made it.
pub(super) struct Held<'s> {
    pub(super) statement: &'s Statement,
    pub(super) authority: &'s str,
}

/// What the gates of one authority look at.
pub(super) struct Seen<'s> {
    /// The authority's statements.
    pub(super) statements: Vec<Held<'s>>,
    /// The OpenVEX statements that the scan gates believe.
    pub(super) vex: Vec<Held<'s>>,
    /// What could not be looked at.
    pub(super) problems: &'s [Problem],
    /// The artifact.
    pub(super) artifact: Option<Digest>,
    pub(super) now: UnixTime,
    pub(super) limits: &'s Limits,
}

/// What is judged, and where more can be found about it.
pub(super) struct Around<'a> {
    pub(super) artifact: &'a Named<'a>,
    pub(super) source: Source<'a>,
    pub(super) evidence: &'a Evidence,
    pub(super) now: UnixTime,
}

/// Lets an authority pass the gates of the policy with what it attested, or turns it back. What is turned back is no proof of
/// anything, however well it is signed.
pub(super) fn pass(
    policy: &Policy,
    node: Node,
    signatures: Vec<VerifiedSignature>,
    around: &Around<'_>,
) -> (Node, Vec<VerifiedSignature>) {
    let (false, Node::Group { label, rule, parts }) = (policy.gates.is_empty() || signatures.is_empty(), &node) else {
        return (node, signatures);
    };
    let mut all = vec![group("attested", *rule, parts.clone())];
    all.extend(policy.gates.iter().map(|gate| judge(gate, policy, &signatures, around)));
    let node = Node::Group { label: label.clone(), rule: Rule::All, parts: all };
    let kept = if node.verdict() == Verdict::Verified { signatures } else { Vec::new() };
    (node, kept)
}

fn judge(gate: &Gate, policy: &Policy, signatures: &[VerifiedSignature], around: &Around<'_>) -> Node {
    let mut words = Vec::new();
    let mut problems: Vec<Problem> = around.evidence.problems.clone();
    for policy in gate.policies() {
        words.extend(Verifier::new(policy).judge_policy(around.artifact, around.source, around.now).1);
        problems.extend(around.source.of(policy).iter().flat_map(|evidence| evidence.problems.clone()));
    }
    problems.dedup();
    let seen = Seen {
        statements: signatures.iter().filter_map(Held::of).collect(),
        vex: words.iter().filter_map(Held::of).collect(),
        problems: &problems,
        artifact: around.artifact.digest(DigestAlgorithm::Sha256),
        now: around.now,
        limits: &policy.limits,
    };
    check(gate, &seen)
}

impl<'s> Held<'s> {
    fn of(signature: &'s VerifiedSignature) -> Option<Self> {
        Some(Self { statement: signature.statement()?, authority: signature.authority() })
    }
}

fn check(gate: &Gate, seen: &Seen<'_>) -> Node {
    let (node, is_final) = match gate {
        Gate::Scan(gate) => (scan::check(gate, seen), false),
        Gate::Provenance(gate) => (provenance::check(gate, seen), true),
        #[cfg(feature = "rego")]
        Gate::Rego(policy) => (rego::check(policy, seen), policy.among() == Among::Any),
    };
    // Where a statement that was not seen could turn a yes into a no, what could not be looked at leaves a doubt.
    if is_final || seen.problems.is_empty() {
        return node;
    }
    let mut parts = vec![node];
    parts.extend(seen.problems.iter().map(super::could_not_look));
    group("and nothing that was not looked at", Rule::All, parts)
}

fn group(name: impl Into<String>, rule: Rule, parts: Vec<Node>) -> Node {
    Node::Group { label: Label::Demands { name: name.into() }, rule, parts }
}

fn leaf(check: CheckId, result: Result<Fact, Reason>) -> Node {
    let outcome = match result {
        Ok(fact) => Outcome::Pass(fact),
        Err(reason) => Outcome::Fail(reason),
    };
    Node::Leaf { check, outcome }
}
