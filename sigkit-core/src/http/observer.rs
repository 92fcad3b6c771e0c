use std::time::Duration;

/// Sees all requests to registries, services, and the servers that they point to.
pub trait RequestObserver: Send + Sync {
    /// Called when a request has its answer, or has none; every redirect and repetition is a request.
    fn request(&self, exchange: &RequestEvent<'_>);
}

/// One request and what came of it, without anything secret: no query, no header, no body.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestEvent<'a> {
    /// Method and URL.
    pub place: &'a str,
    /// The status of the answer, or why there is none; in the words of the other side, made harmless for a terminal.
    pub outcome: Result<u16, &'a str>,
    /// From sending the request to the head of the answer.
    pub took: Duration,
}
