use std::num::NonZeroUsize;

use super::{Seen, group};
use crate::bundle::Problem;
use crate::policy::{Among, RegoPolicy, RegoRefusal};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Node, Outcome, Rule};

/// The policy's answer to each statement.
pub(super) fn check(policy: &RegoPolicy, seen: &Seen<'_>) -> Node {
    let parts = seen.statements.iter().map(|held| Node::Leaf {
        check: CheckId::Rego,
        outcome: policy.check(held.statement.payload(), seen.now, seen.patience.left()).map_or_else(
            |refusal| refusal.outcome(policy),
            |()| Outcome::Pass(Fact::PolicyAllows { policy: policy.name().to_owned() }),
        ),
    });
    let parts = parts.collect();
    let (rule, words) = match policy.among() {
        Among::Any => (Rule::AtLeast(NonZeroUsize::MIN), "one of the statements"),
        Among::Every => (Rule::All, "every statement"),
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
            Self::OutOfTime => Outcome::Unknown(Problem {
                looked_for: format!("what {policy} answers"),
                code: "timed-out",
                detail: "not judged in the time given".to_owned(),
            }),
        }
    }
}
