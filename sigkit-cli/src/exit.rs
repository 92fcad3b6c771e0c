//! Exit codes, the same in every format and mode, and the one map to them from what went wrong.

use sigkit_core::attach::AttachError;
use sigkit_core::image::{SignImageError, TreeError};
use sigkit_core::reason::Reason;
use sigkit_core::report::{Outcome, Verdict};
use sigkit_core::store::StoreError;
use sigkit_core::verify::NotVerified;

use crate::error::ErrorKind;

/// What the process tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    /// Done; verified.
    Done,
    /// Refused or failed in any other way.
    Failed,
    /// Usage error.
    Usage,
    /// The image has no signatures.
    NoSignatures,
    /// There is no such image or tag.
    NoSuchImage,
    /// Signatures exist, none matches.
    NoMatch,
    /// A signature has no certificate where an identity was asked.
    NoCertificate,
    /// A registry, a log or a service could not be read, so nothing was decided.
    Undecided,
    /// A fault of this program.
    Internal,
    /// SIGINT.
    Interrupted,
}

impl ExitCode {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NoSignatures => 10,
            Self::NoSuchImage => 11,
            Self::NoMatch => 12,
            Self::NoCertificate => 13,
            Self::Undecided => 14,
            Self::Internal => 70,
            Self::Interrupted => 130,
        }
    }

    /// The code for two results together: the one that a caller must hear about first.
    pub(crate) fn worst(self, other: Self) -> Self {
        if other.priority() > self.priority() { other } else { self }
    }

    /// 1 > 12 > 13 > 10 > 11 > 14 > 0 among results; internal errors come before any result.
    const fn priority(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Undecided => 1,
            Self::NoSuchImage => 2,
            Self::NoSignatures => 3,
            Self::NoCertificate => 4,
            Self::NoMatch => 5,
            Self::Failed => 6,
            Self::Usage => 7,
            Self::Internal => 8,
            Self::Interrupted => 9,
        }
    }
}

/// Where an image lies, as far as trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    /// In a registry, which may do better next time.
    Network,
    /// In files, which stay as they are.
    Files,
}

/// The map from what went wrong to exit codes.
impl ExitCode {
    /// An image that could not be read.
    pub(crate) const fn of_unresolved(error: &TreeError, medium: Medium) -> Self {
        match (error, medium) {
            (TreeError::Store(StoreError::Protocol { .. }), Medium::Files) => Self::Failed,
            (TreeError::Store(error), _) => Self::of_store(error),
            (TreeError::TooLarge { .. }, _) => Self::Undecided,
            (TreeError::NoPlatform { .. } | TreeError::Absent { .. }, _) => Self::NoSuchImage,
            _ => Self::Failed,
        }
    }

    /// A store that could not be read.
    pub(crate) const fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::NoSuchImage,
            StoreError::Denied { .. }
            | StoreError::Unavailable { .. }
            | StoreError::TimedOut { .. }
            | StoreError::Protocol { .. }
            | StoreError::Lacks { .. }
            | StoreError::TooLarge { .. } => Self::Undecided,
            _ => Self::Failed,
        }
    }

    /// A policy that was not met.
    pub(crate) fn of_not_verified(refusal: &NotVerified) -> Self {
        let report = refusal.report();
        let reason = report.headline().and_then(|headline| match headline.outcome {
            Outcome::Fail(reason) => Some(reason),
            _ => None,
        });
        match (report.verdict(), reason) {
            (Verdict::Undecided, _) => Self::Undecided,
            // No signature could have changed it: the policy refuses the image by its name.
            (_, Some(Reason::NoPolicyMatches { .. } | Reason::RefusedByPolicy { .. })) => Self::Failed,
            _ if refusal.found() == 0 => Self::NoSignatures,
            (_, Some(Reason::CertificateMissing { .. })) => Self::NoCertificate,
            _ => Self::NoMatch,
        }
    }

    /// Something that could not be written beside an image.
    pub(crate) const fn of_write(error: &SignImageError) -> Self {
        match error {
            // What is missing here is a place to write to, not the image.
            SignImageError::Attach(AttachError::Store(store)) if store.is_absent() => Self::Failed,
            SignImageError::Attach(AttachError::Store(store)) => Self::of_store(store),
            SignImageError::Earlier(_) => Self::Undecided,
            _ => Self::Failed,
        }
    }

    /// An account that a registry did not take.
    pub(crate) const fn of_log_in(error: &StoreError) -> Self {
        match error {
            // Nothing is in doubt: the registry does not take this account.
            StoreError::Denied { .. } | StoreError::NotFound { .. } => Self::Failed,
            other => Self::of_store(other),
        }
    }
}

impl From<ErrorKind> for ExitCode {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Usage => Self::Usage,
            ErrorKind::Failed => Self::Failed,
        }
    }
}

/// Runs `run`; a panic in it becomes an exit code, after all guards have run.
pub(crate) fn guarded(run: impl FnOnce() -> ExitCode + std::panic::UnwindSafe) -> ExitCode {
    std::panic::catch_unwind(run).unwrap_or(ExitCode::Internal)
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(exit: ExitCode) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode::{self, *};

    const ALL: [ExitCode; 10] =
        [Done, Failed, Usage, NoSignatures, NoSuchImage, NoMatch, NoCertificate, Undecided, Internal, Interrupted];

    // threat: L04
    #[test]
    fn numbers_are_those_of_the_contract() {
        assert_eq!(ALL.map(ExitCode::code), [0, 1, 2, 10, 11, 12, 13, 14, 70, 130]);
    }

    // threat: L04
    #[test]
    fn a_panic_is_an_internal_error() {
        assert_eq!(super::guarded(|| panic!("on purpose")), Internal);
        assert_eq!(super::guarded(|| NoMatch), NoMatch);
    }

    #[test]
    fn one_image_in_many_decides_by_priority() {
        let ranked = [Failed, NoMatch, NoCertificate, NoSignatures, NoSuchImage, Undecided, Done];
        for (position, strong) in ranked.iter().enumerate() {
            for weak in &ranked[position..] {
                assert_eq!(strong.worst(*weak), *strong, "{strong:?} and {weak:?}");
                assert_eq!(weak.worst(*strong), *strong, "{weak:?} and {strong:?}");
            }
        }
    }
}
