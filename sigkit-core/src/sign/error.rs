use crate::key::SignError;
use crate::verify::NotVerified;

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The signer failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// What the signer returned does not verify.
    #[error("the new signature does not verify: {0}")]
    Rejected(Box<NotVerified>),
}

impl From<NotVerified> for SigningError {
    fn from(rejected: NotVerified) -> Self {
        Self::Rejected(Box::new(rejected))
    }
}
