//! One page of explanation.

/// What a code means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// The code, in kebab case.
    pub(crate) code: &'static str,
    /// What it says.
    pub(crate) meaning: &'static str,
    /// Its usual cause.
    pub(crate) cause: &'static str,
    /// What to do.
    pub(crate) next: &'static str,
}

/// A page of these texts.
pub(super) const fn page_of(
    code: &'static str,
    meaning: &'static str,
    cause: &'static str,
    next: &'static str,
) -> Page {
    Page { code, meaning, cause, next }
}
