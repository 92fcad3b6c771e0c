//! What an OCI image layout is made of, wherever it lies: in a directory or in a tar.

use std::fmt;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::digest::Digest;
use crate::oci::Descriptor;
use crate::store::blob::CHUNK_BYTES;
use crate::store::{BlobStream, StoreError, verified};

/// Chunks read before other work has its turn.
const CHUNKS_AT_ONCE: u32 = 16;

/// One file of a layout. There is no way to name a file by untrusted text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum LayoutFile {
    /// `oci-layout`
    Marker,
    /// `index.json`
    Index,
    /// `blobs/<algorithm>/<hex>`
    Blob(Digest),
    /// `manifest.json`, which `docker save` adds.
    DockerManifest,
}

impl fmt::Display for LayoutFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marker => f.write_str("oci-layout"),
            Self::Index => f.write_str("index.json"),
            Self::Blob(digest) => write!(f, "blobs/{}/{}", digest.algorithm(), digest.hex()),
            Self::DockerManifest => f.write_str("manifest.json"),
        }
    }
}

/// An opened member: a regular file of known size.
pub(in crate::store) struct Opened<'a> {
    pub(in crate::store) size: u64,
    pub(in crate::store) reader: Box<dyn Read + Send + 'a>,
}

/// A blob in a file that has been opened, of the size that `descriptor` says.
pub(in crate::store) fn stream<'a>(
    place: String,
    descriptor: &Descriptor,
    opened: Opened<'a>,
) -> Result<BlobStream<'a>, StoreError> {
    verified::compare_size(&place, descriptor.size, opened.size)?;
    // One byte more than announced is enough to see that the file grew.
    let reader = opened.reader.take(opened.size.saturating_add(1));
    Ok(BlobStream::new(place.clone(), descriptor, FileChunks { place, reader, left: CHUNKS_AT_ONCE }))
}

/// What a file holds, chunk by chunk.
struct FileChunks<'a> {
    place: String,
    reader: io::Take<Box<dyn Read + Send + 'a>>,
    /// Chunks until other work has its turn.
    left: u32,
}

impl Stream for FileChunks<'_> {
    type Item = Result<Vec<u8>, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(left) = self.left.checked_sub(1) else {
            self.left = CHUNKS_AT_ONCE;
            context.waker().wake_by_ref();
            return Poll::Pending;
        };
        self.left = left;
        let mut chunk = vec![0_u8; CHUNK_BYTES];
        Poll::Ready(loop {
            match self.reader.read(&mut chunk) {
                Ok(0) => break None,
                Ok(read) => {
                    chunk.truncate(read);
                    break Some(Ok(chunk));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(Err(io_error(&self.place, &error))),
            }
        })
    }
}

/// Lets other work on the same thread run.
pub(in crate::store) async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Where the members of one layout are read.
pub(in crate::store) trait LayoutFiles {
    /// The member's place for people.
    fn place(&self, member: LayoutFile) -> String;

    /// Opens a member; `None` when there is no such file.
    fn open(&self, member: LayoutFile) -> Result<Option<Opened<'_>>, StoreError>;

    /// Opens a file that does not belong to a layout, by its exact name in an archive; a directory has no such files.
    fn other(&self, _name: &str) -> Result<Option<Opened<'_>>, StoreError> {
        Ok(None)
    }

    /// Every blob with its size in bytes, at most `limit` of them, in the order of their names.
    fn blobs(&self, limit: usize) -> Result<Vec<(Digest, u64)>, StoreError>;

    /// Whether the member has these very bytes already.
    fn holds(&self, member: LayoutFile, bytes: &[u8]) -> Result<bool, StoreError> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match self.open(member)? {
            Some(opened) if opened.size == size => Ok(read_opened(&self.place(member), opened, size)? == bytes),
            _ => Ok(false),
        }
    }
}

/// Reads a whole member of at most `limit` bytes.
pub(in crate::store) fn read(
    members: &dyn LayoutFiles,
    member: LayoutFile,
    limit: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    members.open(member)?.map(|opened| read_opened(&members.place(member), opened, limit)).transpose()
}

/// Reads a whole member whose first byte is `{`; the others are `None` and are not read any further.
pub(super) fn read_object(
    members: &dyn LayoutFiles,
    member: LayoutFile,
    limit: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(mut opened) = members.open(member)? else { return Ok(None) };
    let place = members.place(member);
    let mut first = [0_u8; 1];
    let taken = opened.reader.read(&mut first).map_err(|error| io_error(&place, &error))?;
    if taken == 0 || first != *b"{" {
        return Ok(None);
    }
    let whole = Opened { size: opened.size, reader: Box::new(io::Cursor::new(first).chain(opened.reader)) };
    read_opened(&place, whole, limit).map(Some)
}

/// Reads an opened member of at most `limit` bytes to its end.
pub(super) fn read_opened(place: &str, opened: Opened<'_>, limit: u64) -> Result<Vec<u8>, StoreError> {
    verified::within(place, opened.size, limit)?;
    let mut bytes = Vec::new();
    // One byte more than announced is enough to see that the file grew.
    opened
        .reader
        .take(opened.size.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| io_error(place, &error))?;
    verified::compare_size(place, opened.size, u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
    Ok(bytes)
}

/// What the operating system says about a place.
pub(in crate::store) fn io_error(place: &str, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::ReadOnly { place: place.to_owned(), detail: error.to_string() }
        }
        _ => StoreError::Io { place: place.to_owned(), detail: error.to_string() },
    }
}

/// A place that is not what the specification says.
pub(in crate::store) fn protocol(place: &str, detail: impl Into<String>) -> StoreError {
    StoreError::Protocol { place: place.to_owned(), detail: detail.into() }
}
