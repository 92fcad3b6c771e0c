use std::num::NonZeroUsize;

use super::{Seen, group, leaf};
use crate::policy::{Among, RegoPolicy, RegoRefusal};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Node, Rule};

/// The policy's answer to each statement.
pub(super) fn check(policy: &RegoPolicy, seen: &Seen<'_>) -> Node {
    let answer = |statement: &[u8]| match policy.check(statement, seen.now) {
        Ok(()) => Ok(Fact::PolicyAllows { policy: policy.name().to_owned() }),
        Err(RegoRefusal::Denied(found)) => Err(Reason::PolicyDenies { policy: policy.name().to_owned(), found }),
        Err(RegoRefusal::Failed(problem)) => Err(Reason::PolicyFails { policy: policy.name().to_owned(), problem }),
    };
    let parts = seen.statements.iter().map(|held| leaf(CheckId::Rego, answer(held.statement.payload()))).collect();
    let (rule, words) = match policy.among() {
        Among::Any => (Rule::AtLeast(NonZeroUsize::MIN), "one of the statements"),
        Among::Every => (Rule::All, "every statement"),
    };
    group(format!("{words} by {}", policy.name()), rule, parts)
}
