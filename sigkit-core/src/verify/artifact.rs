use super::scan::BlobScan;
use crate::digest::{Digest, DigestAlgorithm};

/// What is to be verified.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Artifact<'a> {
    /// The bytes themselves; of an image, those of its manifest.
    Bytes(&'a [u8]),
    /// Only the digest of the bytes.
    Digest(Digest),
    /// Bytes too large to hold, read once by a [`super::BlobScanner`].
    Scan(&'a BlobScan),
}

impl Artifact<'_> {
    /// The artifact's digest by that algorithm; `None` when only another one is known.
    pub fn digest(&self, algorithm: DigestAlgorithm) -> Option<Digest> {
        match self {
            Self::Bytes(bytes) => Some(Digest::of(algorithm, bytes)),
            Self::Digest(digest) => (digest.algorithm() == algorithm).then_some(*digest),
            Self::Scan(scan) => scan.digest(algorithm),
        }
    }

    /// The digest to name the artifact by: SHA-256 where it is known.
    pub(super) fn name(&self) -> Option<Digest> {
        DigestAlgorithm::ALL.into_iter().find_map(|algorithm| self.digest(algorithm))
    }
}
