use super::{RegoPolicy, Requirement};

/// The authorities of a document, and a policy in Rego over those that are met: `spec.policy` of a `ClusterImagePolicy`.
#[derive(Clone, Debug)]
pub struct WholePolicy {
    pub(crate) authorities: Vec<NamedAuthority>,
    pub(crate) rego: RegoPolicy,
}

/// One authority of a document.
#[derive(Clone, Debug)]
pub struct NamedAuthority {
    pub(crate) name: String,
    pub(crate) requirement: Requirement,
    pub(crate) shows: Shows,
}

/// What an authority that is met has to show.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "policy-files"), allow(dead_code, reason = "only documents in files make one"))]
pub(crate) enum Shows {
    /// Its signatures, or nothing where it allows without verification.
    Signatures,
    /// Its attestations: for each part of the requirement its name and its predicate type, as the document writes them.
    Attestations(Vec<(String, String)>),
}

impl WholePolicy {
    /// The same with other requirements.
    pub(super) fn map(self, change: impl Fn(Requirement) -> Requirement) -> Self {
        let change =
            |authority: NamedAuthority| NamedAuthority { requirement: change(authority.requirement), ..authority };
        Self { authorities: self.authorities.into_iter().map(change).collect(), rego: self.rego }
    }
}
