use std::cell::OnceCell;

use super::artifact::{Artifact, ArtifactDigests};
use crate::content::Content;
use crate::digest::{Digest, DigestAlgorithm};

/// The bytes under a signature, hashed at most once by each algorithm: the signature is over the digest, and log entries name it.
pub(super) struct DigestCache<'a> {
    content: &'a Content,
    artifact: &'a ArtifactDigests<'a>,
    digests: [OnceCell<Option<Digest>>; DigestAlgorithm::ALL.len()],
}

impl<'a> DigestCache<'a> {
    pub(super) fn new(content: &'a Content, artifact: &'a ArtifactDigests<'a>) -> Self {
        Self { content, artifact, digests: Default::default() }
    }

    /// What was signed, and the signature.
    pub(super) fn content(&self) -> &'a Content {
        self.content
    }

    /// The artifact, whose bytes may be those that are signed.
    pub(super) fn artifact(&self) -> &'a Artifact<'a> {
        self.artifact.artifact()
    }

    /// The digest of the bytes by that algorithm; `None` when only another one is known.
    pub(super) fn digest(&self, algorithm: DigestAlgorithm) -> Option<Digest> {
        let (cell, _) = self.digests.iter().zip(DigestAlgorithm::ALL).find(|(_, known)| *known == algorithm)?;
        *cell.get_or_init(|| self.content.signed_digest(algorithm, |algorithm| self.artifact.digest(algorithm)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::MessageSignature;
    use crate::crypto::Signature;

    #[test]
    fn each_digest_is_that_of_its_algorithm() {
        let artifact = Artifact::Bytes(b"file");
        let named = ArtifactDigests::new(&artifact);
        let content = Content::Message(MessageSignature { digest: None, signature: Signature::from_bytes(*b"") });
        let signed = DigestCache::new(&content, &named);
        for algorithm in DigestAlgorithm::ALL.into_iter().chain(DigestAlgorithm::ALL) {
            assert_eq!(signed.digest(algorithm), Some(Digest::of(algorithm, b"file")));
            assert_eq!(named.digest(algorithm), signed.digest(algorithm));
        }
    }
}
