//! What became of verifying one artifact.

use std::time::Duration;

use sigkit_core::digest::Digest;
use sigkit_core::oci::Manifest;
use sigkit_core::report::{Report, Verdict};
use sigkit_core::store::FetchedManifest;
use sigkit_core::verify::{Allowed, Decision, NotVerified, Verified};

use crate::exit::ExitCode;
use crate::explain::Place;
use crate::outcome::unresolved::Unresolved;
use sigkit_core::text::escape;

/// What was judged, and how it went.
#[derive(Debug)]
pub(crate) struct VerificationOutcome {
    pub(crate) subject: Subject,
    pub(crate) result: Result<Verified, Rejected>,
    /// What an index lists and its store does not have, so that it was not verified.
    pub(crate) absent: Vec<String>,
    /// Of an index without signatures, the platforms whose images are verified.
    pub(crate) platforms: Vec<String>,
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
    /// Where it is.
    pub(crate) place: Place,
    pub(crate) wanted: Wanted,
}

/// What must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Signature,
    Attestation,
}

/// Of how many manifests an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manifests {
    /// One at most.
    One,
    /// An index lists those of several images.
    Several,
    /// The same, and all of them are judged as well.
    All,
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
        let digest = image.digest();
        Self {
            name: format!("{place}@{digest}"),
            digest: Some(digest),
            shape: match image.manifest() {
                Manifest::Index(_) => Manifests::Several,
                Manifest::Image(_) => Manifests::One,
            },
            place: Place::Registry,
            ..Self::named(given.to_owned(), None)
        }
    }

    /// A file, which has no other name than the user's.
    pub(crate) fn named(given: String, digest: Option<Digest>) -> Self {
        Self {
            name: given.clone(),
            given,
            weakened: Vec::new(),
            compared: Compared::WithArtifact,
            digest,
            shape: Manifests::One,
            place: Place::Blob,
            wanted: Wanted::Signature,
        }
    }

    /// The same in this place.
    pub(crate) fn in_place(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// The same, of which attestations are wanted.
    pub(crate) fn of_attestations(self) -> Self {
        Self { wanted: Wanted::Attestation, ..self }
    }

    /// The name that was given, with what it means where that says more; escaped.
    pub(crate) fn label(&self) -> String {
        label(&self.given, &self.name)
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

/// The name that was given, with what it means where that says more; escaped.
pub(crate) fn label(given: &str, name: &str) -> String {
    let (given, name) = (escape::one_line(given), escape::one_line(name));
    if given == name { given } else { format!("{given} ({name})") }
}

/// Why there is no proof.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// The evidence does not meet the policy, or cannot be read.
    NotVerified(NotVerified),
    /// The image itself could not be read.
    Unresolved(Unresolved),
    /// Time ran out.
    TimedOut(Duration),
    /// The policy asks for none.
    Allowed(Allowed),
}

impl Rejected {
    pub(crate) fn report(&self) -> Option<&Report> {
        match self {
            Self::NotVerified(refusal) => Some(refusal.report()),
            Self::Allowed(allowed) => Some(allowed.report()),
            Self::Unresolved(_) | Self::TimedOut(_) => None,
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::NotVerified(not_verified) => not_verified.verdict(),
            Self::Allowed(allowed) => allowed.report().verdict(),
            Self::Unresolved(_) | Self::TimedOut(_) if self.exit() == ExitCode::Undecided => Verdict::Undecided,
            Self::Unresolved(_) | Self::TimedOut(_) => Verdict::Rejected,
        }
    }

    pub(crate) fn exit(&self) -> ExitCode {
        match self {
            Self::NotVerified(refusal) => ExitCode::of_not_verified(refusal),
            Self::Allowed(_) => ExitCode::Done,
            Self::Unresolved(unresolved) => unresolved.exit(),
            Self::TimedOut(_) => ExitCode::Undecided,
        }
    }

    /// The stable code of what decided.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotVerified(not_verified) => not_verified.code(),
            Self::Allowed(allowed) => allowed.report().code().unwrap_or_default(),
            Self::Unresolved(unresolved) => unresolved.error.code(),
            Self::TimedOut(_) => "timed-out",
        }
    }

    /// What was expected and found.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::NotVerified(not_verified) => not_verified.report().message().unwrap_or_default(),
            Self::Allowed(allowed) => allowed.report().message().unwrap_or_default(),
            Self::Unresolved(unresolved) => unresolved.to_string(),
            Self::TimedOut(limit) => format!("nothing was decided within {limit:?}"),
        }
    }
}

impl VerificationOutcome {
    /// The verifier's answer.
    pub(crate) fn new(subject: Subject, result: Result<Verified, NotVerified>) -> Self {
        Self::of(subject, result.map_err(Rejected::NotVerified))
    }

    /// What a set of policies makes of it.
    pub(crate) fn admitted(subject: Subject, decision: Decision) -> Self {
        let result = match decision {
            Decision::Verified(verified) => Ok(verified),
            Decision::Allowed(allowed) => Err(Rejected::Allowed(allowed)),
            Decision::Rejected(refusal) | Decision::Undecided(refusal) => Err(Rejected::NotVerified(refusal)),
        };
        Self::of(subject, result)
    }

    const fn of(subject: Subject, result: Result<Verified, Rejected>) -> Self {
        Self { subject, result, absent: Vec::new(), platforms: Vec::new() }
    }

    /// The same of an index of which this is not there.
    pub(crate) fn without(self, absent: Vec<String>) -> Self {
        Self { absent, ..self }
    }

    /// The same, while all images below an index are judged as well.
    pub(crate) fn with_all_below(mut self) -> Self {
        if self.subject.shape == Manifests::Several {
            self.subject.shape = Manifests::All;
        }
        self
    }

    /// The same of an index, with the platforms whose images are verified although it is not.
    pub(crate) fn with_platforms(self, platforms: Vec<String>) -> Self {
        Self { platforms, ..self }
    }

    /// The image itself could not be read.
    pub(crate) fn unresolved(given: &str, error: Unresolved) -> Self {
        let place = error.place();
        Self::refused(given, place, Rejected::Unresolved(error))
    }

    /// Time ran out.
    pub(crate) fn timed_out(given: &str, limit: Duration) -> Self {
        Self::refused(given, Place::Registry, Rejected::TimedOut(limit))
    }

    fn refused(given: &str, place: Place, refusal: Rejected) -> Self {
        Self::of(Subject { place, ..Subject::named(given.to_owned(), None) }, Err(refusal))
    }

    /// Whether it is an index without signatures, whose images may have some.
    pub(crate) fn is_unsigned_index(&self) -> bool {
        self.subject.shape == Manifests::Several && self.exit() == ExitCode::NoSignatures
    }

    /// Whether it meets what was asked.
    pub(crate) const fn is_verified(&self) -> bool {
        self.result.is_ok()
    }

    pub(crate) fn exit(&self) -> ExitCode {
        self.result.as_ref().map_or_else(Rejected::exit, |_| ExitCode::Done)
    }

    pub(crate) fn report(&self) -> Option<&Report> {
        self.result.as_ref().map_or_else(Rejected::report, |verified| Some(verified.report()))
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.result.as_ref().map_or_else(Rejected::verdict, |_| Verdict::Verified)
    }
}
