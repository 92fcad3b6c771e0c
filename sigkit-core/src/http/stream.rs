//! Bodies that are not held in memory, both ways.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::error::HttpError;

/// The body of an answer as it arrives.
pub(crate) struct BodyStream {
    response: reqwest::Response,
    place: String,
    idle: Duration,
    read: u64,
}

impl BodyStream {
    pub(super) fn new(response: reqwest::Response, place: &str, idle: Duration) -> Self {
        Self { response, place: place.to_owned(), idle, read: 0 }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`HttpError`] of a transfer that is cut off, or that stops for longer than the idle timeout.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        match timeout(self.idle, self.response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                self.read = self.read.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
                Ok(Some(Vec::from(chunk)))
            }
            Ok(Ok(None)) => Ok(None),
            Ok(Err(error)) => Err(HttpError::of_transport(&self.place, error)),
            Err(_) => {
                let detail = format!("the answer stopped for {} s after {} bytes", self.idle.as_secs_f32(), self.read);
                Err(HttpError::permanent(&self.place, detail))
            }
        }
    }
}

impl fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyStream").field("place", &self.place).field("read", &self.read).finish_non_exhaustive()
    }
}

type Chunk = Result<Vec<u8>, io::Error>;

/// The body of a request whose bytes come while it is sent. It can be sent once.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    /// Its size in bytes.
    pub(super) length: u64,
    chunks: Arc<Mutex<Option<Receiver<Chunk>>>>,
}

/// Where the bytes of an [`Upload`] are given.
#[derive(Debug)]
pub(crate) struct UploadFeed(Sender<Chunk>);

impl Upload {
    /// A body of that many bytes, and where they are given.
    pub(crate) fn new(length: u64) -> (Self, UploadFeed) {
        let (sender, receiver) = channel(1);
        (Self { length, chunks: Arc::new(Mutex::new(Some(receiver))) }, UploadFeed(sender))
    }

    /// The body, unless it has been sent already.
    pub(super) fn take(&self) -> Option<reqwest::Body> {
        let receiver = self.chunks.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(reqwest::Body::wrap_stream(Received(receiver)))
    }
}

impl UploadFeed {
    /// Gives bytes, as soon as those before have been taken. They go nowhere once the request has come to its end.
    pub(crate) async fn give(&self, chunk: Vec<u8>) {
        self.0.send(Ok(chunk)).await.unwrap_or(());
    }

    /// Cuts the request off: the source has ended early.
    pub(crate) async fn cut_off(&self) {
        self.0.send(Err(io::Error::other("what was to be sent could not be read"))).await.unwrap_or(());
    }
}

struct Received(Receiver<Chunk>);

impl Stream for Received {
    type Item = Chunk;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Chunk>> {
        self.0.poll_recv(context)
    }
}
