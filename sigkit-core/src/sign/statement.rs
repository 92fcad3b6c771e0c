use std::sync::Arc;

use super::{Signer, SigningError, sign_document};
use crate::bundle::SignedEntity;
use crate::content::{PredicateType, Readers, UnsignedDocument};
use crate::policy::{Policy, Purpose};
use crate::time::UnixTime;
use crate::verify::Artifact;

/// Signs the exact bytes of a statement, and verifies what was signed: that it parses, is of this type, and names the artifact,
/// if there is one.
///
/// # Errors
/// [`SigningError::Sign`]; [`SigningError::Rejected`] when the result would not verify.
pub async fn sign_statement(
    signer: &dyn Signer,
    statement: Arc<Vec<u8>>,
    predicate_type: &PredicateType,
    artifact: Option<&Artifact<'_>>,
    now: UnixTime,
) -> Result<SignedEntity, SigningError> {
    let policy = Policy::authority(Purpose::Attestation(predicate_type.clone()), signer.authority());
    let document = UnsignedDocument::Statement { payload: statement, readers: Readers::Bundles };
    match artifact {
        Some(artifact) => sign_document(signer, document, &policy, artifact, now).await,
        None => {
            let policy = policy.dangerous_without_claims();
            sign_document(signer, document, &policy, &Artifact::Bytes(b""), now).await
        }
    }
}
