use std::pin::Pin;

use super::Draft;
use crate::bundle::SignedEntity;
use crate::digest::DigestAlgorithm;
use crate::key::SignError;
use crate::policy::Authority;

/// What turns a draft into a signature with its verification material.
///
/// The functions that sign verify what comes back by the policy of [`Signer::authority`], before anything is stored.
pub trait Signer: Send + Sync {
    /// Signs a draft. The future holds no thread while it waits for what is outside of this process.
    ///
    /// # Errors
    /// [`SignError`].
    fn sign_draft<'a>(
        &'a self,
        draft: Draft<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<SignedEntity, SignError>> + Send + 'a>>;

    /// The authority under which the signatures verify. By it, too, earlier signatures are recognized as of the same signer.
    fn authority(&self) -> Authority;

    /// The hash under signatures for readers of bundles, by which blobs are given to the signer; none if it signs whole messages.
    fn digest_algorithm(&self) -> Option<DigestAlgorithm>;
}
