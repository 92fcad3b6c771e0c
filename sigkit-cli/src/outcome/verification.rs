//! What became of verifying one artifact.

use std::time::Duration;

use sigkit_core::digest::Digest;
use sigkit_core::oci::Manifest;
use sigkit_core::report::{Label, Report, Verdict, Waiver};
use sigkit_core::store::FetchedManifest;
use sigkit_core::verify::{Admission, Allowed, NotVerified, Verified};

use crate::exit::ExitCode;
use crate::outcome::unresolved::Unresolved;

/// What was judged, and how it went.
#[derive(Debug)]
pub(crate) struct VerificationOutcome {
    pub(crate) subject: Subject,
    pub(crate) result: Result<Verified, Refusal>,
    /// What an index lists and its store does not have, so that it was not verified.
    pub(crate) absent: Vec<String>,
}

/// What was judged.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// As the user named it.
    pub(crate) given: String,
    /// The flags by which less was asked for than usual.
    pub(crate) weakened: Vec<&'static str>,
    /// Whether what was signed was compared with the artifact.
    pub(crate) compared: Compared,
    /// `repository@digest`, once that is known.
    pub(crate) name: String,
    /// The digest, once it is known.
    pub(crate) digest: Option<Digest>,
    pub(crate) shape: Manifests,
}

/// Of how many manifests an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manifests {
    /// One at most.
    One,
    /// An index lists those of several images.
    Several,
}

/// Whether what was signed was compared with the artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// It was.
    WithArtifact,
    /// The artifact was not compared (disabled by flag).
    WithNothing,
}

impl Subject {
    /// An image that was found in `place`.
    pub(crate) fn image(given: &str, place: &str, image: &FetchedManifest) -> Self {
        let digest = image.descriptor.digest;
        Self {
            name: format!("{place}@{digest}"),
            digest: Some(digest),
            shape: match image.manifest {
                Manifest::Index(_) => Manifests::Several,
                Manifest::Image(_) => Manifests::One,
            },
            ..Self::named(given.to_owned(), None)
        }
    }

    /// Something that has no other name than the user's.
    pub(crate) fn named(given: String, digest: Option<Digest>) -> Self {
        let compared = Compared::WithArtifact;
        Self { name: given.clone(), given, weakened: Vec::new(), compared, digest, shape: Manifests::One }
    }

    /// The same, without the artifact's name unless `compared` says that it was compared.
    pub(crate) fn compared(self, compared: Compared) -> Self {
        match compared {
            Compared::WithArtifact => self,
            Compared::WithNothing => Self { compared, name: "any artifact".to_owned(), digest: None, ..self },
        }
    }

    /// The same, judged with these flags by which less is asked for than usual.
    pub(crate) fn weakened(self, flags: Vec<&'static str>) -> Self {
        Self { weakened: flags, ..self }
    }
}

/// Why there is no proof.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The evidence does not meet the policy, or cannot be read.
    NotVerified(NotVerified),
    /// The image itself could not be read.
    Unresolved(Unresolved),
    /// Time ran out.
    TimedOut(Duration),
    /// The policy asks for none.
    Allowed(Allowed),
}

impl Refusal {
    fn report(&self) -> Option<&Report> {
        match self {
            Self::NotVerified(refusal) => Some(refusal.report()),
            Self::Allowed(allowed) => Some(allowed.report()),
            Self::Unresolved(_) | Self::TimedOut(_) => None,
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::NotVerified(refusal) => refusal.report().verdict(),
            Self::Allowed(allowed) => allowed.report().verdict(),
            Self::Unresolved(_) | Self::TimedOut(_) if self.exit() == ExitCode::Undecided => Verdict::Undecided,
            Self::Unresolved(_) | Self::TimedOut(_) => Verdict::Rejected,
        }
    }

    pub(crate) fn exit(&self) -> ExitCode {
        match self {
            Self::NotVerified(refusal) => ExitCode::of_refusal(refusal),
            Self::Allowed(_) => ExitCode::Done,
            Self::Unresolved(unresolved) => unresolved.exit(),
            Self::TimedOut(_) => ExitCode::Undecided,
        }
    }

    /// The most useful reason.
    pub(crate) fn trouble(&self) -> Trouble {
        match self {
            Self::NotVerified(refusal) => Trouble::of(refusal.report(), "no-signatures"),
            Self::Allowed(allowed) => Trouble::of(allowed.report(), Waiver::NothingDemanded.code()),
            Self::Unresolved(unresolved) => Trouble::new(unresolved.error.code(), unresolved.to_string()),
            Self::TimedOut(limit) => Trouble::new("timed-out", format!("nothing was decided within {limit:?}")),
        }
    }
}

/// Why there is no proof, in short.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// The reason code.
    pub(crate) code: &'static str,
    /// What was expected and found.
    pub(crate) message: String,
    /// Which signature it is about, if it is about one.
    pub(crate) place: Option<String>,
}

impl Trouble {
    /// What the report says first; `otherwise` when it has no complaint.
    fn of(report: &Report, otherwise: &'static str) -> Self {
        match report.headline() {
            Some(headline) => Self {
                code: headline.outcome.code().unwrap_or_default(),
                message: headline.outcome.to_string(),
                place: place(&headline.path),
            },
            None => Self::new(otherwise, "nothing was verified".to_owned()),
        }
    }

    const fn new(code: &'static str, message: String) -> Self {
        Self { code, message, place: None }
    }
}

impl VerificationOutcome {
    /// The verifier's answer.
    pub(crate) fn new(subject: Subject, result: Result<Verified, NotVerified>) -> Self {
        Self { subject, result: result.map_err(Refusal::NotVerified), absent: Vec::new() }
    }

    /// What a set of policies makes of it.
    pub(crate) fn admitted(subject: Subject, admission: Admission) -> Self {
        let result = match admission {
            Admission::Verified(verified) => Ok(verified),
            Admission::Allowed(allowed) => Err(Refusal::Allowed(allowed)),
            Admission::Refused(refusal) => Err(Refusal::NotVerified(refusal)),
        };
        Self { subject, result, absent: Vec::new() }
    }

    /// The same of an index of which this is not there.
    pub(crate) fn without(self, absent: Vec<String>) -> Self {
        Self { absent, ..self }
    }

    /// The image itself could not be read.
    pub(crate) fn unresolved(given: &str, error: Unresolved) -> Self {
        Self::refused(given, Refusal::Unresolved(error))
    }

    /// Time ran out.
    pub(crate) fn timed_out(given: &str, limit: Duration) -> Self {
        Self::refused(given, Refusal::TimedOut(limit))
    }

    fn refused(given: &str, refusal: Refusal) -> Self {
        let subject = Subject::named(given.to_owned(), None);
        Self { subject, result: Err(refusal), absent: Vec::new() }
    }

    pub(crate) fn exit(&self) -> ExitCode {
        self.result.as_ref().map_or_else(Refusal::exit, |_| ExitCode::Done)
    }

    pub(crate) fn report(&self) -> Option<&Report> {
        self.result.as_ref().map_or_else(Refusal::report, |verified| Some(verified.report()))
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.result.as_ref().map_or_else(Refusal::verdict, |_| Verdict::Verified)
    }
}

/// The signature in this place of the report, and whom it was judged by where there are several.
fn place(path: &[&Label]) -> Option<String> {
    let found = path.iter().find_map(|label| match label {
        Label::Signature { origin, .. } => Some(origin.to_string()),
        _ => None,
    })?;
    let several = path.iter().any(|label| matches!(label, Label::Policy { authorities: 2.., .. }));
    let signer = path.iter().filter(|_| several).find_map(|label| match label {
        Label::Key { name, .. } => Some(format!("by key {name}")),
        Label::Identity { name } => Some(format!("by identity {name}")),
        _ => None,
    });
    Some(signer.map_or_else(|| found.clone(), |signer| format!("{found}, {signer}")))
}
