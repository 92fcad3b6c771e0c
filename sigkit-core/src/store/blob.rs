//! Blobs as they are carried: a stream of chunks that is compared with its descriptor.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::{StoreError, verified};
use crate::digest::{Digest, Hasher};
use crate::oci::Descriptor;

/// Bytes of one chunk of what is held in memory or in a file.
pub(super) const CHUNK_BYTES: usize = 64 << 10;

/// A blob on its way: chunks of bytes, in their order.
///
/// Size and digest are compared while it is read. Where they are not those of the descriptor, an error takes the place of the end: what is
/// done with the chunks counts only once the end was reached. Nothing comes after an error.
///
/// ```
/// # async fn copy(store: &impl sigkit_core::store::Store, layer: &sigkit_core::oci::Descriptor) -> Result<u64, sigkit_core::store::StoreError> {
/// let mut stream = store.read_blob(layer).await?;
/// let mut read = 0;
/// while let Some(chunk) = stream.chunk().await? {
///     read += chunk.len() as u64;
/// }
/// assert_eq!(read, layer.size);
/// # Ok(read)
/// # }
/// ```
pub struct BlobStream<'a> {
    pub(super) place: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    read: u64,
    /// None once the end was reached, or an error.
    hasher: Option<Hasher>,
    chunks: Chunks<'a>,
}

type Chunks<'a> = Pin<Box<dyn Stream<Item = Result<Vec<u8>, StoreError>> + Send + 'a>>;

impl<'a> BlobStream<'a> {
    /// The blob that `descriptor` names, of which `chunks` are the bytes as `place` sent them: unchecked, of any size.
    pub fn new(
        place: impl Into<String>,
        descriptor: &Descriptor,
        chunks: impl Stream<Item = Result<Vec<u8>, StoreError>> + Send + 'a,
    ) -> Self {
        Self {
            place: place.into(),
            digest: descriptor.digest,
            size: descriptor.size,
            read: 0,
            hasher: Some(Hasher::new(descriptor.digest.algorithm())),
            chunks: Box::pin(chunks),
        }
    }

    /// The size in bytes by the descriptor.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The digest by the descriptor.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The next chunk, never an empty one; `None` at the end, when all of it has been compared.
    ///
    /// # Errors
    /// [`StoreError::SizeMismatch`], [`StoreError::DigestMismatch`]; what the store says of a transfer that was cut off.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await.transpose()
    }

    /// Reads it to the end; the caller has bounded its size.
    pub(super) async fn read_to_end(mut self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = self.chunk().await?.unwrap_or_default();
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// What comes next, of the chunk or the end that the store gave.
    fn check(&mut self, given: Option<Result<Vec<u8>, StoreError>>) -> Option<Result<Vec<u8>, StoreError>> {
        let mut hasher = self.hasher.take()?;
        let place = self.place.as_str();
        match given {
            Some(Ok(chunk)) => {
                self.read = self.read.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
                if self.read > self.size {
                    let found = self.size.saturating_add(1);
                    return Some(verified::compare_size(place, self.size, found).map(|()| chunk));
                }
                hasher.update(&chunk);
                self.hasher = Some(hasher);
                Some(Ok(chunk))
            }
            Some(Err(error)) => Some(Err(error)),
            None => {
                let found = hasher.finish();
                let sized = verified::compare_size(place, self.size, self.read);
                sized.and_then(|()| verified::compare_digest(place, &self.digest, found)).err().map(Err)
            }
        }
    }
}

impl Stream for BlobStream<'_> {
    type Item = Result<Vec<u8>, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.hasher.is_none() {
                return Poll::Ready(None);
            }
            match self.chunks.as_mut().poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(chunk))) if chunk.is_empty() => {}
                Poll::Ready(given) => return Poll::Ready(self.check(given)),
            }
        }
    }
}

impl fmt::Debug for BlobStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobStream")
            .field("place", &self.place)
            .field("digest", &self.digest)
            .field("size", &self.size)
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

/// Bytes in memory, chunk by chunk.
pub(super) struct Slices<B> {
    pub(super) bytes: B,
    pub(super) at: usize,
}

/// Bytes that others hold as well.
pub(super) struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Slices<Shared> {
    pub(super) const fn shared(bytes: Arc<Vec<u8>>) -> Self {
        Self { bytes: Shared(bytes), at: 0 }
    }
}

impl<B: AsRef<[u8]> + Unpin> Stream for Slices<B> {
    type Item = Result<Vec<u8>, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let left = self.bytes.as_ref().get(self.at..).unwrap_or_default();
        let chunk = left.get(..CHUNK_BYTES).unwrap_or(left).to_vec();
        self.at = self.at.saturating_add(chunk.len());
        Poll::Ready((!chunk.is_empty()).then_some(Ok(chunk)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn stream(size: u64, digest: Digest, chunks: &[&'static [u8]]) -> BlobStream<'static> {
        struct Given(Vec<Vec<u8>>);
        impl Stream for Given {
            type Item = Result<Vec<u8>, StoreError>;
            fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
                Poll::Ready(if self.0.is_empty() { None } else { Some(Ok(self.0.remove(0))) })
            }
        }
        let chunks = Given(chunks.iter().map(|chunk| chunk.to_vec()).collect());
        BlobStream::new("here", &Descriptor::new("x/y", size, digest), chunks)
    }

    // threat: E01
    // threat: E11
    #[tokio::test]
    async fn stream_of_wrong_bytes_ends_in_an_error() {
        let digest = Digest::sha256(b"abcd");
        let read = async |size, chunks: &[&'static [u8]]| {
            let mut stream = stream(size, digest, chunks);
            let mut bytes = Vec::new();
            let outcome = loop {
                match stream.chunk().await {
                    Ok(Some(chunk)) => bytes.extend(chunk),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error.code()),
                }
            };
            assert!(matches!(stream.chunk().await, Ok(None)), "more after the end");
            (bytes, outcome)
        };
        assert_eq!(read(4, &[b"ab", b"", b"cd"]).await, (b"abcd".to_vec(), Ok(())));
        assert_eq!(read(4, &[b"ab", b"ce"]).await, (b"abce".to_vec(), Err("digest-mismatch")));
        assert_eq!(read(4, &[b"ab", b"c"]).await, (b"abc".to_vec(), Err("size-mismatch")));
        assert_eq!(read(4, &[b"ab", b"cd", b"e"]).await, (b"abcd".to_vec(), Err("size-mismatch")));
        assert_eq!(read(3, &[b"abcd"]).await, (b"".to_vec(), Err("size-mismatch")));
    }
}
