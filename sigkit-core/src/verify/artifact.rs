use std::cell::OnceCell;

use super::streamed_artifact::StreamedArtifact;
use crate::digest::{Digest, DigestAlgorithm};

/// What is to be verified.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Artifact<'a> {
    /// The bytes themselves; of an image, those of its manifest.
    Bytes(&'a [u8]),
    /// Only the digest of the bytes.
    Digest(Digest),
    /// Bytes too large to hold, read once by a [`super::ArtifactHasher`].
    Streamed(&'a StreamedArtifact),
}

impl Artifact<'_> {
    /// The artifact's digest by that algorithm; `None` when only another one is known.
    pub fn digest(&self, algorithm: DigestAlgorithm) -> Option<Digest> {
        match self {
            Self::Bytes(bytes) => Some(Digest::of(algorithm, bytes)),
            Self::Digest(digest) => (digest.algorithm() == algorithm).then_some(*digest),
            Self::Streamed(scan) => scan.digest(algorithm),
        }
    }
}

/// An artifact whose digests are computed at most once, however many subjects of however many statements name it: unsigned
/// statements are compared as well, and the artifact may be large.
pub(super) struct ArtifactDigests<'a> {
    artifact: &'a Artifact<'a>,
    digests: [OnceCell<Option<(Digest, String)>>; DigestAlgorithm::ALL.len()],
}

impl<'a> ArtifactDigests<'a> {
    pub(super) fn new(artifact: &'a Artifact<'a>) -> Self {
        Self { artifact, digests: Default::default() }
    }

    pub(super) fn artifact(&self) -> &'a Artifact<'a> {
        self.artifact
    }

    /// The artifact's digest by that algorithm; `None` when only another one is known.
    pub(super) fn digest(&self, algorithm: DigestAlgorithm) -> Option<Digest> {
        self.known(algorithm).map(|(digest, _)| *digest)
    }

    /// The same in lowercase hex.
    pub(super) fn hex(&self, algorithm: DigestAlgorithm) -> Option<&str> {
        self.known(algorithm).map(|(_, hex)| hex.as_str())
    }

    /// The digest to name the artifact by: SHA-256 where it is known.
    pub(super) fn name(&self) -> Option<Digest> {
        DigestAlgorithm::ALL.into_iter().find_map(|algorithm| self.digest(algorithm))
    }

    fn known(&self, algorithm: DigestAlgorithm) -> Option<&(Digest, String)> {
        let (cell, _) = self.digests.iter().zip(DigestAlgorithm::ALL).find(|(_, known)| *known == algorithm)?;
        cell.get_or_init(|| self.artifact.digest(algorithm).map(|digest| (digest, digest.hex()))).as_ref()
    }
}
