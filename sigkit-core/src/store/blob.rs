//! Blobs as they are carried: a stream of chunks that is compared with its descriptor, and what such a stream is opened from.

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::{Store, StoreError, verified};
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
    place: String,
    digest: Digest,
    size: u64,
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

/// Where a blob comes from that is about to be stored: bytes, or a stream that can be opened again when a transfer has to be started again.
pub struct BlobSource<'a> {
    digest: Digest,
    size: u64,
    content: Content<'a>,
}

enum Content<'a> {
    Bytes(Cow<'a, [u8]>),
    Stream(Opener<'a>),
}

type Opening<'a> = Pin<Box<dyn Future<Output = Result<BlobStream<'a>, StoreError>> + Send + 'a>>;
type Opener<'a> = Box<dyn Fn() -> Opening<'a> + Send + Sync + 'a>;

impl<'a> BlobSource<'a> {
    /// Bytes with the digest that they are to be stored under. Large ones are best given away, since a store may need them for itself.
    #[must_use]
    pub fn bytes(bytes: Cow<'a, [u8]>, digest: &Digest) -> Self {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self { digest: *digest, size, content: Content::Bytes(bytes) }
    }

    /// A blob of another store, in constant memory.
    #[must_use]
    pub fn of_store<S: Store>(store: &'a S, descriptor: &Descriptor) -> Self {
        let named = descriptor.clone();
        Self::new(descriptor, move || {
            let named = named.clone();
            async move { store.read_blob(&named).await }
        })
    }

    /// A stream of the blob that `descriptor` names. Each call of `open` begins it again.
    #[must_use]
    pub fn new<Opened>(descriptor: &Descriptor, open: impl Fn() -> Opened + Send + Sync + 'a) -> Self
    where
        Opened: Future<Output = Result<BlobStream<'a>, StoreError>> + Send + 'a,
    {
        let open: Opener<'a> = Box::new(move || Box::pin(open()));
        Self { digest: descriptor.digest, size: descriptor.size, content: Content::Stream(open) }
    }

    /// The digest under which it is to be stored.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The size in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// What it is stored as.
    pub(super) fn descriptor(&self) -> Descriptor {
        Descriptor::new("application/octet-stream", self.size, self.digest)
    }

    /// The bytes, where they are in memory already; not yet compared with the digest.
    #[cfg(any(feature = "layout", feature = "registry"))]
    pub(super) fn in_memory(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes),
            Content::Stream(_) => None,
        }
    }

    /// Begins to read it, from its first byte.
    ///
    /// # Errors
    /// Those of the place it is read from; [`StoreError::DigestMismatch`] when that gives another blob.
    pub async fn open(&self) -> Result<BlobStream<'_>, StoreError> {
        match &self.content {
            Content::Bytes(bytes) => Ok(self.slices(bytes)),
            Content::Stream(open) => {
                let stream = open().await?;
                verified::compare_digest(&stream.place, &self.digest, stream.digest)?;
                verified::compare_size(&stream.place, self.size, stream.size)?;
                Ok(stream)
            }
        }
    }

    fn slices<'b>(&self, bytes: &'b [u8]) -> BlobStream<'b> {
        BlobStream::new("bytes to be stored", &self.descriptor(), Slices { bytes, at: 0 })
    }

    /// All of it in memory, compared with its digest.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for more than `limit` bytes, before any transfer; as [`Self::open`] and [`BlobStream::chunk`].
    pub async fn into_bytes(self, limit: u64) -> Result<Vec<u8>, StoreError> {
        verified::within("a blob to be stored", self.size, limit)?;
        match self.content {
            Content::Bytes(bytes) => {
                verified::compare("bytes to be stored", &self.digest, &bytes)?;
                Ok(bytes.into_owned())
            }
            Content::Stream(_) => self.open().await?.read_to_end().await,
        }
    }
}

impl fmt::Debug for BlobSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobSource").field("digest", &self.digest).field("size", &self.size).finish_non_exhaustive()
    }
}

/// Bytes in memory, chunk by chunk.
pub(super) struct Slices<B> {
    bytes: B,
    at: usize,
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
mod tests {
    use super::*;

    fn stream(size: u64, digest: Digest, chunks: &[&'static [u8]]) -> BlobStream<'static> {
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

    // threat: E01
    #[tokio::test]
    async fn source_that_opens_another_blob_is_refused() {
        let expected = Descriptor::new("x/y", 2, Digest::sha256(b"ab"));
        let open = |bytes: &'static [u8]| {
            BlobSource::new(&expected, move || async move {
                let size = u64::try_from(bytes.len()).unwrap();
                Ok(stream(size, Digest::sha256(bytes), &[bytes]))
            })
        };
        let read = async |source: BlobSource<'_>| source.into_bytes(9).await.map_err(|error| error.code());
        assert_eq!(read(open(b"ab")).await, Ok(b"ab".to_vec()));
        assert_eq!(read(open(b"cd")).await, Err("digest-mismatch"));
        assert_eq!(read(BlobSource::bytes(b"cd".into(), &expected.digest)).await, Err("digest-mismatch"));
        assert_eq!(open(b"ab").into_bytes(1).await.unwrap_err().code(), "too-large");
        let large: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let source = BlobSource::bytes(large.as_slice().into(), &Digest::sha256(&large));
        assert_eq!(source.open().await.unwrap().read_to_end().await.unwrap(), large);
    }
}
