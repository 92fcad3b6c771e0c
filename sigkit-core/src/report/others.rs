//! What was found beside candidates, and is not of the kind that was looked for.

use std::collections::BTreeSet;

use super::{Label, Node, Outcome};
use crate::bundle::{BundleError, Origin};
use crate::content::SIGN_PREDICATE;
use crate::reason::Reason;
use crate::text::escape;

/// What lies here as well, and is not of the kind that was looked for.
#[derive(Default)]
pub(super) struct Others {
    attestations: (usize, BTreeSet<String>),
    /// Where attestations of a type are looked for, those of another type.
    of_other_types: (usize, BTreeSet<String>),
    /// The same, signatures.
    signatures: (usize, BTreeSet<String>),
    things: (usize, BTreeSet<String>),
    /// True if one of them is why the artifact is rejected.
    pub(super) lead: bool,
}

/// Why something is not of the kind that was looked for.
pub(super) enum Other<'r> {
    Attestation(&'r str),
    OfOtherType(&'r str),
    /// In this place.
    Thing(&'r Origin, &'r str),
}

impl<'r> Other<'r> {
    /// `None` for a candidate.
    pub(super) fn of(part: &'r Node) -> Option<Self> {
        let Node::Group { label: Label::Signature { origin, .. }, parts, .. } = part else { return None };
        parts.iter().find_map(|part| match part {
            Node::Leaf {
                outcome:
                    Outcome::Fail(
                        Reason::PredicateTypeMismatch { expected, found }
                        | Reason::Unreadable(BundleError::PassedOver { expected, found }),
                    ),
                ..
            } => Some(if expected == SIGN_PREDICATE { Self::Attestation(found) } else { Self::OfOtherType(found) }),
            Node::Leaf { outcome: Outcome::Fail(Reason::Unreadable(BundleError::NotASignature { found })), .. } => {
                Some(Self::Thing(origin, found))
            }
            _ => None,
        })
    }
}

impl Others {
    /// Adds those below a node.
    pub(super) fn collect(&mut self, node: &Node, headline: Option<&Outcome>) {
        let (kind, found) = match (Other::of(node), node) {
            (Some(Other::Attestation(found)), _) => (&mut self.attestations, found.to_owned()),
            (Some(Other::OfOtherType(SIGN_PREDICATE)), _) => (&mut self.signatures, SIGN_PREDICATE.to_owned()),
            (Some(Other::OfOtherType(found)), _) => (&mut self.of_other_types, found.to_owned()),
            (Some(Other::Thing(origin, found)), _) => (&mut self.things, format!("{origin}: {found}")),
            // A policy within has its own.
            (None, Node::Group { label: Label::Policy { .. }, .. } | Node::Leaf { .. }) => return,
            (None, Node::Group { parts, .. }) => {
                return parts.iter().for_each(|part| self.collect(part, headline));
            }
        };
        kind.0 = kind.0.saturating_add(1);
        kind.1.insert(found);
        self.lead = self.lead || headline.is_some_and(|headline| contains(node, headline));
    }

    /// Label and detail of each kind of which there are any.
    pub(super) fn words(&self) -> Vec<(String, String)> {
        [
            (
                &self.attestations,
                "attestation",
                "here as well, not a signature of the image",
                "here as well, not signatures of the image",
            ),
            (&self.of_other_types, "attestation", "here as well, of another type", "here as well, of other types"),
            (&self.signatures, "signature", "here as well, not an attestation", "here as well, not attestations"),
            (&self.things, "other thing", "here as well, not a signature", "here as well, not signatures"),
        ]
        .into_iter()
        .filter(|((count, _), ..)| *count > 0)
        .map(|((count, found), noun, one, several)| {
            let (noun, words) = match count {
                1 => (format!("1 {noun}"), one),
                _ => (format!("{count} {noun}s"), several),
            };
            let found: Vec<_> = found.iter().take(5).map(|found| escape::one_line(found)).collect();
            let types = if noun.contains("signature") { String::new() } else { format!(": {}", found.join(", ")) };
            (noun, format!("{words}{types}"))
        })
        .collect()
    }
}

/// Returns true if an outcome is that of a leaf in this part of the tree.
pub(super) fn contains(part: &Node, wanted: &Outcome) -> bool {
    match part {
        Node::Leaf { outcome, .. } => std::ptr::eq(outcome, wanted),
        Node::Group { parts, .. } => parts.iter().any(|part| contains(part, wanted)),
    }
}
