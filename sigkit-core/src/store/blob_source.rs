//! What a stream of a blob is opened from that is about to be stored.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::blob::{BlobStream, Slices};
use super::{Store, StoreError, verified};
use crate::digest::Digest;
use crate::oci::Descriptor;

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

#[cfg(test)]
mod tests {
    use super::super::blob::tests::stream;
    use super::*;

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
