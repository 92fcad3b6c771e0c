use std::num::NonZeroUsize;

use super::{GateInput, group};
use crate::bundle::LookupError;
use crate::policy::{Quantifier, RegoPolicy, RegoRefusal};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Node, Outcome, Rule};

/// The policy's answer to each statement.
pub(super) fn check(policy: &RegoPolicy, seen: &GateInput<'_>) -> Node {
    let parts = seen.statements.iter().map(|held| Node::Leaf {
        check: CheckId::Rego,
        outcome: policy.check(held.statement.payload(), seen.now, seen.deadline.left()).map_or_else(
            |refusal| refusal.outcome(policy),
            |()| Outcome::Pass(Fact::PolicyAllows { policy: policy.name().to_owned() }),
        ),
    });
    let parts = parts.collect();
    let (rule, words) = match policy.among() {
        Quantifier::Any => (Rule::AtLeast(NonZeroUsize::MIN), "one of the statements"),
        Quantifier::Every => (Rule::All, "every statement"),
    };
    group(format!("{words} by {}", policy.name()), rule, parts)
}

impl RegoRefusal {
    /// What it is in a report: time that was too short decides nothing.
    pub(in crate::verify) fn outcome(self, policy: &RegoPolicy) -> Outcome {
        let policy = policy.name().to_owned();
        match self {
            Self::Denied(found) => Outcome::Fail(Reason::PolicyDenies { policy, found }),
            Self::Failed(problem) => Outcome::Fail(Reason::PolicyFails { policy, problem }),
            Self::OutOfTime => Outcome::Unknown(LookupError {
                target: format!("what {policy} answers"),
                code: "timed-out",
                detail: "not judged in the time given".to_owned(),
            }),
        }
    }
}
