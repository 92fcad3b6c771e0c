#[cfg(feature = "rego")]
use super::WholePolicy;
use super::{Gate, Policy, SignedIdentity};
use crate::oci::{ImageReference, Repository};
use crate::report::Rule;

/// What an image must show, composed of policies.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Requirement {
    /// What one policy asks for.
    Policy(Box<PolicyRequirement>),
    /// Several requirements that fold into one.
    Group {
        /// What they are about, for reports.
        name: String,
        /// How they fold.
        rule: Rule,
        /// The requirements; a group without any is never met.
        parts: Vec<Requirement>,
    },
    /// One of several authorities, and a policy over all that are met.
    #[cfg(feature = "rego")]
    Whole(Box<WholePolicy>),
    /// Nothing: every image is allowed without verification.
    Nothing,
    /// What no image can show.
    Refuse {
        /// The reason, as written in the policy.
        why: Option<String>,
    },
    /// No rule is about the image, and no rule means no.
    NoRule {
        /// The image.
        image: String,
        /// A rule that nearly is about it, in words.
        near: Option<String>,
    },
}

/// One policy of a requirement, with what depends on the name of the image.
#[derive(Clone, Debug)]
pub struct PolicyRequirement {
    pub(crate) policy: Policy,
    pub(crate) signed_name: Option<SignedIdentity>,
    pub(crate) source: Option<Repository>,
}

impl PolicyRequirement {
    /// A policy that looks beside the image, whatever the image is called.
    pub const fn new(policy: Policy) -> Self {
        Self { policy, signed_name: None, source: None }
    }

    /// The signature must have been made for such a name.
    #[must_use]
    pub fn with_signed_identity(mut self, signed_name: SignedIdentity) -> Self {
        self.signed_name = Some(signed_name);
        self
    }

    /// Looks for signatures in this repository instead of that of the image.
    #[must_use]
    pub fn with_source(mut self, source: Repository) -> Self {
        self.source = Some(source);
        self
    }

    /// What the policy asks for.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Where signatures are looked for, when not beside the image.
    pub const fn source(&self) -> Option<&Repository> {
        self.source.as_ref()
    }
}

impl From<PolicyRequirement> for Requirement {
    fn from(requirement: PolicyRequirement) -> Self {
        Self::Policy(Box::new(requirement))
    }
}

impl From<Policy> for Requirement {
    fn from(policy: Policy) -> Self {
        PolicyRequirement::new(policy).into()
    }
}

impl Requirement {
    /// All of these must be met.
    pub fn all(name: impl Into<String>, parts: Vec<Self>) -> Self {
        Self::Group { name: name.into(), rule: Rule::All, parts }
    }

    /// One of these must be met.
    pub fn any(name: impl Into<String>, parts: Vec<Self>) -> Self {
        Self::Group { name: name.into(), rule: Rule::AtLeast(std::num::NonZeroUsize::MIN), parts }
    }

    /// What must be looked for: policies of distinct purposes, and the repositories to look in when that is not the image's own.
    pub fn lookups(&self) -> Vec<(&Policy, Option<&Repository>)> {
        let mut lookups: Vec<(&Policy, Option<&Repository>)> = Vec::new();
        self.each_policy(&mut |requirement| {
            for policy in
                std::iter::once(&requirement.policy).chain(requirement.policy.gates.iter().flat_map(Gate::policies))
            {
                let source = requirement.source();
                if !lookups.iter().any(|(known, place)| known.purpose() == policy.purpose() && *place == source) {
                    lookups.push((policy, source));
                }
            }
        });
        lookups
    }

    /// Calls `visit` with every policy, in order.
    pub fn each_policy<'d>(&'d self, visit: &mut impl FnMut(&'d PolicyRequirement)) {
        match self {
            Self::Policy(requirement) => visit(requirement),
            Self::Group { parts, .. } => parts.iter().for_each(|part| part.each_policy(visit)),
            #[cfg(feature = "rego")]
            Self::Whole(whole) => {
                whole.authorities.iter().for_each(|authority| authority.requirement.each_policy(visit))
            }
            Self::Nothing | Self::Refuse { .. } | Self::NoRule { .. } => {}
        }
    }

    /// Returns true if some image may be allowed without verification.
    pub(super) fn allows(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Group { rule: Rule::Advisory, .. } => true,
            Self::Group { rule: Rule::All, parts, .. } => !parts.is_empty() && parts.iter().all(Self::allows),
            Self::Group { rule: Rule::AtLeast(_), parts, .. } => parts.iter().any(Self::allows),
            #[cfg(feature = "rego")]
            Self::Whole(whole) => whole.authorities.iter().any(|authority| authority.requirement.allows()),
            Self::Policy(_) | Self::Refuse { .. } | Self::NoRule { .. } => false,
        }
    }

    /// Returns true if some policy in Rego is evaluated.
    #[cfg(feature = "rego")]
    pub(super) fn evaluates_rego(&self) -> bool {
        match self {
            Self::Policy(requirement) => requirement.policy.gates.iter().any(|gate| matches!(gate, Gate::Rego(_))),
            Self::Group { parts, .. } => parts.iter().any(Self::evaluates_rego),
            Self::Whole(_) => true,
            Self::Nothing | Self::Refuse { .. } | Self::NoRule { .. } => false,
        }
    }

    /// The same requirement of an image of this name; without a name, whatever needs one is refused.
    #[must_use]
    pub(crate) fn of_image(&self, image: Option<&ImageReference>) -> Self {
        match self {
            Self::Policy(requirement) => match (&requirement.signed_name, image) {
                (None, _) => self.clone(),
                (Some(name), Some(image)) => match name.wanted(image) {
                    Ok(reference) => {
                        let mut requirement = requirement.clone();
                        requirement.policy = requirement.policy.with_signed_reference(reference);
                        Self::Policy(requirement)
                    }
                    Err(why) => Self::Refuse { why: Some(why) },
                },
                (Some(name), None) => match name.fixed() {
                    Some(reference) => {
                        let mut requirement = requirement.clone();
                        requirement.policy = requirement.policy.with_signed_reference(reference);
                        Self::Policy(requirement)
                    }
                    None => Self::Refuse {
                        why: Some("the signed name must match that of the image, which has none".to_owned()),
                    },
                },
            },
            Self::Group { name, rule, parts } => {
                let parts = parts.iter().map(|part| part.of_image(image)).collect();
                Self::Group { name: name.clone(), rule: *rule, parts }
            }
            #[cfg(feature = "rego")]
            Self::Whole(whole) => Self::Whole(Box::new(whole.clone().map(|requirement| requirement.of_image(image)))),
            Self::Nothing | Self::Refuse { .. } | Self::NoRule { .. } => self.clone(),
        }
    }
}
