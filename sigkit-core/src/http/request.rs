use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};

use super::ssrf;
use super::stream::Upload;
use super::tls::TlsProfile;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// A body that is not in memory, instead of that.
    pub(crate) upload: Option<Upload>,
    /// What is uploaded by the requests that follow from this one, in bytes: it is given time for that.
    pub(crate) follow_up_bytes: u64,
    /// The longest body of a successful answer, in bytes.
    pub(crate) limit: u64,
    pub(crate) redirects: Redirects,
    pub(crate) budget: BodyBudget,
}

/// What bounds the memory for many answers at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyBudget {
    /// The client: large answers wait for each other.
    Shared,
    /// The caller, who knows how much that will be.
    Own,
    /// No budget is needed: the body is given as it arrives.
    Stream,
}

/// Whether redirects of a GET or HEAD are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirects {
    Follow,
    Refuse,
}

/// When a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idempotency {
    /// Always: it reads, or writes what no other client writes differently.
    Safe,
    /// Never. A tag written twice, with a pause between, could undo what another client wrote meanwhile; the caller
    /// reads again first.
    Never,
}

/// The server that the user named, on whose behalf requests are made.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) base: Url,
    pub(crate) tls: TlsProfile,
}

impl Request {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            upload: None,
            follow_up_bytes: 0,
            limit: 0,
            redirects: Redirects::Follow,
            budget: BodyBudget::Shared,
        }
    }

    /// `METHOD URL` without query, for error messages.
    pub(crate) fn place(&self) -> String {
        ssrf::place(&self.method, &self.url)
    }
}
