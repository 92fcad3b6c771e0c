use std::fmt;

use super::{Signer, SigningError};
use crate::bundle::{Evidence, Origin, SignedEntity};
use crate::content::{Content, UnsignedDocument};
use crate::digest::Digest;
use crate::key::{ReadSeek, SignError};
use crate::policy::Policy;
use crate::time::UnixTime;
use crate::trust::Trust;
use crate::verify::{Artifact, Verifier};

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

/// Signs a document and verifies what came back: it is over that document, and meets the policy.
pub(crate) async fn sign_document(
    signer: &dyn Signer,
    document: UnsignedDocument,
    policy: &Policy,
    artifact: &Artifact<'_>,
    now: UnixTime,
) -> Result<SignedEntity, SigningError> {
    // The payload of a statement, which may be large, is shared and not copied.
    let given = document.clone();
    let entity = signer.sign_draft(Draft::Document(document)).await?;
    if !is_over(&entity.content, &given) {
        return Err(SignError::OtherContent.into());
    }
    let evidence = Evidence::of(Origin::File("the new signature".to_owned()), Ok(entity.clone()));
    Verifier::new(&Trust::default()).verify(policy, artifact, &evidence, now)?;
    Ok(entity)
}

fn is_over(content: &Content, document: &UnsignedDocument) -> bool {
    match (content, document) {
        (Content::SimpleSigning { payload, .. }, UnsignedDocument::SimpleSigning { payload: given }) => {
            payload == given
        }
        (Content::Envelope(envelope), UnsignedDocument::Statement { payload, .. }) => envelope.payload == *payload,
        _ => false,
    }
}
