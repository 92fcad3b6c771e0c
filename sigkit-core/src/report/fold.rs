//! How a tree becomes one verdict: computed each time, stored nowhere.

use super::{Node, Outcome, Report, Rule, Waiver};

/// What a report amounts to. Exhaustive on purpose: code that decides by it must not compile if there is a fifth verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The policy is met.
    Verified,
    /// The policy allows the artifact without verification.
    Allowed,
    /// It is not.
    Rejected,
    /// It could not be told: something that might have decided could not be looked at.
    Undecided,
}

impl Verdict {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Allowed => "allowed",
            Self::Rejected => "rejected",
            Self::Undecided => "undecided",
        }
    }
}

impl Report {
    /// Returns the verdict of all checks.
    pub fn verdict(&self) -> Verdict {
        self.root.verdict()
    }
}

impl Node {
    /// Folds the tree. A group in which nothing passed is never verified: empty does not mean yes.
    pub fn verdict(&self) -> Verdict {
        self.tally().unwrap_or(Verdict::Rejected)
    }

    /// The verdict, or `None` for a skipped check, which neither helps nor hurts.
    fn tally(&self) -> Option<Verdict> {
        match self {
            Self::Leaf { outcome: Outcome::Pass(_), .. } => Some(Verdict::Verified),
            Self::Leaf { outcome: Outcome::Fail(_), .. } => Some(Verdict::Rejected),
            Self::Leaf { outcome: Outcome::Unknown(_), .. } => Some(Verdict::Undecided),
            Self::Leaf { outcome: Outcome::Skip(Waiver::NotRequired), .. } => Some(Verdict::Allowed),
            Self::Leaf { outcome: Outcome::Skip(_), .. } => None,
            Self::Group { rule, parts, .. } => {
                let verdicts: Vec<_> = parts.iter().filter_map(Self::tally).collect();
                let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
                let (verified, undecided) = (count(Verdict::Verified), count(Verdict::Undecided));
                let let_in = verified.saturating_add(count(Verdict::Allowed));
                Some(match rule {
                    Rule::All if count(Verdict::Rejected) > 0 => Verdict::Rejected,
                    Rule::All if undecided > 0 => Verdict::Undecided,
                    Rule::All if verified > 0 => Verdict::Verified,
                    Rule::All if let_in > 0 => Verdict::Allowed,
                    Rule::AtLeast(threshold) if verified >= threshold.get() => Verdict::Verified,
                    Rule::AtLeast(threshold) if let_in >= threshold.get() => Verdict::Allowed,
                    Rule::AtLeast(threshold) if let_in.saturating_add(undecided) >= threshold.get() => {
                        Verdict::Undecided
                    }
                    Rule::Advisory if verified > 0 && verified == parts.len() => Verdict::Verified,
                    Rule::Advisory if !parts.is_empty() => Verdict::Allowed,
                    Rule::All | Rule::AtLeast(_) | Rule::Advisory => Verdict::Rejected,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::bundle::LookupError;
    use crate::reason::Reason;
    use crate::report::{CheckId, Fact, Label};

    fn pass() -> Node {
        Node::Leaf { check: CheckId::Content, outcome: Outcome::Pass(Fact::Message) }
    }
    fn fail() -> Node {
        let reason = Reason::NoSignatures { looked_for: String::new() };
        Node::Leaf { check: CheckId::Evidence, outcome: Outcome::Fail(reason) }
    }
    fn skip() -> Node {
        Node::Leaf { check: CheckId::Subject, outcome: Outcome::Skip(Waiver::ClaimsNotChecked) }
    }
    fn unknown() -> Node {
        let problem = LookupError { target: String::new(), code: "store-unavailable", detail: String::new() };
        Node::Leaf { check: CheckId::Evidence, outcome: Outcome::Unknown(problem) }
    }
    fn group(rule: Rule, parts: Vec<Node>) -> Verdict {
        let label = Label::Policy { threshold: NonZeroUsize::MIN, authorities: 1 };
        Node::Group { label, rule, parts }.verdict()
    }
    fn at_least(n: usize) -> Rule {
        Rule::AtLeast(NonZeroUsize::new(n).unwrap())
    }

    #[test]
    fn all_takes_the_worst() {
        use Verdict::{Rejected, Undecided, Verified};
        for (parts, verdict) in [
            (vec![pass(), pass()], Verified),
            (vec![pass(), skip()], Verified),
            (vec![pass(), fail()], Rejected),
            (vec![pass(), unknown()], Undecided),
            (vec![unknown(), fail()], Rejected),
            (vec![skip()], Rejected),
            (vec![], Rejected),
        ] {
            assert_eq!(group(Rule::All, parts.clone()), verdict, "{parts:?}");
        }
    }

    fn nothing() -> Node {
        Node::Leaf { check: CheckId::Policy, outcome: Outcome::Skip(Waiver::NotRequired) }
    }

    // threat: I06
    #[test]
    fn allowed_without_proof_is_never_called_verified() {
        use Verdict::{Allowed, Rejected, Undecided, Verified};
        for (rule, parts, verdict) in [
            (Rule::All, vec![nothing()], Allowed),
            (Rule::All, vec![nothing(), skip()], Allowed),
            (Rule::All, vec![nothing(), pass()], Verified),
            (Rule::All, vec![nothing(), fail()], Rejected),
            (Rule::All, vec![nothing(), unknown()], Undecided),
            (at_least(1), vec![nothing(), fail()], Allowed),
            (at_least(1), vec![nothing(), unknown()], Allowed),
            (at_least(1), vec![nothing(), pass()], Verified),
            (at_least(2), vec![nothing(), pass()], Allowed),
            (at_least(2), vec![nothing(), unknown()], Undecided),
            (at_least(2), vec![nothing(), fail()], Rejected),
            (Rule::Advisory, vec![pass()], Verified),
            (Rule::Advisory, vec![fail()], Allowed),
            (Rule::Advisory, vec![unknown()], Allowed),
            (Rule::Advisory, vec![skip()], Allowed),
            (Rule::Advisory, vec![pass(), fail()], Allowed),
            (Rule::Advisory, vec![], Rejected),
        ] {
            assert_eq!(group(rule, parts.clone()), verdict, "{rule:?} of {parts:?}");
        }
    }

    // threat: A10
    // threat: I06
    #[test]
    fn at_least_counts_and_doubt_is_neither_yes_nor_no() {
        use Verdict::{Rejected, Undecided, Verified};
        for (n, parts, verdict) in [
            (1, vec![fail(), pass(), unknown()], Verified),
            (1, vec![fail(), unknown()], Undecided),
            (1, vec![fail()], Rejected),
            (1, vec![], Rejected),
            (1, vec![skip()], Rejected),
            (2, vec![pass(), unknown()], Undecided),
            (2, vec![pass(), fail()], Rejected),
            (2, vec![pass(), pass()], Verified),
        ] {
            assert_eq!(group(at_least(n), parts.clone()), verdict, "{n} of {parts:?}");
        }
    }
}
