//! placeholder while the other branch is on its way
use super::TrustedRoot;
use crate::bundle::SignedTimestamp;
use crate::time::UnixTime;
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum TimestampError {
    #[error("no")]
    UnknownAuthority { issuer: String },
}
#[allow(missing_docs)]
impl TimestampError {
    pub const fn code(&self) -> &'static str {
        "timestamp-untrusted"
    }
}
pub(crate) struct VerifiedTimestamp {
    pub(crate) authority: usize,
    pub(crate) time: UnixTime,
}
pub(crate) fn verify(_: &SignedTimestamp, _: &TrustedRoot, _: &[u8]) -> Result<VerifiedTimestamp, TimestampError> {
    Err(TimestampError::UnknownAuthority { issuer: String::new() })
}
