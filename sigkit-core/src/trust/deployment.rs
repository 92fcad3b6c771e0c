#[cfg(feature = "keyless")]
use std::borrow::Cow;
#[cfg(feature = "keyless")]
use std::collections::BTreeMap;
#[cfg(feature = "keyless")]
use std::sync::Arc;

#[cfg(feature = "keyless")]
use super::{RootError, RootName, RootReference, TrustedRoot};
use crate::limits::Limits;

/// What one deployment trusts, beside its policies: bounds on untrusted input and, with feature `keyless`, trusted roots by name.
///
/// Policies name roots and hold none, so that a root is rotated by giving the verifier another `Trust`: no policy is read again. The
/// default has the usual bounds, and the root of the public Sigstore instance as [`RootName::PUBLIC_GOOD`].
#[derive(Clone, Debug)]
pub struct Trust {
    limits: Limits,
    #[cfg(feature = "keyless")]
    roots: BTreeMap<RootName, Root>,
}

#[cfg(feature = "keyless")]
#[derive(Clone, Debug)]
enum Root {
    /// That of the public instance, which is read when it is first needed.
    BuiltIn,
    Given(Arc<TrustedRoot>),
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            limits: Limits::DEFAULT,
            #[cfg(feature = "keyless")]
            roots: BTreeMap::from([(RootName::PUBLIC_GOOD, Root::BuiltIn)]),
        }
    }
}

impl Trust {
    /// The same with these bounds on untrusted input instead of [`Limits::DEFAULT`].
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The bounds on untrusted input.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }
}

#[cfg(feature = "keyless")]
impl Trust {
    /// Trusts this root under this name instead of one that had the name.
    #[must_use]
    pub fn with_root(mut self, name: RootName, root: impl Into<Arc<TrustedRoot>>) -> Self {
        self.roots.insert(name, Root::Given(root.into()));
        self
    }

    /// Trusts no root under this name.
    #[must_use]
    pub fn without_root(mut self, name: &RootName) -> Self {
        self.roots.remove(name);
        self
    }

    /// The root of that name, if the deployment has one.
    pub fn root(&self, name: &RootName) -> Option<&TrustedRoot> {
        match self.roots.get(name)? {
            Root::BuiltIn => TrustedRoot::built_in(),
            Root::Given(root) => Some(root),
        }
    }

    /// The root that a policy refers to, with what the policy selects of it.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn resolve(&self, reference: &RootReference) -> Result<Cow<'_, TrustedRoot>, RootError> {
        let Some(name) = reference.name() else {
            return Ok(Cow::Owned(reference.select(&TrustedRoot::default())?.into_owned()));
        };
        let known = || self.roots.keys().map(RootName::as_str).collect::<Vec<_>>().join(", ");
        let root = self.root(name).ok_or_else(|| RootError::Unknown { known: known() })?;
        reference.select(root)
    }
}
