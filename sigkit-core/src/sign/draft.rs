use std::fmt;

use crate::content::UnsignedDocument;
use crate::digest::Digest;
use crate::key::ReadSeek;

/// What is about to be signed, apart from who signs it.
#[non_exhaustive]
pub enum Draft<'a> {
    /// A document in memory.
    Document(UnsignedDocument),
    /// A blob by its digest, which has the algorithm of [`Signer::digest_algorithm`].
    Digest(Digest),
    /// A blob of any size, read from its beginning, for a signer without such an algorithm.
    Message(&'a mut (dyn ReadSeek + Send)),
}

impl fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(document) => f.debug_tuple("Document").field(document).finish(),
            Self::Digest(digest) => f.debug_tuple("Digest").field(digest).finish(),
            Self::Message(_) => f.write_str("Message(..)"),
        }
    }
}
