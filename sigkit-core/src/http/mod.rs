//! HTTP/1.1 and HTTP/2 for all services that are asked over the network: clients by TLS profile and proxy, redirects, bounds on
//! answers, timeouts, one retry policy, one guard against requests to internal addresses, one observer.
//!
//! An `HttpClient` sends requests on behalf of an `Endpoint`: the server that its user named. What that server points to (redirects,
//! token servers, upload locations) is less trusted: it sees no credentials, no client certificate, and may not have an internal
//! address. This module does not know registries; a service gives its meaning to an answer, and turns an `HttpError` into an error of its own.

mod address_policy;
mod bounded_map;
mod client;
mod client_pool;
mod dns;
mod error;
mod observer;
mod options;
mod pacing;
mod proxy;
mod request;
mod response;
mod retry;
pub(crate) mod sanitize;
mod secret;
mod secrets;
pub(crate) mod ssrf;
mod stream;
mod tls;
mod transport;

pub use address_policy::AddressPolicy;
pub use observer::{RequestEvent, RequestObserver};
pub use options::{RetryPolicy, Timeouts, TlsOptions};
pub use secret::Secret;

pub(crate) use bounded_map::BoundedMap;
pub(crate) use client::HttpClient;
pub(crate) use error::{HttpError, HttpErrorKind, SendError};
pub(crate) use options::HttpOptions;
pub(crate) use request::{BodyBudget, Endpoint, Idempotency, Redirects, Request};
pub(crate) use response::{Body, Response, Source};
pub(crate) use retry::retry_after;
pub(crate) use secrets::Secrets;
pub(crate) use stream::{BodyStream, Upload, UploadFeed};
pub(crate) use tls::TlsProfile;
