use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::client::RegistryStore;
use crate::http::{BodyStream, HttpError};
use crate::store::StoreError;

/// The bytes of a blob as the registry sends them.
pub(super) struct Chunks<'a> {
    pub(super) store: &'a RegistryStore,
    pub(super) state: State,
}

/// What a read of the next chunk gives, and the body that it gives back.
type Reading = Pin<Box<dyn Future<Output = (Result<Option<Vec<u8>>, HttpError>, BodyStream)> + Send>>;

pub(super) enum State {
    Ready(BodyStream),
    Reading(Reading),
    Ended,
}

impl Stream for Chunks<'_> {
    type Item = Result<Vec<u8>, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut reading: Reading = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ready(mut body) => Box::pin(async move { (body.chunk().await, body) }),
            State::Reading(reading) => reading,
            State::Ended => return Poll::Ready(None),
        };
        let Poll::Ready((read, body)) = reading.as_mut().poll(context) else {
            self.state = State::Reading(reading);
            return Poll::Pending;
        };
        Poll::Ready(match read {
            Ok(None) => None,
            Ok(Some(chunk)) => {
                self.state = State::Ready(body);
                Some(Ok(chunk))
            }
            Err(error) => Some(self.store.redacted(Err(error.into()))),
        })
    }
}
