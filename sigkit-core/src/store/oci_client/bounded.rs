use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// Takes so many bytes, and refuses the first one more.
#[derive(Debug)]
pub(super) struct Bounded {
    bytes: Vec<u8>,
    /// Bytes still taken.
    room: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Within,
    Exceeded,
}

impl Bounded {
    pub(super) const fn new(room: u64) -> Self {
        Self { bytes: Vec::new(), room, state: State::Within }
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.state == State::Exceeded
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let room = u64::try_from(bytes.len()).ok().and_then(|length| self.room.checked_sub(length));
        let Some(room) = room else {
            self.state = State::Exceeded;
            return Poll::Ready(Err(io::Error::other("more bytes than announced")));
        };
        self.room = room;
        self.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
