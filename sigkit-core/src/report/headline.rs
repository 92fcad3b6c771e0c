//! The problem that a report leads with: that of the candidate which came furthest, whatever the order in which candidates were found.
//!
//! A candidate came as far as the first of these steps that it failed. They are in the order of what a pass proves, so that what is
//! not signed never outweighs what the requested signer signed:
//!
//! it is a signature at all, of the kind asked for, readable, with the material asked for; the signature verifies, by a certificate of
//! a trusted authority, for the identity asked for; it is about this artifact, with the annotations and for the repository asked for;
//! timestamps, logs and the time of signing hold; and what it states is as the policy requires.

use std::cmp::{Ordering, Reverse};

use super::{CheckId, Fact, Label, Node, Outcome, Report, Rule, Verdict, Waiver};
use crate::bundle::BundleError;
use crate::reason::Reason;

/// The problem that a report leads with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Headline<'r> {
    /// What went wrong: a failed check, or one that could not be made.
    pub outcome: &'r Outcome,
    /// The check.
    pub check: CheckId,
    /// The groups that it is in, outermost first.
    pub path: Vec<&'r Label>,
}

impl Report {
    /// The problem that decided, of the candidate that came furthest; the same in every order in which candidates were found. A doubt
    /// when undecided. `None` when verified, and when nothing was required.
    pub fn headline(&self) -> Option<Headline<'_>> {
        let Lead { outcome, check, mut path, .. } = lead(&self.root)?;
        path.reverse();
        Some(Headline { outcome, check, path })
    }

    /// Returns the stable code of what decided; `None` when verified.
    pub fn code(&self) -> Option<&'static str> {
        match (self.headline(), self.verdict()) {
            (_, Verdict::Verified) => None,
            (Some(headline), _) => headline.outcome.code(),
            (None, Verdict::Allowed) => Some(Waiver::NotRequired.code()),
            (None, Verdict::Rejected | Verdict::Undecided) => Some(NOTHING_VERIFIED.0),
        }
    }

    /// Returns what was expected and found by what decided, as it was received and not escaped; `None` when verified.
    pub fn message(&self) -> Option<String> {
        match (self.headline(), self.verdict()) {
            (_, Verdict::Verified) => None,
            (Some(headline), _) => Some(headline.outcome.to_string()),
            (None, Verdict::Allowed) => Some(Waiver::NotRequired.to_string()),
            (None, Verdict::Rejected | Verdict::Undecided) => Some(NOTHING_VERIFIED.1.to_owned()),
        }
    }
}

/// Code and message of a report in which no check failed and none passed.
pub(crate) const NOTHING_VERIFIED: (&str, &str) = ("no-signatures", "nothing was verified");

impl Headline<'_> {
    /// Returns where the signature is that this is about, if it is about one, and the signer whom it was compared with where there are
    /// several.
    pub fn place(&self) -> Option<String> {
        let found = self.path.iter().find_map(|label| match label {
            Label::Signature { origin, .. } => Some(origin.to_string()),
            _ => None,
        })?;
        let several = self.path.iter().any(|label| matches!(label, Label::Policy { authorities: 2.., .. }));
        let signer = self.path.iter().filter(|_| several).find_map(|label| match label {
            Label::Key { name, .. } => Some(format!("by key {name}")),
            Label::Identity { name } => Some(format!("by identity {name}")),
            _ => None,
        });
        Some(signer.map_or_else(|| found.clone(), |signer| format!("{found}, {signer}")))
    }
}

/// The step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Refused by its name, whatever it shows.
    Name,
    /// Not a signature at all.
    NotASignature,
    /// Nothing was found.
    Nothing,
    /// Of another kind or type than asked for.
    Type,
    /// All that was found is of another type.
    EveryType,
    /// Not readable.
    Content,
    Material,
    Signature,
    Certificate,
    Sct,
    Identity,
    Subject,
    Annotations,
    Reference,
    Timestamp,
    LogEntry,
    Time,
    /// What is stated is not as required.
    Statement,
    /// Enough signatures, by too few signers.
    Signers,
}

impl Step {
    fn of(check: CheckId, outcome: &Outcome) -> Self {
        use BundleError::{NotASignature, PassedOver};
        let reason = match outcome {
            Outcome::Fail(reason) => Some(reason),
            Outcome::Pass(_) | Outcome::Skip(_) | Outcome::Unknown(_) => None,
        };
        match (check, reason) {
            (CheckId::Policy, Some(Reason::SignersNotDistinct { .. })) => Self::Signers,
            (CheckId::Policy, _) => Self::Name,
            (CheckId::Evidence, Some(Reason::NoAttestationOfType { .. })) => Self::EveryType,
            (CheckId::Evidence, _) => Self::Nothing,
            (CheckId::Content, Some(Reason::Unreadable(NotASignature { .. }))) => Self::NotASignature,
            (
                CheckId::Content,
                Some(
                    Reason::Unreadable(PassedOver { .. })
                    | Reason::PredicateTypeMismatch { .. }
                    | Reason::PayloadTypeMismatch { .. }
                    | Reason::ClaimTypeMismatch { .. }
                    | Reason::ContentMismatch { .. },
                ),
            ) => Self::Type,
            (CheckId::Content, _) => Self::Content,
            (CheckId::Material, _) => Self::Material,
            (CheckId::Signature, _) => Self::Signature,
            (CheckId::Certificate, _) => Self::Certificate,
            (CheckId::Sct, _) => Self::Sct,
            (CheckId::Identity, _) => Self::Identity,
            (CheckId::Subject, _) => Self::Subject,
            (CheckId::Annotations, _) => Self::Annotations,
            (CheckId::Reference, _) => Self::Reference,
            (CheckId::Timestamp, _) => Self::Timestamp,
            (CheckId::LogEntry, _) => Self::LogEntry,
            (CheckId::Time, _) => Self::Time,
            (
                CheckId::Scan
                | CheckId::ScanTime
                | CheckId::Finding
                | CheckId::Vex
                | CheckId::Provenance
                | CheckId::BaseImage
                | CheckId::Rego,
                _,
            ) => Self::Statement,
        }
    }
}

/// A candidate's problem, and how far it came.
struct Lead<'r> {
    step: Step,
    /// How many checks failed.
    failed: Reverse<usize>,
    check: CheckId,
    outcome: &'r Outcome,
    /// Innermost first.
    path: Vec<&'r Label>,
}

impl<'r> Lead<'r> {
    fn new(step: Step, check: CheckId, outcome: &'r Outcome, failed: usize) -> Self {
        Self { step, failed: Reverse(failed), check, outcome, path: Vec::new() }
    }

    /// Which came further. Of equals, words decide and not the order in which they were found.
    fn further(&self, other: &Self) -> Ordering {
        let distance = self.step.cmp(&other.step).then(self.failed.cmp(&other.failed));
        distance.then_with(|| other.words().cmp(&self.words()))
    }

    fn words(&self) -> (Option<&'static str>, String, Vec<String>) {
        let places = self.path.iter().filter_map(|label| match label {
            Label::Signature { origin, .. } => Some(origin.to_string()),
            _ => None,
        });
        (self.outcome.code(), self.outcome.to_string(), places.collect())
    }
}

fn lead(node: &Node) -> Option<Lead<'_>> {
    let (label, rule, parts) = match node {
        Node::Leaf { check, outcome: outcome @ (Outcome::Fail(_) | Outcome::Unknown(_)) } => {
            return Some(Lead::new(Step::of(*check, outcome), *check, outcome, 1));
        }
        Node::Leaf { .. } => return None,
        Node::Group { label, rule, parts } => (label, *rule, parts),
    };
    let found = match label {
        Label::Signature { .. } => of_signature(parts),
        _ => of_group(node.verdict(), rule, parts),
    };
    found.map(|mut lead| {
        lead.path.push(label);
        lead
    })
}

fn of_group(verdict: Verdict, rule: Rule, parts: &[Node]) -> Option<Lead<'_>> {
    let decides = |part: &&Node| match (verdict, rule) {
        (Verdict::Verified, _) => false,
        (Verdict::Allowed, Rule::Advisory) => !matches!(part.verdict(), Verdict::Verified | Verdict::Allowed),
        (verdict, _) => part.verdict() == verdict,
    };
    let leads = parts.iter().filter(decides).filter_map(lead);
    // Where all must hold, the part furthest from holding leads; where some must, the part nearest to it leads.
    match rule {
        Rule::All => leads.reduce(|first, next| if next.nearer(&first) { next } else { first }),
        Rule::AtLeast(_) | Rule::Advisory => {
            leads.reduce(|first, next| if next.further(&first) == Ordering::Greater { next } else { first })
        }
    }
}

impl Lead<'_> {
    /// Returns true if it came less far; of equals, words decide.
    fn nearer(&self, other: &Self) -> bool {
        let distance = self.step.cmp(&other.step).then(self.failed.cmp(&other.failed));
        distance.then_with(|| self.words().cmp(&other.words())) == Ordering::Less
    }
}

/// Of one candidate, the first step in the order above that it failed; or what that failure comes from.
fn of_signature(parts: &[Node]) -> Option<Lead<'_>> {
    let troubles = || {
        parts.iter().filter_map(|part| match part {
            Node::Leaf { check, outcome: outcome @ (Outcome::Fail(_) | Outcome::Unknown(_)) } => {
                Some((Step::of(*check, outcome), *check, outcome))
            }
            Node::Leaf { .. } | Node::Group { .. } => None,
        })
    };
    let failed = troubles().count();
    let at = |wanted: Step| troubles().find(|(step, ..)| *step == wanted);
    let (step, check, outcome) = troubles().min_by_key(|(step, ..)| *step)?;
    let over_bytes = parts.iter().any(|part| matches!(part, Node::Leaf { outcome: Outcome::Pass(Fact::Message), .. }));
    let cause = match (step, outcome) {
        // A signature over plain bytes that do not have the digest noted beside it: the bytes have changed.
        (Step::Signature, _) if over_bytes => at(Step::Subject),
        // The time is missing because log and timestamp are.
        (Step::Certificate | Step::Time, Outcome::Fail(Reason::TimeMissing)) => {
            at(Step::Timestamp).or_else(|| at(Step::LogEntry)).or_else(|| at(Step::Time))
        }
        _ => None,
    };
    let (check, outcome) = cause.map_or((check, outcome), |(_, check, outcome)| (check, outcome));
    Some(Lead::new(step, check, outcome, failed))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::bundle::Origin;

    fn fail(check: CheckId, words: &str) -> Node {
        let reason = match words {
            "time" => Reason::TimeMissing,
            words => Reason::NoSignatures { looked_for: words.to_owned() },
        };
        Node::Leaf { check, outcome: Outcome::Fail(reason) }
    }

    fn pass() -> Node {
        Node::Leaf { check: CheckId::Content, outcome: Outcome::Pass(Fact::Message) }
    }

    fn signature(place: &str, parts: Vec<Node>) -> Node {
        let label = Label::Signature { number: 1, origin: Origin::File(place.to_owned()) };
        Node::Group { label, rule: Rule::All, parts }
    }

    fn group(rule: Rule, parts: Vec<Node>) -> Node {
        Node::Group { label: Label::Requirements { name: String::new() }, rule, parts }
    }

    /// The words that lead, and the place of what they are about.
    fn headline(root: Node) -> Option<(String, Option<String>)> {
        let report = Report::new(crate::time::UnixTime(0), root);
        let headline = report.headline()?;
        let place = headline.path.iter().find_map(|label| match label {
            Label::Signature { origin, .. } => Some(origin.to_string()),
            _ => None,
        });
        Some((headline.outcome.to_string(), place))
    }

    #[test]
    fn order_found_never_decides_what_leads() {
        let any = Rule::AtLeast(NonZeroUsize::MIN);
        for (rule, one, other, first) in [
            // Of equals the words decide, and then the place.
            (any, ("x", CheckId::Subject, "a"), ("x", CheckId::Subject, "b"), ("x", "a")),
            (any, ("x", CheckId::Subject, "a"), ("y", CheckId::Subject, "a"), ("x", "a")),
            (Rule::All, ("x", CheckId::Subject, "a"), ("x", CheckId::Subject, "b"), ("x", "a")),
            (Rule::All, ("x", CheckId::Subject, "a"), ("y", CheckId::Subject, "a"), ("x", "a")),
            // Where one is enough, what came furthest; where all must hold, what came least far.
            (any, ("x", CheckId::Scan, "b"), ("y", CheckId::Subject, "a"), ("x", "b")),
            (Rule::All, ("x", CheckId::Scan, "a"), ("y", CheckId::Subject, "b"), ("y", "b")),
        ] {
            let node = |(place, check, words): (&str, CheckId, &str)| signature(place, vec![fail(check, words)]);
            let (place, words) = first;
            let there = |(words, found): (String, Option<String>)| {
                words.contains(first.1) && found == Some(Origin::File(place.to_owned()).to_string())
            };
            assert!(headline(group(rule, vec![node(one), node(other)])).is_some_and(there), "{words} {place}");
            assert!(
                headline(group(rule, vec![node(other), node(one)])).is_some_and(there),
                "{words} {place} backwards"
            );
        }
    }

    #[test]
    fn what_only_warns_leads_with_what_is_not_met() {
        let met = signature("x", vec![pass()]);
        let (words, _) = headline(group(Rule::Advisory, vec![met, fail(CheckId::Scan, "a")])).unwrap();
        assert!(words.contains('a'), "{words}");
    }

    #[test]
    fn a_failure_that_comes_from_another_gives_way_to_it() {
        for (parts, expected) in [
            // A signature over other bytes, and one that is just wrong.
            (vec![pass(), fail(CheckId::Signature, "one"), fail(CheckId::Subject, "other")], "other"),
            (vec![fail(CheckId::Signature, "one"), fail(CheckId::Subject, "other")], "one"),
            // No time, since what attests it failed.
            (vec![fail(CheckId::Certificate, "time"), fail(CheckId::LogEntry, "one")], "one"),
            (
                vec![
                    fail(CheckId::Certificate, "time"),
                    fail(CheckId::LogEntry, "one"),
                    fail(CheckId::Timestamp, "other"),
                ],
                "other",
            ),
            (vec![fail(CheckId::Certificate, "one"), fail(CheckId::LogEntry, "other")], "one"),
        ] {
            let (words, _) = headline(signature("x", parts)).unwrap();
            assert!(words.contains(expected), "{expected}: {words}");
        }
    }
}
