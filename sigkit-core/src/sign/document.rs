use super::{Draft, Signer, SigningError};
use crate::bundle::{Evidence, Origin, SignedEntity};
use crate::content::{Content, UnsignedDocument};
use crate::key::SignError;
use crate::policy::Policy;
use crate::time::UnixTime;
use crate::trust::Trust;
use crate::verify::{Artifact, Verifier};

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
