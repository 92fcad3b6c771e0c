use crate::limits::Limits;

/// What one deployment trusts, beside its policies: bounds on untrusted input.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    limits: Limits,
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
