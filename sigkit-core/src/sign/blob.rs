use super::{Draft, Signer, SigningError};
use crate::bundle::{Evidence, Origin, SignedEntity};
use crate::content::Content;
use crate::digest::Hasher;
use crate::key::{ReadSeek, SignError, read_pieces};
use crate::policy::{Policy, Purpose};
use crate::time::UnixTime;
use crate::trust::Trust;
use crate::verify::{Artifact, ArtifactHasher, Verifier};

/// Signs a blob of any size in constant memory, and verifies what was signed.
///
/// The blob is read from its beginning whatever its position, on the caller's thread; once, if the signer's scheme has a digest, else
/// three times: Ed25519 reads it twice to sign it.
///
/// # Errors
/// [`SigningError::Sign`]; [`SigningError::Rejected`] when the result would not verify.
pub async fn sign_blob(
    signer: &dyn Signer,
    blob: &mut (dyn ReadSeek + Send),
    now: UnixTime,
) -> Result<SignedEntity, SigningError> {
    let policy = Policy::authority(Purpose::Blob, signer.authority());
    let trust = Trust::default();
    let verifier = Verifier::new(&trust);
    let evidence =
        |entity: &SignedEntity| Evidence::of(Origin::File("the new signature".to_owned()), Ok(entity.clone()));
    let entity = match signer.digest_algorithm() {
        Some(algorithm) => {
            let mut hasher = Hasher::new(algorithm);
            read_pieces(blob, |piece| hasher.update(piece))?;
            let digest = hasher.finish();
            let entity = signer.sign_draft(Draft::Digest(digest)).await?;
            verifier.verify(&policy, &Artifact::Digest(digest), &evidence(&entity), now)?;
            entity
        }
        None => {
            let entity = signer.sign_draft(Draft::Message(blob)).await?;
            let evidence = evidence(&entity);
            let mut hasher = ArtifactHasher::new(&trust, &policy, &evidence);
            read_pieces(blob, |piece| hasher.update(piece))?;
            verifier.verify(&policy, &Artifact::Streamed(&hasher.finish()), &evidence, now)?;
            entity
        }
    };
    match entity.content {
        Content::Message(_) => Ok(entity),
        Content::SimpleSigning { .. } | Content::Envelope(_) => Err(SignError::OtherContent.into()),
    }
}
