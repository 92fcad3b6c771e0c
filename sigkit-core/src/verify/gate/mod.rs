//! What attestations must say: pure functions over the statements of one authority that hold.

mod provenance;
#[cfg(feature = "rego")]
mod rego;
mod scan;
mod vex;

use super::artifact::Named;
use super::{VerifiedSignature, Verifier};
use crate::bundle::{Evidence, Problem};
use crate::content::Statement;
use crate::digest::{Digest, DigestAlgorithm};
use crate::limits::Limits;
#[cfg(feature = "rego")]
use crate::policy::Among;
use crate::policy::{Gate, Policy};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Label, Node, Outcome, Rule};
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

/// The gates of a policy, each a node, over what one authority attested.
pub(super) fn judge(
    policy: &Policy,
    signatures: &[VerifiedSignature],
    artifact: &Named<'_>,
    evidence: &Evidence,
    now: UnixTime,
) -> Vec<Node> {
    let gates = policy.gates.iter().map(|gate| {
        let vex = match gate {
            Gate::Scan(gate) => gate.vex.as_slice(),
            _ => &[],
        };
        let vex = vex.iter().flat_map(|policy| Verifier::new(policy).judge_policy(artifact, evidence, now).1);
        let vex: Vec<VerifiedSignature> = vex.collect();
        let seen = Seen {
            statements: signatures.iter().filter_map(Held::of).collect(),
            vex: vex.iter().filter_map(Held::of).collect(),
            problems: &evidence.problems,
            artifact: artifact.digest(DigestAlgorithm::Sha256),
            now,
            limits: &policy.limits,
        };
        check(gate, &seen)
    });
    gates.collect()
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
