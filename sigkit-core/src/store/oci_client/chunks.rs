use std::pin::Pin;
use std::task::{Context, Poll};

use ::oci_client::client::SizedStream;
use ::oci_client::errors::{DigestError, OciDistributionError};
use futures_core::Stream;

use super::error::{Asked, store_error};
use crate::store::StoreError;

/// What the client streams, with its errors in the words of this crate.
pub(super) struct Chunks {
    pub(super) place: String,
    pub(super) stream: SizedStream,
    /// Bytes to come by the descriptor.
    pub(super) left: u64,
}

impl Stream for Chunks {
    type Item = Result<Vec<u8>, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = match Pin::new(&mut self.stream).poll_next(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(next) => next,
        };
        Poll::Ready(match next {
            None => None,
            Some(Ok(chunk)) => {
                self.left = self.left.saturating_sub(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
                Some(Ok(Vec::from(chunk)))
            }
            // It compares digests alone: that bytes are missing is told by the count of them.
            Some(Err(error)) if is_digest_error(&error) && self.left > 0 => None,
            Some(Err(error)) => Some(Err(self.error(error))),
        })
    }
}

impl Chunks {
    fn error(&self, error: std::io::Error) -> StoreError {
        let error = match error.downcast::<DigestError>() {
            Ok(error) => OciDistributionError::DigestError(error),
            Err(error) => OciDistributionError::IoError(error),
        };
        store_error(self.place.clone(), Asked::Object, error)
    }
}

fn is_digest_error(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<DigestError>())
}
