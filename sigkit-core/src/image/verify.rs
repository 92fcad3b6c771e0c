use crate::attach::discover;
use crate::oci::TagOrDigest;
use crate::policy::Policy;
use crate::report::Verdict;
use crate::store::{FetchedManifest, Store, StoreError};
use crate::time::UnixTime;
use crate::trust::Trust;
use crate::verify::{Artifact, NotVerified, Verified, Verifier};

/// An image that meets a policy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifiedImage {
    /// The manifest verified. Whatever is done with the image next must be done by `image.digest()`: the tag may
    /// have moved.
    pub image: FetchedManifest,
    /// Proof and report.
    pub verified: Verified,
}

/// Why an image is not verified.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The image itself could not be read; [`StoreError::is_absent`] tells "no such image" from other errors.
    #[error(transparent)]
    Image(#[from] StoreError),
    /// The policy is not met, or it could not be told.
    #[error("{}: {}", .image.digest(), .refusal)]
    NotVerified {
        /// The manifest judged.
        image: Box<FetchedManifest>,
        /// Refusal or doubt, with the report.
        refusal: NotVerified,
    },
}

impl ImageError {
    /// Refused, or not to be told. An image that is not there is refused; one that could not be read is undecided.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Image(error) if error.is_absent() => Verdict::Rejected,
            Self::Image(_) => Verdict::Undecided,
            Self::NotVerified { refusal, .. } => refusal.report().verdict(),
        }
    }

    /// The code of what decided: the error of the store, or that which the report leads with.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Image(error) => error.code(),
            Self::NotVerified { refusal, .. } => {
                let report = refusal.report();
                report
                    .headline()
                    .and_then(|headline| headline.outcome.code())
                    .unwrap_or_else(|| report.verdict().name())
            }
        }
    }
}

/// Verifies an image whose signatures are stored beside it. A tag is resolved once.
///
/// Configuration and layers are compared when they are pulled, or by [`super::verify_blob_digests`] where they are local.
///
/// # Errors
/// [`ImageError`].
pub async fn verify_image<S: Store>(
    store: &S,
    target: &TagOrDigest,
    trust: &Trust,
    policy: &Policy,
    now: UnixTime,
) -> Result<VerifiedImage, ImageError> {
    let image = store.manifest(target).await?.answering(&store.name(), target)?;
    verify_fetched(image, store, trust, policy, now).await
}

/// Verifies an image already read, with the signatures in `signatures`, which may be another repository.
///
/// # Errors
/// [`ImageError::NotVerified`].
pub async fn verify_fetched<S: Store>(
    image: FetchedManifest,
    signatures: &S,
    trust: &Trust,
    policy: &Policy,
    now: UnixTime,
) -> Result<VerifiedImage, ImageError> {
    let evidence = discover(signatures, &image.digest(), policy, trust.limits()).await;
    match Verifier::new(trust).verify(policy, &Artifact::Bytes(image.bytes()), &evidence, now) {
        Ok(verified) => Ok(VerifiedImage { image, verified }),
        Err(refusal) => Err(ImageError::NotVerified { image: Box::new(image), refusal }),
    }
}
