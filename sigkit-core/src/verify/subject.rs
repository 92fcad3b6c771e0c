//! Step 4: the signed document names this artifact, by digest and by nothing else.

use super::artifact::ArtifactDigests;
use super::content::Claim;
use crate::content::Subject;
use crate::digest::{Digest, DigestAlgorithm};
use crate::policy::Claims;
use crate::reason::Reason;
use crate::report::{Fact, Outcome, Waiver};

/// Proof that the artifact is the one signed, or the record that the check was not requested.
#[derive(Clone, Debug)]
pub(crate) struct SubjectBound {
    /// The digest on which artifact and signed document agree; none if the check was not requested.
    digest: Option<Digest>,
}

impl SubjectBound {
    /// The digest on which artifact and signed document agree; none if the check was not requested.
    pub(crate) const fn digest(&self) -> Option<Digest> {
        self.digest
    }
}

pub(super) fn check(claims: Claims, claim: &Claim, artifact: &ArtifactDigests<'_>) -> (Outcome, Option<SubjectBound>) {
    if claims == Claims::Waived && !matches!(claim, Claim::Message { .. }) {
        return (Outcome::Skip(Waiver::ClaimsNotChecked), Some(SubjectBound { digest: None }));
    }
    match compare(claim, artifact) {
        Ok(digest) => (Outcome::Pass(Fact::Subject { digest }), Some(SubjectBound { digest: Some(digest) })),
        Err(reason) => (Outcome::Fail(reason), None),
    }
}

fn compare(claim: &Claim, artifact: &ArtifactDigests<'_>) -> Result<Digest, Reason> {
    match claim {
        // The signature itself binds the bytes; a digest noted beside it must not contradict them.
        Claim::Message { noted: None } => artifact.name().ok_or_else(|| unknown("the artifact's digest")),
        Claim::Message { noted: Some(noted) } => equal(noted, artifact),
        Claim::SimpleSigning { document, .. } => equal(&document.digest, artifact),
        Claim::Statement { statement, .. } => {
            let mut matching = None;
            // What a subject states under any digest of the artifact must not contradict the others, whichever subject says it.
            for subject in &statement.subjects {
                matching = matching.or(agrees(subject, artifact)?);
            }
            matching.ok_or_else(|| {
                let found =
                    statement.subjects.iter().flat_map(|s| &s.digests).map(|(name, hex)| format!("{name}:{hex}"));
                let found = found.take(4).collect::<Vec<_>>().join(", ");
                let expected = artifact.name().map_or_else(String::new, |digest| digest.to_string());
                Reason::SubjectMismatch { expected, found }
            })
        }
    }
}

fn equal(signed: &Digest, artifact: &ArtifactDigests<'_>) -> Result<Digest, Reason> {
    match artifact.digest(signed.algorithm()) {
        Some(digest) if digest == *signed => Ok(digest),
        Some(digest) => Err(Reason::subject(&digest, signed)),
        None => Err(unknown(signed)),
    }
}

/// Whether a subject is the artifact: one known digest at least, and none that disagrees. `None` when no digest is the
/// artifact's.
fn agrees(subject: &Subject, artifact: &ArtifactDigests<'_>) -> Result<Option<Digest>, Reason> {
    let mut same = None;
    let mut other = None;
    for algorithm in DigestAlgorithm::ALL {
        let Some(hex) = subject.digests.get(algorithm.name()) else { continue };
        match artifact.hex(algorithm) {
            Some(actual) if actual == hex => same = same.or(artifact.digest(algorithm)),
            Some(_) => other = Some((algorithm, hex)),
            None => {}
        }
    }
    match (same, other) {
        (Some(_), Some((algorithm, hex))) => {
            let expected = artifact.digest(algorithm).map_or_else(String::new, |digest| digest.to_string());
            Err(Reason::SubjectMismatch { expected, found: format!("{algorithm}:{hex}") })
        }
        (same, _) => Ok(same),
    }
}

fn unknown(found: impl ToString) -> Reason {
    Reason::SubjectMismatch { expected: "a digest that can be compared".to_owned(), found: found.to_string() }
}
